//! MariaDB.

use std::ffi::OsString;
use std::path::Path;

use super::account::Account;
use super::database::{Database, Programs};
use super::error::Error;
use super::kind::Kind;
use super::launch::Launch;
use super::place::Place;
use super::program;
use super::state::State;

const DATABASE: Database = Database {
    kind: Kind::Mariadb,
    program: "mariadbd",
    // Without the package's own server at the usual port.
    packages: "mariadb-server-core mariadb-client-core",
    accounts: &["mysql", "nobody"],
    find,
    version,
    fill,
    args,
};

/// The user may do what it likes with databases of its own name, and reads no files.
const USER: &str = "CREATE USER IF NOT EXISTS laneway@'127.0.0.1';
CREATE DATABASE IF NOT EXISTS laneway CHARACTER SET utf8mb4;
GRANT ALL ON `laneway%`.* TO laneway@'127.0.0.1';
";

/// Makes a server ready to start.
pub(super) fn prepare(place: &Place, state: &mut State, install: bool) -> Result<Vec<Launch>, Error> {
    DATABASE.prepare(place, state, install)
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

fn fill(programs: &Programs, account: &Account, data: &Path) -> Result<(), Error> {
    let mut install = account.command(&[], &programs.installer);
    install.args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=socket"]);
    install.arg(format!("--datadir={}", data.display())).current_dir(data);
    program::run(&mut install, "mariadb-install-db", "")?;
    let users = data.join("laneway.sql");
    std::fs::write(&users, USER).map_err(|error| Error::io("write", &users, error))
}

/// The program that makes the first tables needs a third.
fn find() -> Option<Programs> {
    program::find("my_print_defaults")?;
    Some(Programs { server: program::find("mariadbd")?, installer: program::find("mariadb-install-db")? })
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
