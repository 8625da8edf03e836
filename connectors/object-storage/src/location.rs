//! Where a store is: its URL, read strictly.

use std::path::{Path, PathBuf};

use crate::credentials::Known;
use crate::folder::Folder;
use crate::remote::Remote;
use crate::store::Store;

/// A store's URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    Folder(PathBuf),
    Bucket(Bucket),
}

/// A bucket or container of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub(crate) provider: Provider,
    pub(crate) name: String,
    /// What stands before every key: empty, or something that ends in `/`.
    pub(crate) root: String,
    /// S3: where the bucket lies.
    pub(crate) region: Option<String>,
    /// R2 and Azure: whose bucket it is.
    pub(crate) account: Option<String>,
    /// A server other than the provider's own, without a slash at its end.
    pub(crate) endpoint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    S3,
    R2,
    Gcs,
    Azure,
}

impl Provider {
    const ALL: [Self; 4] = [Self::S3, Self::R2, Self::Gcs, Self::Azure];

    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::R2 => "r2",
            Self::Gcs => "gs",
            Self::Azure => "azblob",
        }
    }

    /// What may stand after the `?`.
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::S3 => &["endpoint", "region"],
            Self::Gcs => &["endpoint"],
            Self::R2 | Self::Azure => &["account", "endpoint"],
        }
    }
}

impl Location {
    /// Reads a URL.
    ///
    /// # Errors
    /// All mistakes at once. A URL may hold a secret by mistake, so of it only what is surely none is repeated.
    pub(crate) fn parse(url: &str) -> Result<Self, Vec<String>> {
        match url.split_once(':') {
            Some(("folder", "")) => Err(vec![
                "`folder:` names no folder; write `folder:uploads`".to_owned(),
            ]),
            Some(("folder", path)) => Ok(Self::Folder(PathBuf::from(path))),
            Some((scheme, rest)) => {
                let provider = Provider::ALL.into_iter().find(|one| one.scheme() == scheme);
                match (provider, rest.strip_prefix("//")) {
                    (Some(provider), Some(rest)) => Bucket::parse(provider, rest).map(Self::Bucket),
                    (Some(_), None) => {
                        Err(vec![format!("write `{scheme}://` and the bucket's name")])
                    }
                    (None, _) if is_word(scheme) => Err(vec![format!(
                        "`{scheme}:` is no store that is known; {KNOWN}"
                    )]),
                    (None, _) => Err(vec![format!("a store is written with its scheme; {KNOWN}")]),
                }
            }
            None => Err(vec![format!("a store is written with its scheme; {KNOWN}")]),
        }
    }

    /// What stands before every key.
    pub(crate) fn root(&self) -> &str {
        match self {
            Self::Folder(_) => "",
            Self::Bucket(bucket) => &bucket.root,
        }
    }

    /// The store itself. Nothing is connected to yet.
    pub(crate) fn open(self, folder: &Path, known: &Known) -> Result<Store, String> {
        match self {
            Self::Folder(path) => Ok(Store::Folder(Folder::new(folder.join(path)))),
            Self::Bucket(bucket) => {
                Remote::new(&bucket, known).map(|remote| Store::Remote(remote.into()))
            }
        }
    }
}

const KNOWN: &str =
    "write `folder:PATH`, `s3://BUCKET`, `r2://BUCKET`, `gs://BUCKET` or `azblob://CONTAINER`";

