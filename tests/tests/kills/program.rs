//! The program is killed while it exports or erases, and the same command goes on.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use adieu_tests::{Dice, program};
use serde_json::Value;

use crate::kills;
use crate::proof::{archive_is_whole, person_is_gone, receipt_is_true};
use crate::shop::{Holds, Person, World, config};

/// How often one request is killed before it is let through.
const KILLS_A_REQUEST: usize = 4;

#[test]
fn an_export_survives_being_killed_at_any_instant() {
    kill_and_go_on("export", 0xE0_0001, check_export);
}

#[test]
fn an_erasure_survives_being_killed_at_any_instant() {
    kill_and_go_on("erase", 0xE4_0002, check_erasure);
}

/// The one who asks, and somebody whose number and name begin like hers.
fn people() -> (Person, Person) {
    let ada = Person {
        id: 1,
        name: "ada".to_owned(),
        holds: Holds {
            orders: 2_000,
            lines: 16_000,
            sessions: 6_000,
            invoices: 400,
            files: 60,
        },
    };
    let other = Person {
        id: 10,
        name: "adam".to_owned(),
        holds: Holds {
            orders: 100,
            lines: 800,
            sessions: 300,
            invoices: 20,
            files: 6,
        },
    };
    (ada, other)
}

fn kill_and_go_on(verb: &str, first_seed: u64, check: fn(&World, &Person)) {
    let kills = kills(100);
    program(); // not while the clock runs
    let (ada, other) = people();
    let template = World::with(&[ada.clone(), other.clone()]);
    let others = template.held_of(&other);
    let undisturbed = template.copy(&config(2_000));
    let begun = Instant::now();
    undisturbed.go(&undisturbed.asking(verb));
    let whole = begun.elapsed();
    check(&undisturbed, &ada);
    println!("{verb}: {whole:?} undisturbed");

    let mut killed = 0;
    let mut seed = first_seed;
    let mut before_it_was_written_down = 0;
    while killed < kills {
        seed += 1;
        let mut dice = Dice::new(seed);
        // Written down after each page and batch, now and then, or hardly ever: each leaves other traces.
        let world = template.copy(&config([0, 50, 2_000][seed as usize % 3]));
        let mut instants = Vec::new();
        for _ in 0..KILLS_A_REQUEST {
            let instant = whole.mul_f64(dice.fraction() * 1.05);
            instants.push(instant);
            if world.run_and_kill(&world.asking(verb), instant) {
                killed += 1;
            }
            let at = format!("seed {seed:#x}, killed at {instants:?}");
            let requests = world.requests();
            assert!(requests.len() <= 1, "{at}: a request was doubled");
            assert_eq!(
                world.held_of(&other),
                others,
                "{at}: somebody else was touched"
            );
            if requests.is_empty() {
                before_it_was_written_down += 1;
            } else if requests[0]["status"] == "completed" {
                break;
            }
        }
        println!("{verb}: seed {seed:#x}, killed at {instants:?}");
        // The same command once more takes the request up, or finds it done and makes the outputs again.
        let arguments = match world.requests().first() {
            Some(request) => world.resuming(verb, request),
            None => world.asking(verb),
        };
        world.go(&arguments);
        check(&world, &ada);
        assert_eq!(world.held_of(&other), others, "somebody else was touched");
    }
    println!(
        "{verb}: {killed} kills, seeds {:#x} to {seed:#x}; {before_it_was_written_down} came before the request was written down",
        first_seed + 1
    );
    assert!(
        before_it_was_written_down < killed / 2,
        "most kills should hit the work itself"
    );
}

fn check_export(world: &World, ada: &Person) {
    world.only_request();
    let rows = world.database();
    let there = "SELECT count(*) FROM orders WHERE customer_id = 1";
    let left: i64 = rows.query_row(there, [], |row| row.get(0)).unwrap();
    assert_eq!(left, ada.holds.orders, "an export changes nothing");
    archive_is_whole(&fs::read(world.path("out.zip")).unwrap(), ada);
}

fn check_erasure(world: &World, ada: &Person) {
    let request = world.only_request();
    person_is_gone(world, ada);
    let jws = fs::read_to_string(world.path("receipt.jws")).unwrap();
    receipt_is_true(&jws, &world.keys(), request["id"].as_str().unwrap(), ada);
}

impl World {
    fn asking(&self, verb: &str) -> Vec<String> {
        let fixed: &[&str] = match verb {
            "erase" => &["erase", "--yes"],
            _ => &["export"],
        };
        let subject = ["--subject", "email=ada@example.com"];
        texts(&[fixed, &subject].concat(), self.outputs(verb))
    }

    fn resuming(&self, verb: &str, request: &Value) -> Vec<String> {
        texts(
            &["resume", request["id"].as_str().unwrap()],
            self.outputs(verb),
        )
    }

    fn outputs(&self, verb: &str) -> Vec<String> {
        let (option, file) = match verb {
            "erase" => ("--receipt", "receipt.jws"),
            _ => ("--out", "out.zip"),
        };
        let file = self.path(file).display().to_string();
        texts(&["--force", "--json", option], vec![file])
    }

    /// Runs a command to its end.
    fn go(&self, arguments: &[String]) {
        let output = self.run(arguments);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaint}");
    }

    /// Whether the kill came before the program ended by itself.
    fn run_and_kill(&self, arguments: &[String], instant: Duration) -> bool {
        let mut child = self
            .command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(instant);
        let alive = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        alive
    }

    /// The request, which is complete.
    fn only_request(&self) -> Value {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "one request was made");
        let request = requests.remove(0);
        assert_eq!(request["status"], "completed", "{request}");
        request
    }
}

fn texts(fixed: &[&str], more: Vec<String>) -> Vec<String> {
    let fixed = fixed.iter().map(|&one| one.to_owned());
    fixed.chain(more).collect()
}
