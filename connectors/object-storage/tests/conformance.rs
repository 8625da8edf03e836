//! The connector keeps the contract over a real folder.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use adieu_core::{
    Connector, ConnectorName, ErrorKind, RetentionBasis, Setting, Subject, async_trait,
};
use adieu_object_storage::{ObjectStorageConfig, ObjectStorageConnector, RetainFrom, RetainRule};
use adieu_testkit::{Broken, Fixture, State};
use common::{person, put, tree};
use tempfile::TempDir;

struct Uploads(TempDir);

adieu_testkit::conformance!(uploads);

async fn uploads() -> impl Fixture {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (user, name) in [
        ("user1", "Ada Lovelace"),
        ("old1", "Ada Byron"),
        ("user10", "Eve Moneypenny"),
    ] {
        for n in 0..4 {
            let text = format!("letter {n} to {name}");
            put(
                root,
                &format!("users/{user}/letters/{n}.txt"),
                text.as_bytes(),
            );
            let path = format!("users/{user}/invoices/{n}.pdf");
            put(root, &path, format!("invoice {n} of {name}").as_bytes());
            // Two of them are older than the ten years for which invoices are kept.
            if n % 2 == 0 {
                let file = std::fs::File::options()
                    .write(true)
                    .open(root.join(path))
                    .unwrap();
                let long_ago = SystemTime::now() - Duration::from_secs(12 * 366 * 86_400);
                file.set_modified(long_ago).unwrap();
            }
        }
        put(root, &format!("users/{user}/avatar.png"), name.as_bytes());
        put(root, &format!("files/{user}.bin"), name.as_bytes());
        put(root, &format!("avatars-{user}/a.png"), name.as_bytes());
    }
    put(root, "users/readme.txt", b"of nobody");
    put(root, "files/shared.bin", b"of nobody");
    Uploads(folder)
}

impl Uploads {
    fn connector_at(&self, url: &str) -> ObjectStorageConnector {
        let config = ObjectStorageConfig {
            prefixes: vec![
                "users/{user_id}/".to_owned(),
                "avatars-{user_id}/".to_owned(),
            ],
            keys: vec!["file_key".to_owned()],
            key_prefix: Some("files/".to_owned()),
            retain: vec![RetainRule {
                prefix: Some("users/{user_id}/invoices/".to_owned()),
                basis: RetentionBasis::LegalObligation,
                reason: "tax law".to_owned(),
                years: 10,
                from: RetainFrom::Modified,
            }],
            ..ObjectStorageConfig::new(Setting::from(url.to_owned()))
        };
        let name = ConnectorName::new("uploads").unwrap();
        ObjectStorageConnector::new(name, &config, self.0.path()).unwrap()
    }
}

#[async_trait]
impl Fixture for Uploads {
    async fn connector(&self) -> Box<dyn Connector> {
        Box::new(self.connector_at("folder:."))
    }

    fn subject(&self) -> Subject {
        person(&[
            ("user_id", "user1"),
            ("user_id", "old1"),
            ("file_key", "user1.bin"),
        ])
    }

    fn bystander(&self) -> Subject {
        person(&[("user_id", "user10"), ("file_key", "user10.bin")])
    }

    fn unknown(&self) -> Subject {
        person(&[("user_id", "user2"), ("file_key", "user2.bin")])
    }

    async fn state(&self) -> State {
        let mut state = State::default();
        for (key, content) in tree(self.0.path()) {
            // Folders hold nothing of their own.
            if key.ends_with('/') {
                continue;
            }
            let modified = modified(&self.0.path().join(&key));
            let segments: Vec<&str> = key.split('/').collect();
            let is_theirs = match segments[..] {
                ["users", user, _, ..] => user == "user1" || user == "old1",
                ["files", file] => file == "user1.bin",
                [avatars, _] => avatars == "avatars-user1" || avatars == "avatars-old1",
                _ => false,
            };
            let record = format!("{key} {modified:?} {content:?}");
            if is_theirs {
                state.of_subject.push(record);
            } else {
                state.of_others.push(record);
            }
        }
        state
    }

    fn personal_values(&self) -> Vec<String> {
        [
            "Ada Lovelace",
            "Eve Moneypenny",
            "avatar.png",
            "letters",
            "user1.bin",
        ]
        .map(str::to_owned)
        .into()
    }

    async fn broken(&self) -> Vec<Broken> {
        vec![Broken {
            what: "the folder is not there",
            connector: Box::new(self.connector_at("folder:moved-away")),
            kind: ErrorKind::Config,
        }]
    }

    async fn poison(&self) -> u64 {
        // A folder that is too deep to be entered is counted as one record, whatever it holds.
        let deep: PathBuf = std::iter::repeat_n("d", 140).collect();
        let deep = Path::new("users/user1/maze").join(deep).join("end.txt");
        put(self.0.path(), deep.to_str().unwrap(), b"found me");
        1
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.symlink_metadata().ok()?.modified().ok()
}
