//! Replacing a value so that it no longer points to the person.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use adieu_core::Secret;
use aws_lc_rs::hmac;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::catalogue::Column;
use crate::config::{Constant, DatePrecision, Pseudonymizer};
use crate::constant::max_chars;
use crate::dialect::sql::column;
use crate::dialect::{Cell, Dialect, Sql, Value};

/// What replaces the values of one column.
pub(crate) struct Pseudonym {
    dialect: Dialect,
    column: Column,
    way: Way,
}

enum Way {
    Constant(Value),
    Unique(Unique),
    Hash(Box<hmac::Key>),
    Truncate,
    Date(DatePrecision),
}

const UNIQUE_PREFIX: &str = "erased-";
const UNIQUE_DIGITS: usize = 20;
/// With fewer, two rows would meet too easily.
const MIN_UNIQUE_DIGITS: usize = 8;
/// The shortest column that a unique value fits in.
pub(crate) const MIN_UNIQUE_CHARS: usize = UNIQUE_PREFIX.len() + MIN_UNIQUE_DIGITS;
/// All letters and digits, so that a few of them are many.
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// RFC 2606: nobody can ever receive mail there.
const UNIQUE_DOMAIN: &str = "@erased.invalid";
const HASH_PREFIX: &str = "hashed-";
const HASH_DIGITS: usize = 32;
const MARK_DIGITS: usize = 16;
/// How long a hash is.
pub(crate) const HASH_CHARS: usize = HASH_PREFIX.len() + HASH_DIGITS + MARK_DIGITS;

impl Pseudonym {
    /// `mail` says that the column holds e-mail addresses.
    pub(crate) fn new(
        dialect: Dialect,
        column: &Column,
        mail: bool,
        pseudonymizer: &Pseudonymizer,
        key: Option<&Secret>,
    ) -> Self {
        let way = match pseudonymizer {
            Pseudonymizer::Null => Way::Constant(Value::Null),
            Pseudonymizer::Value(constant) => {
                Way::Constant(dialect.coerced(column.column_type, constant.to_value()))
            }
            Pseudonymizer::Unique => Way::Unique(Unique::within(max_chars(column), mail)),
            Pseudonymizer::Hash => Way::Hash(Box::new(hmac::Key::new(
                hmac::HMAC_SHA256,
                key.map_or(&[], |key| key.expose().as_bytes()),
            ))),
            Pseudonymizer::Truncate => Way::Truncate,
            Pseudonymizer::Date(precision) => Way::Date(*precision),
        };
        Self {
            dialect,
            column: column.clone(),
            way,
        }
    }

    /// What [`Pseudonym::replacement`] needs to know of a row: the value, or whether it is the constant already, where
    /// only the database can tell.
    pub(crate) fn fact(&self, alias: &str) -> Sql {
        let plain = column(alias, &self.column.name);
        match &self.way {
            Way::Constant(value) => self.dialect.is_stored(&self.column, &plain, value),
            _ => None,
        }
        .unwrap_or_else(|| Sql::text(self.dialect.restored(&self.column, alias)))
    }

    /// What is written when the value stays.
    pub(crate) fn kept(&self, cell: Cell<'_>) -> Value {
        match &self.way {
            Way::Constant(value) => value.clone(),
            _ => cell.to_value(),
        }
    }

    /// What the value becomes; `None` when it stays, because it is replaced already or there is nothing to replace.
    pub(crate) fn replacement(&self, cell: Cell<'_>) -> Option<Value> {
        let new = match &self.way {
            Way::Constant(value) if self.dialect.judges_constants() => {
                return (cell != Cell::Integer(1)).then(|| value.clone());
            }
            Way::Constant(value) => value.clone(),
            _ if cell == Cell::Null => return None,
            Way::Unique(unique) => {
                if unique.is_one(cell) {
                    return None;
                }
                unique.another(looks_like_mail(cell))
            }
            Way::Hash(key) => {
                if is_hash(key, cell) {
                    return None;
                }
                hash(key, cell)
            }
            Way::Truncate => truncated(cell),
            Way::Date(precision) => dated(cell, *precision),
        };
        (new.as_cell() != cell).then_some(new)
    }
}

impl Constant {
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Boolean(value) => Value::Integer(i64::from(*value)),
            Self::Integer(value) => Value::Integer(*value),
            Self::Real(value) => Value::Real(*value),
            Self::Text(text) => Value::text(text.as_str()),
        }
    }
}

/// How unique values look in one column.
#[derive(Clone, Copy)]
struct Unique {
    /// Whether the column holds e-mail addresses.
    mail: bool,
    /// How many digits fit, beside a domain and without one.
    digits: [usize; 2],
}

