//! What an e-mail provider is and holds.

use adieu_core::{
    Collection, CollectionName, ConnectorName, Descriptor, Disposition, Field, FieldType,
    IdentityKind, InvalidWord, Need, Processor, Retention, RetentionBasis, Schema, Support,
    Unreachable,
};

use crate::config::{EmailConfig, SuppressionPolicy};
use crate::provider::List;

/// What a collection of this connector stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Contacts,
    Suppressions,
    /// What belongs to a contact.
    Of(List),
    Broadcasts,
}

impl Part {
    /// In the order in which they are erased: as long as there is a contact, nothing else may keep mail from it.
    const ALL: [Self; 5] = [
        Self::Contacts,
        Self::Of(List::Segments),
        Self::Of(List::Topics),
        Self::Suppressions,
        Self::Broadcasts,
    ];

    /// The collection's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Contacts => "contacts",
            Self::Of(List::Segments) => "segments",
            Self::Of(List::Topics) => "topics",
            Self::Suppressions => "suppressions",
            Self::Broadcasts => "broadcasts",
        }
    }

    pub(crate) fn of(name: &CollectionName) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|part| part.name() == name.as_str())
    }

    fn title(self) -> &'static str {
        match self {
            Self::Contacts => "Your entry in the mailing lists",
            Self::Of(List::Segments) => "The groups that you were put into",
            Self::Of(List::Topics) => "What you want to be mailed about",
            Self::Suppressions => "The note that your address is not to be mailed",
            Self::Broadcasts => "Newsletters that were sent to you, and what became of them",
        }
    }

    fn categories(self) -> &'static [&'static str] {
        match self {
            Self::Contacts => &["identity", "contact"],
            Self::Suppressions => &["contact"],
            Self::Of(_) => &["preferences"],
            Self::Broadcasts => &["communication", "behaviour"],
        }
    }

    fn erasure(self) -> Support {
        match self {
            Self::Contacts | Self::Suppressions => Support::Offered,
            Self::Of(_) => Support::Refused("it goes with the contact".to_owned()),
            Self::Broadcasts => Support::Refused(NO_WAY.to_owned()),
        }
    }
}

const NO_WAY: &str = "the provider has no way to delete it; it goes with the broadcast";

/// What an erasure does to a record of a part; `None` where it can do nothing. The survey and the act ask the same.
pub(crate) fn disposition(part: Part, policy: SuppressionPolicy) -> Option<Disposition> {
    match (part, policy) {
        (Part::Contacts | Part::Of(_), _) | (Part::Suppressions, SuppressionPolicy::Delete) => {
            Some(Disposition::Erase)
        }
        (Part::Suppressions, SuppressionPolicy::Keep) => Some(Disposition::Retain {
            retention: Retention {
                basis: RetentionBasis::LegalObligation,
                reason: "so that this address is not mailed again: whoever objects is not to be \
                         mailed any more (GDPR Art. 21(3)), and without this note nobody would know"
                    .to_owned(),
                until: None,
            },
            pseudonymize: false,
        }),
        (Part::Broadcasts, _) => None,
    }
}

/// What the fields of a part are; whatever else the provider says is written as well.
pub(crate) fn schema(part: Part) -> Schema {
    use FieldType::{Boolean, Object, String};
    let fields: &[(&str, FieldType, &str)] = match part {
        Part::Contacts => &[
            ("id", String, "The provider's name for it"),
            ("email", String, "Your e-mail address"),
            ("first_name", String, "Your first name"),
            ("last_name", String, "Your last name"),
            ("created_at", String, "When it was made"),
            (
                "unsubscribed",
                Boolean,
                "Whether you want no broadcasts at all",
            ),
            ("properties", Object, "What else was noted about you"),
        ],
        Part::Of(List::Segments) => &[
            ("contact_id", String, "Which entry of yours it belongs to"),
            ("id", String, "The provider's name for the group"),
            ("name", String, "The group's name"),
        ],
        Part::Of(List::Topics) => &[
            ("contact_id", String, "Which entry of yours it belongs to"),
            ("id", String, "The provider's name for the topic"),
            ("name", String, "The topic's name"),
            ("subscription", String, "Whether you opted in or out"),
        ],
        Part::Suppressions => &[
            ("id", String, "The provider's name for it"),
            ("email", String, "Your e-mail address"),
            (
                "origin",
                String,
                "Why: a bounce, a complaint, or by somebody's hand",
            ),
            ("created_at", String, "Since when"),
        ],
        Part::Broadcasts => &[
            ("id", String, "The provider's name for the broadcast"),
            ("email", String, "The address that it was sent to"),
            ("subject", String, "Its subject"),
            ("from", String, "Who sent it"),
            ("sent_at", String, "When it was sent"),
            (
                "events",
                Object,
                "What became of it: delivered, opened, clicked, …",
            ),
        ],
    };
    let field = |(name, field_type, description): &(&str, FieldType, &str)| Field {
        description: Some((*description).to_owned()),
        ..Field::new(*name, *field_type)
    };
    Schema::open(fields.iter().map(field))
}

/// The descriptor of an account at a provider of this name, which does not reach this.
pub(crate) fn descriptor(
    name: ConnectorName,
    config: &EmailConfig,
    kind: &IdentityKind,
    company: &str,
    unreachable: Vec<Unreachable>,
) -> Result<Descriptor, InvalidWord> {
    let processor = Processor {
        name: Some(company.to_owned()),
        location: config.location.clone(),
    };
    let mut descriptor = Descriptor::new(name, "email", processor);
    for part in Part::ALL {
        if part == Part::Broadcasts && !config.broadcasts {
            continue;
        }
        let name = CollectionName::new(part.name())?;
        let mut collection = Collection::new(name, [Need::one(kind.clone())]);
        collection.title = Some(part.title().to_owned());
        collection.purpose.clone_from(&config.purpose);
        collection.categories = part
            .categories()
            .iter()
            .map(|&word| word.to_owned())
            .collect();
        collection.legal_basis = config.legal_basis;
        collection.erasure = part.erasure();
        descriptor.collections.push(collection);
    }
    descriptor.unreachable = config
        .unreachable
        .iter()
        .cloned()
        .chain(unreachable)
        .collect();
    Ok(descriptor)
}
