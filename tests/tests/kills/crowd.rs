//! Several persons who ask a server at once, and ask again whenever it does not answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adieu::auth::Scope;
use adieu::auth::sign::{Signer, TokenDraft};
use adieu::core::Secret;
use adieu_tests::{Answer, Client, Dice};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::proof::{archive_is_whole, receipt_is_true};
use crate::shop::{Person, SECRET};

/// What all of them know.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// Where the API lies now.
    pub(crate) url: Mutex<String>,
    /// How many kills have come, and how many will.
    pub(crate) killed: AtomicUsize,
    pub(crate) kills: usize,
    pub(crate) journal: Mutex<Journal>,
}

/// What was asked, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// By its `Idempotency-Key`.
    pub(crate) asked: BTreeMap<String, Asked>,
    /// How many archives were fetched in more than one piece.
    pub(crate) pieced_together: usize,
}

/// One thing that somebody asked for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// The requests it was accepted as; more than one is a mistake.
    pub(crate) accepted_as: BTreeSet<String>,
    pub(crate) ended: bool,
}

impl Round {
    /// How many requests were accepted and have not ended.
    pub(crate) fn unfinished(&self) -> usize {
        let journal = self.journal.lock().unwrap();
        let open = |asked: &&Asked| !asked.accepted_as.is_empty() && !asked.ended;
        journal.asked.values().filter(open).count()
    }

    fn is_over(&self) -> bool {
        self.killed.load(Ordering::SeqCst) >= self.kills
    }

    fn note<T>(&self, key: &str, note: impl FnOnce(&mut Asked) -> T) -> T {
        let mut journal = self.journal.lock().unwrap();
        note(journal.asked.entry(key.to_owned()).or_default())
    }
}

/// One of them.
pub(crate) struct Caller {
    round: Arc<Round>,
    client: Client,
    person: Person,
    dice: Dice,
    times: usize,
}

impl Caller {
    pub(crate) fn new(round: Arc<Round>, person: Person, seed: u64) -> Self {
        Self {
            client: Client::new(Some(token(&person))),
            round,
            dice: Dice::new(seed),
            person,
            times: 0,
        }
    }

    /// Takes the data along, again and again, until the kills are over.
    pub(crate) async fn stays(mut self) {
        while !self.round.is_over() {
            self.export().await;
        }
    }

    /// Takes the data along until so many kills have come, and is then forgotten.
    pub(crate) async fn leaves(mut self, after_kills: usize) {
        while self.round.killed.load(Ordering::SeqCst) < after_kills.min(self.round.kills) {
            self.export().await;
        }
        self.erase().await;
    }

    async fn export(&mut self) {
        let (key, id) = self.submit("export").await;
        let request = self.ended(&key, &id).await;
        let archive = self.archive(&request).await;
        archive_is_whole(&archive, &self.person);
    }

    async fn erase(&mut self) {
        let (key, id) = self.submit("erasure").await;
        let request = self.ended(&key, &id).await;
        let receipt = link(&request, "receipt");
        let receipt = self.ask(&Method::GET, &receipt, &[], None).await;
        let receipt = expect(receipt, StatusCode::OK);
        let keys = self
            .ask(&Method::GET, "/.well-known/jwks.json", &[], None)
            .await;
        let keys = expect(keys, StatusCode::OK).json().to_string();
        let jws = String::from_utf8(receipt.body.to_vec()).unwrap();
        receipt_is_true(&jws, &keys, &id, &self.person);
    }

