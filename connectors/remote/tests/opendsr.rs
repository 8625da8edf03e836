//! A processor that speaks OpenDSR: what it is asked, when it is believed, and what is made of its answers.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by it, and says so when it is skipped"
)]

mod common;

use adieu_core::{CollectionName, Connector, ErrorKind, Step, StepKey, Subject, async_trait};
use adieu_remote::{NotACallback, OpendsrConfig};
use adieu_testkit::{Broken, Fixture, State};
use common::person;
use common::processor::{
    CALLBACK, DOMAIN, Processor, TOKEN, ada, connector, literal, openssl_is_there,
};
use serde_json::json;

adieu_testkit::conformance!(processor, openssl_is_there);

async fn processor() -> impl Fixture {
    Processor::start().await
}

#[async_trait]
impl Fixture for Processor {
    async fn connector(&self) -> Box<dyn Connector> {
        Box::new(connector(&self.config()))
    }

    fn subject(&self) -> Subject {
        ada()
    }

    fn bystander(&self) -> Subject {
        person(&[("user_id", "user10"), ("email", "ada@example.com.au")])
    }

    fn unknown(&self) -> Subject {
        person(&[("user_id", "user2"), ("email", "nobody@example.com")])
    }

    async fn state(&self) -> State {
        State {
            of_subject: self.left(true),
            of_others: self.left(false),
        }
    }

    fn personal_values(&self) -> Vec<String> {
        ["Ada Lovelace", "Moneypenny", TOKEN, "a secret of ours"]
            .map(str::to_owned)
            .to_vec()
    }

    async fn broken(&self) -> Vec<Broken> {
        let with = |change: &dyn Fn(&mut OpendsrConfig)| {
            let mut config = self.config();
            config.http.attempts = 1.try_into().ok();
            change(&mut config);
            Box::new(connector(&config))
        };
        vec![
            Broken {
                what: "nobody answers",
                // The port of a protocol that nobody uses, and which only root may open.
                connector: with(&|config| config.url = literal("http://127.0.0.1:9")),
                kind: ErrorKind::Unavailable,
            },
            Broken {
                what: "the token is wrong",
                connector: with(&|config| config.token = Some(literal("hunter3"))),
                kind: ErrorKind::Unauthorized,
            },
        ]
    }

    async fn poison(&self) -> u64 {
        // A processor takes a request or does not understand it.
        0
    }
}

async fn started() -> Option<Processor> {
    match openssl_is_there() {
        Ok(()) => Some(Processor::start().await),
        Err(why) => {
            assert!(std::env::var_os("CI").is_none(), "{why}");
            println!("skipped: {why}");
            None
        }
    }
}

fn step(subject: Subject) -> Step {
    let requests = CollectionName::new("requests").unwrap();
    Step::new(subject, requests, StepKey::new("test"))
}

#[tokio::test]
async fn a_request_is_made_once_found_again_and_followed_to_its_end() {
    let Some(processor) = started().await else {
        return;
    };
    let held = async || {
        let survey = connector(&processor.config()).survey(&ada()).await.unwrap();
        survey.holdings[0].tally.clone().unwrap()
    };
    assert_eq!(held().await.scheduled().unwrap().records, 3);
    for _ in 0..2 {
        // The second one is made anew, and finds what the first one asked for.
        let connector = connector(&processor.config());
        connector.check().await.unwrap();
        let erased = connector.erase(&step(ada())).await.unwrap();
        assert_eq!(erased.tally.scheduled().unwrap().records, 3);
        assert_eq!(processor.world().requests.len(), 3);
    }
    assert_eq!(
        (processor.left(true).len(), processor.left(false).len()),
        (0, 2)
    );
    for (number, (_, asked)) in &processor.world().requests {
        assert_eq!(asked["subject_request_id"], number.as_str());
        assert_eq!(asked["subject_request_type"], "erasure");
        assert_eq!(asked["regulation"], "gdpr");
        assert_eq!(asked["status_callback_urls"], json!([CALLBACK]));
        assert_eq!(asked["subject_identities"].as_array().unwrap().len(), 1);
        assert_eq!(asked["subject_identities"][0]["identity_format"], "raw");
    }
    let all_are = |status| {
        for (stands, _) in processor.world().requests.values_mut() {
            *stands = status;
        }
    };
    all_are("in_progress");
    assert_eq!(held().await.scheduled().unwrap().records, 3);
    // One that was taken back was not done: it is to be asked for anew.
    all_are("cancelled");
    assert_eq!(held().await.pending(), 3);
    all_are("completed");
    assert!(held().await.is_empty());
    // Whoever comes back is forgotten anew.
    connector(&processor.config())
        .erase(&step(ada()))
        .await
        .unwrap();
    assert_eq!(processor.world().requests.len(), 6);
}

#[tokio::test]
async fn version_one_is_spoken_with_its_own_names() {
    let Some(processor) = started().await else {
        return;
    };
    processor.world().version = 1;
    let connector = connector(&processor.config());
    connector.check().await.unwrap();
    let erased = connector.erase(&step(ada())).await.unwrap();
    assert_eq!(erased.tally.scheduled().unwrap().records, 3);
    let world = processor.world();
    assert!(
        world
            .calls
            .iter()
            .any(|call| call == "POST /opengdpr_requests")
    );
    let (_, asked) = world.requests.values().next().unwrap();
    assert_eq!(asked["api_version"], "1.0");
    assert!(asked.get("regulation").is_none());
}

