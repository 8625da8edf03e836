//! An S3 server in the test's own process, for lengths and numbers that moto takes minutes for. It keeps versions, makes up the
//! bytes of objects, and counts the calls. It speaks as much of S3 as the connector asks, and proves nothing about S3.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::server::texts;

/// The lengths of all versions by key and version. The higher a version, the newer it is; listings begin with the newest.
type Versions = BTreeMap<(String, std::cmp::Reverse<u32>), u64>;

/// It listens until the test program ends.
pub(crate) struct Loopback {
    pub(crate) port: u16,
    pub(crate) versions: Arc<Mutex<Versions>>,
    /// How many calls there were of each sort.
    pub(crate) calls: Arc<Mutex<BTreeMap<&'static str, u64>>>,
}

struct Call {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    /// The first and the last byte that is asked for.
    range: Option<(u64, Option<u64>)>,
    body: Vec<u8>,
}

impl Loopback {
    pub(crate) fn start(versions: impl IntoIterator<Item = (String, u32, u64)>) -> Self {
        Self::start_far_away(versions, Duration::ZERO)
    }

    /// The same with so long until each answer begins.
    pub(crate) fn start_far_away(
        versions: impl IntoIterator<Item = (String, u32, u64)>,
        latency: Duration,
    ) -> Self {
        let versions = versions.into_iter();
        let versions =
            versions.map(|(key, version, length)| ((key, std::cmp::Reverse(version)), length));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let loopback = Self {
            port: listener.local_addr().unwrap().port(),
            versions: Arc::new(Mutex::new(versions.collect())),
            calls: Arc::default(),
        };
        let (versions, calls) = (Arc::clone(&loopback.versions), Arc::clone(&loopback.calls));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (versions, calls) = (Arc::clone(&versions), Arc::clone(&calls));
                std::thread::spawn(move || {
                    let _ = stream.set_nodelay(true);
                    let mut reader = BufReader::new(stream.try_clone().unwrap());
                    while let Some(call) = read_call(&mut reader) {
                        std::thread::sleep(latency);
                        if answer(&stream, &call, &versions, &calls).is_none() {
                            return;
                        }
                    }
                });
            }
        });
        loopback
    }

    pub(crate) fn url(&self) -> String {
        format!("s3://bucket?endpoint=http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn total_calls(&self) -> u64 {
        self.calls.lock().unwrap().values().sum()
    }
}

fn answer(
    stream: &TcpStream,
    call: &Call,
    versions: &Mutex<Versions>,
    calls: &Mutex<BTreeMap<&'static str, u64>>,
) -> Option<()> {
    let key = call.path.strip_prefix("/bucket").unwrap_or_default();
    let key = key.strip_prefix('/').unwrap_or_default();
    let has = |name: &str| call.query.contains_key(name);
    let sort = match call.method.as_str() {
        "POST" if has("delete") => "delete",
        "GET" if !key.is_empty() => "get",
        "HEAD" if !key.is_empty() => "head",
        "GET" if has("versions") => "list",
        "GET" if has("prefix") && !has("uploads") => "plain list",
        "GET" if has("uploads") => "uploads",
        _ => "other",
    };
    *calls.lock().unwrap().entry(sort).or_default() += 1;
    let mut versions = versions.lock().unwrap();
    match sort {
        "delete" => {
            let body = String::from_utf8_lossy(&call.body).into_owned();
            let objects = texts(&body, "Object");
            // As S3 itself refuses it.
            if objects.len() > 1_000 {
                return send(
                    stream,
                    "400 Bad Request",
                    "<Error><Code>MalformedXML</Code></Error>",
                );
            }
            let mut done = String::from("<DeleteResult>");
            for object in objects {
                let (key, version) = (texts(object, "Key")[0], texts(object, "VersionId")[0]);
                let number: u32 = version.parse().ok()?;
                versions.remove(&(key.to_owned(), std::cmp::Reverse(number)));
                let _ = write!(
                    done,
                    "<Deleted><Key>{key}</Key><VersionId>{version}</VersionId></Deleted>"
                );
            }
            send(stream, "200 OK", &(done + "</DeleteResult>"))
        }
        "list" => {
            let list = list(call, &versions);
            drop(versions);
            send(stream, "200 OK", &list)
        }
        "plain list" => {
            let list = plain_list(call, &versions);
            drop(versions);
            send(stream, "200 OK", &list)
        }
        "uploads" => send(stream, "200 OK", "<ListMultipartUploadsResult/>"),
        "get" | "head" => {
            let version: Option<u32> = call.query.get("versionId").and_then(|one| one.parse().ok());
            let length = versions
                .range((key.to_owned(), std::cmp::Reverse(u32::MAX))..)
                .take_while(|((one, _), _)| one == key)
                .find(|((_, one), _)| version.is_none_or(|version| version == one.0))
                .map(|(_, length)| *length);
            drop(versions);
            let Some(length) = length else {
                return send(stream, "404 Not Found", "");
            };
            send_object(stream, length, call.range, sort == "get")
        }
        _ => send(
            stream,
            "404 Not Found",
            "<Error><Code>NoSuchThing</Code></Error>",
        ),
    }
}

