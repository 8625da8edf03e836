//! Which addresses are asked for, and which answers are believed.

use std::collections::BTreeSet;

use adieu_core::{IdentityKind, Subject};

/// The subject's addresses, as they are written and in lower case, which is how a provider may keep them; each once.
///
/// A text that is no address is nobody's: a provider that takes an id or an address in the same place would take it for an id.
pub(crate) fn addresses(subject: &Subject, kind: &IdentityKind) -> BTreeSet<String> {
    let written = subject.values(kind).map(|value| value.expose());
    written
        .filter(|text| is_address(text))
        .flat_map(|text| [text.to_owned(), text.to_ascii_lowercase()])
        .collect()
}

/// What an answer about one address is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// It is about exactly this address.
    Exact,
    /// It is about the same address in lower case, which is asked for by itself.
    InLowerCase,
    /// It is about somebody else.
    Other,
}

/// Holds the address that was answered against the one that was asked for.
pub(crate) fn compare(asked: &str, answered: &str) -> Match {
    if answered == asked {
        Match::Exact
    } else if answered == asked.to_ascii_lowercase() {
        Match::InLowerCase
    } else {
        Match::Other
    }
}

fn is_address(text: &str) -> bool {
    text.len() <= 320
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
        && text
            .rsplit_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
}

#[cfg(test)]
mod tests {
    use adieu_core::Identity;

    use super::*;

    #[test]
    fn both_spellings_are_asked_for_and_what_is_no_address_is_not() {
        let kind = IdentityKind::new("email").unwrap();
        let written = [
            "Ada@Example.com",
            "ada@work.example",
            "479e3145-dd38-476b-932c-529ceb705947",
            "@example.com",
            "ada@",
            "ada lovelace@example.com",
        ];
        let subject = Subject::new(written.map(|text| Identity::new("email", text).unwrap()));
        let asked: Vec<String> = addresses(&subject, &kind).into_iter().collect();
        assert_eq!(
            asked,
            ["Ada@Example.com", "ada@example.com", "ada@work.example"]
        );
    }

    #[test]
    fn what_is_alike_is_not_the_same() {
        let asked = "Ada@example.com";
        assert_eq!(compare(asked, "Ada@example.com"), Match::Exact);
        assert_eq!(compare(asked, "ada@example.com"), Match::InLowerCase);
        for alike in [
            "ADA@example.com",
            "ada@example.com.au",
            "ada+news@example.com",
            "аda@example.com",
            "ada@example.co",
            " ada@example.com",
            "",
        ] {
            assert_eq!(compare(asked, alike), Match::Other, "{alike}");
        }
    }
}
