//! The connector keeps the contract over the example in Node.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod common;

use adieu_testkit::Fixture;
use common::{Example, Language};

fn is_there() -> Result<(), String> {
    Language::Node.is_there()
}

async fn node() -> impl Fixture {
    Example::start(Language::Node)
}

adieu_testkit::conformance!(node, is_there);
