//! Previews and receipts as tables that a person reads.

use adieu::core::{DateRange, Tally, Unreachable};
use adieu::engine::Preview;
use serde_json::{Map, Value};

use crate::table::{Table, broken, number};

/// What an erasure would do: connector, collection, how many records, what, until when, why.
pub(crate) fn preview_table(preview: &Preview) -> Table {
    let mut table = Table::new([
        "connector",
        "collection",
        "would be",
        "records",
        "until",
        "why",
    ]);
    for connector in &preview.connectors {
        for collection in &connector.collections {
            let mut row = |what: String, records: String, until: String, why: String| {
                table.row([
                    connector.name.to_string(),
                    collection.name.to_string(),
                    what,
                    records,
                    until,
                    why,
                ]);
            };
            let unreached =
                preview.plan.unreached.iter().find(|one| {
                    one.connector == connector.name && one.collection == collection.name
                });
            match (&collection.tally, &collection.reason, unreached) {
                (_, _, Some(unreached)) => {
                    let needs = format!(
                        "no identity reaches it; it needs {}",
                        unreached.needs.join(", or ")
                    );
                    row("not reached".into(), String::new(), String::new(), needs);
                }
                (Some(tally), _, _) => {
                    for line in tally_lines(tally) {
                        row(line.what, number(line.records), line.until, line.why);
                    }
                }
                (None, Some(why), _) => row(
                    "not known".into(),
                    String::new(),
                    String::new(),
                    why.clone(),
                ),
                (None, None, _) => row(
                    "untouched".into(),
                    number(0),
                    String::new(),
                    "nothing is held".into(),
                ),
            }
        }
    }
    table
}

/// What the systems of a preview cannot reach.
pub(crate) fn preview_unreachable(preview: &Preview) -> Vec<String> {
    let connectors = preview.connectors.iter();
    connectors
        .flat_map(|connector| {
            connector
                .unreachable
                .iter()
                .map(|one| unreachable(connector.name.as_str(), one))
        })
        .collect()
}

/// One line for something that cannot be reached.
pub(crate) fn unreachable(connector: &str, one: &Unreachable) -> String {
    let lives_for = one
        .lives_for
        .as_ref()
        .map(|time| format!(" (kept for {time})"));
    format!(
        "{connector}: {}: {}{}",
        one.what,
        one.why,
        lives_for.unwrap_or_default()
    )
}

struct TallyLine {
    what: String,
    records: u64,
    until: String,
    why: String,
}

fn tally_lines(tally: &Tally) -> Vec<TallyLine> {
    let mut lines = Vec::new();
    let mut line = |what: &str, records: u64, until: Option<DateRange>, why: String| {
        if records > 0 {
            let until = until.map(until_in_words).unwrap_or_default();
            lines.push(TallyLine {
                what: what.to_owned(),
                records,
                until,
                why,
            });
        }
    };
    line("erased", tally.erase(), None, String::new());
    line("pseudonymized", tally.pseudonymize(), None, String::new());
    for kept in tally.retained() {
        let what = if kept.pseudonymize > 0 {
            "retained, pseudonymized"
        } else {
            "retained"
        };
        let why = format!("{} ({})", kept.reason, in_words(kept.basis.as_str()));
        line(what, kept.records, kept.until, why);
    }
    if let Some(later) = tally.scheduled() {
        line(
            "erased later",
            later.records,
            later.by,
            "the system does it by itself".into(),
        );
    }
    for failed in tally.failed() {
        line(
            "not handled",
            failed.records,
            None,
            in_words(failed.kind.as_str()),
        );
    }
    if lines.is_empty() {
        let (until, why) = (String::new(), "nothing is held".to_owned());
        lines.push(TallyLine {
            what: "untouched".into(),
            records: 0,
            until,
            why,
        });
    }
    lines
}

/// What a receipt says was done.
pub(crate) fn receipt_table(claims: &Map<String, Value>) -> Table {
    let mut table = Table::new(["connector", "collection", "what", "records", "until", "why"]);
    for connector in list(claims.get("connectors")) {
        for collection in list(connector.get("collections")) {
            let at_least = collection
                .get("at_least")
                .and_then(Value::as_bool)
                .unwrap_or_default();
            for outcome in list(collection.get("outcomes")) {
                let (what, records, until, why) = outcome_cells(outcome, at_least);
                table.row([
                    text(connector, "name"),
                    text(collection, "name"),
                    what,
                    records,
                    until,
                    why,
                ]);
            }
        }
    }
    table
}

fn outcome_cells(outcome: &Value, at_least: bool) -> (String, String, String, String) {
    let count = outcome.get("records").and_then(Value::as_u64);
    let records = count.map(number).unwrap_or_default();
    let reason = text(outcome, "reason");
    let range = |key: &str| {
        let range = outcome.get(key).cloned();
        range
            .and_then(|range| serde_json::from_value::<DateRange>(range).ok())
            .map(until_in_words)
            .unwrap_or_default()
    };
    let note = if at_least {
        "at least; an answer was lost on the way"
    } else {
        ""
    }
    .to_owned();
    let none = String::new;
    match outcome
        .get("outcome")
        .and_then(Value::as_str)
        .unwrap_or_default()
    {
        "exported" => {
            let files = outcome
                .get("files")
                .and_then(Value::as_u64)
                .unwrap_or_default();
            let why = match files {
                0 => none(),
                1 => "with 1 file".to_owned(),
                files => format!("with {} files", number(files)),
            };
            ("exported".into(), records, none(), why)
        }
        "retained" => {
            let reduced = outcome
                .get("pseudonymized")
                .and_then(Value::as_u64)
                .unwrap_or_default();
            let what = if reduced > 0 {
                "retained, pseudonymized"
            } else {
                "retained"
            };
            let why = format!("{reason} ({})", in_words(&text(outcome, "basis")));
            (what.into(), records, range("until"), why)
        }
        "scheduled" => ("erased later".into(), records, range("by"), note),
        "absent" => ("nothing held".into(), number(0), none(), none()),
        "unsupported" => ("not done".into(), none(), none(), reason),
        "unreachable" => ("UNREACHABLE".into(), none(), none(), reason),
        "failed" => ("FAILED".into(), records, none(), reason),
        other => (in_words(other), records, none(), note),
    }
}

/// What the systems of a receipt cannot reach.
pub(crate) fn receipt_unreachable(claims: &Map<String, Value>) -> Vec<String> {
    let mut lines = Vec::new();
    for connector in list(claims.get("connectors")) {
        for one in list(connector.get("unreachable")) {
            if let Ok(one) = serde_json::from_value::<Unreachable>(one.clone()) {
                lines.push(unreachable(&text(connector, "name"), &one));
            }
        }
    }
    lines
}

/// A heading with a list below it; nothing when the list is empty.
pub(crate) fn listed(heading: &str, lines: &[String]) -> String {
    let mut text = String::new();
    if !lines.is_empty() {
        text.push_str(&format!("\n{heading}\n"));
        for line in lines {
            for (index, part) in broken(line, 104).iter().enumerate() {
                text.push_str(if index == 0 { "  - " } else { "    " });
                text.push_str(part);
                text.push('\n');
            }
        }
    }
    text
}

fn until_in_words(range: DateRange) -> String {
    if range.first == range.last {
        range.last.to_string()
    } else {
        format!("{} to {}", range.first, range.last)
    }
}

fn in_words(code: &str) -> String {
    code.replace('_', " ")
}

fn list(value: Option<&Value>) -> &[Value] {
    value
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn text(value: &Value, key: &str) -> String {
    value
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
