//! Which columns look personal, by their names in several languages and by their types. A name is only a hint: what looks
//! personal is shown to a person, who decides.

use adieu_core::FieldType;

use super::words::{has, words};
use crate::catalogue::{Column, ColumnType, Table};

/// What a column seems to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sort {
    Secret,
    Email,
    Ip,
    Device,
    Bank,
    Official,
    Birth,
    Phone,
    Name,
    Address,
    Traits,
    Picture,
    Profile,
    FreeText,
    Json,
}

impl Sort {
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Secret => "a secret",
            Self::Email => "an e-mail address",
            Self::Ip => "an IP address",
            Self::Device => "a device",
            Self::Bank => "a means of payment",
            Self::Official => "an official number",
            Self::Birth => "a date of birth",
            Self::Phone => "a phone number",
            Self::Name => "a name",
            Self::Address => "an address",
            Self::Traits => "a trait of the person",
            Self::Picture => "a picture",
            Self::Profile => "a profile elsewhere",
            Self::FreeText => "free text",
            Self::Json => "JSON, which may hold anything",
        }
    }

    /// Whether it tells who somebody is.
    fn names_somebody(self) -> bool {
        matches!(
            self,
            Self::Email | Self::Phone | Self::Name | Self::Birth | Self::Official
        )
    }

    /// Whether a column of this type could hold it.
    fn fits(self, column: &Column) -> bool {
        use Sort::{
            Address, Bank, Birth, Device, FreeText, Ip, Json, Official, Phone, Picture, Secret,
        };
        match column.field_type {
            FieldType::Boolean | FieldType::Time | FieldType::Duration => false,
            FieldType::Date | FieldType::Datetime => self == Birth,
            FieldType::Integer | FieldType::Number => {
                matches!(self, Phone | Bank | Official | Birth | Address | Ip)
            }
            FieldType::Binary => matches!(self, Picture | Secret | Ip | Bank | Official),
            FieldType::Uuid => self == Device,
            FieldType::Array | FieldType::Object => !matches!(self, FreeText | Json),
            _ => true,
        }
    }
}

