//! Somebody who writes to a person's rows while they are erased.

use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::servers::postgres;

/// Does something while a writer touches one order of the person after the other, and says how long the writer waited at most.
pub(super) fn beside<T>(database: &str, work: impl FnOnce() -> T) -> (T, Duration) {
    let mut psql = postgres().psql(database);
    let mut psql = psql
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut to, mut from) = (psql.stdin.take().unwrap(), psql.stdout.take().unwrap());
    let ended = AtomicBool::new(false);
    let (done, told) = std::thread::scope(|scope| {
        scope.spawn(|| {
            writeln!(to, "\\timing on").unwrap();
            let mut order: u64 = 0;
            while !ended.load(Ordering::Relaxed) {
                order = (order + 7_919) % 150_000;
                let id = 500_000_001 + order;
                writeln!(to, "UPDATE orders SET note = note WHERE id = {id};").unwrap();
                std::thread::sleep(Duration::from_millis(2));
            }
            drop(to);
        });
        let told = scope.spawn(move || {
            let mut told = String::new();
            from.read_to_string(&mut told).unwrap();
            told
        });
        let done = work();
        ended.store(true, Ordering::Relaxed);
        (done, told.join().unwrap())
    });
    assert!(psql.wait().unwrap().success(), "the writer fails");
    let times = told
        .lines()
        .filter_map(|line| line.strip_prefix("Time: ")?.split(' ').next()?.parse().ok());
    let longest = times.fold(0.0, f64::max);
    assert!(longest > 0.0, "the writer wrote nothing");
    (done, Duration::from_secs_f64(longest / 1_000.0))
}
