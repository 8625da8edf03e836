//! Notices on their way to a real mail server: each arrives, whatever the server and the process do.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use adieu_engine::{NewRequest, Status};
use common::{
    ADA, MailServer, ada, config, courier, engine, mails, run, store_holds, submit, until, waiting,
    with_login,
};

fn export() -> NewRequest {
    NewRequest::export(ada(), Default::default())
}

#[tokio::test]
async fn a_person_is_told_of_each_step_over_an_encrypted_way_and_the_address_is_then_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let Some(server) = MailServer::start(folder, 0, &["tls", "auth"]) else {
        return;
    };
    let mut config = config(server.port);
    with_login(&mut config, server.port);
    config.ca = Some("ca.pem".into());
    let courier = courier(&config, folder);
    courier.check().await.unwrap();
    let engine = engine(folder).await;

    let asked = submit(&engine, export()).await;
    assert_eq!(engine.deliver(&courier).await.unwrap(), 1);
    run(&engine, asked).await;
    assert_eq!(engine.deliver(&courier).await.unwrap(), 1);

    let scheduled = submit(&engine, NewRequest::erasure(ada()).after_days(14)).await;
    assert_eq!(engine.deliver(&courier).await.unwrap(), 1);
    engine.cancel(scheduled).await.unwrap();
    assert_eq!(engine.deliver(&courier).await.unwrap(), 1);

    let erased = submit(&engine, NewRequest::erasure(ada())).await;
    assert_eq!(run(&engine, erased).await.status, Status::Completed);
    assert_eq!(waiting(folder), 2);
    assert_eq!(engine.deliver(&courier).await.unwrap(), 2);
    assert_eq!(engine.deliver(&courier).await.unwrap(), 0);
    assert_eq!(waiting(folder), 0);
    assert!(!store_holds(folder, ADA), "an address lies there unsealed");

    let mails = server.mails();
    let subjects: Vec<String> = mails.iter().map(|mail| mail.header("Subject")).collect();
    let ours = [
        "Example Ltd: we have received your request",
        "Example Ltd: your data is ready",
        "Example Ltd: your data will be erased on ",
        "Example Ltd: your request was cancelled",
        "Example Ltd: we have received your request",
        "Example Ltd: your data was erased",
    ];
    assert_eq!(subjects.len(), ours.len(), "{subjects:#?}");
    for (subject, ours) in subjects.iter().zip(ours) {
        assert!(subject.starts_with(ours), "{subjects:#?}");
    }
    for mail in &mails {
        assert!(mail.was_encrypted);
        assert_eq!(mail.to, ADA);
        let from = mail.header("From").replace('"', "");
        assert_eq!(from, "Example Ltd <privacy@example.com>");
        assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
        let kind = mail.header("Content-Type");
        assert!(kind.starts_with("multipart/alternative"), "{kind}");
        for part in ["text/plain; charset=utf-8", "text/html; charset=utf-8"] {
            assert!(
                mail.data.contains(part),
                "{part} is missing in\n{}",
                mail.data
            );
        }
    }
    // A long link may be broken by the encoding of the mail, but not its end.
    let cancel_link = mails[2].data.replace("=\r\n", "");
    let link = format!("https://app.example.com/privacy#{scheduled}");
    assert!(cancel_link.contains(&link), "{cancel_link}");
}

