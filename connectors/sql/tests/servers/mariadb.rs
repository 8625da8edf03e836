//! MariaDB.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use super::guardian::{Template, program, run_unprivileged};
use super::speaker::{FOLDERS, Speaker};

/// Small files, so that a copy is quick.
const SMALL: &[&str] = &[
    "--innodb-log-file-size=8M",
    "--innodb-data-file-path=ibdata1:4M:autoextend",
    "--aria-log-file-size=8M",
];

/// The server of this process.
pub(crate) fn mariadb() -> &'static Speaker {
    static SERVER: OnceLock<Speaker> = OnceLock::new();
    SERVER.get_or_init(|| {
        let template = Template {
            name: "mariadb".to_owned(),
            make: &make,
        };
        let fixed = [
            SMALL,
            &[
                "--skip-log-bin",
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-doublewrite=0",
                "--innodb-buffer-pool-size=64M",
                "--innodb-fast-shutdown=2",
                "--performance-schema=off",
                "--max-connections=60",
            ],
        ];
        Speaker::start(
            &template,
            &program("mariadbd", FOLDERS),
            &fixed.concat(),
            None,
        )
    })
}

fn make(folder: &Path) {
    let mut install = Command::new(program("mariadb-install-db", FOLDERS));
    install
        .arg("--no-defaults")
        .arg(format!("--datadir={}", folder.display()))
        .args(["--auth-root-authentication-method=normal", "--skip-test-db"])
        .args(SMALL)
        .current_dir("/");
    run_unprivileged(&mut install);
}
