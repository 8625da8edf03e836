//! The API's own document, held against the API by a tool that nobody here wrote.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use adieu_auth::Scope;
use adieu_gateway::Limits;
use tokio::process::Command;

use crate::world::{ALL, World};

/// `ADIEU_TEST_SCHEMATHESIS`, the one of `target/tools`, or any.
fn schemathesis() -> OsString {
    if let Some(named) = std::env::var_os("ADIEU_TEST_SCHEMATHESIS") {
        return named;
    }
    let ours =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/venv/bin/schemathesis");
    match ours.is_file() {
        true => ours.into(),
        false => "schemathesis".into(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemathesis_finds_nothing() {
    let limits = Limits {
        calls_per_minute: 1_000_000,
        asks_per_minute: 1_000_000,
        ..Limits::default()
    };
    let world = World::with(|builder| builder.grace_days(7).limits(limits)).await;
    let token = world.token("ada", &[ALL[0].clone(), ALL[1].clone(), Scope::OPERATOR]);
    let folder = tempfile::tempdir().unwrap();
    // What fits the document may still be refused: a key that was used, a range behind the end, somebody else's owner.
    // What does not fit it may be too large before it is wrong.
    let settings = "[checks]\npositive_data_acceptance.expected-statuses = [\"2xx\", 403, 404, 409, 416, 422]\n\
                    negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 409, 413, 415, 422, 429]\n";
    std::fs::write(folder.path().join("schemathesis.toml"), settings).unwrap();
    let run = Command::new(schemathesis())
        .current_dir(folder.path())
        .arg("run")
        .arg(format!("http://{}/privacy/openapi.json", world.address))
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--checks", "all", "--seed", "1", "--max-examples", "25"])
        // DELETE cancels a request; it is still there to be seen.
        .args(["--exclude-checks", "use_after_free"])
        .args(["--request-timeout", "10", "--warnings", "off", "--no-color"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    match run {
        Ok(run) => {
            let said = String::from_utf8_lossy(&run.stdout);
            let problems = String::from_utf8_lossy(&run.stderr);
            assert!(run.status.success(), "{said}{problems}");
            assert!(said.contains("Test cases"), "{said}");
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            assert!(
                std::env::var_os("CI").is_none(),
                "schemathesis is not installed"
            );
            println!("skipped: schemathesis is not installed");
        }
        Err(error) => panic!("schemathesis does not run: {error}"),
    }
}
