//! A proposal as TOML that a person edits: one line for each decision, with the reason beside it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use adieu_core::IdentityKind;

use super::personal::Sort;
use super::proposal::{Draft, Erasing, TableDraft, Treatment};
use super::remarks::kept_by_law;
use super::way::{Way, WayKind};
use crate::catalogue::OnDelete;
use crate::config::{Constant, DatePrecision, Pseudonymizer};

/// How long a line of a comment may get.
const WIDTH: usize = 110;

/// The tables of a draft, below a `[[connector]]`.
pub(crate) fn tables(draft: &Draft<'_>) -> String {
    let mut text = String::new();
    omitted(draft, &mut text);
    for table in &draft.tables {
        text.push('\n');
        for remark in &table.remarks {
            text.push_str(&comment(remark));
        }
        let block = block(table);
        if table.active {
            text.push_str(&block);
        } else {
            for line in block.lines() {
                let _ = writeln!(text, "{}", format!("# {line}").trim_end());
            }
        }
    }
    elsewhere(draft, &mut text);
    text
}

fn omitted(draft: &Draft<'_>, text: &mut String) {
    if draft.omitted.is_empty() {
        return;
    }
    text.push_str("\n# Tables that refer to the person and are not mapped, each with its reason.\n[connector.omit]\n");
    for (table, reason) in &draft.omitted {
        let _ = writeln!(text, "{} = {}", key(&table.name), string(reason));
    }
}

fn elsewhere(draft: &Draft<'_>, text: &mut String) {
    if draft.elsewhere.is_empty() {
        return;
    }
    text.push_str("\n# Nothing leads to these tables, but they have columns that look personal:\n");
    for (table, columns) in &draft.elsewhere {
        text.push_str(&comment(&format!(
            "- {}: {}",
            table.name,
            columns.join(", ")
        )));
    }
}

fn block(draft: &TableDraft<'_>) -> String {
    let head = format!("connector.table.{}", key(&draft.table.name));
    let mut text = format!("[{head}]\n");
    if !draft.subject.is_empty() {
        let _ = writeln!(text, "subject = {}", identities(&draft.subject));
    }
    if !draft.yields.is_empty() {
        let _ = writeln!(text, "yields = {}", identities(&draft.yields));
    }
    references(draft, &mut text);
    if draft.shared {
        text.push_str("shared = { basis = \"contract\", reason = \"it is others' too\" }\n");
    }
    if !draft.erase_after.is_empty() {
        let tables: Vec<String> = draft
            .erase_after
            .iter()
            .map(|table| string(table))
            .collect();
        let _ = writeln!(text, "erase_after = [{}]", tables.join(", "));
    }
    match &draft.erase {
        Erasing::Delete => {
            text.push_str("erase = \"delete\"\n");
            if let Some(kept) = kept_by_law(draft) {
                let _ = writeln!(text, "# {kept}    # instead, when a law wants it kept");
            }
        }
        Erasing::Keep(why) => {
            let _ = writeln!(
                text,
                "erase = {{ retain = {{ basis = \"contract\", reason = {} }} }}    # say why it has to stay",
                string(why)
            );
        }
        Erasing::Pseudonymize(..) => {}
    }
    if !draft.columns.is_empty() {
        let _ = writeln!(text, "\n[{head}.columns]");
        let columns = draft.columns.iter().map(|(column, treatment)| {
            let treated = match treatment {
                Treatment::Keep(reason) => format!("{{ keep = {} }}", string(reason)),
                Treatment::Mask => "{ mask = \"it may be about somebody else\" }".to_owned(),
                Treatment::Omit => {
                    "{ omit = \"it would help whoever wants to pretend to be the person\" }"
                        .to_owned()
                }
            };
            (format!("{} = {treated}", key(column)), String::new())
        });
        aligned(columns.collect(), &mut text);
    }
    if let Erasing::Pseudonymize(columns, why) = &draft.erase {
        let _ = writeln!(
            text,
            "\n# The row stays: {why}.\n[{head}.erase.pseudonymize]"
        );
        let sorts: BTreeMap<&str, Sort> = draft
            .looks_personal
            .iter()
            .map(|(name, sort)| (name.as_str(), *sort))
            .collect();
        let lines = columns.iter().map(|(column, way)| {
            let sort = sorts
                .get(column.as_str())
                .map_or("leads to the person", |sort| sort.in_words());
            (
                format!("{} = {}", key(column), pseudonymizer(way)),
                sort.to_owned(),
            )
        });
        aligned(lines.collect(), &mut text);
    } else if !draft.looks_personal.is_empty() && draft.active {
        let names: Vec<&str> = draft
            .looks_personal
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        text.insert_str(
            0,
            &comment(&format!("Looks personal: {}", names.join(", "))),
        );
    }
    text
}

