//! Pages: how a list is read from one to the next.

use adieu_core::{ConnectorError, ErrorKind};
use adieu_http_client::Response;
use adieu_http_client::http::header::LINK;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::Api;
use crate::plan::{Into, ListPlan, Next};
use crate::template::Values;

/// Which page is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Turn {
    First,
    /// At a URL that the provider gave.
    Url(String),
    /// By these parameters of the query.
    Query(Vec<(String, String)>),
    /// By a word at a place of the body.
    Json(String, String),
}

impl Turn {
    pub(crate) fn is_url(&self) -> bool {
        self.url().is_some()
    }

    pub(crate) fn url(&self) -> Option<&str> {
        match self {
            Self::Url(url) => Some(url),
            _ => None,
        }
    }

    pub(crate) fn query(&self) -> Vec<(String, String)> {
        match self {
            Self::Query(pairs) => pairs.clone(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn json(&self) -> Option<(&str, &str)> {
        match self {
            Self::Json(place, word) => Some((place, word)),
            _ => None,
        }
    }
}

/// One page of a list.
pub(crate) struct Page {
    pub(crate) records: Vec<Value>,
    pub(crate) next: Option<Turn>,
}

/// Reads one page.
///
/// # Errors
/// When it cannot be read, or the provider leads from a page to itself.
pub(crate) async fn read(
    api: &Api,
    list: &ListPlan,
    values: &Values<'_>,
    turn: &Turn,
) -> Result<Page, ConnectorError> {
    let turn = match (turn, &list.next) {
        (Turn::First, Some(next)) => next.first(),
        (turn, _) => turn.clone(),
    };
    let Some(response) = api.send(&list.call, values, &[], &turn).await? else {
        return Ok(Page {
            records: Vec::new(),
            next: None,
        });
    };
    let json = response.json()?;
    let records: Vec<Value> = list.records.all(&json).into_iter().cloned().collect();
    if records.iter().any(|record| !record.is_object()) {
        return Err(response.makes_no_sense("a record of the answer is no object"));
    }
    let next = match &list.next {
        None => None,
        Some(next) => next.after(&turn, &response, &json, records.len())?,
    };
    if next.as_ref() == Some(&turn) {
        return Err(response.makes_no_sense("the next page is this one"));
    }
    Ok(Page { records, next })
}

impl Next {
    fn first(&self) -> Turn {
        match self {
            Self::Link | Self::Url(_) => Turn::First,
            Self::Cursor { .. } => Turn::First,
            Self::Page { from, .. } => self.numbered(*from),
            Self::Offset { .. } => self.numbered(0),
        }
    }

    /// The page with this number, or after so many records.
    fn numbered(&self, number: u64) -> Turn {
        match self {
            Self::Page {
                parameter,
                limit,
                size,
                ..
            }
            | Self::Offset {
                parameter,
                limit,
                size,
            } => {
                let mut pairs = vec![(parameter.clone(), number.to_string())];
                pairs.extend(limit.clone().map(|limit| (limit, size.to_string())));
                Turn::Query(pairs)
            }
            _ => Turn::First,
        }
    }

    fn after(
        &self,
        turn: &Turn,
        response: &Response,
        json: &Value,
        records: usize,
    ) -> Result<Option<Turn>, ConnectorError> {
        Ok(match self {
            Self::Link => next_link(response).map(Turn::Url),
            Self::Url(path) => path.text(json).map(Turn::Url),
            Self::Cursor { at, more, into } => {
                let goes_on = more
                    .as_ref()
                    .is_none_or(|more| more.first(json) == Some(&Value::Bool(true)));
                let word = at.text(json).filter(|word| goes_on && !word.is_empty());
                word.map(|word| match into {
                    Into::Query(parameter) => Turn::Query(vec![(parameter.clone(), word)]),
                    Into::Json(place) => Turn::Json(place.clone(), word),
                })
            }
            Self::Page { size, .. } | Self::Offset { size, .. } if (records as u64) < *size => None,
            Self::Page { .. } => Some(self.numbered(number_of(turn)? + 1)),
            Self::Offset { .. } => Some(self.numbered(number_of(turn)? + records as u64)),
        })
    }
}

fn number_of(turn: &Turn) -> Result<u64, ConnectorError> {
    let number = match turn {
        Turn::Query(pairs) => pairs.first().and_then(|(_, number)| number.parse().ok()),
        _ => None,
    };
    number.ok_or_else(|| ConnectorError::new(ErrorKind::Internal, "a page has no number"))
}

/// The URL of a header `Link` with `rel="next"` (RFC 8288).
fn next_link(response: &Response) -> Option<String> {
    let headers = response.headers().get_all(LINK).into_iter();
    headers
        .filter_map(|header| header.to_str().ok())
        .find_map(next_of)
}

fn next_of(header: &str) -> Option<String> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (url, after) = after.split_once('>')?;
        let parameters = after.split_once('<').map_or(after, |(before, _)| before);
        let is_next = parameters.split([';', ',']).any(|parameter| {
            let parameter: String = parameter.split_whitespace().collect();
            parameter.eq_ignore_ascii_case("rel=\"next\"")
                || parameter.eq_ignore_ascii_case("rel=next")
        });
        if is_next {
            return Some(url.to_owned());
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_link_is_found_among_others() {
        for (header, expected) in [
            (
                "<https://a/?after=2>; rel=\"next\"",
                Some("https://a/?after=2"),
            ),
            (
                "<https://a/?x=1,2>; rel=\"self\", <https://a/?after=2>; title=\"x\"; rel=next",
                Some("https://a/?after=2"),
            ),
            ("<https://a/>; rel=\"self\"", None),
            ("<https://a/>; rel=\"nextish\"", None),
            ("nonsense", None),
        ] {
            assert_eq!(next_of(header).as_deref(), expected, "{header}");
        }
    }
}
