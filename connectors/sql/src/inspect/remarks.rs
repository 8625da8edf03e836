//! What a person should know of a table before she takes the proposal over.

use super::personal::{Sort, personal};
use super::proposal::{Erasing, Given, TableDraft};
use super::way::{WayKind, table_words};
use super::words::words;
use crate::catalogue::{OnDelete, Table};

/// Words for what tax law or a contract may want to be kept.
const KEPT: &[&str] = &[
    "invoice",
    "payment",
    "order",
    "receipt",
    "transaction",
    "billing",
    "purchase",
    "refund",
    "booking",
    "ledger",
    "charge",
    "contract",
    "subscription",
    "rechnung",
    "bestellung",
    "zahlung",
];

pub(crate) fn of(given: &Given<'_>, draft: &TableDraft<'_>) -> Vec<String> {
    let mut remarks = Vec::new();
    guesses(draft, &mut remarks);
    identities(given, draft, &mut remarks);
    triggers_and_views(given, draft, &mut remarks);
    if draft.active {
        keys(given, draft, &mut remarks);
        shared(given, draft, &mut remarks);
    }
    partitions(given, draft.table, &mut remarks);
    let generated: Vec<&str> = draft
        .looks_personal
        .iter()
        .filter(|(name, _)| {
            draft
                .table
                .column(name)
                .is_some_and(|column| column.generated)
        })
        .map(|(name, _)| name.as_str())
        .collect();
    if !generated.is_empty() {
        remarks.push(format!(
            "The database itself computes {}",
            listed(&generated)
        ));
    }
    if draft.table.key_moves {
        remarks.push(
            "It has no key: its rows can be deleted but not changed; give it a primary key"
                .to_owned(),
        );
    }
    remarks
}

/// What to write instead of an erasure where a law wants a row kept; none where nothing hints at that.
pub(crate) fn kept_by_law(draft: &TableDraft<'_>) -> Option<String> {
    let name = table_words(&draft.table.name);
    let is_kept = name.iter().any(|word| KEPT.contains(&word.as_str()));
    let date = dated(draft.table).filter(|_| is_kept)?;
    Some(format!(
        "erase = {{ retain = {{ basis = \"legal_obligation\", reason = \"tax law\", years = 10, from = {} }} }}",
        super::text::string(date)
    ))
}

/// A column that tells when a row came to be.
fn dated(table: &Table) -> Option<&str> {
    use adieu_core::FieldType::{Date, Datetime, String};
    let could = table.columns.iter().filter(|column| {
        let name = words(&column.name);
        let ends = |end: &str| name.last().is_some_and(|word| word == end);
        matches!(column.field_type, Date | Datetime)
            || column.field_type == String && (ends("date") || ends("at") || ends("on"))
    });
    let found = could.max_by_key(|column| {
        (
            column.not_null,
            words(&column.name).contains(&"created".to_owned()),
        )
    })?;
    Some(&found.name)
}

fn guesses(draft: &TableDraft<'_>, remarks: &mut Vec<String>) {
    for way in &draft.ways {
        let columns: Vec<&str> = way.locals().collect();
        match way.kind {
            WayKind::Guessed if draft.active => remarks.push(format!(
                "GUESS: no foreign key says that {} leads to `{}`; its name and type do",
                listed(&columns),
                way.target
            )),
            WayKind::Polymorphic => remarks.push(format!(
                "GUESS: look how {} spells the kind of row that {} leads to; written wrong, nothing is found",
                listed(&way.constants.iter().map(|(column, _)| column.as_str()).collect::<Vec<_>>()),
                listed(&columns)
            )),
            WayKind::Guessed | WayKind::Enforced(_) => {}
        }
    }
}

fn identities(given: &Given<'_>, draft: &TableDraft<'_>, remarks: &mut Vec<String>) {
    if draft.table.name != given.subject.name {
        further_addresses(given, draft, remarks);
        return;
    }
    for (kind, column) in given.identities {
        if !draft.table.is_unique(column) {
            remarks.push(format!(
                "`{column}` is not unique: all rows with one {kind} are taken for one person. To find other systems by it, add yields = {{ {kind} = {} }}",
                super::text::string(column)
            ));
        }
    }
}