/// In the order in which a name is tried: what is more special comes first.
const PATTERNS: &[(Sort, &[&str])] = &[
    (
        Sort::Secret,
        &[
            "password",
            "passwd",
            "pwd",
            "passphrase",
            "passwort",
            "kennwort",
            "mot de passe",
            "contrasena",
            "secret",
            "private key",
            "api key",
            "access key",
            "token",
            "otp",
            "totp",
            "salt",
            "activation code",
            "verification code",
            "confirmation code",
            "reset code",
            "recovery code",
            "invite code",
            "credential",
            "security question",
            "security answer",
        ],
    ),
    (
        Sort::Email,
        &[
            "email",
            "e mail",
            "mail",
            "mailadresse",
            "courriel",
            "correo",
            "epost",
            "e post",
            "posta elettronica",
        ],
    ),
    (
        Sort::Ip,
        &[
            "ip",
            "ipaddr",
            "ipv 4",
            "ipv 6",
            "remote addr",
            "remote address",
            "x forwarded for",
            "ip adresse",
        ],
    ),
    (
        Sort::Device,
        &[
            "device id",
            "device",
            "device token",
            "imei",
            "imsi",
            "idfa",
            "idfv",
            "gaid",
            "aaid",
            "udid",
            "advertising id",
            "android id",
            "mac address",
            "mac",
            "user agent",
            "fingerprint",
            "browser",
            "cookie",
            "cookie id",
            "session id",
            "visitor id",
            "anonymous id",
            "tracking id",
            "push token",
        ],
    ),
    (
        Sort::Bank,
        &[
            "iban",
            "bic",
            "swift",
            "account number",
            "account holder",
            "bank account",
            "kontonummer",
            "kontoinhaber",
            "blz",
            "routing number",
            "sort code",
            "card number",
            "card holder",
            "last 4",
            "card last 4",
            "pan",
            "cvv",
            "cvc",
            "credit card",
            "kreditkarte",
            "exp month",
            "exp year",
            "paypal",
            "wallet address",
        ],
    ),
    (
        Sort::Official,
        &[
            "ssn",
            "social security",
            "social security number",
            "national id",
            "national insurance",
            "nino",
            "passport",
            "passport number",
            "id card",
            "identity card",
            "identity number",
            "personalausweis",
            "ausweisnummer",
            "tax id",
            "tax number",
            "taxpayer id",
            "steuernummer",
            "steuer id",
            "tin",
            "vat id",
            "vat number",
            "ustid",
            "cpf",
            "curp",
            "dni",
            "nie",
            "nif",
            "bsn",
            "pesel",
            "insee",
            "codice fiscale",
            "aadhaar",
            "driver license",
            "driving licence",
            "driving license",
            "fuehrerschein",
            "license plate",
            "licence plate",
            "kennzeichen",
            "insurance number",
            "versicherungsnummer",
            "patient number",
            "student number",
            "matrikelnummer",
            "personnel number",
            "personalnummer",
        ],
    ),
    (
        Sort::Birth,
        &[
            "birth",
            "birthday",
            "birth date",
            "date of birth",
            "birth year",
            "dob",
            "born",
            "born on",
            "born at",
            "geburtstag",
            "geburtsdatum",
            "geburtsjahr",
            "geburtsort",
            "naissance",
            "nacimiento",
            "nascita",
            "nascimento",
            "geboortedatum",
            "fodelsedatum",
            "age",
        ],
    ),
    (
        Sort::Phone,
        &[
            "phone",
            "phone number",
            "telephone",
            "tel",
            "mobile",
            "cell",
            "cellphone",
            "fax",
            "telefon",
            "telefonnummer",
            "telefono",
            "telefone",
            "telefoon",
            "telefax",
            "handy",
            "handynummer",
            "mobil",
            "mobilnummer",
            "mobiltelefon",
            "rufnummer",
            "portable",
            "movil",
            "celular",
            "cellulare",
            "gsm",
            "msisdn",
            "whatsapp",
        ],
    ),
    (
        Sort::Name,
        &[
            "first name",
            "last name",
            "full name",
            "middle name",
            "family name",
            "given name",
            "display name",
            "user name",
            "nick name",
            "nick",
            "maiden name",
            "real name",
            "legal name",
            "birth name",
            "contact name",
            "customer name",
            "person name",
            "holder name",
            "forename",
            "surname",
            "salutation",
            "vorname",
            "nachname",
            "familienname",
            "geburtsname",
            "benutzername",
            "anrede",
            "nom",
            "prenom",
            "nombre",
            "apellido",
            "nome",
            "cognome",
            "sobrenome",
            "voornaam",
            "achternaam",
            "fornamn",
            "efternamn",
            "imie",
            "nazwisko",
            "login",
            "recipient",
            "contact person",
            "ansprechpartner",
        ],
    ),
    (
        Sort::Address,
        &[
            "address",
            "address line",
            "street",
            "house number",
            "house no",
            "city",
            "town",
            "zip",
            "zip code",
            "postal",
            "postal code",
            "post code",
            "plz",
            "postleitzahl",
            "ort",
            "wohnort",
            "stadt",
            "strasse",
            "hausnummer",
            "anschrift",
            "adresse",
            "direccion",
            "calle",
            "ciudad",
            "rue",
            "ville",
            "indirizzo",
            "citta",
            "endereco",
            "rua",
            "cidade",
            "adres",
            "straat",
            "woonplaats",
            "po box",
            "latitude",
            "longitude",
            "lat",
            "lng",
            "lon",
            "geolocation",
            "geo location",
            "coordinate",
            "bill to",
            "ship to",
        ],
    ),
    (
        Sort::Traits,
        &[
            "gender",
            "sex",
            "geschlecht",
            "pronoun",
            "nationality",
            "staatsangehorigkeit",
            "citizenship",
            "ethnicity",
            "ethnic",
            "race",
            "religion",
            "konfession",
            "marital status",
            "familienstand",
            "disability",
            "health",
            "diagnosis",
            "blood type",
            "blood group",
            "allergy",
            "medication",
            "salary",
            "gehalt",
            "income",
            "occupation",
            "profession",
            "beruf",
            "job title",
        ],
    ),
    (
        Sort::Picture,
        &[
            "avatar",
            "photo",
            "picture",
            "selfie",
            "signature",
            "unterschrift",
            "foto",
            "profilbild",
            "portrait",
        ],
    ),
    (
        Sort::Profile,
        &[
            "website",
            "homepage",
            "linkedin",
            "twitter",
            "facebook",
            "instagram",
            "github",
            "telegram",
            "skype",
            "discord",
            "tiktok",
            "provider user id",
            "google id",
            "apple id",
        ],
    ),
    (
        Sort::FreeText,
        &[
            "note",
            "comment",
            "message",
            "remark",
            "bemerkung",
            "notiz",
            "kommentar",
            "nachricht",
            "anmerkung",
            "commentaire",
            "nota",
            "comentario",
            "mensaje",
            "messaggio",
            "text",
            "freitext",
            "body",
            "content",
            "bio",
            "biography",
            "about me",
            "feedback",
            "review",
            "memo",
            "transcript",
            "search query",
            "complaint",
            "beschwerde",
        ],
    ),
    (
        Sort::Json,
        &[
            "json",
            "metadata",
            "meta",
            "payload",
            "property",
            "attribute",
            "extra",
            "custom field",
            "preference",
            "raw data",
        ],
    ),
];

