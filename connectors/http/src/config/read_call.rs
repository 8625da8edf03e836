//! Reading one call of a declaration, and what is made of its answer.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use adieu_http_client::http::Method;

use super::read::{Reader, optional};
use super::{NextConfig, SignConfig};
use crate::body::JsonTemplate;
use crate::path::JsonPath;
use crate::plan::{Body, CallPlan, Into, Next, Only, Sign};
use crate::template::{Scope, Template};

/// What the tables that hold a call have in common.
pub(super) struct CallParts<'a> {
    pub(super) call: &'a str,
    pub(super) server: &'a Option<String>,
    pub(super) query: &'a BTreeMap<String, String>,
    pub(super) json: Option<&'a toml::Table>,
    pub(super) form: &'a BTreeMap<String, String>,
    pub(super) absent: &'a [SignConfig],
    pub(super) retry: &'a [SignConfig],
}

static NO_TEXTS: LazyLock<BTreeMap<String, String>> = LazyLock::new(BTreeMap::new);

impl<'a> CallParts<'a> {
    pub(super) fn new(call: &'a str) -> Self {
        Self {
            call,
            server: &None,
            query: &NO_TEXTS,
            json: None,
            form: &NO_TEXTS,
            absent: &[],
            retry: &[],
        }
    }
}

pub(super) fn read_call(
    reader: &mut Reader<'_>,
    parts: &CallParts<'_>,
    scope: Scope<'_>,
    reads: bool,
) -> Option<CallPlan> {
    let line = reader.noted("call", method_and_path(parts.call));
    let holes = line.as_ref().and_then(|(_, path)| {
        let holes = path_holes(path, scope);
        reader.noted("call", holes)
    });
    let server = match parts.server {
        None => Some(0),
        Some(name) => {
            let index = reader.servers.iter().position(|known| known == name);
            let index = index.map(|index| index + 1);
            reader.noted(
                "server",
                index.ok_or_else(|| {
                    format!(
                        "there is no [connector.server.{name}]; known are: {}",
                        reader.servers.join(", ")
                    )
                }),
            )
        }
    };
    let query = texts(reader, "query", parts.query, scope);
    if parts.json.is_some() && !parts.form.is_empty() {
        reader.wrong("form", "a call has one body: `json` or `form`");
    }
    let body = match parts.json {
        Some(json) => {
            let json = JsonTemplate::parse(&toml::Value::Table(json.clone()), scope);
            reader
                .noted("json", json)
                .map(|json| Some(Body::Json(json)))
        }
        None if parts.form.is_empty() => Some(None),
        None => texts(reader, "form", parts.form, scope).map(|form| Some(Body::Form(form))),
    };
    let absent = signs(reader, "absent", parts.absent);
    let retry = signs(reader, "retry", parts.retry);
    let (method, route) = line?;
    Some(CallPlan {
        server: server?,
        method,
        route,
        holes: holes?,
        query: query?,
        body: body?,
        reads,
        absent: absent?,
        retry: retry?,
    })
}

fn method_and_path(call: &str) -> Result<(Method, String), String> {
    let wrong = || "is written as method and path, such as `GET /users/{user_id}`".to_owned();
    let (method, path) = call.split_once(' ').ok_or_else(wrong)?;
    let method = match method {
        "GET" => Method::GET,
        "POST" => Method::POST,
        "PUT" => Method::PUT,
        "PATCH" => Method::PATCH,
        "DELETE" => Method::DELETE,
        _ => return Err(wrong()),
    };
    if !path.starts_with('/') || path.contains([' ', '#']) {
        return Err(wrong());
    }
    if path.contains('?') {
        return Err("has a query; write it as `query`, where values are escaped".to_owned());
    }
    Ok((method, path.to_owned()))
}

/// The placeholders of a path, each by its name.
fn path_holes(path: &str, scope: Scope<'_>) -> Result<Vec<(String, Template)>, String> {
    if path.contains("{{") {
        return Err("a path holds no braces but those of placeholders".to_owned());
    }
    let whole = Template::parse(path, scope)?;
    let holes = whole.holes().map(|hole| {
        let alone = Template::parse(&format!("{{{}}}", hole.name), scope)?;
        Ok((hole.name.clone(), alone))
    });
    holes.collect()
}

pub(super) fn texts(
    reader: &mut Reader<'_>,
    key: &str,
    texts: &BTreeMap<String, String>,
    scope: Scope<'_>,
) -> Option<Vec<(String, Template)>> {
    let read = texts.iter().map(|(name, text)| {
        let template = Template::parse(text, scope);
        let template = reader.within([key, name], |reader| reader.noted("", template));
        template.map(|template| (name.clone(), template))
    });
    read.collect::<Vec<_>>().into_iter().collect()
}