#[tokio::test]
async fn a_server_without_encryption_or_with_another_certificate_gets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let Some(plain) = MailServer::start(folder, 0, &[]) else {
        return;
    };
    let elsewhere = tempfile::tempdir().unwrap();
    let Some(other) = MailServer::start(elsewhere.path(), 0, &["tls"]) else {
        return;
    };
    std::fs::copy(elsewhere.path().join("ca.pem"), folder.join("ca.pem")).unwrap();
    let third = tempfile::tempdir().unwrap();
    let Some(foreign) = MailServer::start(third.path(), 0, &["tls"]) else {
        return;
    };
    let engine = engine(folder).await;
    submit(&engine, export()).await;
    for (port, delivered) in [(plain.port, 0), (foreign.port, 0), (other.port, 1)] {
        let mut config = config(port);
        config.ca = Some("ca.pem".into());
        let courier = courier(&config, folder);
        assert_eq!(engine.deliver(&courier).await.unwrap(), delivered, "{port}");
        tokio::time::sleep(Duration::from_millis(80)).await;
    }
    assert!(plain.mails().is_empty() && foreign.mails().is_empty());
    assert_eq!(other.mails().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_down_or_refuses_for_now_costs_no_notice_and_no_request() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let Some(server) = MailServer::start(folder, 0, &[]) else {
        return;
    };
    let port = server.port;
    drop(server);
    let courier = courier(&config(port), folder);
    let engine = engine(folder).await;
    let asked = submit(&engine, export()).await;
    let again = async || {
        tokio::time::sleep(Duration::from_millis(80)).await;
        engine.deliver(&courier).await.unwrap()
    };

    // Nobody is there; the request does not mind.
    assert_eq!(again().await, 0);
    assert_eq!(run(&engine, asked).await.status, Status::Completed);
    assert_eq!((again().await, waiting(folder)), (0, 2));

    let Some(server) = MailServer::start(folder, port, &[]) else {
        return;
    };
    server.behave("451");
    assert_eq!((again().await, waiting(folder)), (0, 2));
    server.behave("");
    assert_eq!((again().await, waiting(folder)), (2, 0));
    assert_eq!(server.mails().len(), 2);

    // A refusal for good is the end of this notice alone.
    server.behave("550");
    let refused = submit(&engine, export()).await;
    assert_eq!((again().await, waiting(folder)), (0, 0));
    assert_eq!(run(&engine, refused).await.status, Status::Completed);
    server.behave("");
    assert_eq!(again().await, 1);
    assert_eq!(server.mails().len(), 3);
}

/// Set for a process that a test starts from its own program: the folder it works in, and the server's port.
const CHILD: &str = "ADIEU_NOTICES_TEST_CHILD";

/// Runs a test in a process of its own, which finds itself to be the child.
fn child(test: &str, folder: &Path, port: u16) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, format!("{port} {}", folder.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_kill_before_or_during_a_delivery_loses_no_notice() {
    if let Ok(child) = std::env::var(CHILD) {
        let (port, folder) = child.split_once(' ').unwrap();
        let folder = Path::new(folder);
        let engine = engine(folder).await;
        submit(&engine, export()).await;
        let courier = courier(&config(port.parse().unwrap()), folder);
        // The server never answers.
        engine.deliver(&courier).await.unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let Some(server) = MailServer::start(folder, 0, &[]) else {
        return;
    };
    server.behave("hang");
    let test = "a_kill_before_or_during_a_delivery_loses_no_notice";
    let mut sending = child(test, folder, server.port);
    until("the server has taken a mail", || !mails(folder).is_empty()).await;
    sending.kill().unwrap();
    sending.wait().unwrap();
    assert_eq!(
        waiting(folder),
        1,
        "the notice was lost, or said to be sent"
    );

    // Whoever comes next sends it once more, under the same name.
    server.behave("");
    let courier = courier(&config(server.port), folder);
    let engine = engine(folder).await;
    assert_eq!(engine.deliver(&courier).await.unwrap(), 1);
    assert_eq!(engine.deliver(&courier).await.unwrap(), 0);
    let mails = server.mails();
    assert_eq!(mails.len(), 2);
    let names = [&mails[0], &mails[1]].map(|mail| mail.header("Message-ID"));
    assert!(!names[0].is_empty());
    assert_eq!(names[0], names[1]);
}

#[tokio::test]
async fn whoever_is_not_to_be_written_to_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let engine = engine(folder).await;
    let (request, _) = engine.submit(export()).await.unwrap();
    run(&engine, request.id).await;
    assert_eq!(waiting(folder), 0);
}
