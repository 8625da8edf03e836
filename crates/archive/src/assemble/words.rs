//! Names, numbers and times as a person reads them.

use adieu_core::LegalBasis;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `order_lines` becomes "Order lines", `InvoiceLine` "Invoice line".
pub(super) fn plain_title(name: &str) -> String {
    let mut title = String::new();
    let mut before = ' ';
    for c in name.chars() {
        let c = if matches!(c, '_' | '-' | '.') { ' ' } else { c };
        if c.is_uppercase() && before.is_lowercase() {
            title.push(' ');
        }
        if c.is_uppercase() && !title.is_empty() && before.is_lowercase() {
            title.extend(c.to_lowercase());
        } else {
            title.push(c);
        }
        before = c;
    }
    sentence(&title)
}

pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

pub(super) fn counted(count: u64, what: &str) -> String {
    format!(
        "{} {what}{}",
        grouped(count),
        if count == 1 { "" } else { "s" }
    )
}

/// `1234567` as `1,234,567`.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

pub(super) fn size(bytes: u64) -> String {
    let units = ["bytes", "KB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 || value >= 100.0 {
        format!("{value:.0} {}", units[unit])
    } else {
        format!("{value:.1} {}", units[unit])
    }
}

pub(super) fn shortened(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// A path of the archive as a relative link.
pub(super) fn href(path: &str) -> String {
    let mut href = String::from("./");
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                href.push(char::from(byte))
            }
            other => href.push_str(&format!("%{other:02X}")),
        }
    }
    href
}

pub(super) fn in_words(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC)
        .strftime("%-d %B %Y, %H:%M UTC")
        .to_string()
}

pub(super) fn legal_basis(basis: LegalBasis) -> &'static str {
    match basis {
        LegalBasis::Consent => "your consent (GDPR Art. 6(1)(a))",
        LegalBasis::Contract => "a contract with you (GDPR Art. 6(1)(b))",
        LegalBasis::LegalObligation => "a legal obligation (GDPR Art. 6(1)(c))",
        LegalBasis::VitalInterests => "vital interests (GDPR Art. 6(1)(d))",
        LegalBasis::PublicTask => "a public task (GDPR Art. 6(1)(e))",
        LegalBasis::LegitimateInterests => "legitimate interests (GDPR Art. 6(1)(f))",
    }
}