/// A column of e-mail addresses beside the one that the person is known by.
fn further_addresses(given: &Given<'_>, draft: &TableDraft<'_>, remarks: &mut Vec<String>) {
    let own = personal(given.subject);
    let sort_of = |name: &str| {
        own.iter()
            .find(|(column, _)| column.name == name)
            .map(|(_, sort)| *sort)
    };
    let Some((kind, _)) = given
        .identities
        .iter()
        .find(|(_, column)| sort_of(column) == Some(Sort::Email))
    else {
        return;
    };
    for (name, _) in draft
        .looks_personal
        .iter()
        .filter(|(_, sort)| *sort == Sort::Email)
    {
        if draft.subject.is_empty() {
            remarks.push(format!(
                "When `{name}` is always the person's own, add yields = {{ {kind} = {} }}: it finds her elsewhere too",
                super::text::string(name)
            ));
        }
    }
}

fn triggers_and_views(given: &Given<'_>, draft: &TableDraft<'_>, remarks: &mut Vec<String>) {
    let changes = !matches!(draft.erase, Erasing::Delete);
    for trigger in given
        .around
        .triggers
        .iter()
        .filter(|one| one.table == draft.table.name)
    {
        let event = match (trigger.on_delete && !changes, trigger.on_update && changes) {
            (true, _) => "DELETE",
            (_, true) => "UPDATE",
            _ => continue,
        };
        remarks.push(format!(
            "The trigger `{}` runs on each {event}: look whether it copies the row somewhere, because what it does is not counted",
            trigger.name
        ));
    }
    let views = |is_copy: bool| -> Vec<&str> {
        let all = given.around.views.iter();
        all.filter(|view| view.table == draft.table.name && view.is_copy == is_copy)
            .map(|view| view.name.as_str())
            .collect()
    };
    if !views(true).is_empty() {
        remarks.push(format!(
            "{} holds a copy of these rows: refresh it after an erasure",
            listed(&views(true))
        ));
    }
    if !views(false).is_empty() {
        remarks.push(format!(
            "Shown by the view {}; nothing to do there",
            listed(&views(false))
        ));
    }
}

fn keys(given: &Given<'_>, draft: &TableDraft<'_>, remarks: &mut Vec<String>) {
    let own = &draft.table.name;
    let mut along: [Vec<&str>; 2] = [Vec::new(), Vec::new()];
    for (child, key) in given.catalogue.leading_to(own) {
        if child.name == *own {
            let columns: Vec<&str> = key.pairs.iter().map(|(local, _)| local.as_str()).collect();
            remarks.push(format!(
                "Rows refer to each other by {}: those that refer to the person's may be somebody else's, and are not followed",
                listed(&columns)
            ));
            continue;
        }
        match key.on_delete {
            OnDelete::Refuse => {}
            OnDelete::Cascade => along[0].push(&child.name),
            OnDelete::Change => along[1].push(&child.name),
        }
    }
    for (what, tables) in ["ON DELETE CASCADE", "ON DELETE SET NULL or SET DEFAULT"]
        .into_iter()
        .zip(&mut along)
    {
        tables.dedup();
        if !tables.is_empty() {
            remarks.push(format!(
                "{what} from {}: its rows are seen to first, so that each is counted",
                listed(tables)
            ));
        }
    }
}

/// What the person's own row leads to, and others' rows too.
fn shared(given: &Given<'_>, draft: &TableDraft<'_>, remarks: &mut Vec<String>) {
    if draft.table.name != given.subject.name {
        return;
    }
    let own = &draft.table.name;
    let is_shared = |target: &str| {
        let mut others = given.catalogue.leading_to(target);
        target != own && others.any(|(child, _)| child.name != *own)
    };
    let mut targets: Vec<&str> = draft
        .table
        .foreign_keys
        .iter()
        .map(|key| key.target.as_str())
        .collect();
    targets.retain(|target| is_shared(target));
    targets.sort_unstable();
    targets.dedup();
    if !targets.is_empty() {
        remarks.push(format!(
            "It leads to {}: what else hangs on that may be shared with others, and is not followed",
            listed(&targets)
        ));
    }
}

fn partitions(given: &Given<'_>, table: &Table, remarks: &mut Vec<String>) {
    let of_it = format!("a partition of `{}`", table.name);
    let count = given
        .catalogue
        .others
        .values()
        .filter(|what| **what == of_it)
        .count();
    if count > 0 {
        remarks.push(format!(
            "Its {count} partitions are mapped as a whole, here"
        ));
    }
}

pub(crate) fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
