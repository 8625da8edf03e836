//! What the connector says of itself, from its configuration alone.

use std::collections::BTreeSet;

use adieu_core::{
    Collection, ConnectorName, Descriptor, IdentityKind, Need, Processor, Unreachable,
};

use crate::config::{ColumnMapping, Mapping, SqlConfig, TableMapping, TableRule};
use crate::dialect::Database;

/// Describes a database, which may be run by a known host.
pub(crate) fn describe(
    name: ConnectorName,
    config: &SqlConfig,
    mapping: &Mapping,
    database: &Database,
) -> Descriptor {
    let host = database.host();
    let company = host.map(|host| host.company.to_owned());
    let processor = Processor {
        name: config.processor.clone().or(company),
        location: config.location.clone(),
    };
    let mut descriptor = Descriptor::new(name, "sql", processor);
    descriptor.collections = mapping
        .tables
        .iter()
        .map(|rule| collection(config, mapping, rule))
        .collect();
    descriptor.unreachable = unreachable(config, mapping);
    if let Some([what, why, lives_for]) = host.map(|host| host.keeps.map(str::to_owned)) {
        let lives_for = Some(lives_for);
        let kept = Unreachable {
            what,
            why,
            lives_for,
        };
        descriptor.unreachable.push(kept);
    }
    descriptor.precedence = config.precedence;
    descriptor.may_block = mapping.tables.iter().any(|rule| !rule.blockers.is_empty());
    descriptor.limits.concurrent_steps = config.connections.get();
    descriptor.limits.records_per_step = database.erase_rows(config.erase_rows);
    descriptor
}

fn collection(config: &SqlConfig, mapping: &Mapping, rule: &TableRule) -> Collection {
    let mut collection = Collection::new(rule.name.clone(), needs(mapping, rule));
    collection.yields = yields(rule);
    if let Some(TableMapping {
        title,
        purpose,
        categories,
        legal_basis,
        storage_period,
        ..
    }) = config.tables.get(rule.name.as_str())
    {
        collection.title.clone_from(title);
        collection.purpose.clone_from(purpose);
        collection.categories.clone_from(categories);
        collection.legal_basis = *legal_basis;
        collection.storage_period.clone_from(storage_period);
    }
    collection
}

/// By what a row is found: by the identities in it, or by those of a row that it refers to.
fn needs(mapping: &Mapping, rule: &TableRule) -> BTreeSet<Need> {
    let own = rule.subject.iter().map(|(kind, _)| Need::one(kind.clone()));
    let parents = rule
        .references
        .iter()
        .filter_map(|reference| mapping.table(&reference.table));
    let needs = own.chain(parents.flat_map(|parent| needs(mapping, parent)));
    needs
        .map(|need| {
            if rule.tenant.is_some() {
                need.within_tenant()
            } else {
                need
            }
        })
        .collect()
}

fn yields(rule: &TableRule) -> BTreeSet<IdentityKind> {
    rule.subject
        .iter()
        .chain(&rule.yields)
        .map(|(kind, _)| kind.clone())
        .collect()
}

fn unreachable(config: &SqlConfig, mapping: &Mapping) -> Vec<Unreachable> {
    let mut unreachable = config.unreachable.clone();
    let mut add = |what: String, why: String| {
        if !unreachable.iter().any(|known| known.what == what) {
            unreachable.push(Unreachable {
                what,
                why,
                lives_for: None,
            });
        }
    };
    add(
        "backups".to_owned(),
        "copies of the database outlive what is erased in it".to_owned(),
    );
    add(
        "what other people wrote about the person".to_owned(),
        "rows of others are theirs; they are neither exported nor erased here".to_owned(),
    );
    for (table, reason) in &config.omit {
        add(format!("table `{table}`"), format!("left out: {reason}"));
    }
    for rule in &mapping.tables {
        for (column, mapped) in &rule.columns {
            let (how, reason) = match mapped {
                ColumnMapping::Omit(reason) => ("left out of the export", reason),
                ColumnMapping::Mask(reason) => ("masked in the export", reason),
                ColumnMapping::Keep(reason) => ("kept in an erasure", reason),
            };
            add(
                format!("column `{column}` of `{}`", rule.name),
                format!("{how}: {reason}"),
            );
        }
    }
    unreachable
}
