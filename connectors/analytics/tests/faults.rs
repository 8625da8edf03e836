//! A property that refuses every third call, hangs, drops its answers and fails after it has acted.
//!
//! One test alone in its file: what is logged is heard on its thread, and another test's would silence it.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adieu_core::{CollectionName, Connector as _, Retry, Step, StepKey};
use common::{Fault, Google, Whose, ada, connector};
use tracing_subscriber::fmt::MakeWriter;

/// Everything that is logged at any level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn visitors_end_all_asked_for_and_the_log_names_nobody() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let mut canaries = vec!["ya29.".to_owned()];
    for faults in [
        vec![None, None, Some(Fault::Refuse)],
        vec![Some(Fault::FailAfterActing), None, Some(Fault::Refuse)],
        vec![None, Some(Fault::DropMidBody), Some(Fault::Refuse)],
        vec![None, None, None, Some(Fault::Hang)],
        vec![
            None,
            Some(Fault::FailAfterActing),
            Some(Fault::Refuse),
            None,
            Some(Fault::Hang),
            None,
            Some(Fault::DropMidBody),
        ],
    ] {
        let google = Google::start().await;
        google.world().faults.clone_from(&faults);
        let mut config = google.config();
        config.http.answer_timeout_ms = 200.try_into().ok();
        config.http.body_timeout_ms = 200.try_into().ok();
        let connector = connector(&config);
        let visitors = CollectionName::new("visitors").unwrap();
        let step = Step::new(ada(), visitors, StepKey::new("test"));
        let mut failed = 0;
        let erased = loop {
            match connector.erase(&step).await {
                Ok(erased) => break erased,
                Err(error) => {
                    failed += 1;
                    assert!(
                        error.retry_advice() != Retry::Never && failed < 60,
                        "{error}"
                    );
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        assert_eq!(erased.tally.scheduled().unwrap().records, 6, "{faults:?}");
        assert_eq!(google.left(Whose::Ada), [""; 0], "{faults:?}");
        assert_eq!(google.left(Whose::Eve).len(), 2, "{faults:?}");
        canaries.push(google.private_key().lines().nth(1).unwrap()[..40].to_owned());
    }
    drop(guard);
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("submitUserDeletion"), "nothing was logged");
    for canary in ["ada@", "4930901820", "1234567890.", "0123abcd", "user1"] {
        assert!(!logged.contains(canary), "{canary} is in the log");
    }
    for canary in canaries {
        assert!(!logged.contains(&canary), "a secret is in the log");
    }
}