impl Unique {
    fn within(max_chars: Option<usize>, mail: bool) -> Self {
        let room = max_chars.unwrap_or(usize::MAX);
        let beside = |fixed: usize| room.saturating_sub(fixed).min(UNIQUE_DIGITS);
        Self {
            mail,
            digits: [
                beside(UNIQUE_PREFIX.len() + UNIQUE_DOMAIN.len()),
                beside(UNIQUE_PREFIX.len()),
            ],
        }
    }

    /// A value that no other row has; an address where it is to be one and there is room for it.
    fn another(self, looks_like_mail: bool) -> Value {
        let [mail, plain] = self.digits;
        let (digits, domain) = match self.mail || looks_like_mail {
            true if mail >= MIN_UNIQUE_DIGITS => (mail, UNIQUE_DOMAIN),
            _ => (plain, ""),
        };
        // The version and variant of a UUID do not reach down here.
        let mut random = uuid::Uuid::new_v4().as_u128() & u128::from(u64::MAX >> 2)
            | uuid::Uuid::new_v4().as_u128() << 62;
        let random: String = (0..digits)
            .map(|_| {
                let digit = DIGITS[(random % DIGITS.len() as u128) as usize];
                random /= DIGITS.len() as u128;
                char::from(digit)
            })
            .collect();
        Value::text(format!("{UNIQUE_PREFIX}{random}{domain}"))
    }

    fn is_one(self, cell: Cell<'_>) -> bool {
        let rest = cell
            .as_text()
            .and_then(|text| text.strip_prefix(UNIQUE_PREFIX));
        let (digits, fit) = match rest.map(|rest| (rest, rest.strip_suffix(UNIQUE_DOMAIN))) {
            None => return false,
            Some((_, Some(digits))) => (digits, self.digits[0]),
            Some((digits, None)) => (digits, self.digits[1]),
        };
        digits.len() == fit && digits.bytes().all(|digit| DIGITS.contains(&digit))
    }
}

fn looks_like_mail(cell: Cell<'_>) -> bool {
    cell.as_text()
        .and_then(|text| text.split_once('@'))
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
}

/// A keyed hash and, under the same key, a mark by which it is known again. Whoever has no key can make neither.
fn hash(key: &hmac::Key, cell: Cell<'_>) -> Value {
    let (kind, bytes): (u8, Vec<u8>) = match cell {
        Cell::Null => (0, Vec::new()),
        Cell::Integer(value) => (1, value.to_string().into_bytes()),
        Cell::Real(value) => (2, value.to_bits().to_be_bytes().to_vec()),
        Cell::Text(text) | Cell::Decimal(text) | Cell::Json(text) => (3, text.to_vec()),
        Cell::Blob(bytes) => (4, bytes.to_vec()),
    };
    let digest = hex(
        hmac::sign(key, &[&[b'v', kind], bytes.as_slice()].concat()).as_ref(),
        HASH_DIGITS / 2,
    );
    let mark = mark(key, &digest);
    Value::text(format!("{HASH_PREFIX}{digest}{mark}"))
}

fn is_hash(key: &hmac::Key, cell: Cell<'_>) -> bool {
    cell.as_text()
        .and_then(|text| text.strip_prefix(HASH_PREFIX))
        .and_then(|rest| rest.split_at_checked(HASH_DIGITS))
        .is_some_and(|(digest, found)| found == mark(key, digest))
}

fn mark(key: &hmac::Key, digest: &str) -> String {
    hex(
        hmac::sign(key, format!("m{digest}").as_bytes()).as_ref(),
        MARK_DIGITS / 2,
    )
}

fn hex(bytes: &[u8], count: usize) -> String {
    bytes
        .iter()
        .take(count)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn truncated(cell: Cell<'_>) -> Value {
    let nowhere = || Value::text("0.0.0.0");
    match cell {
        Cell::Integer(number) => match u32::try_from(number) {
            Ok(address) => Value::Integer(i64::from(address & 0xFFFF_FF00)),
            Err(_) => Value::Integer(0),
        },
        Cell::Text(_) => match cell.as_text().map(str::parse::<IpAddr>) {
            Some(Ok(address)) => Value::text(network(address).to_string()),
            _ => nowhere(),
        },
        Cell::Blob(bytes) => match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
            (Ok(four), _) => Value::Blob(network4(four.into()).octets().to_vec()),
            (_, Ok(sixteen)) => Value::Blob(network6(sixteen.into()).octets().to_vec()),
            _ => Value::Blob(vec![0; 4]),
        },
        Cell::Null | Cell::Real(_) | Cell::Decimal(_) | Cell::Json(_) => nowhere(),
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => network4(address).into(),
        IpAddr::V6(address) => network6(address).into(),
    }
}

fn network4(address: Ipv4Addr) -> Ipv4Addr {
    let [a, b, c, _] = address.octets();
    Ipv4Addr::new(a, b, c, 0)
}

