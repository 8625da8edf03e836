//! MySQL, where there is one: `cargo xtask tools` unpacks it beside the other tools.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::guardian::{Template, run_unprivileged, try_unprivileged};
use super::speaker::Speaker;

/// Small files, so that a copy is quick.
const SMALL: &[&str] = &[
    "--innodb-log-file-size=4M",
    "--innodb-data-file-path=ibdata1:12M:autoextend",
];

/// The server of this process; none where there is no MySQL, which is then said.
pub(crate) fn mysql() -> Option<&'static Speaker> {
    static SERVER: OnceLock<Option<Speaker>> = OnceLock::new();
    SERVER.get_or_init(|| start(None)).as_ref()
}

/// Another one that also listens on the loopback.
pub(crate) fn mysql_on_loopback() -> Option<&'static Speaker> {
    static SERVER: OnceLock<Option<Speaker>> = OnceLock::new();
    let start = || {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        start(Some(port))
    };
    SERVER.get_or_init(start).as_ref()
}

fn start(port: Option<u16>) -> Option<Speaker> {
    let (program, version) = match found() {
        Ok(found) => found,
        Err(why) => {
            println!("passed over, because there is no MySQL here: {why}");
            return None;
        }
    };
    let make = |folder: &Path| make(&program, folder);
    let template = Template {
        name: format!("mysql-{version}"),
        make: &make,
    };
    let fixed = [
        SMALL,
        &[
            "--bind-address=127.0.0.1",
            "--mysqlx=0",
            "--secure-file-priv=",
            "--skip-log-bin",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-doublewrite=0",
            "--innodb-flush-method=nosync",
            "--innodb-buffer-pool-size=64M",
            "--innodb-fast-shutdown=2",
            "--performance-schema=off",
            "--max-connections=60",
        ],
    ];
    Some(Speaker::start(&template, &program, &fixed.concat(), port))
}

/// The program and its version, or why there is none.
fn found() -> Result<(PathBuf, String), String> {
    let here = std::env::current_exe().unwrap();
    let ours = here.ancestors().map(|folder| folder.join("tools/mysql"));
    let ours = ours.into_iter().find(|folder| folder.is_dir());
    let absent = ours.as_ref().map(|folder| folder.join("absent.txt"));
    if let Some(why) = absent.and_then(|absent| std::fs::read_to_string(absent).ok()) {
        return Err(why);
    }
    let program = ours.map(|folder| folder.join("mysqld"));
    let program = program
        .filter(|program| program.is_file())
        .ok_or("run `cargo xtask tools`")?;
    let mut asks = Command::new(&program);
    asks.arg("--version").current_dir("/").stdin(Stdio::null());
    let told = try_unprivileged(&mut asks)?;
    let words = told.split_whitespace().skip_while(|word| *word != "Ver");
    let version = words.skip(1).map(str::to_owned).next();
    Ok((program, version.unwrap_or_default()))
}

fn make(program: &Path, folder: &Path) {
    let mut install = Command::new(program);
    install
        .arg("--no-defaults")
        .arg("--initialize-insecure")
        .arg(format!("--datadir={}", folder.display()))
        .args(SMALL)
        .current_dir("/");
    run_unprivileged(&mut install);
}
