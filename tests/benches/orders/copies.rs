//! The same rows in other databases, in the types that each has for them.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;

use crate::servers;

const COLUMNS: [&str; 12] = [
    "id",
    "subject_id",
    "created_at",
    "amount",
    "quantity",
    "status",
    "email",
    "address",
    "meta",
    "tags",
    "ref",
    "paid",
];

/// A copy in a new database of MariaDB, whose name is returned, in the character set that its packages choose.
pub(crate) fn mariadb(database: &str, folder: &Path) -> String {
    let file = as_csv(database, folder);
    let copy = servers::mariadb().create();
    let load = format!(
        "CREATE TABLE orders (id BIGINT PRIMARY KEY, subject_id CHAR(36) CHARACTER SET ascii NOT NULL, created_at DATETIME NOT NULL,
           amount DECIMAL(12,2) NOT NULL, quantity INT NOT NULL, status VARCHAR(20) NOT NULL, email VARCHAR(255) NOT NULL,
           address VARCHAR(255) NOT NULL, meta JSON NOT NULL, tags JSON NOT NULL, ref VARBINARY(64) NOT NULL, paid BOOLEAN NOT NULL)
           DEFAULT CHARACTER SET utf8mb4;
         LOAD DATA LOCAL INFILE '{}' INTO TABLE orders FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY ''
           (id, subject_id, created_at, amount, quantity, status, email, address, meta, tags, @ref, paid) SET ref = UNHEX(@ref);
         CREATE INDEX orders_subject_id ON orders (subject_id); ANALYZE TABLE orders;",
        file.display()
    );
    let mut client = servers::mariadb().client(&copy);
    let loaded = client.args(["--local-infile=1", "-e", &load]).output();
    let loaded = loaded.unwrap();
    assert!(
        loaded.status.success(),
        "{}",
        String::from_utf8_lossy(&loaded.stderr)
    );
    copy
}

/// A copy in a new SQLite file.
pub(crate) fn sqlite(database: &str, folder: &Path) -> PathBuf {
    let rows = as_csv(database, folder);
    let file = folder.join("orders.db");
    let mut connection = rusqlite::Connection::open(&file).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, subject_id TEXT NOT NULL, created_at TEXT NOT NULL, amount NUMERIC NOT NULL,
               quantity INTEGER NOT NULL, status TEXT NOT NULL, email TEXT NOT NULL, address TEXT NOT NULL, meta TEXT NOT NULL,
               tags TEXT NOT NULL, ref BLOB NOT NULL, paid BOOLEAN NOT NULL)",
        )
        .unwrap();
    let transaction = connection.transaction().unwrap();
    {
        let places = vec!["?"; COLUMNS.len()].join(", ");
        let insert = format!("INSERT INTO orders VALUES ({places})");
        let mut insert = transaction.prepare(&insert).unwrap();
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(File::open(rows).unwrap());
        let mut row = csv::StringRecord::new();
        while reader.read_record(&mut row).unwrap() {
            let values = COLUMNS.iter().zip(&row).map(|(name, text)| match *name {
                "ref" => Value::Blob(bytes(text)),
                _ => Value::Text(text.to_owned()),
            });
            insert.execute(rusqlite::params_from_iter(values)).unwrap();
        }
    }
    transaction.commit().unwrap();
    connection
        .execute_batch("CREATE INDEX orders_subject_id ON orders (subject_id); ANALYZE")
        .unwrap();
    file
}

/// All rows as other databases read them.
fn as_csv(database: &str, folder: &Path) -> PathBuf {
    let file = folder.join("orders.csv");
    let selected = COLUMNS.map(|name| match name {
        "created_at" => "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')",
        "tags" => "to_json(tags)",
        "ref" => "encode(ref, 'hex')",
        "paid" => "paid::int",
        name => name,
    });
    let copy = format!(
        "\\copy (SELECT {} FROM orders ORDER BY id) TO '{}' CSV",
        selected.join(", "),
        file.display()
    );
    let mut psql = servers::postgres().psql(database);
    let copied = psql.args(["-c", &copy]).output().unwrap();
    assert!(
        copied.status.success(),
        "{}",
        String::from_utf8_lossy(&copied.stderr)
    );
    file
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let pairs = hexadecimal.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.map(byte).collect()
}