fn network6(address: Ipv6Addr) -> Ipv6Addr {
    match address.to_ipv4_mapped() {
        Some(mapped) => network4(mapped).to_ipv6_mapped(),
        None => {
            let [a, b, c, ..] = address.segments();
            Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)
        }
    }
}

fn dated(cell: Cell<'_>, precision: DatePrecision) -> Value {
    let no_date = || Value::text("0001-01-01");
    match cell {
        Cell::Integer(number) => Value::Integer(dated_number(number, precision).unwrap_or(0)),
        Cell::Real(number) => {
            Value::Real(dated_number(number.floor() as i64, precision).unwrap_or(0) as f64)
        }
        _ => match cell.as_text().and_then(split_date) {
            None => no_date(),
            Some((date, time)) => {
                // The form of the time stays, its digits do not.
                let time: String = time
                    .chars()
                    .map(|c| if c.is_ascii_digit() { '0' } else { c })
                    .collect();
                Value::text(format!("{}{time}", start(date, precision)))
            }
        },
    }
}

/// Splits `2021-05-06 12:13:14` into the date and what follows it.
pub(crate) fn split_date(text: &str) -> Option<(Date, &str)> {
    let (date, time) = text.split_at_checked(10)?;
    let is_time = |c: char| {
        c.is_ascii_digit() || matches!(c, ' ' | 'T' | 't' | ':' | '.' | ',' | '+' | '-' | 'Z' | 'z')
    };
    (date.bytes().all(|b| b.is_ascii_digit() || b == b'-')
        && time.len() <= 40
        && time.chars().all(is_time))
    .then(|| date.parse().ok())
    .flatten()
    .map(|date| (date, time))
}

/// 1973-01-01 in milliseconds. From here on a number counts milliseconds, below it seconds (until the year 4970). It
/// begins a year, so no date crosses it by being cut down.
const MILLISECONDS_FROM: i64 = 94_694_400_000;

/// The date that a number of seconds or milliseconds since 1970 means.
pub(crate) fn date_of_number(number: i64) -> Option<Date> {
    let time = if number >= MILLISECONDS_FROM {
        Timestamp::from_millisecond(number)
    } else {
        Timestamp::from_second(number)
    };
    Some(time.ok()?.to_zoned(TimeZone::UTC).date())
}

fn dated_number(number: i64, precision: DatePrecision) -> Option<i64> {
    let start = start(date_of_number(number)?, precision)
        .to_zoned(TimeZone::UTC)
        .ok()?
        .timestamp();
    Some(if number >= MILLISECONDS_FROM {
        start.as_millisecond()
    } else {
        start.as_second()
    })
}

