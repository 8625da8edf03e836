//! A process of `adieu serve`.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A server in a process of its own. It is killed when this is dropped.
#[derive(Debug)]
pub struct Serving {
    child: Child,
    told: Arc<Mutex<Vec<String>>>,
}

impl Serving {
    /// Starts `command`, and does not wait until it is ready.
    ///
    /// # Panics
    /// When there is no such program.
    #[allow(clippy::expect_used)] // nothing can be tested without it
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = told.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.push(line);
            }
        });
        Self { child, told }
    }

    /// Waits until it is ready, and says where the API lies.
    ///
    /// # Panics
    /// When it is not within thirty seconds.
    #[allow(clippy::panic)]
    pub fn ready(&self) -> String {
        self.told_after("ready: ")
    }

    /// Waits until it has written a line that begins like this, and gives the rest of it.
    ///
    /// # Panics
    /// When it has not within thirty seconds.
    #[allow(clippy::panic)]
    pub fn told_after(&self, begins: &str) -> String {
        let give_up = Instant::now() + Duration::from_secs(30);
        while Instant::now() < give_up {
            let told = self.told();
            if let Some(rest) = told.lines().find_map(|line| line.strip_prefix(begins)) {
                return rest.to_owned();
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("the server does not get there:\n{}", self.told())
    }

    /// What it has written to standard error.
    pub fn told(&self) -> String {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.join("\n")
    }

    /// The number of the process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it, as a loss of power would (SIGKILL).
    ///
    /// # Panics
    /// When it is not there any more: nobody else ends it.
    #[allow(clippy::panic, clippy::expect_used)]
    pub fn kill(mut self) {
        if let Some(status) = self.child.try_wait().expect("it can be asked") {
            panic!(
                "the server had ended by itself ({status}):\n{}",
                self.told()
            );
        }
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it can be waited for");
    }

    /// Asks it to end (SIGTERM), and says how it did.
    ///
    /// # Panics
    /// When the signal cannot be sent.
    #[allow(clippy::expect_used)]
    pub fn stop(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.expect("kill starts").success(), "it is not there");
        self.child.wait().expect("it can be waited for")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
