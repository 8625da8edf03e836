//! Names of tables and columns as words, however they are spelled.

/// The words of a name in small letters, in the singular and without accents: `billingEMails`, `billing_e-mails` and
/// `BILLING_E_MAIL` are all `billing e mail`. Digits are words of their own.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let letters: Vec<char> = name.chars().collect();
    for (at, &letter) in letters.iter().enumerate() {
        if !letter.is_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let before = at.checked_sub(1).map(|at| letters[at]);
        let after = letters.get(at + 1);
        let begins = before.is_some_and(|before| {
            let rises = before.is_lowercase() && letter.is_uppercase();
            // The last of several capitals begins the next word: `IPAddress`.
            let falls = before.is_uppercase()
                && letter.is_uppercase()
                && after.is_some_and(|after| after.is_lowercase());
            rises || falls || before.is_numeric() != letter.is_numeric()
        });
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            plain(letter, word);
        }
    }
    words.retain(|word| !word.is_empty());
    words.iter().map(|word| singular(word)).collect()
}

/// Whether the words of a pattern stand in a name one after the other, or written together as one.
pub(crate) fn has(name: &[String], pattern: &str) -> Option<usize> {
    let pattern: Vec<&str> = pattern.split(' ').collect();
    let together = pattern.concat();
    let at = (0..name.len()).find(|&at| {
        name[at] == together
            || name.len() >= at + pattern.len()
                && name[at..at + pattern.len()]
                    .iter()
                    .zip(&pattern)
                    .all(|(word, wanted)| word == wanted)
    })?;
    let is_one = name[at] == together;
    Some(at + if is_one { 1 } else { pattern.len() })
}

/// One of several things, by the word for all of them.
pub(crate) fn singular(word: &str) -> String {
    match word {
        "people" | "persons" => return "person".to_owned(),
        "children" => return "child".to_owned(),
        _ => {}
    }
    let stays = ["ss", "us", "is", "os", "as"];
    if word.len() <= 3 || !word.ends_with('s') || stays.iter().any(|end| word.ends_with(end)) {
        word.to_owned()
    } else if let Some(stem) = word.strip_suffix("ies") {
        format!("{stem}y")
    } else if word.ends_with("sses") || word.ends_with("xes") || word.ends_with("ches") {
        word[..word.len() - 2].to_owned()
    } else {
        word[..word.len() - 1].to_owned()
    }
}

/// A letter in small and without its accent.
fn plain(letter: char, word: &mut String) {
    for small in letter.to_lowercase() {
        word.push_str(match small {
            'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ą' => "a",
            'ç' | 'ć' | 'č' => "c",
            'è' | 'é' | 'ê' | 'ë' | 'ę' | 'ě' => "e",
            'ì' | 'í' | 'î' | 'ï' => "i",
            'ñ' | 'ń' => "n",
            'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => "o",
            'ù' | 'ú' | 'û' | 'ü' | 'ů' => "u",
            'ý' | 'ÿ' => "y",
            'ś' | 'š' => "s",
            'ź' | 'ż' | 'ž' => "z",
            'ł' => "l",
            'ß' => "ss",
            other => {
                word.push(other);
                continue;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_however_it_is_spelled() {
        for (name, read) in [
            ("billing_e-mails", "billing e mail"),
            ("billingEMail", "billing e mail"),
            ("BILLING E MAIL", "billing e mail"),
            ("userID", "user id"),
            ("IPAddress", "ip address"),
            ("last4", "last 4"),
            ("Prénom", "prenom"),
            ("Straße", "strasse"),
            ("statuses", "statuse"),
            ("companies", "company"),
            ("addresses", "address"),
            ("sms", "sms"),
        ] {
            assert_eq!(words(name).join(" "), read, "{name}");
        }
    }

    #[test]
    fn a_pattern_is_found_in_parts_and_as_one_word() {
        assert_eq!(has(&words("customer_first_name"), "first name"), Some(3));
        assert_eq!(has(&words("firstname"), "first name"), Some(1));
        assert_eq!(has(&words("first_class_name"), "first name"), None);
        assert_eq!(has(&words("shipping"), "ip"), None);
    }
}
