//! Reading a block although it has mistakes: each is told, replaced by something that is read, and the rest goes on.

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
    /// Where something was filled in. What is found there or below only follows from that.
    filled_in: Vec<Vec<String>>,
    /// Where something was taken out. What is found there, below or above may follow from that.
    taken_out: Vec<Vec<String>>,
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
            filled_in: Vec::new(),
            taken_out: Vec::new(),
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
            let words = variants(error.message());
            let goes_on = match Complaint::parse(error.message()) {
                Complaint::UnknownKey(key, known) => {
                    self.unknown_key(path, span, &key, known, also_known)
                }
                Complaint::MissingKey(key) => self.missing_key::<T>(path, span, key),
                Complaint::Other(problem) => self.wrong_value::<T>(path, span, problem, &words),
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
        self.filled_in.iter().any(|filled| path.starts_with(filled))
            || self
                .taken_out
                .iter()
                .any(|taken| path.starts_with(taken) || taken.starts_with(path))
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
        self.note(&path, span, unknown_key(key, &known));
        let meant = nearest(key, &known).filter(|meant| !also_known.contains(&meant.as_str()));
        if let Some(meant) = meant
            && rename(&mut self.tree, &path, meant)
        {
            return true;
        }
        self.take_out(path)
    }

    fn missing_key<T: DeserializeOwned>(
        &mut self,
        table: Vec<String>,
        span: Range<usize>,
        key: String,
    ) -> bool {
        let mut path = table.clone();
        path.push(key.clone());
        if let Some((written, span)) = self.key_like(&table, &key) {
            path.pop();
            path.push(written);
            self.note(&path, span, format!("unknown key; did you mean `{key}`?"));
            return rename(&mut self.tree, &path, &key);
        }
        if !self.is_consequence(&path) {
            self.note(&path, span, "is missing".to_owned());
        }
        self.fill_in::<T>(&path, &[]) || self.take_out(table)
    }

    /// A key of a table that was probably meant to be this one.
    fn key_like(&mut self, table: &[String], meant: &String) -> Option<(String, Range<usize>)> {
        let DeValue::Table(table) = at(&mut self.tree, table)?.get_ref() else {
            return None;
        };
        let key = table
            .keys()
            .find(|key| nearest(key.get_ref(), std::slice::from_ref(meant)).is_some())?;
        Some((key.get_ref().to_string(), key.span()))
    }

    fn wrong_value<T: DeserializeOwned>(
        &mut self,
        path: Vec<String>,
        span: Range<usize>,
        problem: String,
        words: &[String],
    ) -> bool {
        if !self.is_consequence(&path) {
            self.note(&path, span.clone(), problem);
        }
        let value = at(&mut self.tree, &path);
        let is_key = value.is_some_and(|value| value.span() != span);
        if is_key {
            // A word of a list that stands as a key, such as `{ truncat = true }`.
            let meant = path.last().and_then(|key| nearest(key, words));
            return meant.is_some_and(|meant| rename(&mut self.tree, &path, meant))
                || self.take_out(path);
        }
        self.fill_in::<T>(&path, words) || self.take_out(path)
    }

    fn take_out(&mut self, path: Vec<String>) -> bool {
        let removed = remove(&mut self.tree, &path);
        self.taken_out.push(path);
        removed
    }

    /// Puts something where nothing, or nothing right, stands, that lets the reader go on.
    fn fill_in<T: DeserializeOwned>(&mut self, path: &[String], words: &[String]) -> bool {
        if path.is_empty() {
            return false;
        }
        self.filled_in.push(path.to_vec());
        let literals = ["\"a\"", "\"\"", "1", "true", "[]", "{}"];
        let values = literals
            .iter()
            .filter_map(|literal| DeValue::parse(literal).ok());
        let mut candidates: VecDeque<DeValue<'i>> = values.map(Spanned::into_inner).collect();
        if let Some(word) = self.meant(path, words) {
            candidates.push_front(DeValue::String(word.into()));
        }
        let mut knows_words = !words.is_empty();
        while let Some(value) = candidates.pop_front() {
            if !put(&mut self.tree, path, Spanned::new(FILLED_IN, value)) {
                return false;
            }
            match T::deserialize(ValueDeserializer::from(self.tree.clone())) {
                Err(error) if error.span() == Some(FILLED_IN) => {
                    let words = variants(error.message());
                    if !knows_words && let Some(word) = words.first() {
                        knows_words = true;
                        candidates.push_front(DeValue::String(word.clone().into()));
                    }
                }
                _ => return true,
            }
        }
        false
    }

    /// The word that was meant by what stands there, or any.
    fn meant(&mut self, path: &[String], words: &[String]) -> Option<String> {
        let written = at(&mut self.tree, path).and_then(|value| value.get_ref().as_str());
        let near = written.and_then(|written| nearest(written, words));
        near.or_else(|| words.first()).cloned()
    }

    fn note(&mut self, path: &[String], span: Range<usize>, problem: String) {
        let in_the_file = locate(&self.original, &span).filter(|found| found.len() == path.len());
        self.found.push(Found {
            path: in_the_file.unwrap_or_else(|| path.to_vec()),
            span: if span == FILLED_IN {
                self.original.span()
            } else {
                span
            },
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

fn put<'i>(tree: &mut Spanned<DeValue<'i>>, path: &[String], value: Spanned<DeValue<'i>>) -> bool {
    if let Some(there) = at(tree, path) {
        *there = value;
        return true;
    }
    let Some((last, parents)) = path.split_last() else {
        return false;
    };
    match at(tree, parents).map(Spanned::get_mut) {
        Some(DeValue::Table(table)) => {
            table.insert(Spanned::new(FILLED_IN, last.clone().into()), value);
            true
        }
        _ => false,
    }
}

fn remove(value: &mut Spanned<DeValue<'_>>, path: &[String]) -> bool {
    let Some((last, parents)) = path.split_last() else {
        return false;
    };
    match at(value, parents).map(Spanned::get_mut) {
        Some(DeValue::Table(table)) => table.remove(last.as_str()).is_some(),
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
