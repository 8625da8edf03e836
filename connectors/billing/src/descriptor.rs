//! What a billing provider is and holds.

use adieu_core::{
    Collection, CollectionName, Descriptor, Field, FieldType, IdentityKind, InvalidWord, Need,
    Precedence, Processor, Schema, Support, Unreachable,
};

use crate::config::BillingConfig;
use crate::provider::Kind;

/// What a collection of this connector stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Customers,
    Records(Kind),
    Redaction,
}

impl Part {
    /// In the order in which they are erased: what goes on charging first, the customer when nothing refers to it any more.
    const ALL: [Self; 7] = [
        Self::Records(Kind::Subscriptions),
        Self::Records(Kind::PaymentMethods),
        Self::Records(Kind::Invoices),
        Self::Records(Kind::TaxIds),
        Self::Records(Kind::Charges),
        Self::Customers,
        Self::Redaction,
    ];

    /// The collection's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Records(Kind::Subscriptions) => "subscriptions",
            Self::Records(Kind::PaymentMethods) => "payment_methods",
            Self::Records(Kind::Invoices) => "invoices",
            Self::Records(Kind::Charges) => "charges",
            Self::Records(Kind::TaxIds) => "tax_ids",
            Self::Redaction => "redaction",
        }
    }

    pub(crate) fn of(name: &CollectionName) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|part| part.name() == name.as_str())
    }

    fn title(self) -> &'static str {
        match self {
            Self::Customers => "Your customer account at the payment provider",
            Self::Records(Kind::Subscriptions) => "Your subscriptions",
            Self::Records(Kind::PaymentMethods) => "Your payment methods",
            Self::Records(Kind::Invoices) => "Your invoices",
            Self::Records(Kind::Charges) => "Your payments",
            Self::Records(Kind::TaxIds) => "Your tax ids",
            Self::Redaction => "Removal of what the payment provider keeps",
        }
    }

    fn categories(self) -> &'static [&'static str] {
        match self {
            Self::Customers => &["identity", "contact"],
            Self::Records(Kind::PaymentMethods) => &["payment", "contact"],
            Self::Records(Kind::TaxIds) => &["tax"],
            Self::Records(_) => &["payment"],
            Self::Redaction => &[],
        }
    }
}

/// What the fields of a part are; whatever else the provider says is written as well.
pub(crate) fn schema(part: Part) -> Schema {
    use FieldType::{Boolean, Integer, String};
    let fields: &[(&str, FieldType, &str)] = match part {
        Part::Customers => &[
            ("name", String, "Your name"),
            ("email", String, "Your e-mail address"),
            ("phone", String, "Your telephone number"),
        ],
        Part::Records(Kind::Subscriptions) => &[("status", String, "Whether it runs or has ended")],
        Part::Records(Kind::PaymentMethods) => &[("type", String, "Card, direct debit, …")],
        Part::Records(Kind::Invoices) => &[
            ("number", String, "The number that stands on the invoice"),
            ("status", String, "Whether it is paid"),
            ("currency", String, "The currency, ISO 4217"),
            ("total", Integer, "The sum, in the currency's smallest unit"),
            (
                "hosted_invoice_url",
                String,
                "Where the invoice can be seen",
            ),
            (
                "invoice_pdf",
                String,
                "Where the invoice can be fetched as PDF",
            ),
        ],
        Part::Records(Kind::Charges) => &[
            ("status", String, "Whether it succeeded"),
            ("currency", String, "The currency, ISO 4217"),
            (
                "amount",
                Integer,
                "The sum, in the currency's smallest unit",
            ),
            ("paid", Boolean, "Whether it was paid"),
            ("receipt_url", String, "Where the receipt can be seen"),
        ],
        Part::Records(Kind::TaxIds) => &[
            ("type", String, "What sort of id it is"),
            ("value", String, "The id"),
        ],
        Part::Redaction => &[],
    };
    let field = |name: &str, field_type, description: &str| Field {
        description: Some(description.to_owned()),
        ..Field::new(name, field_type)
    };
    let common = [
        field("id", String, "The provider's name for it"),
        field(
            "created",
            Integer,
            "When it was made, in seconds since 1970",
        ),
    ];
    let own = fields
        .iter()
        .map(|(name, field_type, description)| field(name, *field_type, description));
    Schema::open(common.into_iter().chain(own))
}

/// By which kinds of identity customers are found.
#[derive(Clone, Debug)]
pub(crate) struct Kinds {
    pub(crate) customer: IdentityKind,
    pub(crate) email: Option<IdentityKind>,
    /// The kind, and the key of the metadata that holds it.
    pub(crate) metadata: Vec<(IdentityKind, String)>,
}

impl Kinds {
    pub(crate) fn read(config: &BillingConfig) -> Result<Self, InvalidWord> {
        let email = Some(&config.email).filter(|email| !email.is_empty());
        let metadata = config.metadata.iter();
        Ok(Self {
            customer: IdentityKind::new(&*config.customer)?,
            email: email.map(|email| IdentityKind::new(&**email)).transpose()?,
            metadata: metadata
                .map(|(kind, key)| Ok((IdentityKind::new(&**kind)?, key.clone())))
                .collect::<Result<_, InvalidWord>>()?,
        })
    }

    fn needs(&self) -> Vec<Need> {
        let metadata = self.metadata.iter().map(|(kind, _)| kind);
        let all = [&self.customer]
            .into_iter()
            .chain(&self.email)
            .chain(metadata);
        all.map(|kind| Need::one(kind.clone())).collect()
    }
}

/// The descriptor of an account at a provider of this name, which does not reach this.
pub(crate) fn descriptor(
    name: adieu_core::ConnectorName,
    config: &BillingConfig,
    kinds: &Kinds,
    company: &str,
    unreachable: Vec<Unreachable>,
) -> Result<Descriptor, InvalidWord> {
    let processor = Processor {
        name: Some(company.to_owned()),
        location: config.location.clone(),
    };
    let mut descriptor = Descriptor::new(name, "billing", processor);
    for part in Part::ALL {
        if part == Part::Redaction && !config.redaction {
            continue;
        }
        let mut collection = Collection::new(CollectionName::new(part.name())?, kinds.needs());
        collection.title = Some(part.title().to_owned());
        collection.purpose.clone_from(&config.purpose);
        collection.categories = part
            .categories()
            .iter()
            .map(|&word| word.to_owned())
            .collect();
        collection.legal_basis = config.legal_basis;
        match part {
            Part::Customers => {
                collection.yields.insert(kinds.customer.clone());
            }
            Part::Redaction => {
                let why = "it is what is done to the others, and holds nothing of its own";
                collection.export = Support::Refused(why.to_owned());
            }
            Part::Records(_) => {}
        }
        descriptor.collections.push(collection);
    }
    descriptor.unreachable = config
        .unreachable
        .iter()
        .cloned()
        .chain(unreachable)
        .collect();
    // The most reported harm: the account is gone and the card is still charged.
    descriptor.precedence = Precedence::First;
    descriptor.may_block = true;
    Ok(descriptor)
}
