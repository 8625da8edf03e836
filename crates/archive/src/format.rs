//! In which form a person gets their data.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The form of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A ZIP with everything: CSV and JSON of each collection, the files, a page to look at, a machine-readable description.
    #[default]
    Zip,
    /// One JSON document.
    Json,
    /// A ZIP of the CSV files and their description.
    Csv,
}

impl Format {
    /// The word for it in requests and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }

    /// The media type of the archive as a download.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Zip | Self::Csv => "application/zip",
            Self::Json => "application/json",
        }
    }

    /// How the archive's file name ends, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Zip | Self::Csv => "zip",
            Self::Json => "json",
        }
    }

    pub(crate) fn has_csv(self) -> bool {
        self != Self::Json
    }

    pub(crate) fn has_json(self) -> bool {
        self != Self::Csv
    }

    pub(crate) fn has_files(self) -> bool {
        self != Self::Csv
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        match text {
            "zip" => Ok(Self::Zip),
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            _ => Err(UnknownFormat),
        }
    }
}

/// A word that is no [`Format`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an archive's format is zip, json or csv")]
pub struct UnknownFormat;
