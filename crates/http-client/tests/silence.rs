//! Nothing personal is logged or said.
//!
//! One test alone in its file: what is logged is heard on its thread, and another test's would silence it.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::io::Write;
use std::sync::{Arc, Mutex};

use common::{KEY, answer, answer_with, client, raw, serve, write};
use tracing_subscriber::fmt::MakeWriter;

/// Everything that is logged at any level, by whomever.
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
async fn nothing_personal_is_logged_or_said_whatever_happens() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(log.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);

    let (address, _) = serve(|number, seen| async move {
        match number % 4 {
            0 => answer(500, "ada@example.com is unknown to us"),
            1 => answer_with(302, "location", "http://other.example/ada@example.com"),
            2 => answer_with(429, "x-who", "ada@example.com"),
            _ => answer(200, &format!("no JSON for {}", seen.uri)),
        }
    })
    .await;
    let (breaking, _) = raw(|_, mut stream| async move {
        write(
            &mut stream,
            "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nada@example.com",
        )
        .await;
    })
    .await;
    let mut said = String::new();
    for address in [address, breaking] {
        let client = client(address).build().unwrap();
        said += &format!("{client:?}");
        for _ in 0..8 {
            let call = client
                .post("/people/{email}")
                .fill("email", "ada@example.com")
                .query("name", "Ada Lovelace")
                .json(&["ada@example.com"]);
            said += &format!("{call:?}");
            match call.send().await {
                Ok(response) => {
                    said += &format!("{response:?}");
                    said += &response.error_with("ada@example.com").to_string();
                    said += &format!("{:?}", response.json().map(|_| ()));
                }
                Err(error) => said += &format!("{error} {error:?}"),
            }
        }
    }
    drop(guard);
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        logged.contains("provider_call") && logged.contains("/people/{email}"),
        "{logged}"
    );
    for canary in ["ada@", "ada%40", "Lovelace", "other.example", KEY] {
        assert!(!logged.contains(canary), "{canary} is in the log");
        assert!(!said.contains(canary), "{canary} was said: {said}");
    }
}
