//! An archive as a person might get it, and one that is as hostile as it can be.

use std::io::Write;

use adieu_archive::{Format, Missing};
use adieu_core::{
    Attachment, ConnectorError, ErrorKind, Field, FieldType, LegalBasis, PageSink, PageWriter,
    Processor, Schema, Support, Unreachable,
};
use serde_json::{Value, json};

use super::{World, body, fields};

/// A PNG of one pixel.
pub const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90wS\xde\0\0\0\x0cIDATx\x9cc\x08\xf1\xf6\x03\0\x02\xb8\x01\x2d\x80\xfa\xd1\xb7\0\0\0\0IEND\xaeB`\x82";

/// What a shop, its uploads and its billing hold about one customer.
pub async fn shop(format: Format) -> World {
    let mut world = World::new(format);
    describe(&mut world);
    let customer = fields(&[
        ("id", FieldType::Integer),
        ("name", FieldType::String),
        ("email", FieldType::String),
        ("city", FieldType::String),
        ("newsletter", FieldType::Boolean),
        ("member_since", FieldType::Date),
    ]);
    let ada = json!({"id": 41, "name": "Ada Lovelace", "email": "ada@example.com", "city": "London", "newsletter": true, "member_since": "2019-12-10"});
    world.records("shop", "customers", &customer, &[ada]).await;
    let order = fields(&[
        ("id", FieldType::Integer),
        ("placed_at", FieldType::Datetime),
        ("status", FieldType::String),
        ("total", FieldType::Number),
        ("currency", FieldType::String),
        ("note", FieldType::String),
        ("ship_to", FieldType::Object),
    ]);
    let orders: Vec<Value> = (0..130)
        .map(|n: u32| {
            json!({"id": 7000 + n, "placed_at": format!("20{:02}-{:02}-{:02}T09:{:02}:00Z", 19 + n / 24, n % 12 + 1, n % 28 + 1, n % 60),
                "status": if n % 4 == 1 { "returned" } else { "delivered" }, "total": format!("{}.{:02}", 8 + n * 7 % 90, n * 13 % 100),
                "currency": "EUR", "note": if n.is_multiple_of(9) { Some("Please leave it with the neighbour, the bell does not work.") } else { None },
                "ship_to": {"street": "12 St James's Square", "city": "London"}})
        })
        .collect();
    world.records("shop", "orders", &order, &orders).await;
    world
        .records::<Value>(
            "shop",
            "wishlist",
            &fields(&[("product", FieldType::String)]),
            &[],
        )
        .await;
    for n in 1..=3 {
        let mut invoice = Attachment::new(format!("customers/41/invoice-{n}.pdf"));
        invoice.media_type = Some("application/pdf".to_owned());
        world
            .file("uploads", "documents", invoice, &vec![b'x'; 40_000 * n])
            .await;
    }
    let mut avatar = Attachment::new("customers/41/avatar.png");
    avatar.media_type = Some("image/png".to_owned());
    avatar.metadata = [("camera".to_owned(), "none".to_owned())].into();
    world.file("uploads", "documents", avatar, PIXEL).await;
    let mut page = world.page("uploads", "documents");
    page.missing(
        "customers/41/contract.pdf".to_owned(),
        ConnectorError::new(ErrorKind::Protocol, "it was gone when it was to be read"),
    )
    .unwrap();
    world.commit("uploads", "documents", page).await;
    let timed_out = ConnectorError::new(
        ErrorKind::TimedOut,
        "no answer within 30 seconds, after 12 attempts",
    );
    world.set_missing("billing", "charges", Missing::failed(&timed_out));
    world
}

fn describe(world: &mut World) {
    for (system, name) in [
        ("shop", "customers"),
        ("shop", "orders"),
        ("shop", "wishlist"),
        ("uploads", "documents"),
        ("billing", "charges"),
        ("billing", "fraud_scores"),
        ("billing", "cards"),
    ] {
        world.collection(system, name);
    }
    let shop = world.system("shop");
    shop.collections[0].title = Some("Your account".to_owned());
    shop.collections[0].purpose =
        Some("To let you sign in and to reach you about orders".to_owned());
    shop.collections[0].categories = vec!["name".to_owned(), "contact".to_owned()];
    shop.collections[0].legal_basis = Some(LegalBasis::Contract);
    shop.collections[1].title = Some("Your orders".to_owned());
    shop.collections[1].purpose = Some("To deliver what you bought".to_owned());
    shop.collections[1].legal_basis = Some(LegalBasis::LegalObligation);
    shop.collections[1].storage_period = Some("10 years, as tax law asks".to_owned());
    shop.unreachable = vec![Unreachable {
        what: "backups".to_owned(),
        why: "they are kept whole and are only ever restored whole".to_owned(),
        lives_for: Some("30 days".to_owned()),
    }];
    let uploads = world.system("uploads");
    uploads.processor = Processor {
        name: Some("Cloud Files Inc".to_owned()),
        location: Some("EU (Frankfurt)".to_owned()),
    };
    let billing = world.system("billing");
    billing.processor = Processor::company("Paywell");
    billing.collections[1].export =
        Support::Refused("the provider does not give these out".to_owned());
}

/// Every type, every hostile cell and every hostile name; and what the tables have to read as.
pub async fn hostile(format: Format) -> (World, Value) {
    let mut world = World::new(format);
    let cells = [
        "=cmd()|'/C calc'!A0",
        "+1",
        "-1",
        "@x",
        "\tx",
        "\rx",
        "a\"b",
        "a,b;c",
        "a\nb\r\nc",
        "nul\0byte",
        " padded ",
        "x",
        "\\N",
        "\u{feff}bom",
        "\u{2028}",
        "😀",
        "\"",
        "\u{1b}[31m",
        "</script><script>alert(1)</script>",
        "{\"a\":1}",
        "1e5",
    ];
    let text = fields(&[("id", FieldType::Integer), ("text", FieldType::String)]);
    let records: Vec<Value> = cells
        .iter()
        .map(|cell| json!({"id": 1, "text": cell}))
        .collect();
    world.records("hostile", "cells", &text, &records).await;
    let mut csv = vec![json!(["id", "text"])];
    csv.extend(cells.iter().map(|cell| json!(["1", cell])));

    let types = [
        ("string", FieldType::String),
        ("integer", FieldType::Integer),
        ("number", FieldType::Number),
        ("boolean", FieldType::Boolean),
        ("date", FieldType::Date),
        ("time", FieldType::Time),
        ("datetime", FieldType::Datetime),
        ("duration", FieldType::Duration),
        ("uuid", FieldType::Uuid),
        ("binary", FieldType::Binary),
        ("object", FieldType::Object),
        ("array", FieldType::Array),
        ("any", FieldType::Any),
    ];
    let good = [
        json!({"string": "", "integer": "170141183460469231731687303715884105727", "number": "12345678901234567890.1234567890123456789", "boolean": true,
            "date": "1969-12-31", "time": "23:59:59.123456", "datetime": "2262-04-12T00:00:00.123456789+02:00", "duration": "P1Y2M3DT4H5M6.7S",
            "uuid": "019aa5e2-7c1d-7e10-8bfa-0123456789ab", "binary": "AAEC/w==", "object": {"n": 1}, "array": [1, {"x": null}], "any": 1.5}),
        json!({"integer": i64::MIN, "number": 1e300, "boolean": false, "datetime": "2024-02-29 12:00:00", "duration": "PT0S", "any": "text"}),
        json!({}),
    ];
    world
        .records("hostile", "types", &fields(&types), &good)
        .await;
    let bad = [
        json!({"string": 5, "integer": "12 apples", "number": "1,5", "boolean": "perhaps", "date": "0000-00-00", "time": "25:00:00",
        "datetime": "+10000-01-01T00:00:00Z", "duration": "3 days", "uuid": "x", "binary": "not base64!", "object": "{broken", "array": {"a": 1}, "any": [1]}),
    ];
    world
        .records("hostile", "misfits", &fields(&types), &bad)
        .await;
    let schema = Schema::open([
        Field::new("", FieldType::String),
        Field::new("a", FieldType::String),
        Field::new("A", FieldType::String),
        Field::new("with\nline, and \"quotes\"", FieldType::String),
    ]);
    world
        .records(
            "hostile",
            "../columns",
            &schema,
            &[
                json!({"": "blank", "a": "1", "A": "2", "extra\"": "é"}),
                json!({}),
            ],
        )
        .await;
    world
        .records(
            "hostile",
            "COLUMNS",
            &fields(&[("only", FieldType::String)]),
            &[json!({}), json!({"only": ""})],
        )
        .await;
    world
        .records(
            "hostile",
            "CON",
            &fields(&[("long", FieldType::String)]),
            &[json!({"long": "ü,".repeat(300_000)})],
        )
        .await;

    if format != Format::Csv {
        let long = "n".repeat(1000);
        let names = [
            "../../etc/passwd",
            "/etc/shadow",
            "C:\\Windows\\win.ini",
            "nul\0.txt",
            "CON",
            "nul.txt",
            "COM1.txt.md",
            "same.txt",
            "SAME.txt",
            "same.txt",
            "dir",
            "dir/inside.txt",
            "dots...",
            "spaces   ",
            "..",
            ".",
            "",
            "a//b",
            "tab\tname",
            "\u{202e}gpj.exe",
            "ünïcode 😀.txt",
            "-rf",
            &long,
            "quote\"<>|?*.txt",
            "e\u{301}.txt",
            "é.txt",
            "~root",
            "aux/con/prn.txt",
            "%2e%2e%2f",
            "trailing/",
        ];
        for (n, name) in names.into_iter().enumerate() {
            let mut page = world.page("hostile", "files");
            let bytes = format!("file {n} {}", "text ".repeat(n * 50));
            PageWriter::new(&mut page)
                .attachment(Attachment::new(name), body(bytes.as_bytes()))
                .await
                .unwrap();
            world.commit("hostile", "files", page).await;
        }
        world
            .file(
                "hostile",
                "files",
                Attachment::new("backup.tar.gz"),
                &gzip(b"inside"),
            )
            .await;
    }
    let mut expected = json!({"hostile/cells.csv": csv});
    if format == Format::Zip {
        expected["hostile/cells.json"] = json!(records);
    }
    (world, expected)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}
