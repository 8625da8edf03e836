//! Starting a server such that it never outlives the process that wanted it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// `nobody`: database servers refuse to run as root.
const NOBODY: u32 = 65_534;

/// A running server. While this lives, the server does.
pub(super) struct Running {
    /// Where its files and its socket are.
    pub(super) folder: PathBuf,
    /// It waits for the end of its input, which ends with this process.
    _guardian: Child,
}

/// A template folder that is made once and kept for the next run.
pub(super) struct Template<'a> {
    pub(super) name: String,
    /// Fills an empty folder.
    pub(super) make: &'a dyn Fn(&Path),
}

impl Template<'_> {
    /// Copies the template and starts a server in the copy.
    pub(super) fn start(
        &self,
        program: &Path,
        arguments: &dyn Fn(&Path) -> Vec<String>,
    ) -> Running {
        let parent = tempfile::Builder::new()
            .prefix("adieu-test-")
            .tempdir()
            .unwrap()
            .keep();
        give_away(&parent);
        let folder = parent.join("data");
        // Much of what a server makes at first is empty.
        let mut copy = Command::new("cp");
        copy.args(["-a", "--sparse=always"]).arg(self.made());
        run(copy.arg(&folder));
        let log = fs::File::create(parent.join("log")).unwrap();
        // When the pipe ends, so does the server; its folder goes last.
        let script = "trap '' INT HUP TERM; \"$@\" </dev/null & server=$!; cat >/dev/null; \
                      kill -QUIT $server; sleep 0.1; kill -KILL $server 2>/dev/null; wait $server; rm -rf \"$FOLDER\"";
        let mut command = Command::new("sh");
        command
            .args(["-c", script, "guardian"])
            .arg(program)
            .args(arguments(&folder))
            .env("FOLDER", &parent)
            .current_dir(&parent)
            // What ends the tests as a group must not end the guardian first.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        unprivileged(&mut command);
        let guardian = command.spawn().unwrap();
        Running {
            folder,
            _guardian: guardian,
        }
    }

    /// The template's folder. Two that make it at once make the same, and the first one's is taken.
    fn made(&self) -> PathBuf {
        let user = if is_root() { NOBODY } else { own_id() };
        let made = std::env::temp_dir().join(format!("adieu-template-{}-{user}", self.name));
        if !made.is_dir() {
            let making = tempfile::Builder::new()
                .prefix("adieu-template-")
                .tempdir()
                .unwrap();
            give_away(making.path());
            let folder = making.path().join("data");
            fs::create_dir(&folder).unwrap();
            give_away(&folder);
            (self.make)(&folder);
            let renamed = fs::rename(&folder, &made);
            assert!(renamed.is_ok() || made.is_dir(), "{renamed:?}");
        }
        made
    }
}

impl Running {
    /// Waits until a server answers.
    pub(super) fn wait_until(&self, answers: impl Fn() -> bool) {
        let began = Instant::now();
        while !answers() {
            if began.elapsed() > Duration::from_secs(30) {
                let log = fs::read_to_string(self.folder.with_file_name("log")).unwrap_or_default();
                panic!("the server does not answer:\n{log}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Where a program is: on the `PATH`, or in one of these folders.
pub(super) fn program(name: &str, folders: &[&str]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(folders.iter().map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("there is no `{name}`: run `cargo xtask tools`"))
}

/// Runs a command as the user that the server runs as, and stops the test when it fails.
pub(super) fn run_unprivileged(command: &mut Command) {
    unprivileged(command);
    run(command);
}

/// The same where it may fail: what it says, or what it says of its failure.
pub(super) fn try_unprivileged(command: &mut Command) -> Result<String, String> {
    unprivileged(command);
    let output = command.output().map_err(|error| error.to_string())?;
    let told = if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(output.stderr)
    };
    told.map(|text| String::from_utf8_lossy(&text).into_owned())
        .map_err(|text| String::from_utf8_lossy(&text).into_owned())
}

pub(super) fn run(command: &mut Command) -> Vec<u8> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn unprivileged(command: &mut Command) {
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
}

fn give_away(folder: &Path) {
    if is_root() {
        chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
}

fn is_root() -> bool {
    own_id() == 0
}

fn own_id() -> u32 {
    fs::metadata("/proc/self").unwrap().uid()
}
