//! Which database a URL means.

use std::path::{Path, PathBuf};

/// A database's URL, of which nothing shows.
pub(crate) enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
}

impl DatabaseUrl {
    /// Parses a URL. The problem does not repeat it.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let scheme = url.split(':').next().unwrap_or_default();
        if scheme != "sqlite" {
            let password = url
                .split_once("://")
                .and_then(|(_, rest)| rest.split(['/', '?']).next())
                .and_then(|authority| authority.rsplit_once('@'))
                .is_some_and(|(user, _)| user.contains(':'));
            return Err(if password {
                "holds a password; put the URL into the environment and write \"env:NAME\""
                    .to_owned()
            } else {
                "is not a URL that this connector knows; write sqlite:PATH".to_owned()
            });
        }
        let path = url.trim_start_matches("sqlite:");
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.contains(":memory:") {
            return Err("names no file; write sqlite:PATH".to_owned());
        }
        if path.contains(['?', '\0']) {
            return Err("has more than a path; write sqlite:PATH without parameters".to_owned());
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }

    /// The same database, with a relative path beginning at this folder.
    pub(crate) fn within(self, folder: &Path) -> Self {
        match self {
            Self::Sqlite(path) => Self::Sqlite(folder.join(path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(url: &str) -> PathBuf {
        let DatabaseUrl::Sqlite(path) = DatabaseUrl::parse(url)
            .unwrap()
            .within(Path::new("/etc/adieu"));
        path
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
    fn a_literal_password_is_refused_and_not_repeated() {
        let problem = DatabaseUrl::parse("postgres://shop:hunter2@db/shop")
            .err()
            .unwrap();
        assert!(
            problem.contains("env:NAME") && !problem.contains("hunter2"),
            "{problem}"
        );
        for bad in [
            "sqlite:",
            "sqlite::memory:",
            "shop.db",
            "sqlite:shop.db?mode=rwc",
            "postgres://db/shop",
        ] {
            assert!(DatabaseUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
