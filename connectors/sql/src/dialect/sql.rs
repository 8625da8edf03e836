//! A statement that is put together from pieces; its values are always bound, never written into the text.

use super::value::Value;

/// A piece of SQL with the values that are bound in it. It has no `Debug`, because values are personal.
#[derive(Clone, Default)]
pub(crate) struct Sql {
    /// The text before the first value, between the values, and after the last one.
    texts: Vec<String>,
    values: Vec<Bound>,
}

/// A value, and the type that it must be cast to where its own would not do.
#[derive(Clone)]
pub(crate) struct Bound {
    pub(crate) value: Value,
    pub(crate) cast: Option<String>,
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

    /// Adds a value in its place, cast to a type where its own would not do.
    pub(crate) fn bind_as(&mut self, value: Value, cast: Option<&str>) -> &mut Self {
        if self.texts.is_empty() {
            self.texts.push(String::new());
        }
        let cast = cast.map(str::to_owned);
        self.values.push(Bound { value, cast });
        self.texts.push(String::new());
        self
    }

    /// Adds another piece.
    pub(crate) fn append(&mut self, other: Sql) -> &mut Self {
        let mut texts = other.texts.into_iter();
        if let Some(first) = texts.next() {
            self.push(&first);
        }
        for (text, Bound { value, cast }) in texts.zip(other.values) {
            self.bind_as(value, cast.as_deref()).push(&text);
        }
        self
    }

    /// Several pieces with commas between them.
    pub(crate) fn listed(pieces: impl IntoIterator<Item = Sql>) -> Self {
        let mut listed = Self::default();
        for (index, piece) in pieces.into_iter().enumerate() {
            listed.push(if index > 0 { ", " } else { "" }).append(piece);
        }
        listed
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

    /// Whether it looks into other rows than the one that it is about.
    pub(crate) fn looks_further(&self) -> bool {
        // Where a name is spelled so, a way that is only quicker is not taken.
        self.texts.iter().any(|text| text.contains("SELECT "))
    }

    /// The text with a dialect's placeholder for each value, which may be cast to a type, and the values.
    pub(crate) fn render(
        self,
        mut placeholder: impl FnMut(usize, &Bound) -> String,
    ) -> (String, Vec<Bound>) {
        let mut texts = self.texts.into_iter();
        let mut text = texts.next().unwrap_or_default();
        for (index, (part, bound)) in texts.zip(&self.values).enumerate() {
            text.push_str(&placeholder(index + 1, bound));
            text.push_str(&part);
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
