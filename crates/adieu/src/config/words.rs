//! What a mistake is called: the reader's terms turned into words that say what would be right.

/// What kind of mistake the reader of a block found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Complaint {
    /// A key that nobody knows here, and those that are known.
    UnknownKey(String, Vec<String>),
    /// A key that is not there.
    MissingKey(String),
    /// Anything else, in words.
    Other(String),
}

impl Complaint {
    /// Understands the message of a deserializer. What it quotes of the file is left out: it may be a secret.
    pub(crate) fn parse(message: &str) -> Self {
        if let Some(rest) = message.strip_prefix("unknown field ") {
            let mut quoted = quoted(rest);
            if !quoted.is_empty() {
                let key = quoted.remove(0);
                return Self::UnknownKey(key, quoted);
            }
        }
        if let Some(rest) = message.strip_prefix("missing field ")
            && let [key] = quoted(rest).as_slice()
        {
            return Self::MissingKey(key.clone());
        }
        if let Some(rest) = message.strip_prefix("unknown variant ") {
            let mut quoted = quoted(rest);
            if !quoted.is_empty() {
                let found = quoted.remove(0);
                return Self::Other(wrong_word(&found, &quoted));
            }
        }
        if let Some(rest) = message.strip_prefix("invalid type: ")
            && let Some((found, expected)) = rest.split_once(", expected ")
        {
            return Self::Other(format!(
                "is {}; {} is expected",
                noun(found),
                wanted(expected)
            ));
        }
        if let Some(rest) = message.strip_prefix("invalid value: ")
            && let Some((found, expected)) = rest.rsplit_once(", expected ")
        {
            return Self::Other(format!(
                "is {} that does not fit; {} is expected",
                noun(found),
                wanted(expected)
            ));
        }
        Self::Other(message.replace('\n', " "))
    }
}

/// The words that a complaint about an unknown word would accept.
pub(crate) fn variants(message: &str) -> Vec<String> {
    match message.strip_prefix("unknown variant ") {
        Some(rest) => quoted(rest).into_iter().skip(1).collect(),
        None => Vec::new(),
    }
}

/// What to say of a word that is not among the known ones. It is repeated only when it is nearly one of them.
pub(crate) fn wrong_word(found: &str, known: &[String]) -> String {
    match nearest(found, known) {
        Some(near) => format!("`{found}` is not known here; did you mean `{near}`?"),
        None => format!("is not known here; write {}", one_of(known)),
    }
}

/// What to say of a key that nobody knows.
pub(crate) fn unknown_key(key: &str, known: &[String]) -> String {
    match nearest(key, known) {
        Some(near) => format!("unknown key; did you mean `{near}`?"),
        None if known.is_empty() => "unknown key; there are none here".to_owned(),
        None => format!("unknown key; known here: {}", known.join(", ")),
    }
}

/// The word that was probably meant.
pub(crate) fn nearest<'a>(word: &str, known: &'a [String]) -> Option<&'a String> {
    let likeness = |known: &String| strsim::jaro_winkler(word, known);
    let best = known
        .iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    let near = likeness(best) >= 0.87 || strsim::damerau_levenshtein(word, best) <= 1;
    (near && word.len() < 64).then_some(best)
}

fn one_of(known: &[String]) -> String {
    let mut quoted: Vec<String> = known.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.pop() {
        None => "something else".to_owned(),
        Some(last) if quoted.is_empty() => last,
        Some(last) => format!("{} or {last}", quoted.join(", ")),
    }
}

/// The texts between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// What was found, without its value.
fn noun(found: &str) -> &'static str {
    for (prefix, noun) in [
        ("string", "a text"),
        ("integer", "a whole number"),
        ("floating point", "a decimal number"),
        ("boolean", "true or false"),
        ("sequence", "a list"),
        ("map", "a table"),
    ] {
        if found.starts_with(prefix) {
            return noun;
        }
    }
    "something else"
}

/// What is wanted, in words for somebody who does not read Rust.
fn wanted(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 on, not too large,",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "a string" | "string" => "a text in quotes",
        "a sequence" => "a list in brackets",
        "a map" => "a table",
        "a boolean" => "true or false",
        _ if expected.starts_with("a nonzero") => "a whole number from 1 on",
        _ if expected.starts_with("struct ") => "a table",
        _ if expected.starts_with("enum ") => "one of the known words",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_not_repeated() {
        for message in [
            r#"invalid type: string "hunter2", expected u16"#,
            r#"invalid type: string "hunter2, expected x", expected u16"#,
            "unknown variant `hunter2`, expected `first` or `any`",
        ] {
            let Complaint::Other(words) = Complaint::parse(message) else {
                panic!("{message}");
            };
            assert!(!words.contains("hunter2"), "{words}");
        }
    }

    #[test]
    fn near_words_are_suggested() {
        let known = ["delete".to_owned(), "retain".to_owned()];
        assert!(wrong_word("delte", &known).contains("did you mean `delete`?"));
        assert!(wrong_word("burn", &known).contains("write \"delete\" or \"retain\""));
    }
}
