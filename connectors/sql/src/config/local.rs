//! Where in a row the value lies by which it refers to another row: a whole column, or a place inside of one.

use std::fmt;

/// How deep a path may go.
const MAX_STEPS: usize = 16;
const FORM: &str = "a path is `$` and then .KEY, .\"KEY\" or [*], such as $.customer.id";

/// A column, or a place inside a column that holds JSON or an array.
///
/// It is written as the mapping writes it: `meta -> $.customer.id`, or `member_ids[]` for each element of an array.
///
/// ```
/// use adieu_sql::config::Local;
///
/// let buyer = Local::column("meta").key("customer").key("id");
/// assert_eq!(buyer.to_string(), "meta -> $.customer.id");
/// assert_eq!(Local::column("member_ids").each().to_string(), "member_ids[]");
/// let members = Local::column("meta").key("chat.members").each().key("id");
/// assert_eq!(members.to_string(), "meta -> $.\"chat.members\"[*].id");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    column: String,
    steps: Vec<Inward>,
}

/// One step further into a value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Inward {
    Key(String),
    Each,
}

impl Local {
    /// A whole column.
    pub fn column(name: impl Into<String>) -> Self {
        Self {
            column: name.into(),
            steps: Vec::new(),
        }
    }

    /// The value of a key of the object there.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.steps.push(Inward::Key(key.into()));
        self
    }

    /// Each element of the array there. Once in a path.
    #[must_use]
    pub fn each(mut self) -> Self {
        self.steps.push(Inward::Each);
        self
    }

    /// Reads what the mapping writes.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let local = match (text.split_once("->"), text.strip_suffix("[]")) {
            (Some((column, path)), _) => Self {
                column: column.trim_end().to_owned(),
                steps: steps(path.trim_start())?,
            },
            (None, Some(column)) => Self::column(column).each(),
            (None, None) => Self::column(text),
        };
        let each = |step: &&Inward| **step == Inward::Each;
        if local.column.is_empty() {
            Err("names no column")
        } else if local.steps.iter().filter(each).count() > 1 {
            Err("goes through more than one array")
        } else if local.steps.len() > MAX_STEPS {
            Err("goes deeper than 16 steps")
        } else {
            Ok(local)
        }
    }

    pub(crate) fn name(&self) -> &String {
        &self.column
    }

    /// Whether it is the column itself.
    pub(crate) fn is_whole(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether it is the elements of an array, so that a row may have several of them.
    pub(crate) fn is_element(&self) -> bool {
        self.steps.contains(&Inward::Each)
    }

    /// The keys that lead to the value, or to the array whose elements are meant.
    pub(crate) fn outer(&self) -> Vec<&str> {
        let until_each = self.steps.iter().map_while(Inward::as_key);
        until_each.collect()
    }

    /// The keys that lead on inside an element.
    pub(crate) fn inner(&self) -> Vec<&str> {
        let after_each = self.steps.iter().skip_while(|step| **step != Inward::Each);
        after_each.filter_map(Inward::as_key).collect()
    }
}

impl Inward {
    fn as_key(&self) -> Option<&str> {
        match self {
            Self::Key(key) => Some(key),
            Self::Each => None,
        }
    }
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.column)?;
        match self.steps.as_slice() {
            [] => return Ok(()),
            [Inward::Each] => return f.write_str("[]"),
            _ => f.write_str(" -> $")?,
        }
        for step in &self.steps {
            match step {
                Inward::Each => f.write_str("[*]")?,
                Inward::Key(key) if is_bare(key) => write!(f, ".{key}")?,
                Inward::Key(key) => {
                    write!(f, ".\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""))?;
                }
            }
        }
        Ok(())
    }
}

impl From<Local> for String {
    fn from(local: Local) -> Self {
        local.to_string()
    }
}

fn in_bare(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.chars().all(in_bare)
}

fn steps(path: &str) -> Result<Vec<Inward>, &'static str> {
    let mut rest = path.strip_prefix('$').ok_or(FORM)?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("[*]") {
            steps.push(Inward::Each);
            rest = after;
        } else if let Some(after) = rest.strip_prefix(".\"") {
            let (key, after) = quoted_key(after)?;
            steps.push(Inward::Key(key));
            rest = after;
        } else {
            let after = rest.strip_prefix('.').ok_or(FORM)?;
            let end = after.find(|c| !in_bare(c)).unwrap_or(after.len());
            if end == 0 {
                return Err(FORM);
            }
            steps.push(Inward::Key(after[..end].to_owned()));
            rest = &after[end..];
        }
    }
    if steps.is_empty() {
        return Err(FORM);
    }
    Ok(steps)
}

/// A key up to its closing quote, and what follows; `\` takes the next character as it is.
fn quoted_key(text: &str) -> Result<(String, &str), &'static str> {
    let mut key = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((key, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, c @ ('"' | '\\'))) => key.push(c),
                _ => return Err("in a quoted key `\\` stands before `\"` or `\\` alone"),
            },
            c if c.is_control() => return Err("a key holds a control character"),
            c => key.push(c),
        }
    }
    Err("the quotes of a key are not closed")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_path_is_refused() {
        for (text, why) in [
            ("meta -> customer.id", FORM),
            ("meta -> $", FORM),
            ("meta -> $.", FORM),
            ("meta -> $..id", FORM),
            ("meta -> $.a b", FORM),
            ("meta -> $.a[0]", FORM),
            ("meta -> $.a; DROP TABLE t", FORM),
            ("meta -> $.\"a", "the quotes of a key are not closed"),
            ("meta -> $.\"a\nb\"", "a key holds a control character"),
            ("meta -> $[*].a[*]", "goes through more than one array"),
            ("-> $.a", "names no column"),
            ("[]", "names no column"),
        ] {
            assert_eq!(Local::parse(text), Err(why), "{text}");
        }
        let deep = format!("meta -> ${}", ".a".repeat(17));
        assert_eq!(Local::parse(&deep), Err("goes deeper than 16 steps"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            column in "[a-z_.\" ]{0,5}[a-z]",
            outer in proptest::collection::vec("[^\\p{Cc}]{0,6}", 0..4),
            inner in proptest::option::of(proptest::collection::vec("[^\\p{Cc}]{0,6}", 0..4)),
        ) {
            let mut local = Local::column(column);
            for key in outer {
                local = local.key(key);
            }
            if let Some(inner) = inner {
                local = local.each();
                for key in inner {
                    local = local.key(key);
                }
            }
            prop_assert_eq!(Local::parse(&local.to_string()), Ok(local));
        }
    }
}