fn start(date: Date, precision: DatePrecision) -> Date {
    match precision {
        DatePrecision::Year => date.first_of_year(),
        DatePrecision::Month => date.first_of_month(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalogue::ColumnType;

    fn of(column_type: ColumnType, way: &Pseudonymizer, key: Option<&Secret>) -> Pseudonym {
        let column = Column::plain("c", column_type);
        Pseudonym::new(Dialect::Sqlite, &column, false, way, key)
    }

    fn every_way() -> Vec<Pseudonym> {
        let key = Secret::new("a key of sixteen or more");
        [
            Pseudonymizer::Null,
            Pseudonymizer::Value(Constant::Text("gone".to_owned())),
            Pseudonymizer::Value(Constant::Boolean(true)),
            Pseudonymizer::Unique,
            Pseudonymizer::Hash,
            Pseudonymizer::Truncate,
            Pseudonymizer::Date(DatePrecision::Year),
            Pseudonymizer::Date(DatePrecision::Month),
        ]
        .iter()
        .map(|one| of(ColumnType::Any, one, Some(&key)))
        .collect()
    }

    fn only(one: &Pseudonymizer, value: &str) -> String {
        let key = Secret::new("a key of sixteen or more");
        let pseudonym = of(ColumnType::Text, one, Some(&key));
        match pseudonym.replacement(Cell::Text(value.as_bytes())) {
            None => value.to_owned(),
            Some(new) => new.as_cell().as_text().unwrap().to_owned(),
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            (-100_000_000_000_i64..100_000_000_000).prop_map(Value::Integer),
            any::<f64>().prop_filter("equal to itself", |value| !value.is_nan()).prop_map(Value::Real),
            any::<Vec<u8>>().prop_map(Value::Text),
            "\\PC*".prop_map(Value::text),
            any::<Ipv4Addr>().prop_map(|address| Value::text(address.to_string())),
            any::<Ipv6Addr>().prop_map(|address| Value::text(address.to_string())),
            any::<[u8; 16]>().prop_map(|bytes| Value::Blob(bytes.to_vec())),
            any::<[u8; 4]>().prop_map(|bytes| Value::Blob(bytes.to_vec())),
            "[0-9]{4}-[01][0-9]-[0-3][0-9]([T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
                .prop_map(Value::text),
            "[a-z]{1,8}@[a-z]{1,8}\\.com".prop_map(Value::text),
        ]
    }

    proptest! {
        #[test]
        fn replacing_what_was_replaced_changes_nothing(value in any_value()) {
            for way in every_way() {
                if let Some(once) = way.replacement(value.as_cell()) {
                    prop_assert!(way.replacement(once.as_cell()).is_none());
                }
            }
        }
    }

    #[test]
    fn a_unique_value_keeps_the_form_of_an_address() {
        let new = only(&Pseudonymizer::Unique, "ada@example.com");
        assert!(
            new.ends_with("@erased.invalid") && !new.contains("ada"),
            "{new}"
        );
        assert_ne!(
            new,
            only(&Pseudonymizer::Unique, "ada@example.com"),
            "two rows would clash"
        );
        let name = only(&Pseudonymizer::Unique, "ada");
        assert!(name.starts_with("erased-") && !name.contains('@'), "{name}");
        // An address that only begins like one of ours is not taken for done.
        let near = "erased-0123456789abcdef0123@example.com";
        assert_ne!(only(&Pseudonymizer::Unique, near), near);
    }

    #[test]
    fn a_unique_value_is_cut_to_its_column_and_known_again() {
        for (declared, mail, length) in [
            ("varchar(15)", "ada", 15),
            ("varchar(26)", "ada", 26),
            ("varchar(29)", "ada@example.com", 27),
            ("varchar(30)", "ada@example.com", 30),
            ("varchar(41)", "ada@example.com", 41),
            ("varchar(42)", "ada@example.com", 42),
            ("text", "ada@example.com", 42),
        ] {
            let column = Column {
                declared: declared.to_owned(),
                ..Column::plain("c", ColumnType::Text)
            };
            let way = Pseudonym::new(
                Dialect::Postgres,
                &column,
                false,
                &Pseudonymizer::Unique,
                None,
            );
            let new = |text: &str| way.replacement(Cell::Text(text.as_bytes()));
            let (one, other) = (new(mail).unwrap(), new(mail).unwrap());
            assert!(one != other, "two rows would clash");
            let text = one.as_cell().as_text().unwrap().to_owned();
            assert_eq!(text.len(), length, "{declared}: {text}");
            assert!(new(&text).is_none(), "{text}");
        }
    }

    #[test]
    fn equal_values_have_equal_hashes_under_one_key_alone() {
        let ada = only(&Pseudonymizer::Hash, "ada@example.com");
        assert_eq!(ada, only(&Pseudonymizer::Hash, "ada@example.com"));
        assert_ne!(ada, only(&Pseudonymizer::Hash, "eve@example.com"));
        let other = Secret::new("another key of sixteen");
        let pseudonym = of(ColumnType::Text, &Pseudonymizer::Hash, Some(&other));
        assert!(
            pseudonym.replacement(Cell::Text(ada.as_bytes())).is_some(),
            "the mark of another key is not ours"
        );
    }

    #[test]
    fn an_address_is_cut_to_its_network_and_what_is_none_to_nothing() {
        for (address, network) in [
            ("203.0.113.77", "203.0.113.0"),
            ("2001:db8:aa:bb:cc::1", "2001:db8:aa::"),
            ("::ffff:203.0.113.77", "::ffff:203.0.113.0"),
            ("203.0.113.77, 10.0.0.1", "0.0.0.0"),
            ("ada", "0.0.0.0"),
        ] {
            assert_eq!(only(&Pseudonymizer::Truncate, address), network);
        }
    }

    #[test]
    fn a_date_keeps_its_form_and_loses_its_day() {
        let year = Pseudonymizer::Date(DatePrecision::Year);
        let month = Pseudonymizer::Date(DatePrecision::Month);
        assert_eq!(only(&year, "1984-05-17"), "1984-01-01");
        assert_eq!(
            only(&month, "1984-05-17 12:34:56.789"),
            "1984-05-01 00:00:00.000"
        );
        assert_eq!(
            only(&month, "1984-05-17T12:34:56+02:00"),
            "1984-05-01T00:00:00+00:00"
        );
        assert_eq!(only(&year, "last Tuesday"), "0001-01-01");
        let pseudonym = of(ColumnType::Integer, &year, None);
        assert!(
            pseudonym.replacement(Cell::Integer(1_621_254_896))
                == Some(Value::Integer(1_609_459_200))
        );
        assert!(
            pseudonym.replacement(Cell::Integer(1_621_254_896_123))
                == Some(Value::Integer(1_609_459_200_000))
        );
    }
}
