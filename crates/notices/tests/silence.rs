//! What is logged of notices names nobody.
//!
//! One test alone in its file: what is logged is heard on its thread, and another test's would silence it.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adieu_engine::NewRequest;
use common::{ADA, MailServer, ada, config, courier, engine, run, submit};
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
async fn a_refusal_that_repeats_the_address_is_logged_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let Some(server) = MailServer::start(folder, 0, &[]) else {
        return;
    };
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let courier = courier(&config(server.port), folder);
    let engine = engine(folder).await;
    let asked = submit(&engine, NewRequest::export(ada(), Default::default())).await;
    for how in ["451", "550", ""] {
        server.behave(how);
        engine.deliver(&courier).await.unwrap();
        tokio::time::sleep(Duration::from_millis(80)).await;
    }
    run(&engine, asked).await;
    engine.deliver(&courier).await.unwrap();
    drop(guard);
    assert_eq!(server.mails().len(), 1);
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for told in [
        "the mail server answered 451",
        "the mail server answered 550",
    ] {
        assert!(logged.contains(told), "{told} is missing in\n{logged}");
    }
    for canary in [ADA, "canary.example", "ada@"] {
        assert!(!logged.contains(canary), "{canary} is in the log");
    }
    assert!(!format!("{courier:?}").contains("127.0.0.1"));
}
