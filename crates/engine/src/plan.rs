//! Which collections a request reaches, in which order: computed before any I/O.

use std::collections::BTreeSet;
use std::sync::Arc;

use adieu_core::{
    Collection, CollectionName, Connector, ConnectorName, IdentityKind, Precedence, Subject,
};
use serde::{Deserialize, Serialize};

/// What a request can reach with what is known of the subject, and in which order systems are erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The kinds of identity that are known or can be yielded on the way.
    pub kinds: BTreeSet<IdentityKind>,
    /// Groups of connectors; one group is erased after the other, the connectors within a group at once.
    pub erasure_order: Vec<Vec<ConnectorName>>,
    /// Collections that nothing known or yielded can reach.
    pub unreached: Vec<Unreached>,
}

/// A collection that no identity can reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreached {
    /// Of which connector.
    pub connector: ConnectorName,
    /// Which collection.
    pub collection: CollectionName,
    /// What it would need: one of these lists of kinds.
    pub needs: Vec<String>,
}

impl Plan {
    /// Computes the plan from what the connectors say of themselves.
    pub fn new(connectors: &[Arc<dyn Connector>], subject: &Subject) -> Self {
        let mut kinds: BTreeSet<IdentityKind> = subject
            .identities()
            .map(|identity| identity.kind().clone())
            .collect();
        let has_tenant = subject.tenant().is_some();
        loop {
            let before = kinds.len();
            for collection in collections(connectors) {
                if can_reach(collection, &kinds, has_tenant) {
                    kinds.extend(collection.yields.iter().cloned());
                }
            }
            if kinds.len() == before {
                break;
            }
        }
        let unreached = unreached(connectors, &kinds, has_tenant);
        Self {
            kinds,
            erasure_order: erasure_order(connectors),
            unreached,
        }
    }

    /// Gives up hope for identities that are not known: what they alone could reach is unreached.
    pub(crate) fn keep_to(&mut self, connectors: &[Arc<dyn Connector>], known: &Subject) {
        self.kinds = known
            .identities()
            .map(|identity| identity.kind().clone())
            .collect();
        self.unreached = unreached(connectors, &self.kinds, known.tenant().is_some());
    }

    /// Whether nothing known or yielded can reach this collection.
    pub fn is_unreached(&self, connector: &ConnectorName, collection: &CollectionName) -> bool {
        self.unreached
            .iter()
            .any(|entry| entry.connector == *connector && entry.collection == *collection)
    }
}

fn unreached(
    connectors: &[Arc<dyn Connector>],
    kinds: &BTreeSet<IdentityKind>,
    has_tenant: bool,
) -> Vec<Unreached> {
    connectors
        .iter()
        .flat_map(|connector| {
            let descriptor = connector.descriptor();
            descriptor
                .collections
                .iter()
                .filter(|collection| !can_reach(collection, kinds, has_tenant))
                .map(|collection| Unreached {
                    connector: descriptor.name.clone(),
                    collection: collection.name.clone(),
                    needs: needs_in_words(collection),
                })
        })
        .collect()
}

/// What a collection needs, one text for each way to reach it: `tenant and customer_id`.
pub(crate) fn needs_in_words(collection: &Collection) -> Vec<String> {
    collection
        .needs
        .iter()
        .map(|need| {
            let tenant = need.tenant.then_some("tenant");
            let kinds = need.all_of.iter().map(IdentityKind::as_str);
            tenant
                .into_iter()
                .chain(kinds)
                .collect::<Vec<_>>()
                .join(" and ")
        })
        .collect()
}

fn collections(connectors: &[Arc<dyn Connector>]) -> impl Iterator<Item = &Collection> {
    connectors
        .iter()
        .flat_map(|connector| connector.descriptor().collections.iter())
}

fn can_reach(collection: &Collection, kinds: &BTreeSet<IdentityKind>, has_tenant: bool) -> bool {
    collection.needs.iter().any(|need| {
        !need.all_of.is_empty() && need.all_of.is_subset(kinds) && (has_tenant || !need.tenant)
    })
}

/// First what goes on acting while it exists, then the rest, last the systems that yield identities to others.
fn erasure_order(connectors: &[Arc<dyn Connector>]) -> Vec<Vec<ConnectorName>> {
    let mut groups: [Vec<ConnectorName>; 3] = Default::default();
    for connector in connectors {
        let descriptor = connector.descriptor();
        let yields: BTreeSet<_> = descriptor
            .collections
            .iter()
            .flat_map(|collection| &collection.yields)
            .collect();
        let yields_to_others = connectors
            .iter()
            .filter(|other| other.descriptor().name != descriptor.name)
            .flat_map(|other| &other.descriptor().collections)
            .flat_map(|collection| &collection.needs)
            .any(|need| need.all_of.iter().any(|kind| yields.contains(kind)));
        let group = match descriptor.precedence {
            Precedence::First => 0,
            Precedence::Any if !yields_to_others => 1,
            Precedence::Any => 2,
        };
        groups[group].push(descriptor.name.clone());
    }
    groups
        .into_iter()
        .filter(|group| !group.is_empty())
        .collect()
}