    /// Submits until it is accepted; now and then once more after that.
    async fn submit(&mut self, kind: &str) -> (String, String) {
        self.times += 1;
        let key = format!("{}-{}", self.person.name, self.times);
        self.round.note(&key, |_| ());
        let again = self.dice.fraction() < 0.3;
        let mut body = self.wanted(kind).await;
        let mut accepted = None;
        while accepted.is_none() {
            let headers = [("idempotency-key", key.as_str())];
            let answer = self
                .ask(&Method::POST, "/v1/requests", &headers, Some(&body))
                .await;
            // The kill came between the plan's token and the request: a new plan is asked for.
            if answer.json()["type"] == "urn:adieu:problem:plan_token_used" {
                body = self.wanted(kind).await;
                continue;
            }
            let id = expect(answer, StatusCode::ACCEPTED).json()["id"].clone();
            let id = id.as_str().unwrap().to_owned();
            self.round
                .note(&key, |asked| asked.accepted_as.insert(id.clone()));
            accepted = Some(id);
        }
        if again {
            let headers = [("idempotency-key", key.as_str())];
            let answer = self
                .ask(&Method::POST, "/v1/requests", &headers, Some(&body))
                .await;
            let id = expect(answer, StatusCode::ACCEPTED).json()["id"].clone();
            assert_eq!(id.as_str(), accepted.as_deref(), "{key}: was doubled");
        }
        (key, accepted.unwrap())
    }

    async fn wanted(&self, kind: &str) -> Value {
        if kind == "export" {
            return json!({ "kind": kind });
        }
        let preview = self.ask(&Method::POST, "/v1/preview", &[], None).await;
        let preview = expect(preview, StatusCode::OK).json();
        json!({ "kind": kind, "plan_token": preview["plan_token"] })
    }

    /// Waits until a request has ended well. What was accepted is there from then on.
    async fn ended(&self, key: &str, id: &str) -> Value {
        loop {
            let place = format!("/v1/requests/{id}");
            let answer = self.ask(&Method::GET, &place, &[], None).await;
            let request = expect(answer, StatusCode::OK).json();
            match request["status"].as_str().unwrap() {
                "running" => tokio::time::sleep(Duration::from_millis(15)).await,
                "completed" => {
                    self.round.note(key, |asked| asked.ended = true);
                    return request;
                }
                _ => panic!("{key}: {request}"),
            }
        }
    }

    /// Fetches an archive; where the connection breaks off, the rest of the same one.
    async fn archive(&self, request: &Value) -> Vec<u8> {
        let place = link(request, "archive");
        let first = self.ask(&Method::GET, &place, &[], None).await;
        let etag = first.header("etag").to_owned();
        let mut whole = first.whole;
        let mut archive = expect(first, StatusCode::OK).body.to_vec();
        while !whole {
            let range = format!("bytes={}-", archive.len());
            let headers = [("range", range.as_str()), ("if-range", &etag)];
            let rest = self.ask(&Method::GET, &place, &headers, None).await;
            whole = rest.whole;
            archive.extend(expect(rest, StatusCode::PARTIAL_CONTENT).body);
            if whole {
                self.round.journal.lock().unwrap().pieced_together += 1;
            }
        }
        archive
    }

    /// Asks until there is an answer.
    async fn ask(
        &self,
        method: &Method,
        place: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        loop {
            let url = self.round.url.lock().unwrap().clone();
            let place = place.strip_prefix("/privacy").unwrap_or(place);
            let answer = self
                .client
                .ask(method, &format!("{url}{place}"), headers, body)
                .await;
            match answer {
                // Only an archive can be gone on with.
                Some(answer) if answer.whole || place.ends_with("/archive") => return answer,
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

fn expect(answer: Answer, status: StatusCode) -> Answer {
    assert_eq!(answer.status, status, "{}", answer.json());
    answer
}

fn link(request: &Value, name: &str) -> String {
    request["links"][name].as_str().unwrap().to_owned()
}

fn token(person: &Person) -> String {
    let draft = TokenDraft::new("https://id.example.com", "api", person.id.to_string())
        .scopes([Scope::EXPORT, Scope::ERASE])
        .lifetime(Duration::from_secs(3600))
        .claim("email", person.email())
        .claim("email_verified", true);
    let signer = Signer::from_secret(&Secret::new(SECRET)).unwrap();
    let token = signer.sign(&draft, jiff::Timestamp::now()).unwrap();
    token.expose().to_owned()
}
