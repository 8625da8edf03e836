//! The parameters after a question mark.

use std::borrow::Cow;
use std::str::FromStr;

use crate::problem::Problem;

/// Parameters that are taken one by one; what is left in the end is unknown.
pub(super) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    pub(super) fn parse(query: &'a str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).collect())
    }

    /// Takes a parameter that may be left out.
    pub(super) fn take<T: FromStr>(&mut self, name: &'static str) -> Result<Option<T>, Problem> {
        let mut found = None;
        let mut rest = Vec::with_capacity(self.0.len());
        for (key, value) in self.0.drain(..) {
            if key != name {
                rest.push((key, value));
            } else if found.replace(value).is_some() {
                return Err(Problem::parameter(name));
            }
        }
        self.0 = rest;
        found
            .map(|value| value.parse().map_err(|_| Problem::parameter(name)))
            .transpose()
    }

    /// Takes how many are wanted: 1 to `most`, `usual` when it is not said.
    pub(super) fn limit(&mut self, usual: u32, most: u32) -> Result<u32, Problem> {
        match self.take::<u32>("limit")? {
            None => Ok(usual),
            Some(limit) if (1..=most).contains(&limit) => Ok(limit),
            Some(_) => Err(Problem::parameter("limit")),
        }
    }

    /// Refuses what is left; its name is the caller's own text and is not repeated.
    pub(super) fn end(self) -> Result<(), Problem> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(Problem::parameter("unknown")),
        }
    }
}
