//! MariaDB.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::account::Account;
use super::debian;
use super::error::Error;
use super::kind::Kind;
use super::launch::Launch;
use super::place::{self, Place};
use super::program;
use super::state::{CLIENT, State};

/// The ports of a server.
pub(super) const PORTS: [&str; 1] = [CLIENT];

/// The programs without the package's own server at the usual port.
const PACKAGES: &str = "mariadb-server-core mariadb-client-core";
/// The user may do what it likes with databases of its own name, and reads no files.
const USER: &str = "CREATE USER IF NOT EXISTS laneway@'127.0.0.1';
CREATE DATABASE IF NOT EXISTS laneway CHARACTER SET utf8mb4;
GRANT ALL ON `laneway%`.* TO laneway@'127.0.0.1';
";

/// Makes a server ready to start.
pub(super) fn prepare(place: &Place, state: &mut State, install: bool) -> Result<Vec<Launch>, Error> {
    let (server, installer) = match find() {
        Some(programs) => programs,
        None => {
            debian::install("mariadb", "mariadbd", PACKAGES, install)?;
            find().ok_or_else(|| Error::Missing {
                service: "mariadb",
                program: "mariadbd",
                remedy: "the package brought none".to_owned(),
            })?
        }
    };
    let said = program::run(program::plain(&server).arg("--version"), "asking mariadbd for its version", "")?;
    state.version = version(&said);
    let account = Account::below_root("mariadb", &["mysql", "nobody"])?;
    let directory = place.of(Kind::Mariadb);
    account.private_directory("mariadb", &directory)?;
    let data = directory.join("data");
    place::once(&data, |partial| fill(&installer, &account, partial))?;
    let port = state.nodes.first().map(|node| node.port(CLIENT)).unwrap_or_default();
    let log = directory.join("log");
    Ok(vec![Launch {
        kind: Kind::Mariadb,
        program: server,
        args: args(&data, port),
        account,
        directory,
        log,
    }])
}

fn args(data: &Path, port: u16) -> Vec<OsString> {
    let data = data.display();
    let own =
        [format!("--datadir={data}"), format!("--init-file={data}/laneway.sql"), format!("--port={port}")];
    // A relative socket lies in the data's folder, whose whole path may be longer than a socket's may be.
    let fixed = [
        "--bind-address=127.0.0.1",
        "--socket=socket",
        "--pid-file=pid",
        "--skip-name-resolve",
        "--log-warnings=1",
        "--character-set-server=utf8mb4",
    ];
    ["--no-defaults".into()].into_iter().chain(own.map(Into::into)).chain(fixed.map(Into::into)).collect()
}

fn fill(installer: &Path, account: &Account, data: &Path) -> Result<(), Error> {
    account.private_directory("mariadb", data)?;
    let mut install = account.command(&[], installer);
    install.args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=socket"]);
    install.arg(format!("--datadir={}", data.display())).current_dir(data);
    program::run(&mut install, "mariadb-install-db", "")?;
    let users = data.join("laneway.sql");
    std::fs::write(&users, USER).map_err(|error| Error::io("write", &users, error))
}

/// The server and the program that makes its first tables, which needs a third.
fn find() -> Option<(PathBuf, PathBuf)> {
    program::find("my_print_defaults")?;
    Some((program::find("mariadbd")?, program::find("mariadb-install-db")?))
}

/// The version in `mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64`.
fn version(said: &str) -> String {
    let word = said.split_whitespace().skip_while(|word| *word != "Ver").nth(1).unwrap_or_default();
    word.split('-').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read() {
        let said =
            "/usr/sbin/mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)\n";
        assert_eq!(version(said), "10.11.19");
    }

    #[test]
    fn the_server_listens_on_this_machine_alone_and_reads_no_configuration_of_the_machine() {
        let words = args(Path::new("d"), 7);
        assert_eq!(words[0], "--no-defaults");
        for word in ["--bind-address=127.0.0.1", "--port=7", "--datadir=d"] {
            assert!(words.contains(&word.into()), "{words:?}");
        }
    }
}
