//! What each provider of the catalogue holds and answers, by its documentation.

mod amplitude;
mod auth0;
mod clerk;
mod hubspot;
mod intercom;
mod mailchimp;
mod mixpanel;
mod okta;
mod openai;
mod posthog;
mod segment;
mod sendgrid;
mod zendesk;

pub(crate) use amplitude::AMPLITUDE;
pub(crate) use auth0::AUTH0;
pub(crate) use clerk::CLERK;
pub(crate) use hubspot::HUBSPOT;
pub(crate) use intercom::INTERCOM;
pub(crate) use mailchimp::MAILCHIMP;
pub(crate) use mixpanel::MIXPANEL;
pub(crate) use okta::OKTA;
pub(crate) use openai::OPENAI;
pub(crate) use posthog::POSTHOG;
pub(crate) use segment::SEGMENT;
pub(crate) use sendgrid::SENDGRID;
pub(crate) use zendesk::ZENDESK;

use super::Provider;
use super::SECRET;
use super::fake::{
    Ask, Reply, Row, Whose, World, basic, is_number, lenient_number, not_found, page, text,
};
use serde_json::{Value, json};

/// The addresses of the people that every provider has.
const PEOPLE: [(&str, &str, &str, Whose); 4] = [
    ("ada@example.com", "user1", "Ada Lovelace", Whose::Ada),
    ("ada@work.example", "old1", "Ada Byron", Whose::Ada),
    (
        "lovelace@example.com",
        "user-3",
        "Augusta Ada King",
        Whose::Ada,
    ),
    ("ada@example.com.au", "user10", "Eve Moneypenny", Whose::Eve),
];

const ADA_BY_EMAIL: &[(&str, &str)] = &[
    ("email", "ada@example.com"),
    ("email", "ada@work.example"),
    ("email", "lovelace@example.com"),
];
const EVE_BY_EMAIL: &[(&str, &str)] = &[("email", "ada@example.com.au")];
const NOBODY_BY_EMAIL: &[(&str, &str)] = &[("email", "nobody@example.com")];

const ADA_BY_ID: &[(&str, &str)] = &[
    ("user_id", "user1"),
    ("user_id", "old1"),
    ("user_id", "user-3"),
];
const EVE_BY_ID: &[(&str, &str)] = &[("user_id", "user10")];
const NOBODY_BY_ID: &[(&str, &str)] = &[("user_id", "user2")];

/// Some known in one way and some in the other, and one in both.
const ADA: &[(&str, &str)] = &[
    ("email", "ada@example.com"),
    ("email", "ada@work.example"),
    ("user_id", "user1"),
    ("user_id", "user-3"),
];
const EVE: &[(&str, &str)] = &[("email", "ada@example.com.au"), ("user_id", "user10")];
const NOBODY: &[(&str, &str)] = &[("email", "nobody@example.com"), ("user_id", "user2")];

const PERSONAL: &[&str] = &["Ada Lovelace", "Ada Byron", "Eve Moneypenny"];
const URL: &[(&str, &str)] = &[("url", "")];

fn is_bearer(ask: &Ask) -> bool {
    ask.authorization == format!("Bearer {SECRET}")
}

fn unauthorized() -> Reply {
    Reply::json(401, &json!({"error": "unauthorized"}))
}