/// What is personal only beside other columns that are: a product has a name too, and an order a state.
const IN_COMPANY: &[(Sort, &[&str])] = &[
    (
        Sort::Name,
        &["name", "company", "firma", "title", "initial"],
    ),
    (
        Sort::Address,
        &[
            "state",
            "country",
            "region",
            "province",
            "county",
            "district",
            "land",
            "kanton",
            "bundesland",
            "pays",
            "pais",
        ],
    ),
];

/// At the end of a name these make something else of it: `email_verified`, `device_type`, `phone_number_sid`.
const ENDS: &[&str] = &[
    "id",
    "sid",
    "uuid",
    "guid",
    "at",
    "on",
    "by",
    "count",
    "total",
    "type",
    "kind",
    "status",
    "verified",
    "validated",
    "valid",
    "confirmed",
    "enabled",
    "disabled",
    "allowed",
    "required",
    "sent",
    "format",
    "length",
    "template",
    "hook",
    "provider",
    "version",
    "limit",
    "interval",
    "port",
    "url path",
    "opt in",
    "opt out",
    "priority",
    "expiry",
    "expires",
    "ratio",
];

/// The columns of a table that look personal, and what they seem to hold. Keys that lead elsewhere are not among them.
pub(crate) fn personal(table: &Table) -> Vec<(&Column, Sort)> {
    let leads_elsewhere = |column: &Column| {
        let mut keys = table.foreign_keys.iter();
        keys.any(|key| key.pairs.iter().any(|(local, _)| *local == column.name))
    };
    let own = || table.columns.iter().filter(|one| !leads_elsewhere(one));
    let sure: Vec<Sort> = own().filter_map(|one| sort(one, PATTERNS)).collect();
    let of_somebody = sure.iter().any(|sort| sort.names_somebody());
    let of_a_place = sure.contains(&Sort::Address);
    own()
        .filter_map(|column| {
            let beside = || {
                sort(column, IN_COMPANY).filter(|sort| match sort {
                    Sort::Address => of_a_place,
                    _ => of_somebody,
                })
            };
            let found = sort(column, PATTERNS).or_else(beside)?;
            Some((column, found))
        })
        .collect()
}

/// Whether the rows of a table seem to be about persons: they have a name, an address to write to or a date of birth.
pub(crate) fn holds_persons(table: &Table) -> bool {
    let found = personal(table);
    let has = |wanted: Sort| found.iter().any(|(_, sort)| *sort == wanted);
    has(Sort::Name)
        && [Sort::Email, Sort::Phone, Sort::Birth, Sort::Secret]
            .into_iter()
            .any(has)
}

