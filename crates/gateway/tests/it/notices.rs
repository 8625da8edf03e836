//! To whom the gateway writes: whoever asks, at an address that their token vouches for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use adieu_auth::Scope;
use adieu_auth::sign::TokenDraft;
use adieu_core::{ConnectorError, IdentityKind, async_trait};
use adieu_engine::{Courier, Notice};
use serde_json::json;

use crate::world::{ALL, ISSUER, World};

/// The occasion, the address, the request's status.
type Letter = (&'static str, String, &'static str);

/// Keeps what it is to deliver.
#[derive(Clone, Debug, Default)]
struct Letters(Arc<Mutex<Vec<Letter>>>);

impl Letters {
    fn all(&self) -> Vec<Letter> {
        self.0.lock().unwrap().clone()
    }

    /// Waits until there are so many.
    async fn are(&self, many: usize) {
        for _ in 0..400 {
            if self.all().len() >= many {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{many} letters never came: {:?}", self.all());
    }
}

#[async_trait]
impl Courier for Letters {
    async fn deliver(&self, notice: &Notice) -> Result<(), ConnectorError> {
        self.0.lock().unwrap().push((
            notice.occasion.as_str(),
            notice.address.expose().to_owned(),
            notice.request.status.as_str(),
        ));
        Ok(())
    }
}

async fn world(letters: &Letters, grace_days: u16) -> World {
    let courier = Arc::new(letters.clone());
    let kind = IdentityKind::new("email").unwrap();
    World::with(|builder| builder.notices(courier, kind).grace_days(grace_days)).await
}

fn draft(who: &str) -> TokenDraft {
    TokenDraft::new(ISSUER, "api", who).scopes(ALL)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verified_address_is_written_to_and_an_unverified_one_is_not() {
    let letters = Letters::default();
    let world = world(&letters, 0).await;
    let email = |verified: bool| {
        let draft = draft("ada").claim("email", "ada@canary.example");
        world.sign(draft.claim("email_verified", verified))
    };
    world.exported(&email(false)).await;
    world.exported(&world.token("ada", &ALL)).await;
    world.exported(&email(true)).await;
    letters.are(2).await;
    let all = letters.all();
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(
        all.iter()
            .all(|(_, address, _)| address == "ada@canary.example")
    );
    let occasions: Vec<&str> = all.iter().map(|(occasion, ..)| *occasion).collect();
    assert_eq!(occasions, ["confirmation", "archive_ready"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_is_announced_with_time_to_cancel_it_and_its_end_is_told_after_it_is_done() {
    let letters = Letters::default();
    let world = world(&letters, 14).await;
    let draft = draft("ada").claim("email", "ada@canary.example");
    let token = world.sign(draft.claim("email_verified", true));
    let plan = world.plan_token(&token).await;
    let asked = world.erase(&token, &plan).await.expect(202);
    letters.are(1).await;
    assert_eq!(letters.all()[0].0, "erasure_scheduled");
    assert_eq!(letters.all()[0].2, "scheduled");

    world.clock.by(jiff::SignedDuration::from_hours(15 * 24));
    let later = TokenDraft::new(ISSUER, "api", "ada").scopes([Scope::EXPORT, Scope::ERASE]);
    let request = world
        .ended(asked.header("location"), &world.sign(later))
        .await;
    assert_eq!(request["status"], json!("completed"), "{request}");
    letters.are(2).await;
    let (occasion, address, status) = letters.all()[1].clone();
    assert_eq!((occasion, status), ("done", "completed"));
    assert_eq!(address, "ada@canary.example");
}
