//! A server is killed while several persons export and erase at once, and the next one goes on.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use adieu_tests::{Dice, Serving, program};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::crowd::{Caller, Round};
use crate::kills;
use crate::proof::person_is_gone;
use crate::shop::{Held, Holds, Person, World, config};

const FIRST_SEED: u64 = 0x5E_0003;
/// How often the server of one round is killed.
const KILLS_A_ROUND: usize = 15;
const PEOPLE: i64 = 12;
/// How long the last server may take to end everything.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn a_server_under_load_survives_being_killed_at_any_instant() {
    let kills = kills(300);
    program(); // not while the clock runs
    let people: Vec<Person> = (1..=PEOPLE).map(person).collect();
    let template = World::with(&people);
    let before: Vec<Held> = people.iter().map(|one| template.held_of(one)).collect();
    let begun = Instant::now();
    let mut sum = Sum::default();
    let mut seed = FIRST_SEED;
    while sum.kills < kills {
        seed += 1;
        let wanted = KILLS_A_ROUND.min(kills - sum.kills);
        // Written down after each page and batch, now and then, or hardly ever: each leaves other traces.
        let world = template.copy(&config([0, 50, 2_000][seed as usize % 3]));
        println!("seed {seed:#x}: {wanted} kills");
        let leaving = play(&world, &people, seed, wanted, &mut sum).await;
        for (person, held) in people.iter().zip(&before) {
            if leaving.contains(&person.id) {
                person_is_gone(&world, person);
            } else {
                assert_eq!(world.held_of(person), *held, "{} was touched", person.name);
            }
        }
    }
    println!(
        "{} kills in {:?}, seeds {:#x} to {seed:#x}: {} requests, {} of the kills hit unfinished ones, {} came before the server was ready; {} archives were pieced together",
        sum.kills,
        begun.elapsed(),
        FIRST_SEED + 1,
        sum.requests,
        sum.hits,
        sum.early,
        sum.pieced_together
    );
    assert!(
        sum.hits > sum.kills / 2,
        "most kills should hit the work itself"
    );
}

/// What all rounds come to.
#[derive(Debug, Default)]
struct Sum {
    kills: usize,
    early: usize,
    /// Kills while requests were accepted and not ended.
    hits: usize,
    requests: usize,
    pieced_together: usize,
}

fn person(id: i64) -> Person {
    Person {
        id,
        // Number 1 begins like 10, 11 and 12, and so does the name.
        name: format!("person{id}"),
        holds: Holds {
            orders: 60,
            lines: 400,
            sessions: 120,
            invoices: 12,
            files: 5,
        },
    }
}

/// One round: a server under load, killed so often, and then let through. Answers with who has left.
async fn play(
    world: &World,
    people: &[Person],
    seed: u64,
    kills: usize,
    sum: &mut Sum,
) -> BTreeSet<i64> {
    let mut dice = Dice::new(seed);
    let round = Arc::new(Round {
        kills,
        ..Round::default()
    });
    let mut callers = JoinSet::new();
    let mut leaving = BTreeSet::new();
    let mut server = start(world);
    *round.url.lock().unwrap() = server.ready();
    for person in people {
        let caller = Caller::new(round.clone(), person.clone(), seed ^ person.id as u64);
        if dice.fraction() < 0.5 {
            leaving.insert(person.id);
            let after = (dice.fraction() * kills as f64) as usize;
            callers.spawn(caller.leaves(after));
        } else {
            callers.spawn(caller.stays());
        }
    }
    for _ in 0..kills {
        let early = dice.fraction() < 0.15;
        let instant = Duration::from_secs_f64(dice.fraction() * if early { 0.06 } else { 0.4 });
        if !early {
            *round.url.lock().unwrap() = server.ready();
        }
        tokio::time::sleep(instant).await;
        sum.hits += usize::from(round.unfinished() > 0);
        sum.early += usize::from(early);
        server.kill();
        round.killed.fetch_add(1, Ordering::SeqCst);
        server = start(world);
    }
    *round.url.lock().unwrap() = server.ready();
    let done = tokio::time::timeout(PATIENCE, async {
        while let Some(done) = callers.join_next().await {
            done.unwrap();
        }
    });
    if done.await.is_err() {
        panic!(
            "not everything ended: {:#?}\n{}",
            round.journal.lock().unwrap(),
            server.told()
        );
    }
    assert_eq!(server.stop().code(), Some(0), "it ends well when asked to");
    sum.kills += kills;
    everything_is_accounted_for(world, &round, sum);
    leaving
}

fn start(world: &World) -> Serving {
    Serving::start(world.command(&["serve".to_owned()]))
}

/// Each thing asked for is exactly one request and complete, the log is whole, and no file is left that nothing leads to.
fn everything_is_accounted_for(world: &World, round: &Round, sum: &mut Sum) {
    let journal = round.journal.lock().unwrap();
    let requests = world.requests();
    let known: BTreeSet<&str> = requests.iter().map(|one| text(one, "id")).collect();
    assert_eq!(
        known.len(),
        journal.asked.len(),
        "a request is lost or was doubled"
    );
    for (key, asked) in &journal.asked {
        assert_eq!(asked.accepted_as.len(), 1, "{key}: {asked:?}");
        assert!(
            asked.accepted_as.iter().all(|id| known.contains(&**id)),
            "{key}"
        );
    }
    for request in &requests {
        assert_eq!(request["status"], "completed", "{request}");
    }
    world.must(&["audit", "verify"]);
    let exports: BTreeSet<String> = requests
        .iter()
        .filter(|one| one["kind"] == "export")
        .map(|one| text(one, "id").to_owned())
        .collect();
    let files = files_of_requests(world);
    let left: Vec<_> = files.difference(&exports).collect();
    assert!(left.is_empty(), "nothing leads to these files: {left:?}");
    assert_eq!(files.len(), exports.len(), "an archive is missing");
    sum.requests += requests.len();
    sum.pieced_together += journal.pieced_together;
}

/// What lies in the store's folder beside its own lock, as the names of requests where it is an archive.
fn files_of_requests(world: &World) -> BTreeSet<String> {
    let folder = world.path("adieu.db.files");
    let mut found = BTreeSet::new();
    for place in fs::read_dir(&folder).unwrap() {
        let place = place.unwrap().path();
        if place.is_dir() {
            for file in fs::read_dir(&place).unwrap() {
                let file = file.unwrap().path();
                let name = file.strip_prefix(&folder).unwrap().display().to_string();
                let archive =
                    name.strip_prefix("archives/")
                        .map(|name| match name.split_once('.') {
                            Some((id, _)) => id.to_owned(),
                            None => name.to_owned(),
                        });
                found.insert(archive.unwrap_or(name));
            }
        }
    }
    found
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap()
}
