//! The whole way, over HTTP: export, preview, erasure, receipt; and whether the end state is right.

use std::path::Path;

use adieu::engine::Preview;
use adieu::engine::receipt::{self, Opening};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::open::OpenShop;
use super::person::Person;
use super::proof;
use super::shop::Shop;
use super::snapshot::Snapshot;
use super::{ADA, OTHER_ADA};
use crate::exit::{Exit, Failure};
use crate::report::{listed, preview_table, receipt_table, receipt_unreachable};
use crate::table::number;
use crate::terminal::Terminal;

/// What was left behind, for the proof of it.
pub(super) struct Left {
    pub(super) export: Value,
    pub(super) erasure: Value,
    pub(super) jws: String,
    pub(super) opening: Opening,
    pub(super) before: Snapshot,
    pub(super) after: Snapshot,
    /// What the shop's own route answers to her token, before and after.
    pub(super) welcome: (u16, u16),
    /// What it answers to her namesake's in the end.
    pub(super) others_welcome: u16,
}

/// One thing that must be true in the end.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) what: &'static str,
    pub(super) holds: bool,
}

/// A preview with the token that says it was seen.
#[derive(Deserialize)]
struct Plan {
    #[serde(flatten)]
    preview: Preview,
    plan_token: Option<String>,
}

pub(super) async fn run(shop: &Shop, open: OpenShop, terminal: &Terminal) -> Result<Exit, Failure> {
    let left = play(shop, &open, terminal).await?;
    let checks = proof::prove(shop, open.gateway().engine(), &left).await?;
    open.close().await;
    let holds = checks.iter().all(|check| check.holds);
    terminal
        .say("5  Checked in the database, the folder, the archive and the receipt themselves\n");
    for check in &checks {
        let mark = if check.holds { "✓" } else { "✗ NOT TRUE:" };
        terminal.say(&format!("  {mark} {}", check.what));
    }
    terminal.say(&ending(shop.folder()));
    terminal.json(&json!({
        "folder": shop.folder(),
        "export": left.export,
        "erasure": left.erasure,
        "receipt": claims(&left.jws, &shop.read("jwks.json"))?,
        "opening": left.opening.to_string(),
        "checks": checks,
    }));
    if !holds {
        terminal.complain("the end state is not right");
    }
    Ok(if holds { Exit::Done } else { Exit::Failed })
}

/// What Ada does.
async fn play(shop: &Shop, open: &OpenShop, terminal: &Terminal) -> Result<Left, Failure> {
    let before = shop.snapshot()?;
    terminal.say(&format!(
        "1  The shop, open at {}\n\n  {} rows in {} tables, {} files. Ada Fairweather wants to leave; a namesake and her brother stay.\n",
        open.home(),
        before.rows(),
        before.tables(),
        before.files()
    ));
    let ada = Person::of(open, ADA).await?;
    let keys = ada.must(Method::GET, "/privacy/.well-known/jwks.json", None);
    shop.write_secret("jwks.json", format!("{:#}", keys.await?.json::<Value>()?))?;
    let welcome = async |person: &Person| -> Result<u16, Failure> {
        let answer = person.ask(Method::GET, "/orders", None).await?;
        Ok(answer.status.as_u16())
    };
    let welcome_before = welcome(&ada).await?;
    let export = export(shop, &ada, terminal).await?;
    let (erasure, jws, opening) = erase(shop, &ada, terminal).await?;
    let namesake = Person::of(open, OTHER_ADA).await?;
    Ok(Left {
        export,
        erasure,
        jws,
        opening,
        before,
        after: shop.snapshot()?,
        welcome: (welcome_before, welcome(&ada).await?),
        others_welcome: welcome(&namesake).await?,
    })
}

