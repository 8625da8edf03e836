//! A statement that is put together from pieces; its values are always bound, never written into the text.

use super::value::Value;

/// A piece of SQL with the values that are bound in it. It has no `Debug`, because values are personal.
#[derive(Clone, Default)]
pub(crate) struct Sql {
    /// The text before the first value, between the values, and after the last one.
    texts: Vec<String>,
    values: Vec<Value>,
}

impl Sql {
    /// A piece of text without values.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self {
            texts: vec![text.into()],
            values: Vec::new(),
        }
    }

    /// Adds text.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        match self.texts.last_mut() {
            Some(last) => last.push_str(text),
            None => self.texts.push(text.to_owned()),
        }
        self
    }

    /// Adds a value in its place.
    pub(crate) fn bind(&mut self, value: Value) -> &mut Self {
        if self.texts.is_empty() {
            self.texts.push(String::new());
        }
        self.values.push(value);
        self.texts.push(String::new());
        self
    }

    /// Adds values with commas between them.
    pub(crate) fn bind_all(&mut self, values: impl IntoIterator<Item = Value>) -> &mut Self {
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.bind(value);
        }
        self
    }

    /// Adds another piece.
    pub(crate) fn append(&mut self, other: Sql) -> &mut Self {
        let mut texts = other.texts.into_iter();
        if let Some(first) = texts.next() {
            self.push(&first);
        }
        for (text, value) in texts.zip(other.values) {
            self.bind(value).push(&text);
        }
        self
    }

    /// Several pieces, each in parentheses, with a word between them.
    pub(crate) fn joined(pieces: impl IntoIterator<Item = Sql>, word: &str) -> Self {
        let mut joined = Self::default();
        for (index, piece) in pieces.into_iter().enumerate() {
            if index > 0 {
                joined.push(word);
            }
            joined.push("(").append(piece).push(")");
        }
        joined
    }

    /// The text with a dialect's placeholder for each value, and the values.
    pub(crate) fn render(self, placeholder: impl Fn(usize) -> String) -> (String, Vec<Value>) {
        let mut text = String::new();
        for (index, part) in self.texts.iter().enumerate() {
            if index > 0 {
                text.push_str(&placeholder(index));
            }
            text.push_str(part);
        }
        (text, self.values)
    }
}

/// An identifier, quoted as standard SQL says.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A column of an aliased table, quoted.
pub(crate) fn column(alias: &str, name: &str) -> String {
    format!("{alias}.{}", quoted(name))
}
