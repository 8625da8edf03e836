//! Where in the text each key stands.

use std::collections::BTreeMap;
use std::ops::Range;

use adieu_core::ConfigProblem;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::Mistake;

/// Where each key of a file stands, without any value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outline {
    places: BTreeMap<Vec<String>, (usize, usize)>,
    /// The names of connectors by their place in the list.
    connectors: BTreeMap<String, String>,
}

impl Outline {
    pub(crate) fn new(text: &str, tree: &DeTable<'_>) -> Self {
        let mut outline = Self::default();
        outline.places.insert(Vec::new(), (1, 1));
        outline.enter_table(text, &mut Vec::new(), tree);
        outline
    }

    /// The same problem, with its line. A key that is not in the file is looked for further up.
    pub(crate) fn mistake(&self, problem: ConfigProblem) -> Mistake {
        let path = &problem.path;
        let known = (0..=path.len())
            .rev()
            .find_map(|end| self.places.get(&path[..end]));
        let (line, column) = known.copied().unwrap_or((1, 1));
        Mistake {
            line,
            column,
            key: self.key(path),
            problem: problem.problem,
        }
    }

    /// The name of a connector by its place in the list, if it has a right one.
    pub(crate) fn connector(&self, number: &str) -> Option<&str> {
        self.connectors.get(number).map(String::as_str)
    }

    /// The keys as a person reads them: a connector by its name, an element of a list by its number.
    fn key(&self, path: &[String]) -> String {
        let mut text = String::new();
        for (depth, key) in path.iter().enumerate() {
            let connector = (depth == 1 && path[0] == "connector")
                .then(|| self.connectors.get(key))
                .flatten();
            match (connector, key.parse::<usize>()) {
                (None, Ok(number)) => text.push_str(&format!("[{number}]")),
                (name, _) => {
                    if depth > 0 {
                        text.push('.');
                    }
                    text.push_str(name.unwrap_or(key));
                }
            }
        }
        text
    }

    fn enter_table(&mut self, text: &str, path: &mut Vec<String>, table: &DeTable<'_>) {
        for (key, value) in table {
            path.push(key.get_ref().to_string());
            self.places
                .insert(path.clone(), line_and_column(text, &key.span()));
            self.enter(text, path, value);
            path.pop();
        }
    }

    fn enter(&mut self, text: &str, path: &mut Vec<String>, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => self.enter_table(text, path, table),
            DeValue::Array(array) => {
                for (index, element) in array.iter().enumerate() {
                    path.push(index.to_string());
                    self.places
                        .insert(path.clone(), line_and_column(text, &element.span()));
                    if path.len() == 2
                        && path[0] == "connector"
                        && let Some(name) = name_of(element)
                    {
                        self.connectors.insert(path[1].clone(), name);
                    }
                    self.enter(text, path, element);
                    path.pop();
                }
            }
            _ => {}
        }
    }
}

fn name_of(connector: &Spanned<DeValue<'_>>) -> Option<String> {
    let name = connector
        .get_ref()
        .as_table()?
        .get("name")?
        .get_ref()
        .as_str()?;
    adieu_core::ConnectorName::new(name).ok().map(String::from)
}

/// The line and the column, in characters, where a span begins; both from 1 on.
pub(crate) fn line_and_column(text: &str, span: &Range<usize>) -> (usize, usize) {
    let mut end = span.start.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    (line, column)
}
