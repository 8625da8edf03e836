//! The SQL connector keeps the contract over MySQL: the clauses of the kit, in the database of MariaDB's contract.

use adieu_testkit::{Clause, Fixture, Violation};

use crate::mariadb_contract::a_database;
use crate::place::Server;
use crate::servers::mysql;

async fn a_mysql_database() -> impl Fixture {
    a_database(Server::MySql)
}

/// A test for each clause, which is passed over where there is no MySQL, in CI too: `cargo xtask test` says so.
macro_rules! clauses {
    ([$run:ident] $($name:ident $variant:ident $doc:literal;)*) => {
        $(
            #[test]
            #[doc = $doc]
            fn $name() -> Result<(), Violation> {
                if mysql().is_some() {
                    adieu_testkit::$run(Clause::$variant, a_mysql_database)?;
                }
                Ok(())
            }
        )*
    };
}

mod conformance {
    use super::*;
    adieu_testkit::__each_clause! { [clauses!] prove }
}

mod under_faults {
    use super::*;
    adieu_testkit::__each_clause! { [clauses!] survives }
}
