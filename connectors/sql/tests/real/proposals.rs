//! What is proposed for schemas that nobody here designed: as it was read and judged, and true to the mapping's rules.

use std::path::Path;

use adieu_core::{Connector, IdentityKind, Setting};
use adieu_sql::SqlConfig;
use adieu_sql::inspect::{Inspection, Proposal};

use crate::place::{Place, Server, data};
use crate::{chinook, pagila, people};

/// The proposal for a database, which must be taken by the mapping's own check.
pub(crate) async fn proposed(place: &Place, table: &str, identity: &str) -> Proposal {
    let (kind, column) = identity.split_once('=').unwrap();
    let inspection = Inspection::new(SqlConfig::new(Setting::from(place.url())), table);
    let inspection = inspection.identity(IdentityKind::new(kind).unwrap(), column);
    let proposal = inspection.propose(".".as_ref()).await.unwrap();
    let connector = place.connector(&mapping(&proposal));
    connector.check().await.unwrap();
    assert_eq!(
        connector.uncovered().await.unwrap(),
        [],
        "it covers what looks personal"
    );
    proposal
}

/// The mapping of a proposal, as the other tests write one.
pub(crate) fn mapping(proposal: &Proposal) -> String {
    let (head, tables) = proposal
        .toml()
        .split_once("url = \"env:DATABASE_URL\"\n")
        .unwrap();
    assert_eq!(head, "[[connector]]\nname = \"database\"\nkind = \"sql\"\n");
    tables.replace("[connector.", "[")
}

/// Compares with what was judged; with ADIEU_ACCEPT it is written anew, to be judged again.
fn is_as_judged(proposal: &Proposal, name: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/real/proposals")
        .join(name);
    if std::env::var_os("ADIEU_ACCEPT").is_some() {
        std::fs::write(&file, proposal.toml()).unwrap();
    }
    let judged = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(
        proposal.toml(),
        judged,
        "read what is proposed now, and accept it with ADIEU_ACCEPT=1"
    );
}

#[tokio::test]
async fn a_shop_of_six_tables() {
    let Some(place) = people::people(3) else {
        return;
    };
    is_as_judged(
        &proposed(&place, "users", "email=email").await,
        "people.toml",
    );
}

#[tokio::test]
async fn the_customers_of_chinook() {
    for server in Server::all() {
        let (table, identity, judged) = match server {
            Server::Postgres => ("customer", "email=email", "chinook-postgres.toml"),
            // The same in both.
            Server::MariaDb | Server::MySql => ("Customer", "email=Email", "chinook-mariadb.toml"),
        };
        let Some(place) = chinook::chinook(server) else {
            return;
        };
        is_as_judged(&proposed(&place, table, identity).await, judged);
    }
}

#[tokio::test]
async fn the_customers_of_pagila() {
    let Some(place) = pagila::pagila() else {
        return;
    };
    is_as_judged(
        &proposed(&place, "customer", "email=email").await,
        "pagila.toml",
    );
}

#[tokio::test]
async fn the_users_of_jambonz() {
    for server in Server::alike() {
        let Some(file) = data("jambonz/jambones-loaded-dump.sql") else {
            return;
        };
        let place = Place::empty(server);
        place.run_file(&file);
        is_as_judged(
            &proposed(&place, "users", "email=email").await,
            "jambonz.toml",
        );
    }
}