pub(super) fn read_path(reader: &mut Reader<'_>, key: &str, path: &str) -> Option<JsonPath> {
    if path.is_empty() {
        reader.wrong(key, "is missing; say where it lies, such as `$.data[*]`");
        return None;
    }
    reader.noted(key, JsonPath::parse(path))
}

pub(super) fn read_only(
    reader: &mut Reader<'_>,
    only: &BTreeMap<String, toml::Value>,
    ignore_case: bool,
    scope: Scope<'_>,
) -> Option<Only> {
    let mut wanted = Vec::new();
    for (path, texts) in only {
        let texts = match texts {
            toml::Value::String(text) => vec![text.as_str()],
            toml::Value::Array(list)
                if !list.is_empty() && list.iter().all(toml::Value::is_str) =>
            {
                list.iter().filter_map(toml::Value::as_str).collect()
            }
            _ => {
                reader.within(["where", path], |reader| {
                    reader.wrong(
                        "",
                        "is a text, or a list of texts of which one must be there",
                    )
                });
                continue;
            }
        };
        let read = JsonPath::parse(path).and_then(|path| {
            let texts = texts.into_iter().map(|text| Template::parse(text, scope));
            Ok((path, texts.collect::<Result<_, _>>()?))
        });
        wanted.push(reader.within(["where", path], |reader| reader.noted("", read)));
    }
    Some(Only {
        wanted: wanted.into_iter().collect::<Option<_>>()?,
        ignore_case,
    })
}

fn signs(reader: &mut Reader<'_>, key: &str, signs: &[SignConfig]) -> Option<Vec<Sign>> {
    let mut read = Vec::new();
    for (index, sign) in signs.iter().enumerate() {
        let is = match (&sign.at, &sign.is) {
            (None, None) => Some(None),
            (Some(at), Some(is)) => {
                let path = JsonPath::parse(at);
                reader
                    .noted(&format!("{key}/{index}/at"), path)
                    .map(|path| Some((path, is.clone())))
            }
            _ => {
                reader.wrong(&format!("{key}/{index}"), "`at` and `is` belong together");
                None
            }
        };
        if !(100..=599).contains(&sign.status) {
            reader.wrong(&format!("{key}/{index}/status"), "is no status of HTTP");
        }
        if is.as_ref().is_some_and(Option::is_none) && (200..300).contains(&sign.status) {
            reader.wrong(
                &format!("{key}/{index}"),
                "a success alone says nothing; add `at` and `is`",
            );
        }
        read.push(is.map(|is| Sign {
            status: sign.status,
            is,
        }));
    }
    read.into_iter().collect()
}

pub(super) fn read_next(reader: &mut Reader<'_>, config: &NextConfig) -> Option<Next> {
    let ways = [
        config.link,
        config.url.is_some(),
        config.cursor.is_some(),
        config.page.is_some(),
        config.offset.is_some(),
    ];
    if ways.into_iter().filter(|&way| way).count() != 1 {
        reader.wrong(
            "",
            "takes exactly one of `link`, `url`, `cursor`, `page` and `offset`",
        );
        return None;
    }
    if let Some(url) = &config.url {
        return read_path(reader, "url", url).map(Next::Url);
    }
    if let Some(cursor) = &config.cursor {
        let at = read_path(reader, "cursor", cursor);
        let more = config
            .more
            .as_ref()
            .map(|more| read_path(reader, "more", more));
        let into = match (&config.query, &config.json) {
            (Some(query), None) => Some(Into::Query(query.clone())),
            (None, Some(json)) if json.starts_with('/') => Some(Into::Json(json.clone())),
            _ => {
                reader.wrong("", "says where the word goes: `query` (a parameter) or `json` (a place in the body, such as \"/after\")");
                None
            }
        };
        return Some(Next::Cursor {
            at: at?,
            more: optional(more)?,
            into: into?,
        });
    }
    if config.link {
        return Some(Next::Link);
    }
    if config.size == 0 {
        reader.wrong(
            "size",
            "is missing; say how many a page holds, so that a shorter one is the last",
        );
    }
    let (limit, size) = (config.limit.clone(), config.size);
    match (&config.page, &config.offset) {
        (Some(page), _) => Some(Next::Page {
            parameter: page.clone(),
            from: config.from,
            limit,
            size,
        }),
        (None, Some(offset)) => Some(Next::Offset {
            parameter: offset.clone(),
            limit,
            size,
        }),
        (None, None) => None,
    }
}
