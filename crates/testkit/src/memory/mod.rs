//! A system in memory and its connector: the reference for the contract, and a system for the tests of a gateway.
//!
//! A [`MemorySystem`] is a handle: its clones look at the same tables. A test fills it, hands
//! [`MemorySystem::connector`] to a gateway, changes and breaks it while the gateway runs, and looks at what is left.
//!
//! ```
//! use adieu_testkit::memory::{MemorySystem, Rule, Table};
//! use serde_json::json;
//!
//! let shop = MemorySystem::new();
//! shop.create(Table::new("customers").found_by("email", "email").yields("user_id", "id"))?;
//! shop.create(Table::new("orders").found_by("user_id", "customer").on_erasure(Rule::Delete))?;
//! shop.put("customers", "1", json!({"id": "u-1", "email": "ada@example.com"}))?;
//! shop.put("orders", "a", json!({"customer": "u-1", "total": 12}))?;
//! let connector = shop.connector("shop")?;
//! # let _ = connector;
//! assert_eq!(shop.count("orders"), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod connector;
mod switches;
mod system;
mod table;

pub use connector::MemoryConnector;
pub use switches::Calls;
pub use system::{MemorySystem, Misuse};
pub use table::{Rule, Table};