fn references(draft: &TableDraft<'_>, text: &mut String) {
    let all: Vec<(&Way, bool)> = draft
        .ways
        .iter()
        .map(|way| (way, true))
        .chain(draft.offered.iter().map(|way| (way, false)))
        .collect();
    match all.as_slice() {
        [] => {}
        [(way, true)] => {
            let _ = writeln!(text, "references = {}", reference(way));
        }
        several => {
            text.push_str("references = [\n");
            for (way, active) in several {
                let why = match way.kind {
                    _ if !active => "    # would take rows along that are somebody else's too",
                    WayKind::Enforced(OnDelete::Cascade) if way.target != draft.ways[0].target => {
                        "    # a part of it: ON DELETE CASCADE"
                    }
                    _ => "",
                };
                let mark = if *active { "" } else { "# " };
                let _ = writeln!(text, "  {mark}{},{why}", reference(way));
            }
            text.push_str("]\n");
        }
    }
}

pub(crate) fn reference(way: &Way) -> String {
    let pairs = way.pairs.iter().map(|(local, there)| {
        format!(
            "{} = {}",
            key(local),
            string(&format!("{}.{there}", way.target))
        )
    });
    let constants = way
        .constants
        .iter()
        .map(|(local, constant)| format!("{} = {}", key(local), string(&format!("'{constant}'"))));
    let all: Vec<String> = pairs.chain(constants).collect();
    format!("{{ {} }}", all.join(", "))
}

fn identities(all: &[(IdentityKind, String)]) -> String {
    let mut by_kind: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (kind, column) in all {
        by_kind
            .entry(kind.as_str())
            .or_default()
            .push(string(column));
    }
    let written: Vec<String> = by_kind
        .into_iter()
        .map(|(kind, columns)| match columns.as_slice() {
            [one] => format!("{kind} = {one}"),
            several => format!("{kind} = [{}]", several.join(", ")),
        })
        .collect();
    format!("{{ {} }}", written.join(", "))
}

pub(crate) fn pseudonymizer(way: &Pseudonymizer) -> String {
    match way {
        Pseudonymizer::Null => "\"null\"".to_owned(),
        Pseudonymizer::Unique => "\"unique\"".to_owned(),
        Pseudonymizer::Hash => "\"hash\"".to_owned(),
        Pseudonymizer::Truncate => "\"truncate\"".to_owned(),
        Pseudonymizer::Date(DatePrecision::Year) => "{ date = \"year\" }".to_owned(),
        Pseudonymizer::Date(DatePrecision::Month) => "{ date = \"month\" }".to_owned(),
        Pseudonymizer::Value(constant) => {
            let constant = match constant {
                Constant::Text(text) => string(text),
                Constant::Integer(number) => number.to_string(),
                Constant::Real(number) => format!("{number:?}"),
                Constant::Boolean(one) => one.to_string(),
            };
            format!("{{ value = {constant} }}")
        }
    }
}

/// Lines with what is said of each in one column.
fn aligned(lines: Vec<(String, String)>, text: &mut String) {
    let width = lines
        .iter()
        .map(|(line, _)| line.chars().count())
        .max()
        .unwrap_or(0);
    for (line, said) in lines {
        match said.as_str() {
            "" => writeln!(text, "{line}"),
            said => writeln!(text, "{line:width$}    # {said}"),
        }
        .unwrap_or_default();
    }
}

/// A comment, broken into lines.
pub(crate) fn comment(remark: &str) -> String {
    let mut text = String::new();
    let mut line = String::from("#");
    for word in remark.split(' ') {
        if line.chars().count() + word.chars().count() >= WIDTH {
            let _ = writeln!(text, "{line}");
            line = String::from("#  ");
        }
        line.push(' ');
        // A name may hold a line break, which must not end the comment.
        line.extend(
            word.chars()
                .map(|letter| if letter.is_control() { '?' } else { letter }),
        );
    }
    let _ = writeln!(text, "{line}");
    text
}

/// A key of TOML.
pub(crate) fn key(name: &str) -> String {
    let is_bare = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_bare {
        name.to_owned()
    } else {
        string(name)
    }
}

/// A text of TOML.
pub(crate) fn string(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