fn sort(column: &Column, patterns: &[(Sort, &[&str])]) -> Option<Sort> {
    if is_json(column) {
        return Some(Sort::Json);
    }
    if column.cast.as_deref() == Some("inet") {
        return Some(Sort::Ip);
    }
    let name = words(&column.name);
    let end = ENDS
        .iter()
        .filter_map(|end| has(&name, end))
        .any(|at| at == name.len());
    let matches = |pattern: &&&str| has(&name, pattern).is_some_and(|at| !end || at == name.len());
    patterns
        .iter()
        .filter(|(sort, _)| sort.fits(column))
        .find(|(_, patterns)| patterns.iter().any(|one| matches(&one)))
        .map(|(sort, _)| *sort)
}

fn is_json(column: &Column) -> bool {
    column.nested && matches!(column.field_type, FieldType::Any | FieldType::Object)
        || column.column_type == ColumnType::Own && column.cast.as_deref() == Some("jsonb")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, field_type: FieldType) -> Option<Sort> {
        let mut column = Column::plain(name, ColumnType::Text);
        column.field_type = field_type;
        sort(&column, PATTERNS)
    }

    #[test]
    fn names_in_several_spellings_and_languages_look_personal() {
        for (name, sort) in [
            ("email", Sort::Email),
            ("EMailAddress", Sort::Email),
            ("billing_e-mail", Sort::Email),
            ("correo_electronico", Sort::Email),
            ("tel", Sort::Phone),
            ("Handynummer", Sort::Phone),
            ("firstName", Sort::Name),
            ("LASTNAME", Sort::Name),
            ("Nachname", Sort::Name),
            ("prénom", Sort::Name),
            ("card_holder", Sort::Bank),
            ("card_last4", Sort::Bank),
            ("IBAN", Sort::Bank),
            ("straße", Sort::Address),
            ("ship_to", Sort::Address),
            ("billing_zip", Sort::Address),
            ("client_ip", Sort::Ip),
            ("ipv4", Sort::Ip),
            ("user_agent", Sort::Device),
            ("device_id", Sort::Device),
            ("ssn", Sort::Official),
            ("taxId", Sort::Official),
            ("password_hash", Sort::Secret),
            ("email_activation_code", Sort::Secret),
            ("gift_message", Sort::FreeText),
            ("Notes", Sort::FreeText),
            ("born_on", Sort::Birth),
            ("marital_status", Sort::Traits),
            ("avatar", Sort::Picture),
            ("metadata", Sort::Json),
        ] {
            assert_eq!(of(name, FieldType::String), Some(sort), "{name}");
        }
    }

    #[test]
    fn what_is_about_a_value_is_not_taken_for_it() {
        for name in [
            "email_verified",
            "email_sent_at",
            "phone_number_sid",
            "device_type",
            "ip_count",
            "mailing_list_id",
            "product",
            "quantity",
            "status",
            "shipping_cost",
            "price",
            "kind",
            "path",
            "address_id",
            "zipped",
        ] {
            assert_eq!(of(name, FieldType::String), None, "{name}");
        }
        assert_eq!(of("email", FieldType::Boolean), None);
        assert_eq!(of("note", FieldType::Datetime), None);
        assert_eq!(of("birth_date", FieldType::Date), Some(Sort::Birth));
        assert_eq!(of("zip", FieldType::Integer), Some(Sort::Address));
    }

    #[test]
    fn a_name_is_personal_beside_other_words_about_a_person() {
        let table = |columns: &[&str]| Table {
            name: "t".to_owned(),
            sql: "t".to_owned(),
            key: Vec::new(),
            key_moves: false,
            lies_in: crate::catalogue::LiesIn::OnePlace,
            columns: columns
                .iter()
                .map(|name| {
                    let mut column = Column::plain(name, ColumnType::Text);
                    column.field_type = FieldType::String;
                    column
                })
                .collect(),
            unique: Vec::new(),
            foreign_keys: Vec::new(),
        };
        let names = |columns: &[&str]| {
            let table = table(columns);
            personal(&table)
                .iter()
                .map(|(column, _)| column.name.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&["name", "email"]), ["name", "email"]);
        assert!(names(&["name", "price", "state"]).is_empty());
        assert_eq!(names(&["street", "state"]), ["street", "state"]);
        assert!(holds_persons(&table(&["name", "email"])));
        assert!(!holds_persons(&table(&["name", "url"])));
    }
}
