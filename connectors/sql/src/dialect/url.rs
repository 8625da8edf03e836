//! Which database a URL means.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;

/// A database's URL, of which nothing shows.
pub(crate) enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A server, and how to log in there.
    Postgres(Box<PgConnectOptions>),
    MariaDb(Box<MySqlConnectOptions>),
    /// A database at Cloudflare: the account and the database in it.
    #[cfg(feature = "d1")]
    D1 {
        account: String,
        database: String,
    },
}

/// The parameters that a PostgreSQL URL may have. The driver would log others with their values.
const POSTGRES_PARAMETERS: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "options",
];

/// The same of a MariaDB URL.
const MARIADB_PARAMETERS: &[&str] = &["ssl-mode", "ssl-ca", "ssl-cert", "ssl-key", "socket"];

const FORMS: &str = "write sqlite:PATH, postgres://USER@HOST/DATABASE, mysql://USER@HOST/DATABASE or d1://ACCOUNT/DATABASE";

impl DatabaseUrl {
    /// Parses a URL. The problem does not repeat it.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        match url.split_once(':') {
            Some(("sqlite", path)) => sqlite(path),
            Some(("postgres" | "postgresql", _)) => postgres(url),
            Some(("mysql" | "mariadb", _)) => mariadb(url),
            Some(("d1", rest)) => d1(rest),
            _ => Err(format!("is not a URL that this connector knows; {FORMS}")),
        }
    }

    /// Whether it holds a password, which has no place in a configuration file.
    pub(crate) fn has_password(url: &str) -> bool {
        let authority = url
            .split_once("://")
            .and_then(|(_, rest)| rest.split(['/', '?']).next())
            .and_then(|authority| authority.rsplit_once('@'));
        authority.is_some_and(|(user, _)| user.contains(':')) || url.contains("password=")
    }

    /// The same database, with a relative path beginning at this folder.
    pub(crate) fn within(self, folder: &Path) -> Self {
        match self {
            Self::Sqlite(path) => Self::Sqlite(folder.join(path)),
            server => server,
        }
    }
}

fn sqlite(path: &str) -> Result<DatabaseUrl, String> {
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.contains(":memory:") {
        return Err("names no file; write sqlite:PATH".to_owned());
    }
    if path.contains(['?', '\0']) {
        return Err("has more than a path; write sqlite:PATH without parameters".to_owned());
    }
    Ok(DatabaseUrl::Sqlite(PathBuf::from(path)))
}

fn postgres(url: &str) -> Result<DatabaseUrl, String> {
    known_parameters(url, POSTGRES_PARAMETERS)?;
    let options = url.parse::<PgConnectOptions>();
    let options = options.map_err(|_| format!("is not a URL of a PostgreSQL database; {FORMS}"))?;
    if options.get_database().is_none() {
        return Err(format!("names no database; {FORMS}"));
    }
    Ok(DatabaseUrl::Postgres(Box::new(options)))
}

fn mariadb(url: &str) -> Result<DatabaseUrl, String> {
    known_parameters(url, MARIADB_PARAMETERS)?;
    let options = url.parse::<MySqlConnectOptions>();
    let options = options.map_err(|_| format!("is not a URL of a MariaDB database; {FORMS}"))?;
    if options.get_database().is_none_or(str::is_empty) {
        return Err(format!("names no database; {FORMS}"));
    }
    Ok(DatabaseUrl::MariaDb(Box::new(options)))
}

#[cfg(not(feature = "d1"))]
fn d1(_: &str) -> Result<DatabaseUrl, String> {
    let problem = "is one of Cloudflare D1, which this program was built without; build it with the feature `d1`";
    Err(problem.to_owned())
}

#[cfg(feature = "d1")]
fn d1(rest: &str) -> Result<DatabaseUrl, String> {
    let is_id = |id: &str| {
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=64).contains(&id.len()) && id.bytes().all(is_sign)
    };
    let ids = rest
        .strip_prefix("//")
        .and_then(|rest| rest.split_once('/'));
    match ids {
        Some((account, database)) if is_id(account) && is_id(database) => Ok(DatabaseUrl::D1 {
            account: account.to_owned(),
            database: database.to_owned(),
        }),
        _ => Err("is not d1://ACCOUNT/DATABASE, of the two ids that Cloudflare shows".to_owned()),
    }
}

fn known_parameters(url: &str, known: &[&str]) -> Result<(), String> {
    let parameters = url.split_once('?').map_or("", |(_, rest)| rest).split('&');
    for parameter in parameters.filter(|one| !one.is_empty()) {
        let name = parameter.split('=').next().unwrap_or_default();
        if !known.contains(&name) {
            let mut problem = "has a parameter that is not known; those are ".to_owned();
            let _ = write!(problem, "{}", known.join(", "));
            return Err(problem);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(url: &str) -> PathBuf {
        match DatabaseUrl::parse(url)
            .unwrap()
            .within(Path::new("/etc/adieu"))
        {
            DatabaseUrl::Sqlite(path) => path,
            _ => panic!("{url} is not a file"),
        }
    }

    #[test]
    fn a_relative_path_begins_at_the_folder_of_the_configuration() {
        assert_eq!(path("sqlite:shop.db"), Path::new("/etc/adieu/shop.db"));
        assert_eq!(
            path("sqlite://data/shop.db"),
            Path::new("/etc/adieu/data/shop.db")
        );
        assert_eq!(path("sqlite:///var/shop.db"), Path::new("/var/shop.db"));
        assert_eq!(path("sqlite:/var/shop.db"), Path::new("/var/shop.db"));
    }

    #[test]
    fn a_server_is_named_by_its_url_or_by_a_folder_with_its_socket() {
        for url in [
            "postgres://adieu@db/shop",
            "postgresql://adieu:hunter2@db:5433/shop?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            "postgres://adieu@localhost/shop?host=/run/postgresql",
        ] {
            let DatabaseUrl::Postgres(options) = DatabaseUrl::parse(url).unwrap() else {
                panic!("{url} is not a server");
            };
            assert_eq!(options.get_database(), Some("shop"));
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_told_without_repeating_it() {
        for bad in [
            "sqlite:",
            "sqlite::memory:",
            "shop.db",
            "sqlite:shop.db?mode=rwc",
            "postgres://hunter2@db",
            "postgres://adieu:hunter2@db:port/shop",
            "postgres://adieu@db/shop?sslmdoe=hunter2",
            "mysql://hunter2@db",
            "mariadb://adieu@db/shop?sokcet=hunter2",
            "oracle://adieu:hunter2@db/shop",
            "d1://hunter2",
            "d1://account/data/hunter2",
            "d1:account/hunter2",
        ] {
            let problem = DatabaseUrl::parse(bad).err().unwrap();
            assert!(!problem.contains("hunter2"), "{problem}");
        }
        assert!(DatabaseUrl::has_password("postgres://shop:hunter2@db/shop"));
        assert!(DatabaseUrl::has_password(
            "postgres://shop@db/shop?password=hunter2"
        ));
        assert!(!DatabaseUrl::has_password("postgres://shop@db/shop"));
    }
}
