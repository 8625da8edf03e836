//! A provider that refuses every third call, hangs, drops its answers and fails after it has acted.
//!
//! One test alone in its file: what is logged is heard on its thread, and another test's would silence it.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, Mutex};

use adieu_email::SuppressionPolicy;
use common::fake::{Fake, Fault, KEY};
use common::{config, connector, erased, exported, person};
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
async fn mail_ends_complete_nothing_is_deleted_twice_and_the_log_names_nobody() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let fake = Fake::start().await;
    let addresses = ["ada@example.com", "ada@work.example", "Byron@example.com"];
    let mut ids = BTreeSet::new();
    {
        let mut world = fake.world();
        for address in addresses.map(str::to_ascii_lowercase) {
            ids.insert(world.contact(&address, "Countess", 4));
            ids.insert(world.suppression(&address, "complaint"));
        }
        world.contact("eve@example.com", "Moneypenny", 2);
        world.suppression("eve@example.com", "bounce");
        for _ in 0..2 {
            world.broadcast("News", "sent", &["ada@example.com", "eve@example.com"]);
        }
    }
    let mut config = config(&fake.url);
    config.suppression = SuppressionPolicy::Delete;
    config.http.answer_timeout_ms = 300.try_into().ok();
    config.http.body_timeout_ms = 300.try_into().ok();
    let connector = connector(&config);
    let subject = person(&addresses);
    let kinds = [
        "contacts",
        "segments",
        "topics",
        "suppressions",
        "broadcasts",
    ];
    let mut calm = BTreeMap::new();
    for kind in kinds {
        calm.insert(kind, exported(&connector, &subject, kind).await);
    }

    use Fault::{Drop, FailAfterActing, Hang, Refuse};
    let all_of_them = vec![
        None,
        None,
        Some(Hang),
        None,
        Some(FailAfterActing),
        Some(Refuse),
        Some(Drop),
    ];
    for faults in [
        vec![None, None, Some(Refuse)],
        vec![None, Some(FailAfterActing), None, Some(Refuse)],
        vec![None, Some(Drop), None, None, Some(Refuse)],
        all_of_them.clone(),
    ] {
        fake.world().faults.clone_from(&faults);
        for kind in kinds {
            let found = exported(&connector, &subject, kind).await;
            assert_eq!(found, calm[kind], "{kind} {faults:?}");
        }
    }
    // Each deletion meets each sort of failure.
    for (kind, first) in [("contacts", 0), ("suppressions", 3)] {
        let mut turned = all_of_them.clone();
        turned.rotate_left(first);
        fake.world().faults = turned;
        let tally = erased(&connector, &subject, kind).await;
        assert!(tally.failed().is_empty() && tally.erase() <= 3, "{tally:?}");
    }

    {
        let world = fake.world();
        let deleted: BTreeSet<String> = world.deleted.iter().cloned().collect();
        assert_eq!(deleted, ids, "something else was deleted");
        assert_eq!(
            world.deleted.len(),
            ids.len(),
            "something was deleted twice"
        );
        assert_eq!((world.contacts.len(), world.suppressions.len()), (1, 1));
    }
    drop(guard);
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("/contacts/{address}"), "nothing was logged");
    let mut canaries = ["ada@", "ada%40", "Byron", "byron", "Countess", KEY]
        .map(str::to_owned)
        .to_vec();
    canaries.extend(ids);
    for canary in canaries {
        assert!(!logged.contains(&canary), "{canary} is in the log");
    }
}
