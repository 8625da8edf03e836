//! The page as it is sent: put together once, when the gateway is made.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::HeaderValue;
use serde_json::json;

use super::config::PageConfig;

/// The page, and what is sent along with it. There is nothing personal in it: what a person sees, their browser asks for.
pub(crate) struct Page {
    pub(super) html: Bytes,
    pub(super) etag: HeaderValue,
    pub(super) policy: HeaderValue,
}

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");

/// One module, in the order in which its parts need each other.
const SCRIPT: &str = concat!(
    "\n",
    include_str!("js/text.js"),
    include_str!("js/element.js"),
    include_str!("js/call.js"),
    include_str!("js/follow.js"),
    include_str!("js/outcome.js"),
    include_str!("js/receipt.js"),
    include_str!("js/holdings.js"),
    include_str!("js/progress.js"),
    include_str!("js/export.js"),
    include_str!("js/erasure.js"),
    include_str!("js/confirm.js"),
    include_str!("js/requests.js"),
    include_str!("js/main.js"),
);

impl Page {
    /// The page of a host whose API lies under this prefix; `None` when it cannot be put into headers.
    pub(crate) fn render(
        config: &PageConfig,
        prefix: &str,
        controller: Option<&str>,
    ) -> Option<Self> {
        let words = config.all_words();
        let company = config
            .company
            .as_deref()
            .or(controller)
            .or(words.get("company.unknown").map(String::as_str))
            .unwrap_or_default();
        let contact = config.contact();
        let settings = json!({
            "prefix": prefix,
            "company": company,
            "language": config.language,
            "login_url": config.login_url,
            "contact": contact.as_ref().map(|(link, text)| json!({"link": link, "text": text})),
            "words": words,
        });
        // Between its tags, a text must not look like a tag.
        let settings = settings.to_string().replace('<', "\\u003c");
        let html = fill(TEMPLATE, |name| match name {
            "style" => STYLE.to_owned(),
            "script" => SCRIPT.to_owned(),
            "settings" => settings.clone(),
            "language" => escaped(&config.language),
            "company" => escaped(company),
            word => escaped(&spoken(&words, word, company)),
        });
        let hash = |text: &str| STANDARD.encode(digest(&SHA256, text.as_bytes()));
        let policy = format!(
            "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
             trusted-types 'none'",
            hash(SCRIPT),
            hash(STYLE),
        );
        let etag = URL_SAFE_NO_PAD.encode(digest(&SHA256, html.as_bytes()));
        Some(Self::new(
            html,
            HeaderValue::try_from(format!("\"{etag}\"")).ok()?,
            HeaderValue::try_from(policy).ok()?,
        ))
    }
}

/// Puts something in the place of every `{{name}}`; what is put there is not looked at again.
fn fill(template: &str, mut value: impl FnMut(&str) -> String) -> String {
    let mut parts = template.split("{{");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once("}}").unwrap_or((part, ""));
        filled.push_str(&value(name));
        filled.push_str(rest);
    }
    filled
}

fn spoken(words: &BTreeMap<String, String>, key: &str, company: &str) -> String {
    let word = words.get(key).map_or(key, String::as_str);
    word.replace("{company}", company)
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn page(config: &PageConfig) -> (String, String) {
        let page = Page::render(config, "/privacy", Some("Example Ltd")).unwrap();
        let html = String::from_utf8(page.html.to_vec()).unwrap();
        (html, page.policy.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_policy_names_the_script_and_the_style_that_are_there() {
        let (html, policy) = page(&PageConfig::default());
        for (begin, end) in [
            ("<script type=\"module\">", "</script>"),
            ("<style>", "</style>"),
        ] {
            let inside = html.split_once(begin).unwrap().1.split_once(end).unwrap().0;
            let hash = STANDARD.encode(digest(&SHA256, inside.as_bytes()));
            assert!(policy.contains(&format!("'sha256-{hash}'")), "{begin}");
        }
        assert!(!policy.contains("unsafe"));
        assert_eq!(html.matches("</script>").count(), 2);
        assert!(!html.contains("{{"));
    }

    #[test]
    fn what_a_host_says_is_text_and_never_markup() {
        let evil = "</script><img src=x onerror=alert(1)>\"'&";
        let config = PageConfig {
            title: Some(evil.to_owned()),
            company: Some(evil.to_owned()),
            words: [("page.lead".to_owned(), evil.to_owned())].into(),
            ..PageConfig::default()
        };
        let (html, _) = page(&config);
        assert!(!html.contains("<img"));
        assert_eq!(html.matches("</script>").count(), 2);
        let settings = html.split_once("id=\"settings\">").unwrap().1;
        let settings = settings.split_once("</script>").unwrap().0;
        let settings: serde_json::Value = serde_json::from_str(settings).unwrap();
        assert_eq!(settings["company"], evil);
        assert_eq!(settings["words"]["page.title"], evil);
    }

    /// The keys that a template or a script says.
    fn said(text: &str, begin: &str, end: char) -> BTreeSet<String> {
        text.split(begin)
            .skip(1)
            .filter_map(|rest| Some(rest.split_once(end)?.0.to_owned()))
            .collect()
    }

    #[test]
    fn every_word_that_is_said_is_there_and_every_word_is_said() {
        let words = PageConfig::default().all_words();
        let mut used = said(TEMPLATE, "{{", '}');
        for other in ["style", "script", "settings", "language", "company"] {
            used.remove(other);
        }
        used.extend(said(SCRIPT, "say('", '\''));
        let counted = said(SCRIPT, "count('", '\'');
        used.extend(
            counted
                .iter()
                .flat_map(|key| [format!("{key}.one"), format!("{key}.other")]),
        );
        for key in &used {
            assert!(words.contains_key(key), "{key} is said and is not there");
        }
        // Words whose keys are made of what the API says.
        let made = [
            "basis.",
            "blocker.",
            "company.",
            "export.format.",
            "extension.",
            "group.",
            "ground.",
            "problem.",
            "signed_out.",
            "status.",
            "summary.",
        ];
        for key in words.keys() {
            let is_made = made.iter().any(|begin| key.starts_with(begin));
            assert!(
                is_made || used.contains(key),
                "{key} is there and never said"
            );
        }
    }
}
