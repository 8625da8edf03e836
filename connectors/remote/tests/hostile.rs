//! Services that lie, fail or are somebody else.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use adieu_core::{Connector as _, Effect, ErrorKind, Retry};
use adieu_testkit::Collector;
use common::signing::{Asked, Body, now, serve, sha, sign, signed, whole};
use common::{ada, config, connector, person, step};
use hyper::Response;
use serde_json::{Value, json};

const KEY: &str = "bmV2ZXIgdG8gYmUgc2VlbiBidXQgYnkgdHdvIG9mIHVzIQ==";
const OTHER: &str = "YW5vdGhlciBrZXkgb2YgdGhlIHNhbWUgbGVuZ3RoISEhISE=";

/// A whole, honest answer to an export.
fn page(asked: &Asked) -> Value {
    json!({
        "subject": asked.json["subject"], "more": false,
        "entries": [{"after": "r1", "of": {"kind": "email", "value": "ada@example.com"}, "record": {"id": "r1"}}],
    })
}

/// What an export becomes over a service that answers in this way.
async fn export<F, A>(answer: F) -> Result<usize, adieu_core::ConnectorError>
where
    F: Fn(Asked) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let (url, _) = serve(move |_, asked| answer(asked)).await;
    let mut config = config(&url, KEY);
    config.http.attempts = 1.try_into().ok();
    config.http.max_body_bytes = 100_000.try_into().ok();
    let connector = connector(&config);
    let mut collector = Collector::new(&connector.descriptor().collections[0]);
    collector.export(&connector, &step(ada(), None)).await?;
    Ok(collector.records().count())
}

#[tokio::test]
async fn an_answer_counts_only_when_it_is_signed_for_this_very_question() {
    let honest = export(|asked| async move {
        signed(KEY, 200, &page(&asked).to_string(), &asked.signature, now())
    });
    assert_eq!(honest.await.unwrap(), 1);

    type Lie = fn(Asked) -> Response<Body>;
    let strange: [(&str, Lie); 7] = [
        ("not signed", |asked| {
            Response::new(whole(page(&asked).to_string()))
        }),
        ("another key", |asked| {
            signed(
                OTHER,
                200,
                &page(&asked).to_string(),
                &asked.signature,
                now(),
            )
        }),
        ("another question", |asked| {
            let other = sign(KEY, "what was asked before");
            signed(KEY, 200, &page(&asked).to_string(), &other, now())
        }),
        ("another time", |asked| {
            signed(
                KEY,
                200,
                &page(&asked).to_string(),
                &asked.signature,
                now() - 400,
            )
        }),
        ("another body", |asked| {
            let answer = signed(KEY, 200, &page(&asked).to_string(), &asked.signature, now());
            answer.map(|_| whole(page(&asked).to_string().replace("r1", "r2")))
        }),
        ("another body with its digest", |asked| {
            let mut answer = signed(KEY, 200, &page(&asked).to_string(), &asked.signature, now());
            let body = page(&asked).to_string().replace("r1", "r2");
            let digest = sha(body.as_bytes()).parse().unwrap();
            answer.headers_mut().insert("content-digest", digest);
            answer.map(|_| whole(body))
        }),
        // The service may not say itself to what it was asked.
        ("a question of its own", |asked| {
            let other = sign(KEY, "what was asked before");
            let mut answer = signed(KEY, 200, &page(&asked).to_string(), &other, now());
            let other = other.parse().unwrap();
            answer.headers_mut().insert("adieu-asked-with", other);
            answer
        }),
    ];
    for (what, lie) in strange {
        let error = export(move |asked| async move { lie(asked) })
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{what}: {error}");
        assert_eq!(error.retry_advice(), Retry::Never, "{what}: {error}");
        assert_eq!(error.effect_seen(), Effect::None, "{what}: {error}");
    }
}

#[tokio::test]
async fn a_record_of_somebody_else_fails_the_page_and_names_nobody() {
    let lies: [fn(&mut Value); 14] = [
        |page| page["entries"][0]["of"]["value"] = json!("eve@example.com.au"),
        |page| page["entries"][0]["of"]["value"] = json!("ADA@example.com"),
        |page| page["entries"][0]["of"]["kind"] = json!("user_id"),
        // It was never told to the service.
        |page| {
            page["entries"][0]["of"] = json!({"kind": "user_id", "value": "not for the service"})
        },
        |page| page["entries"][0]["of"] = Value::Null,
        |page| page["subject"]["identities"][0]["value"] = json!("eve@example.com.au"),
        |page| page["subject"] = Value::Null,
        |page| page["entries"] = json!("eve@example.com.au"),
        |page| page["entries"][0]["after"] = Value::Null,
        |page| page["entries"][0]["record"] = json!(["eve@example.com.au"]),
        |page| {
            page["entries"][0]["identities"] =
                json!([{"kind": "Eve", "value": "eve@example.com.au"}])
        },
        |page| page["more"] = json!("eve@example.com.au"),
        |page| *page = json!({"subject": page["subject"], "entries": [], "more": true}),
        |page| {
            let entry = page["entries"][0].clone();
            page["entries"] = (0..201).map(|_| entry.clone()).collect();
        },
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        let answered = export(move |asked| async move {
            let mut page = page(&asked);
            lie(&mut page);
            signed(KEY, 200, &page.to_string(), &asked.signature, now())
        });
        let error = answered.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{number}: {error}");
        assert!(!format!("{error:?}").contains("eve@"), "{error:?}");
    }
    for body in [
        "",
        "null",
        "{",
        "[]",
        "{\"subject\": \"eve\"}",
        "\u{feff}{}",
    ] {
        let answered =
            export(move |asked| async move { signed(KEY, 200, body, &asked.signature, now()) });
        assert_eq!(
            answered.await.unwrap_err().kind(),
            ErrorKind::Protocol,
            "{body}"
        );
    }
}

