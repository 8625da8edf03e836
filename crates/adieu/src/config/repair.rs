//! Reading a block although it has mistakes: each is told, taken out or filled in, and the rest is read again.

use std::collections::VecDeque;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::words::{Complaint, nearest, unknown_key, variants};

/// A block of the file while it is being read.
pub(crate) struct Block<'i> {
    tree: Spanned<DeValue<'i>>,
    /// The block as it stands in the file.
    original: Spanned<DeValue<'i>>,
    /// Where something was taken out or filled in. What is found there later only follows from that.
    touched: Vec<Vec<String>>,
    /// Lists from which something was taken out, so that the numbers of the rest have changed.
    shifted: Vec<Vec<String>>,
    found: Vec<Found>,
}

/// A mistake in a block.
pub(crate) struct Found {
    /// The keys that lead there, from the block on.
    pub(crate) path: Vec<String>,
    /// Where it stands in the text.
    pub(crate) span: Range<usize>,
    pub(crate) problem: String,
}

/// After so many mistakes a block is given up.
const MAX_ROUNDS: usize = 200;

/// The place of what was filled in: nowhere in the text.
const FILLED_IN: Range<usize> = usize::MAX..usize::MAX;

impl<'i> Block<'i> {
    pub(crate) fn new(tree: Spanned<DeValue<'i>>) -> Self {
        Self {
            original: tree.clone(),
            tree,
            touched: Vec::new(),
            shifted: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Reads the block, and notes every mistake. `also_known` are keys of the block that somebody else has read.
    /// `None` when too little of it is right.
    pub(crate) fn read<T: DeserializeOwned>(&mut self, also_known: &[&str]) -> Option<T> {
        for _ in 0..MAX_ROUNDS {
            let error = match T::deserialize(ValueDeserializer::from(self.tree.clone())) {
                Ok(value) => return Some(value),
                Err(error) => error,
            };
            let span = error.span().unwrap_or_else(|| self.tree.span());
            let path = locate(&self.tree, &span).unwrap_or_default();
            let goes_on = match Complaint::parse(error.message()) {
                Complaint::UnknownKey(key, known) => {
                    self.unknown_key(path, span, &key, known, also_known)
                }
                Complaint::MissingKey(key) => self.missing_key::<T>(path, span, key),
                Complaint::Other(problem) => self.wrong_value(path, span, problem),
            };
            if !goes_on {
                return None;
            }
        }
        None
    }

    /// Takes a key out of the block that was read already.
    pub(crate) fn take(&mut self, key: &str) {
        remove(&mut self.tree, &[key.to_owned()]);
    }

    /// What the block holds now.
    pub(crate) fn get(&self, key: &str) -> Option<&Spanned<DeValue<'i>>> {
        self.tree.get_ref().as_table()?.get(key)
    }

    /// Whether a problem at this path only follows from what was told already.
    pub(crate) fn is_consequence(&self, path: &[String]) -> bool {
        self.follows(path) || self.shifted.iter().any(|list| path.starts_with(list))
    }

    fn follows(&self, path: &[String]) -> bool {
        self.touched
            .iter()
            .any(|touched| touched.starts_with(path) || path.starts_with(touched))
    }

    /// The mistakes found so far.
    pub(crate) fn into_found(self) -> Vec<Found> {
        self.found
    }

    fn unknown_key(
        &mut self,
        mut path: Vec<String>,
        span: Range<usize>,
        key: &str,
        mut known: Vec<String>,
        also_known: &[&str],
    ) -> bool {
        if path.last().is_none_or(|last| last != key) {
            path.push(key.to_owned());
        }
        if path.len() == 1 {
            known.extend(also_known.iter().map(|&key| key.to_owned()));
        }
        self.note(path.clone(), span.clone(), unknown_key(key, &known));
        let meant = nearest(key, &known).filter(|meant| !also_known.contains(&meant.as_str()));
        if let Some(meant) = meant
            && rename(&mut self.tree, &path, meant)
        {
            return true;
        }
        self.remove_whole(&path, &span)
    }

    fn missing_key<T: DeserializeOwned>(
        &mut self,
        table: Vec<String>,
        span: Range<usize>,
        key: String,
    ) -> bool {
        let mut path = table.clone();
        path.push(key.clone());
        if let Some(DeValue::Table(here)) = at(&mut self.tree, &table).map(Spanned::get_mut) {
            let keys: Vec<String> = here.keys().map(|key| key.get_ref().to_string()).collect();
            let meant = keys
                .iter()
                .find(|one| nearest(one, std::slice::from_ref(&key)).is_some());
            if let Some(written) = meant {
                let span = here
                    .get_key_value(written.as_str())
                    .map_or(span, |(key, _)| key.span());
                path.pop();
                path.push(written.clone());
                self.note(
                    path.clone(),
                    span,
                    format!("unknown key; did you mean `{key}`?"),
                );
                return rename(&mut self.tree, &path, &key);
            }
        }
        if !self.touched.contains(&path) {
            self.note(path.clone(), span.clone(), "is missing".to_owned());
        }
        self.touched.push(path);
        self.fill_in::<T>(&table, &key) || self.remove_whole(&table, &span)
    }

    fn wrong_value(&mut self, path: Vec<String>, span: Range<usize>, problem: String) -> bool {
        if !self.follows(&self.in_the_file(&path, &span)) {
            self.note(path.clone(), span.clone(), problem);
        }
        self.remove_whole(&path, &span)
    }

    fn remove_whole(&mut self, path: &[String], span: &Range<usize>) -> bool {
        self.touched.push(self.in_the_file(path, span));
        if let Some((last, list)) = path.split_last()
            && last.parse::<usize>().is_ok()
        {
            self.shifted.push(list.to_vec());
        }
        remove(&mut self.tree, path)
    }

    /// The path as it is in the file, before anything was taken out.
    fn in_the_file(&self, path: &[String], span: &Range<usize>) -> Vec<String> {
        locate(&self.original, span)
            .filter(|original| original.len() == path.len())
            .unwrap_or_else(|| path.to_vec())
    }

    /// Puts something under a missing key that lets the reader go on.
    fn fill_in<T: DeserializeOwned>(&mut self, table: &[String], key: &str) -> bool {
        let literals = ["\"a\"", "\"\"", "1", "true", "[]", "{}"];
        let values = literals
            .iter()
            .filter_map(|literal| DeValue::parse(literal).ok());
        let mut candidates: VecDeque<DeValue<'i>> = values.map(Spanned::into_inner).collect();
        let mut asked_for_words = false;
        while let Some(value) = candidates.pop_front() {
            let Some(DeValue::Table(here)) = at(&mut self.tree, table).map(Spanned::get_mut) else {
                return false;
            };
            here.insert(
                Spanned::new(FILLED_IN, key.to_owned().into()),
                Spanned::new(FILLED_IN, value),
            );
            match T::deserialize(ValueDeserializer::from(self.tree.clone())) {
                Err(error) if error.span() == Some(FILLED_IN) => {
                    if !asked_for_words && let Some(word) = variants(error.message()).first() {
                        asked_for_words = true;
                        candidates.push_front(DeValue::String(word.clone().into()));
                    }
                }
                _ => return true,
            }
        }
        false
    }

    fn note(&mut self, path: Vec<String>, span: Range<usize>, problem: String) {
        let path = self.in_the_file(&path, &span);
        let span = if span == FILLED_IN {
            self.original.span()
        } else {
            span
        };
        self.found.push(Found {
            path,
            span,
            problem,
        });
    }
}

/// The keys that lead to what has this span: a key, or a value; the innermost where several have it.
fn locate(value: &Spanned<DeValue<'_>>, span: &Range<usize>) -> Option<Vec<String>> {
    let within = match value.get_ref() {
        DeValue::Table(table) => locate_in_table(table, span),
        DeValue::Array(array) => array.iter().enumerate().find_map(|(index, element)| {
            locate(element, span).map(|path| behind(index.to_string(), path))
        }),
        _ => None,
    };
    within.or_else(|| (value.span() == *span).then(Vec::new))
}

fn locate_in_table(table: &DeTable<'_>, span: &Range<usize>) -> Option<Vec<String>> {
    table.iter().find_map(|(key, value)| {
        let within = locate(value, span);
        let path = within.or_else(|| (key.span() == *span).then(Vec::new))?;
        Some(behind(key.get_ref().to_string(), path))
    })
}

fn behind(key: String, mut path: Vec<String>) -> Vec<String> {
    path.insert(0, key);
    path
}

fn at<'t, 'i>(
    value: &'t mut Spanned<DeValue<'i>>,
    path: &[String],
) -> Option<&'t mut Spanned<DeValue<'i>>> {
    path.iter()
        .try_fold(value, |value, key| match value.get_mut() {
            DeValue::Table(table) => table.get_mut(key.as_str()),
            DeValue::Array(array) => array.get_mut(key.parse::<usize>().ok()?),
            _ => None,
        })
}

fn remove(value: &mut Spanned<DeValue<'_>>, path: &[String]) -> bool {
    let Some((last, parents)) = path.split_last() else {
        return false;
    };
    match at(value, parents).map(Spanned::get_mut) {
        Some(DeValue::Table(table)) => table.remove(last.as_str()).is_some(),
        Some(DeValue::Array(array)) => match last.parse::<usize>() {
            Ok(index) if index < array.len() => {
                let rest = array.iter().enumerate().filter(|(at, _)| *at != index);
                *array = rest.map(|(_, element)| element.clone()).collect();
                true
            }
            _ => false,
        },
        _ => false,
    }
}

/// Gives a key the name that was meant, unless that one is there as well.
fn rename(value: &mut Spanned<DeValue<'_>>, path: &[String], meant: &str) -> bool {
    let Some((last, parents)) = path.split_last() else {
        return false;
    };
    let Some(DeValue::Table(table)) = at(value, parents).map(Spanned::get_mut) else {
        return false;
    };
    if table.contains_key(meant) {
        return false;
    }
    let Some((key, value)) = table.remove_entry(last.as_str()) else {
        return false;
    };
    table.insert(Spanned::new(key.span(), meant.to_owned().into()), value);
    true
}
