//! Logging in at MySQL 8, whose usual way (`caching_sha2_password`) sends a password as it is, or encrypted with the server's key.

use adieu_core::{Connector, ErrorKind};
use adieu_sql::SqlConnector;

use crate::common::{export, subject};
use crate::place::connector_at;
use crate::servers::{Speaker, mysql_on_loopback};

const MAPPING: &str = "[table.people]\nsubject = { person_id = \"id\" }\nerase = \"delete\"";

/// A connector for a URL that may hold a password, and so may not stand in a configuration.
fn connector(url: &str) -> SqlConnector {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), url).unwrap();
    connector_at(&format!("file:{}", file.path().display()), MAPPING).unwrap()
}

/// A server, and a database in it that this user may read and write.
fn of_user(name: &str, how: &str) -> Option<(&'static Speaker, String)> {
    let server = mysql_on_loopback()?;
    let database = server.create();
    let script = format!(
        "CREATE TABLE people (id INT PRIMARY KEY); INSERT INTO people VALUES (1), (2);
         CREATE USER {name} IDENTIFIED {how}; GRANT SELECT, DELETE ON {database}.* TO {name}"
    );
    server.query(&database, &script);
    Some((server, database))
}

#[tokio::test]
async fn a_password_is_sent_over_tls_and_then_known() {
    let Some((server, database)) = of_user("clerk", "WITH caching_sha2_password BY 'secret'")
    else {
        return;
    };
    let way = "SELECT plugin FROM mysql.user WHERE user = 'clerk'";
    assert_eq!(server.query(&database, way), "caching_sha2_password");
    let url = server.url_as("clerk:secret", &database);
    let tcp = server.url_over_tcp("clerk:secret", &database).unwrap();
    // The first time the server asks for the password itself, later it knows a hash of it.
    for url in [&tcp, &tcp, &url] {
        let connector = connector(url);
        connector.check().await.unwrap();
        let found = export(&connector, &subject(&["person_id=1"]), "people").await;
        assert_eq!(found.unwrap().len(), 1);
    }
    // Then it needs no TLS.
    let plain = connector(&format!("{url}&ssl-mode=disabled"));
    plain.check().await.unwrap();
    let ca = server.folder().join("ca.pem");
    let verified = format!("{tcp}?ssl-mode=verify_ca&ssl-ca={}", ca.display());
    connector(&verified).check().await.unwrap();
    for wrong in ["clerk:Secret", "clerk", "nobody:secret", "nobody"] {
        let error = connector(&server.url_as(wrong, &database))
            .check()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{wrong}: {error}");
        assert!(!error.to_string().contains("ecret"), "{error}");
    }
}

#[tokio::test]
async fn without_tls_a_password_is_refused_by_name_and_not_sent() {
    let Some((server, database)) = of_user("courier", "WITH caching_sha2_password BY 'secret'")
    else {
        return;
    };
    let url = server.url_over_tcp("courier:secret", &database).unwrap();
    let error = connector(&format!("{url}?ssl-mode=disabled"))
        .check()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.what().contains("TLS"), "{error}");
}

#[tokio::test]
async fn the_way_of_mysql_5_is_still_understood() {
    let Some((server, database)) = of_user("elder", "WITH mysql_native_password BY 'secret'")
    else {
        return;
    };
    let url = server.url_as("elder:secret", &database);
    let connector = connector(&url);
    connector.check().await.unwrap();
}
