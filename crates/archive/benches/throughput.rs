//! How fast records become an archive: one large collection, and many small requests. Run with `cargo bench -p adieu-archive`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that cannot go on fails"
)]

use std::time::Instant;

use adieu_archive::{
    ArchiveKey, CollectionContents, ConnectorContents, Contents, Format, Mark, Spool, SpoolOptions,
};
use adieu_core::{
    Collection, CollectionName, ConnectorName, Descriptor, Field, FieldType, IdentityKind, Need,
    PageWriter, Processor, Schema,
};
use serde::Serialize;

#[derive(Serialize)]
struct Order<'a> {
    id: i64,
    customer_id: i64,
    placed_at: &'a str,
    status: &'a str,
    total: &'a str,
    currency: &'a str,
    quantity: i64,
    weight: f64,
    gift: bool,
    note: Option<&'a str>,
    address: &'a str,
    token: &'a str,
}

fn schema() -> Schema {
    Schema::closed([
        Field::new("id", FieldType::Integer),
        Field::new("customer_id", FieldType::Integer),
        Field::new("placed_at", FieldType::Datetime),
        Field::new("status", FieldType::String),
        Field::new("total", FieldType::Number),
        Field::new("currency", FieldType::String),
        Field::new("quantity", FieldType::Integer),
        Field::new("weight", FieldType::Number),
        Field::new("gift", FieldType::Boolean),
        Field::new("note", FieldType::String),
        Field::new("address", FieldType::String),
        Field::new("token", FieldType::String),
    ])
}

struct Shop {
    name: ConnectorName,
    descriptor: Descriptor,
}

impl Shop {
    fn new(collections: usize) -> Self {
        let name = ConnectorName::new("shop").unwrap();
        let mut descriptor = Descriptor::new(name.clone(), "memory", Processor::controller());
        let email = IdentityKind::new("email").unwrap();
        descriptor.collections = (0..collections)
            .map(|n| {
                Collection::new(
                    CollectionName::new(format!("table_{n}")).unwrap(),
                    [Need::one(email.clone())],
                )
            })
            .collect();
        Self { name, descriptor }
    }

    /// Exports this many records in each collection and gives the archive's length.
    async fn export(&self, rows: i64, folder: &std::path::Path) -> u64 {
        let spool = Spool::open(
            folder,
            &ArchiveKey::generate(),
            Format::Zip,
            SpoolOptions::default(),
        )
        .unwrap();
        let schema = schema();
        let mut collections = Vec::new();
        for collection in &self.descriptor.collections {
            let mut mark = Mark::default();
            let mut id = 0;
            while id < rows {
                let mut page = spool.page(&self.name, collection, &mark).unwrap();
                let mut writer = PageWriter::new(&mut page);
                writer.schema(&schema).unwrap();
                while id < rows && !writer.is_full() {
                    writer
                        .record(&order(id, &mut String::new(), &mut String::new()))
                        .await
                        .unwrap();
                    id += 1;
                }
                mark = page.commit().await.unwrap().mark;
            }
            collections.push(CollectionContents {
                name: collection.name.clone(),
                mark,
                missing: None,
            });
        }
        let contents = Contents {
            request: "bench".to_owned(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            controller: None,
            connectors: vec![ConnectorContents {
                descriptor: self.descriptor.clone(),
                collections,
            }],
        };
        let bytes = spool
            .assemble(&contents, std::io::sink())
            .await
            .unwrap()
            .bytes;
        spool.remove().await.unwrap();
        bytes
    }
}

fn order<'a>(id: i64, address: &'a mut String, token: &'a mut String) -> Order<'a> {
    use std::fmt::Write;
    let mixed = (id as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    write!(
        address,
        "{} High Street, Flat {}, {:05} Springfield",
        mixed % 200,
        mixed % 40,
        mixed % 99_999
    )
    .unwrap();
    write!(token, "{mixed:016x}{:016x}", mixed.rotate_left(17)).unwrap();
    Order {
        id,
        customer_id: 41,
        placed_at: "2024-05-17T09:31:22Z",
        status: ["open", "paid", "shipped", "returned"][(mixed % 4) as usize],
        total: ["10.50", "99.90", "1204.00", "7.25", "18.30"][(mixed % 5) as usize],
        currency: "EUR",
        quantity: (mixed % 9) as i64,
        weight: (mixed % 1000) as f64 / 8.0,
        gift: mixed.is_multiple_of(7),
        note: mixed
            .is_multiple_of(3)
            .then_some("Please ring, then leave it with the neighbour"),
        address,
        token,
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let rows = 1_000_000;
    let begun = Instant::now();
    let bytes = runtime.block_on(Shop::new(1).export(rows, &folder.path().join("large")));
    println!(
        "{rows} records as CSV and JSON: {:.2} s, an archive of {} MB",
        begun.elapsed().as_secs_f64(),
        bytes / 1_000_000
    );
    let small = Shop::new(6);
    let begun = Instant::now();
    let requests = 300;
    for n in 0..requests {
        runtime.block_on(small.export(4, &folder.path().join(n.to_string())));
    }
    let each = begun.elapsed().as_secs_f64() / f64::from(requests);
    println!(
        "24 records in 6 collections, one request after the other: {:.2} ms each",
        each * 1000.0
    );
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        status
            .lines()
            .filter(|line| line.starts_with("VmHWM"))
            .for_each(|line| println!("{line}"));
    }
}
