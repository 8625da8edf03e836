//! What the README of the project tells a newcomer to type works, and prints what it shows.

use crate::place::Place;

const README: &str = include_str!("../../../../README.md");

#[test]
fn the_tour_in_the_readme_shows_what_the_demo_prints() {
    let place = Place::new();
    let printed = place.run(&["demo", "--once", "--dir", "demo"]).ended(0).out;
    let tour = README
        .split("```text\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let mut compared = 0;
    for line in tour.lines().filter(|line| !line.trim().is_empty()) {
        // Dates move with the calendar, sizes with dates, and the folder is each reader's own.
        let moves = line.contains("20") || line.contains("bytes") || line.contains("…");
        if !moves {
            assert!(
                printed
                    .lines()
                    .any(|found| found.trim_end() == line.trim_end()),
                "{line:?} is not in\n{printed}"
            );
            compared += 1;
        }
    }
    assert!(compared > 25, "only {compared} lines were compared");
}

#[test]
fn every_command_in_the_readme_is_one_that_the_program_has() {
    let place = Place::new();
    let help = place.run(&["--help"]).ended(0).out;
    let mut seen = 0;
    for line in README
        .lines()
        .filter_map(|line| line.trim().strip_prefix("adieu "))
    {
        let command = line.split_whitespace().next().unwrap_or_default();
        assert!(
            help.contains(&format!("  {command} ")),
            "{command} is not a command of\n{help}"
        );
        seen += 1;
    }
    assert!(seen >= 5, "only {seen} commands were seen");
}