impl Bucket {
    fn parse(provider: Provider, rest: &str) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (name, root) = path.split_once('/').unwrap_or((path, ""));
        if name.contains('@') {
            problems.push(
                "no secret belongs into a URL; put it into `credentials` or the environment"
                    .to_owned(),
            );
        } else if name.is_empty() || !name.bytes().all(is_of_a_name) {
            problems
                .push("the bucket's name has letters, digits, `-`, `.` and `_` only".to_owned());
        }
        if !root.is_empty()
            && (!root.ends_with('/') || root.starts_with('/') || root.contains("//"))
        {
            problems
                .push("what follows the bucket ends in one `/`, such as `archives/`".to_owned());
        }
        let mut bucket = Self {
            provider,
            name: name.to_owned(),
            root: root.to_owned(),
            region: None,
            account: None,
            endpoint: None,
        };
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            let place = match key.as_ref() {
                option if !provider.options().contains(&option) => {
                    let option = if is_word(option) { option } else { "…" };
                    problems.push(format!(
                        "`{option}` is no option of `{}:`; there are: {}",
                        provider.scheme(),
                        provider.options().join(", ")
                    ));
                    continue;
                }
                "region" => &mut bucket.region,
                "account" => &mut bucket.account,
                _ => &mut bucket.endpoint,
            };
            if place.replace(value.into_owned()).is_some() {
                problems.push(format!("`{key}` stands twice"));
            }
        }
        problems.extend(bucket.option_problems());
        if problems.is_empty() {
            Ok(bucket)
        } else {
            Err(problems)
        }
    }

    fn option_problems(&mut self) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, value) in [("region", &self.region), ("account", &self.account)] {
            if value
                .as_ref()
                .is_some_and(|value| value.is_empty() || !value.bytes().all(is_of_a_name))
            {
                problems.push(format!("`{name}` has letters, digits and `-` only"));
            }
        }
        if let Some(endpoint) = &mut self.endpoint {
            endpoint.truncate(endpoint.trim_end_matches('/').len());
            problems.extend(endpoint_problem(endpoint));
        }
        if self.provider == Provider::R2 && self.account.is_none() && self.endpoint.is_none() {
            problems.push("R2 needs the account's id: `r2://BUCKET?account=ID`".to_owned());
        }
        problems
    }
}

/// What is wrong with a server's address. Plain HTTP would show every key and object to whoever is on the way, so it is for
/// this machine only.
fn endpoint_problem(endpoint: &str) -> Option<String> {
    let Ok(uri) = endpoint.parse::<http::Uri>() else {
        return Some("`endpoint` is no address; write `https://HOST`".to_owned());
    };
    let host = uri.host().unwrap_or_default();
    let is_here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    match uri.scheme_str() {
        _ if host.is_empty() => Some("`endpoint` names no host; write `https://HOST`".to_owned()),
        _ if uri.query().is_some() => Some("`endpoint` has no `?` of its own".to_owned()),
        _ if uri
            .authority()
            .is_some_and(|one| one.as_str().contains('@')) =>
        {
            Some(
                "no secret belongs into a URL; put it into `credentials` or the environment"
                    .to_owned(),
            )
        }
        Some("https") => None,
        Some("http") if is_here => None,
        Some("http") => {
            Some("`endpoint` must be `https://…`; plain HTTP is for this machine only".to_owned())
        }
        _ => Some("`endpoint` is written with `https://`".to_owned()),
    }
}

fn is_word(text: &str) -> bool {
    text.len() > 1
        && text.len() < 16
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_of_a_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(url: &str) -> String {
        Location::parse(url).unwrap_err().join("; ")
    }

    #[test]
    fn a_bucket_is_read_with_its_options() {
        let Ok(Location::Bucket(bucket)) = Location::parse(
            "s3://uploads/archives/?region=eu-central-1&endpoint=https%3A%2F%2Fs3.example.com/",
        ) else {
            panic!("it is a bucket");
        };
        assert_eq!(
            (bucket.name.as_str(), bucket.root.as_str()),
            ("uploads", "archives/")
        );
        assert_eq!(bucket.region.as_deref(), Some("eu-central-1"));
        assert_eq!(bucket.endpoint.as_deref(), Some("https://s3.example.com"));
        for url in [
            "gs://b",
            "azblob://c?account=shop",
            "r2://b?account=0a1b",
            "s3://b?endpoint=http://127.0.0.1:9",
        ] {
            assert!(Location::parse(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn every_mistake_is_told_at_once_and_no_secret_repeated() {
        let found = Location::parse("r2://key:hunter2@b/x?region=auto&token=hunter3").unwrap_err();
        assert_eq!(found.len(), 5, "{found:#?}");
        assert!(!found.join("").contains("hunter"));
        assert!(problems("s3://b?endpoint=http://s3.example.com").contains("this machine only"));
        assert!(problems("s3://b?endpoint=https://user:pw@host").contains("no secret"));
        assert!(problems("s3:b").contains("s3://"));
        assert!(problems("ftp://b").contains("`ftp:`"));
        assert!(problems("/var/x").contains("folder:PATH"));
        assert!(problems("folder:").contains("folder:uploads"));
        assert!(problems("s3://b?region=a&region=b").contains("twice"));
        assert!(problems("s3://").contains("name"));
    }
}