fn list(call: &Call, versions: &Versions) -> String {
    let text = |name: &str| call.query.get(name).cloned().unwrap_or_default();
    let (prefix, most) = (
        text("prefix"),
        text("max-keys").parse().unwrap_or(1_000_usize),
    );
    let marker = (
        text("key-marker"),
        text("version-id-marker").parse().unwrap_or(0),
    );
    let begin = if marker.0 < prefix {
        (prefix.clone(), std::cmp::Reverse(u32::MAX))
    } else {
        (marker.0.clone(), std::cmp::Reverse(marker.1))
    };
    let after = versions
        .range(begin.clone()..)
        .filter(|(at, _)| **at != begin);
    let mut of_prefix = after
        .take_while(|((key, _), _)| key.starts_with(&prefix))
        .peekable();
    let mut list = String::from("<ListVersionsResult>");
    let mut last = None;
    for ((key, version), length) in of_prefix.by_ref().take(most) {
        let _ = write!(
            list,
            "<Version><Key>{key}</Key><VersionId>{}</VersionId><IsLatest>false</IsLatest>\
             <LastModified>2026-01-01T00:00:{:02}Z</LastModified><ETag>&quot;{length}&quot;</ETag><Size>{length}</Size></Version>",
            version.0,
            version.0 % 60
        );
        last = Some((key, version.0));
    }
    let is_cut = of_prefix.peek().is_some();
    let _ = write!(list, "<IsTruncated>{is_cut}</IsTruncated>");
    if let Some((key, version)) = last.filter(|_| is_cut) {
        let _ = write!(
            list,
            "<NextKeyMarker>{key}</NextKeyMarker><NextVersionIdMarker>{version}</NextVersionIdMarker>"
        );
    }
    list + "</ListVersionsResult>"
}

/// All keys of a prefix at once, as other programs ask for them.
fn plain_list(call: &Call, versions: &Versions) -> String {
    let prefix = call.query.get("prefix").cloned().unwrap_or_default();
    let begin = (prefix.clone(), std::cmp::Reverse(u32::MAX));
    let of_prefix = versions.range(begin..);
    let of_prefix = of_prefix.take_while(|((key, _), _)| key.starts_with(&prefix));
    let mut list = String::from("<ListBucketResult>");
    for ((key, _), length) in of_prefix {
        let _ = write!(
            list,
            "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00Z</LastModified>\
             <ETag>&quot;{length}&quot;</ETag><Size>{length}</Size></Contents>"
        );
    }
    list + "<IsTruncated>false</IsTruncated></ListBucketResult>"
}

fn send(mut stream: &TcpStream, status: &str, body: &str) -> Option<()> {
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).ok()
}

fn send_object(
    mut stream: &TcpStream,
    length: u64,
    range: Option<(u64, Option<u64>)>,
    has_body: bool,
) -> Option<()> {
    let (status, range, mut left) = match range {
        Some((from, last)) => {
            let last = last.unwrap_or(u64::MAX).min(length.checked_sub(1)?);
            let range = format!("Content-Range: bytes {from}-{last}/{length}\r\n");
            ("206 Partial Content", range, (last + 1).checked_sub(from)?)
        }
        None => ("200 OK", String::new(), length),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {left}\r\n{range}ETag: \"{length}\"\r\n\
         Content-Type: application/octet-stream\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    if !has_body {
        return Some(());
    }
    let piece = [7_u8; 256 << 10];
    while left > 0 {
        let sent = left.min(piece.len() as u64);
        stream
            .write_all(&piece[..usize::try_from(sent).ok()?])
            .ok()?;
        left -= sent;
    }
    Some(())
}

fn read_call(reader: &mut BufReader<TcpStream>) -> Option<Call> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&read| read > 0)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut range) = (0, None);
    loop {
        let mut header = String::new();
        reader
            .read_line(&mut header)
            .ok()
            .filter(|&read| read > 0)?;
        let Some((name, value)) = header.trim_end().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "range" => {
                let (from, last) = value.trim().strip_prefix("bytes=")?.split_once('-')?;
                range = Some((from.parse().ok()?, last.parse().ok()));
            }
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    Some(Call {
        method,
        path: path.into_owned(),
        query: form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        range,
        body,
    })
}
