//! The demo's shop: a database, a folder of files, and the configuration for both.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use adieu::MasterKey;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rusqlite::Connection;

use super::files::{invoice_pdf, picture_png};
use super::snapshot::Snapshot;
use crate::exit::Failure;
use crate::file::NewFile;

/// A shop in a folder.
pub(super) struct Shop {
    folder: PathBuf,
}

/// Says that the demo has made a folder, and may make it anew.
const MARK: &str = ".adieu-demo";

/// What the demo leaves in its folder.
const FILES: &[&str] = &[
    "shop.db",
    "adieu.toml",
    "adieu.key",
    "adieu.db",
    "adieu.db-wal",
    "adieu.db-shm",
    "archive.zip",
    "receipt.jws",
    "receipt.opening",
    "jwks.json",
    "token.key",
    "ada.token",
];
const FOLDERS: &[&str] = &["uploads", "adieu.db.files"];

/// The folder to use: empty, or one that the demo made before and now empties.
pub(super) fn folder(wanted: Option<&Path>) -> Result<PathBuf, Failure> {
    let Some(folder) = wanted else {
        return tempfile::Builder::new()
            .prefix("adieu-demo-")
            .tempdir()
            .map(tempfile::TempDir::keep)
            .map_err(cannot("a temporary folder cannot be made"));
    };
    std::fs::create_dir_all(folder).map_err(cannot("the folder cannot be made"))?;
    if folder.join(MARK).is_file() {
        for name in FILES {
            absent(std::fs::remove_file(folder.join(name)))?;
        }
        for name in FOLDERS {
            absent(std::fs::remove_dir_all(folder.join(name)))?;
        }
        absent(std::fs::remove_file(folder.join(MARK)))?;
    }
    let mut entries = std::fs::read_dir(folder).map_err(cannot("the folder cannot be read"))?;
    if entries.next().is_some() {
        let folder = folder.display();
        return Err(Failure::Usage(format!(
            "{folder} is not empty, and holds what the demo did not make; name an empty folder, or one that is not there yet"
        )));
    }
    Ok(folder.to_owned())
}

fn absent(removed: std::io::Result<()>) -> Result<(), Failure> {
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(cannot("what an earlier demo left cannot be removed")(error))
        }
        _ => Ok(()),
    }
}

impl Shop {
    /// Makes the shop in an empty folder.
    pub(super) fn make(folder: &Path) -> Result<Self, Failure> {
        let shop = Self {
            folder: folder.to_owned(),
        };
        shop.write(
            MARK,
            b"This folder was made by `adieu demo`, which may make it anew.\n",
        )?;
        shop.write("adieu.toml", include_bytes!("adieu.toml"))?;
        for name in ["adieu.key", "token.key"] {
            shop.write_secret(name, MasterKey::generate()?.to_base64().as_bytes())?;
        }
        let database = Connection::open(shop.path("shop.db")).map_err(|_| no_shop())?;
        database
            .execute_batch(&format!("BEGIN;\n{}\nCOMMIT;", include_str!("shop.sql")))
            .map_err(|_| no_shop())?;
        shop.write_files(&database).map_err(|_| no_shop())??;
        Ok(shop)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A text that lies in the folder; empty when it is not there.
    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Writes a file that only its owner can read.
    pub(super) fn write_secret(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
        NewFile::create(&self.path(name), true)?.fill(&mut bytes.as_ref())
    }

    /// Removes everything.
    pub(super) fn remove(self) -> Result<(), Failure> {
        std::fs::remove_dir_all(&self.folder).map_err(cannot("the folder cannot be removed"))
    }

    /// What the shop holds now.
    pub(super) fn snapshot(&self) -> Result<Snapshot, Failure> {
        Snapshot::take(&self.path("shop.db"), &self.path("uploads"))
            .map_err(|_| Failure::Fault("the demo's shop cannot be read".to_owned()))
    }

    /// A picture for each customer, and a PDF for each invoice, as old as the invoice.
    fn write_files(&self, database: &Connection) -> rusqlite::Result<Result<(), Failure>> {
        let mut people = database.prepare("SELECT id FROM customers")?;
        for id in people.query_map([], |row| row.get::<_, u32>(0))? {
            let id = id?;
            if let Err(failure) =
                self.write(&format!("uploads/users/{id}/picture.png"), &picture_png(id))
            {
                return Ok(Err(failure));
            }
        }
        let mut invoices =
            database.prepare("SELECT customer_id, number, issued_on, bill_to FROM invoices")?;
        let mut rows = invoices.query([])?;
        while let Some(row) = rows.next()? {
            let (customer, number): (u32, String) = (row.get(0)?, row.get(1)?);
            let (issued_on, bill_to): (String, String) = (row.get(2)?, row.get(3)?);
            let name = format!("uploads/users/{customer}/invoices/{number}.pdf");
            let written = self
                .write(&name, &invoice_pdf(&number, &issued_on, &bill_to))
                .and_then(|()| self.age(&name, &issued_on));
            if let Err(failure) = written {
                return Ok(Err(failure));
            }
        }
        Ok(Ok(()))
    }

    /// Makes a file as old as a date.
    fn age(&self, name: &str, date: &str) -> Result<(), Failure> {
        let seconds = date
            .parse::<Date>()
            .and_then(|date| date.to_zoned(TimeZone::UTC))
            .map(|day| day.timestamp().as_second())
            .map_err(|_| no_shop())?;
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs());
        std::fs::File::options()
            .write(true)
            .open(self.path(name))
            .and_then(|file| file.set_modified(modified))
            .map_err(cannot("a file of the shop cannot be made"))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.path(name);
        let folder = path.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, bytes))
            .map_err(cannot("a file of the shop cannot be made"))
    }
}

fn no_shop() -> Failure {
    Failure::Fault("the demo's shop cannot be made".to_owned())
}

fn cannot(what: &'static str) -> impl Fn(std::io::Error) -> Failure {
    move |error| Failure::Fault(format!("{what} ({})", error.kind()))
}
