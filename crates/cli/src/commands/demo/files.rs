//! Small files that any viewer opens: a picture and an invoice.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// Width and height of a picture.
const SIZE: u32 = 64;

/// A picture in the colours of a customer (PNG, ISO/IEC 15948).
pub(super) fn picture_png(customer: u32) -> Vec<u8> {
    let mut pixels = Vec::new();
    for y in 0..SIZE {
        // Each line begins with its filter: none.
        pixels.push(0);
        for x in 0..SIZE {
            pixels.extend_from_slice(&pixel(customer, x, y));
        }
    }
    let mut header = Vec::new();
    header.extend_from_slice(&SIZE.to_be_bytes());
    header.extend_from_slice(&SIZE.to_be_bytes());
    // 8 bits of red, green and blue; the usual compression and filters; not interlaced.
    header.extend_from_slice(&[8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, content) in [
        (b"IHDR", header),
        (b"IDAT", deflated(&pixels)),
        (b"IEND", Vec::new()),
    ] {
        let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let named = [name.as_slice(), &content].concat();
        png.extend_from_slice(&length.to_be_bytes());
        png.extend_from_slice(&named);
        png.extend_from_slice(&crc32fast::hash(&named).to_be_bytes());
    }
    png
}

/// A head and shoulders before a background.
fn pixel(customer: u32, x: u32, y: u32) -> [u8; 3] {
    let (dx, dy) = (x.abs_diff(SIZE / 2), y.abs_diff(SIZE * 3 / 8));
    let head = dx * dx + dy * dy < 150;
    let shoulders = y > SIZE * 5 / 8 && dx * dx + (SIZE - y) * (SIZE - y) < 560;
    let tone = |step: u32| u8::try_from(80 + (customer * step) % 150).unwrap_or(u8::MAX);
    if head || shoulders {
        [250, 247, 240]
    } else {
        [tone(37), tone(71), tone(113)]
    }
}

/// Writing to memory does not fail.
fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(bytes);
    debug_assert!(written.is_ok(), "memory takes what is written");
    encoder.finish().unwrap_or_default()
}

/// An invoice of one page (PDF 1.4, ISO 32000).
pub(super) fn invoice_pdf(number: &str, issued_on: &str, bill_to: &str) -> Vec<u8> {
    let lines = [
        ("24", "Corner Shop Ltd"),
        ("14", number),
        ("11", issued_on),
        ("11", bill_to),
    ];
    let mut text = String::from("BT 72 760 Td ");
    for (size, line) in lines {
        let line = line
            .replace('\\', "\\\\")
            .replace('(', "\\(")
            .replace(')', "\\)");
        text.push_str(&format!("/F1 {size} Tf ({line}) Tj 0 -32 Td "));
    }
    text.push_str("ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
         /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{text}\nendstream", text.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut pdf = String::from("%PDF-1.4\n");
    let mut table = String::from("0000000000 65535 f \n");
    for (index, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", pdf.len()));
        pdf.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
    }
    let (start, size) = (pdf.len(), objects.len() + 1);
    pdf.push_str(&format!(
        "xref\n0 {size}\n{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    ));
    pdf.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_an_invoice_points_at_its_objects() {
        let pdf = String::from_utf8(invoice_pdf("INV-1 (copy)", "2026-01-01", "A \\ B")).unwrap();
        let table = pdf.split("xref\n").nth(1).unwrap();
        for (number, line) in table.lines().skip(2).take(5).enumerate() {
            let offset: usize = line[..10].parse().unwrap();
            assert!(
                pdf[offset..].starts_with(&format!("{} 0 obj", number + 1)),
                "{line}"
            );
        }
        let start: usize = pdf
            .rsplit("startxref\n")
            .next()
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!(pdf[start..].starts_with("xref"));
        assert!(pdf.contains(r"(INV-1 \(copy\)) Tj") && pdf.contains(r"(A \\ B) Tj"));
    }

    #[test]
    fn a_picture_has_its_size_and_whole_chunks() {
        let png = picture_png(1);
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x40\0\0\0\x40"));
        assert!(png.ends_with(b"\0\0\0\0IEND\xae\x42\x60\x82"));
        assert_ne!(png, picture_png(10));
    }
}