#[tokio::test]
async fn an_answer_without_end_is_refused() {
    let error = export(|asked| async move {
        let body = page(&asked).to_string().replace("r1", &"r".repeat(200_000));
        signed(KEY, 200, &body, &asked.signature, now())
    });
    assert_eq!(error.await.unwrap_err().kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_refusal_is_classified_by_its_status_and_says_a_code_at_most() {
    for (status, kind) in [
        (201, ErrorKind::Protocol),
        (302, ErrorKind::Config),
        (400, ErrorKind::Protocol),
        (401, ErrorKind::Unauthorized),
        (403, ErrorKind::Forbidden),
        (404, ErrorKind::Config),
        (429, ErrorKind::RateLimited),
        (500, ErrorKind::Unavailable),
        (501, ErrorKind::Unsupported),
        (503, ErrorKind::Unavailable),
    ] {
        for (word, is_said) in [
            ("reader_locked", true),
            ("ada@example.com is locked", false),
        ] {
            let answered = export(move |_| async move {
                let body = json!({"error": word}).to_string();
                Response::builder()
                    .status(status)
                    .body(whole(body))
                    .unwrap()
            });
            let error = answered.await.unwrap_err();
            assert_eq!(error.kind(), kind, "{status}: {error}");
            assert_eq!(error.to_string().contains(word), is_said, "{error}");
        }
    }
}

#[tokio::test]
async fn an_erasure_that_counts_too_much_or_goes_round_in_a_circle_is_not_believed() {
    let lies: [fn(&mut Value); 6] = [
        |told| told["tally"] = json!({"erase": 1001}),
        |told| told["tally"] = json!({"erase": 1, "absent": u64::MAX}),
        |told| told["tally"] = json!({"erased": 1}),
        |told| told["tally"] = Value::Null,
        |told| told["after"] = json!(7),
        |told| told["after"] = json!("r1"),
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        let (url, _) = serve(move |count, asked| async move {
            let mut told =
                json!({"subject": asked.json["subject"], "tally": {"erase": 1}, "after": "r1"});
            if count > 0 {
                told["after"] = Value::Null;
                lie(&mut told);
            }
            signed(KEY, 200, &told.to_string(), &asked.signature, now())
        })
        .await;
        let mut config = config(&url, KEY);
        config.http.attempts = 1.try_into().ok();
        let connector = connector(&config);
        let first = connector.erase(&step(ada(), None)).await.unwrap();
        let error = connector.erase(&step(ada(), first.next)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{number}: {error}");
        assert_eq!(error.effect_seen(), Effect::Unknown, "{number}: {error}");
    }
}

#[tokio::test]
async fn a_service_learns_the_identities_that_it_needs_and_no_other() {
    let (url, calls) = serve(|_, asked| async move {
        let identities = &asked.json["subject"]["identities"];
        let right = json!([
            {"kind": "email", "value": "ada@example.com"}, {"kind": "email", "value": "ada@work.example"},
        ]);
        assert_eq!(*identities, right);
        assert_eq!(asked.json["subject"]["tenant"], Value::Null);
        let told = json!({"subject": asked.json["subject"], "tally": {"erase": 3}});
        signed(KEY, 200, &told.to_string(), &asked.signature, now())
    })
    .await;
    let connector = connector(&config(&url, KEY));
    let tenant = adieu_core::Tenant::new("acme").unwrap();
    let survey = connector.survey(&ada().within(tenant)).await.unwrap();
    assert_eq!(survey.holdings[0].tally.as_ref().unwrap().erase(), 3);
    // Whom it could not find it is not asked about.
    let stranger = person(&[("user_id", "ada")]);
    assert!(
        connector
            .survey(&stranger)
            .await
            .unwrap()
            .holdings
            .is_empty()
    );
    assert!(
        connector
            .erase(&step(stranger, None))
            .await
            .unwrap()
            .tally
            .is_empty()
    );
    assert_eq!(calls.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_blocker_is_heard_from_whoever_was_declared_to_have_some() {
    let (url, _) = serve(|_, asked| async move {
        let told = json!({
            "subject": asked.json["subject"], "tally": {},
            "blockers": [{"code": "open_order", "advice": "wait for your parcel"}],
        });
        signed(KEY, 200, &told.to_string(), &asked.signature, now())
    })
    .await;
    let mut config = config(&url, KEY);
    let silent = connector(&config).survey(&ada()).await.unwrap();
    let error = silent.holdings[0].tally.clone().unwrap_err();
    assert!(error.to_string().contains("may_block"), "{error}");
    config.may_block = true;
    let survey = connector(&config).survey(&ada()).await.unwrap();
    assert_eq!(survey.blockers[0].code, "open_order");
}

#[tokio::test]
async fn a_file_comes_along_and_a_broken_one_does_not() {
    let with = |file: Value| {
        export(move |asked| {
            let file = file.clone();
            async move {
                let mut page = page(&asked);
                let of = page["entries"][0]["of"].clone();
                let entries = page["entries"].as_array_mut().unwrap();
                entries.push(json!({"after": "r1/photo", "of": of, "file": file}));
                signed(KEY, 200, &page.to_string(), &asked.signature, now())
            }
        })
    };
    let photo = json!({"name": "photo.png", "media_type": "image/png", "content": "iVBORw0KGgo="});
    assert_eq!(with(photo).await.unwrap(), 1);
    for broken in [
        json!({"name": "photo.png", "content": "?"}),
        json!({"content": ""}),
        json!(7),
    ] {
        assert_eq!(with(broken).await.unwrap_err().kind(), ErrorKind::Protocol);
    }
}
