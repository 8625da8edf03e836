//! The connector keeps the contract over the example in Python.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use adieu_testkit::Fixture;
use common::{Example, Language};

fn is_there() -> Result<(), String> {
    Language::Python.is_there()
}

async fn python() -> impl Fixture {
    Example::start(Language::Python)
}

adieu_testkit::conformance!(python, is_there);