async fn export(shop: &Shop, ada: &Person, terminal: &Terminal) -> Result<Value, Failure> {
    let wanted = json!({ "kind": "export", "format": "zip" });
    let request = complete(ada, &wanted).await?;
    let jws = ada
        .must(Method::GET, &link(&request, "receipt"), None)
        .await?;
    let receipt = claims(&jws.text(), &shop.read("jwks.json"))?;
    terminal.say("2  Take your data with you: POST /privacy/v1/requests {\"kind\":\"export\"}\n");
    terminal.say(&receipt_table(&receipt).to_string());
    let archive = ada
        .must(Method::GET, &link(&request, "archive"), None)
        .await?;
    shop.write_secret("archive.zip", &archive.body)?;
    let bytes = number(archive.body.len() as u64);
    terminal.say(&format!(
        "  archive.zip, {bytes} bytes: CSV, JSON, the files, and a page to look at (index.html)\n"
    ));
    Ok(request)
}

async fn erase(
    shop: &Shop,
    ada: &Person,
    terminal: &Terminal,
) -> Result<(Value, String, Opening), Failure> {
    let plan: Plan = ada
        .must(Method::POST, "/privacy/v1/preview", None)
        .await?
        .json()?;
    terminal.say("3  What an erasure would do: POST /privacy/v1/preview\n");
    terminal.say(&preview_table(&plan.preview).to_string());
    let wanted = json!({ "kind": "erasure", "plan_token": plan.plan_token });
    let request = complete(ada, &wanted).await?;
    let answer = ada
        .must(Method::GET, &link(&request, "receipt"), None)
        .await?;
    let (jws, opening) = (answer.text(), answer.header("adieu-receipt-opening"));
    let receipt = claims(&jws, &shop.read("jwks.json"))?;
    terminal.say(
        "4  Be forgotten: POST /privacy/v1/requests {\"kind\":\"erasure\",\"plan_token\":\"…\"}\n",
    );
    terminal.say(&receipt_table(&receipt).to_string());
    let unreachable = listed(
        "  Out of reach, as the systems themselves say:",
        &receipt_unreachable(&receipt),
    );
    terminal.say(unreachable.trim_start_matches('\n'));
    shop.write_secret("receipt.jws", format!("{jws}\n"))?;
    shop.write_secret("receipt.opening", format!("{opening}\n"))?;
    let opening = opening
        .parse()
        .map_err(|_| Failure::Fault("the receipt cannot be opened".to_owned()))?;
    Ok((request, jws, opening))
}

/// Asks for something, and listens until it is complete.
async fn complete(ada: &Person, wanted: &Value) -> Result<Value, Failure> {
    let asked = ada.must(Method::POST, "/privacy/v1/requests", Some(wanted));
    let asked: Value = asked.await?.json()?;
    let request = ada.follow(&link(&asked, "events")).await?;
    if request["status"] == "completed" {
        return Ok(request);
    }
    Err(Failure::Fault(format!(
        "what she asked for ended as {}: {}",
        request["status"], request["exceptions"]
    )))
}

fn link(request: &Value, name: &str) -> String {
    let link = request["links"][name].as_str();
    link.unwrap_or_default().to_owned()
}

fn claims(jws: &str, keys: &str) -> Result<Map<String, Value>, Failure> {
    receipt::verify(jws, keys)
        .map(|verified| verified.claims().clone())
        .map_err(|error| Failure::Fault(error.to_string()))
}

fn ending(folder: &Path) -> String {
    let here = folder.display();
    let program = std::env::current_exe().unwrap_or_else(|_| "adieu".into());
    let program = program.display();
    let email = ADA.email;
    format!(
        "
Everything is in {here}:
  archive.zip      what Ada takes with her; unzip it and open index.html
  receipt.jws      what was done, signed; it names nobody
  receipt.opening  what proves whom the receipt is about: hers to keep
  jwks.json        the keys to verify it with
  adieu.toml       the configuration, with comments
  shop.db uploads  the shop as it is now

Go on from here:
  cd {here} && alias adieu={program}
  adieu receipt verify receipt.jws --jwks jwks.json --subject email={email} --opening $(cat receipt.opening)
  adieu export --subject email=bob.mercer@example.com --out bob.zip
  adieu erase --subject email=alan.fairweather@example.com     # blocked: he has not paid yet
  adieu check
  adieu demo                                                   # the same in a browser"
    )
}
