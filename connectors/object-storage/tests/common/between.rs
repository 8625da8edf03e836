//! Something that stands between the connector and a real server, and lets connections break or puts in an answer.

use std::collections::BTreeMap;
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What happens to a call.
pub(crate) enum Act {
    Pass,
    /// The server's answer breaks off after so many bytes.
    CutAfter(usize),
    /// The server never sees it; this is the answer.
    Answer(&'static str, String),
    /// The same with headers, each with its line's end.
    AnswerWith(&'static str, String, String),
}

/// A call as it came: its first line and its headers, and its body.
pub(crate) struct Call {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// The method, the path and the pairs of the query, decoded.
    pub(crate) fn parts(&self) -> (String, String, BTreeMap<String, String>) {
        let mut words = self.line().split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let target = words.next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
        let pairs = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        (method, path.into_owned(), pairs)
    }
}

/// It listens until the test program ends.
pub(crate) struct Between {
    pub(crate) port: u16,
    /// The first lines of all calls so far.
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
}

impl Between {
    pub(crate) fn start(server: u16, rule: impl Fn(&Call) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (rule, lines) = (Arc::new(rule), Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (rule, lines) = (Arc::clone(&rule), Arc::clone(&lines));
                std::thread::spawn(move || {
                    if let Some(call) = read_call(&stream) {
                        let line = call.head.lines().next().unwrap_or_default().to_owned();
                        lines.lock().unwrap().push(line);
                        pass_on(server, &stream, &call, &rule(&call));
                    }
                });
            }
        });
        Self { port, seen }
    }

    /// How many calls so far had this in their first line.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.seen
            .lock()
            .unwrap()
            .iter()
            .filter(|line| line.contains(what))
            .count()
    }
}

fn pass_on(server: u16, mut client: &TcpStream, call: &Call, act: &Act) {
    let most = match act {
        Act::Answer(status, body) => return answer(client, status, "", body),
        Act::AnswerWith(status, headers, body) => return answer(client, status, headers, body),
        Act::Pass => usize::MAX,
        Act::CutAfter(bytes) => *bytes,
    };
    let mut server = TcpStream::connect(("127.0.0.1", server)).unwrap();
    let head = call.head.trim_end().to_owned() + "\r\nConnection: close\r\n\r\n";
    server.write_all(head.as_bytes()).unwrap();
    server.write_all(&call.body).unwrap();
    let (mut piece, mut sent) = ([0; 16 << 10], 0);
    while sent < most {
        let wanted = piece.len().min(most - sent);
        match server.read(&mut piece[..wanted]) {
            Ok(read) if read > 0 && client.write_all(&piece[..read]).is_ok() => sent += read,
            _ => return,
        }
    }
}

fn answer(mut client: &TcpStream, status: &str, headers: &str, body: &str) {
    let answer = format!(
        "HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let _ = client.write_all(answer.as_bytes());
}

fn read_call(mut stream: &TcpStream) -> Option<Call> {
    let mut bytes = Vec::new();
    let mut piece = [0; 16 << 10];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut piece) {
            Ok(read) if read > 0 => bytes.extend_from_slice(&piece[..read]),
            _ => return None,
        }
    };
    let mut body = bytes.split_off(end + 4);
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().unwrap())
    });
    let length: usize = length.unwrap_or_default();
    while body.len() < length {
        match stream.read(&mut piece) {
            Ok(read) if read > 0 => body.extend_from_slice(&piece[..read]),
            _ => return None,
        }
    }
    Some(Call { head, body })
}