#[tokio::test]
async fn nobody_is_named_to_a_processor_whose_certificate_is_not_good() {
    for (certificate, key) in [
        ("other.pem", "good.key"),
        ("late.pem", "good.key"),
        ("own.pem", "own.key"),
        ("good.key", "good.key"),
    ] {
        let Some(processor) = started().await else {
            return;
        };
        processor.world().certificate = certificate;
        processor.world().signs_with = key;
        let connector = connector(&processor.config());
        for error in [
            connector.check().await.unwrap_err(),
            connector.erase(&step(ada())).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Protocol, "{certificate}: {error}");
        }
        assert!(processor.world().requests.is_empty(), "{certificate}");
    }
}

#[tokio::test]
async fn an_answer_counts_only_when_the_processor_has_signed_it_and_means_this_request() {
    let changes: [fn(&mut common::processor::World); 6] = [
        |world| world.domain = "other.example",
        |world| world.signs_with = "own.key",
        |world| world.tampers = Some(("T12:00:00Z", "T13:00:00Z")),
        |world| world.lies = Some(("encoded_request\":\"", "encoded_request\":\"AAAA")),
        |world| world.lies = Some(("subject_request_id\":\"", "subject_request_id\":\"0")),
        |world| world.lies = Some(("expected_completion_time", "time")),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let Some(processor) = started().await else {
            return;
        };
        change(&mut processor.world());
        let connector = connector(&processor.config());
        let error = connector.erase(&step(ada())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{number}: {error}");
        assert_eq!(error.effect_seen(), adieu_core::Effect::Unknown, "{number}");
    }
}

#[tokio::test]
async fn a_callback_is_verified_by_its_domain_then_its_certificate_then_its_signature_then_read() {
    let Some(processor) = started().await else {
        return;
    };
    let connector = connector(&processor.config());
    let body = |url: &str, status: &str| {
        let told = json!({
            "controller_id": "shop", "status_callback_url": url, "request_status": status,
            "subject_request_id": "a7551968-d5d6-44b2-9831-815ac9017798",
            "expected_completion_time": "2027-01-01T00:00:00Z",
        });
        told.to_string().into_bytes()
    };
    let good = body(CALLBACK, "completed");
    // Of another domain: refused without a call.
    for domain in [
        "other.example",
        "",
        "opendsr.processor.example.evil.example",
    ] {
        let headers = processor.signed(domain, "good.key", &good);
        assert_eq!(
            connector.callback(&headers, &good).await,
            Err(NotACallback::Domain)
        );
    }
    let nothing = connector.callback(&hyper::HeaderMap::new(), &good).await;
    assert_eq!(nothing, Err(NotACallback::Domain));
    assert!(processor.world().calls.is_empty());
    // Of another key: refused before it is read, also when it makes no sense.
    for text in [&good[..], b"{"] {
        let headers = processor.signed(DOMAIN, "own.key", text);
        assert_eq!(
            connector.callback(&headers, text).await,
            Err(NotACallback::Signature)
        );
    }
    let headers = processor.signed(DOMAIN, "good.key", &good);
    let other = body(CALLBACK, "cancelled");
    assert_eq!(
        connector.callback(&headers, &other).await,
        Err(NotACallback::Signature)
    );
    // Signed, and no callback of ours.
    for text in [
        b"{".to_vec(),
        body("https://other.example", "completed"),
        body(CALLBACK, "done"),
    ] {
        let headers = processor.signed(DOMAIN, "good.key", &text);
        assert_eq!(
            connector.callback(&headers, &text).await,
            Err(NotACallback::Content)
        );
    }
    let callback = connector.callback(&headers, &good).await.unwrap();
    assert!(callback.is_done() && callback.request().starts_with("a7551968"));
    let pending = body(CALLBACK, "in_progress");
    let headers = processor.signed(DOMAIN, "good.key", &pending);
    assert!(
        !connector
            .callback(&headers, &pending)
            .await
            .unwrap()
            .is_done()
    );
    // The names of version 1 are honoured.
    let mut old = hyper::HeaderMap::new();
    for (name, value) in &headers {
        let name = name.as_str().replace("opendsr", "opengdpr");
        old.insert(
            hyper::header::HeaderName::try_from(name).unwrap(),
            value.clone(),
        );
    }
    assert!(connector.callback(&old, &pending).await.is_ok());
    // The certificate was fetched once.
    let fetched = |call: &&String| call.ends_with("/cert.pem");
    assert_eq!(processor.world().calls.iter().filter(fetched).count(), 1);
    processor.world().certificate = "late.pem";
    let anew = common::processor::connector(&processor.config());
    assert!(matches!(
        anew.callback(&headers, &pending).await,
        Err(NotACallback::Unverified(_))
    ));
}

#[tokio::test]
async fn what_a_processor_does_not_offer_is_told_by_the_check() {
    let Some(processor) = started().await else {
        return;
    };
    type Change = fn(&mut OpendsrConfig);
    let changes: [(Change, &str); 3] = [
        (|config| config.version = 1, "`version`"),
        (
            |config| config.identities.get_mut("email").unwrap().format = "sha256".to_owned(),
            "`identities.email`",
        ),
        (
            |config| {
                config.identities.get_mut("user_id").unwrap().name = "roku_publisher_id".to_owned()
            },
            "`identities.user_id`",
        ),
    ];
    for (change, words) in changes {
        let mut config = processor.config();
        change(&mut config);
        let error = connector(&config).check().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(words), "{error}");
    }
}
