//! PostgreSQL.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::account::Account;
use super::database::{Database, Programs};
use super::error::Error;
use super::kind::Kind;
use super::launch::Launch;
use super::place::Place;
use super::program;
use super::state::State;

const DATABASE: Database = Database {
    kind: Kind::Postgres,
    program: "initdb",
    packages: "postgresql",
    accounts: &["postgres", "nobody"],
    find,
    version,
    fill,
    args,
};

/// How long the parent of a process that was killed may take to notice.
const NOTICE: Duration = Duration::from_secs(10);

/// Nobody but this user comes in, and it is no superuser: a superuser without a password could run programs as the
/// server's user.
const ACCESS: &str = "host all laneway 127.0.0.1/32 trust\n";
/// In single-user mode a line is a statement.
const USER: &str = "CREATE ROLE laneway LOGIN CREATEDB\nCREATE DATABASE laneway OWNER laneway\n";

/// Makes a server ready to start.
pub(super) fn prepare(place: &Place, state: &mut State, install: bool) -> Result<Vec<Launch>, Error> {
    let launches = DATABASE.prepare(place, state, install)?;
    if let Some(last) = state.nodes.first().and_then(|node| node.process.as_ref()) {
        // The data's lock names the last server by number, and PostgreSQL heeds it for as long as the number is taken.
        last.vanishes_within(NOTICE);
    }
    Ok(launches)
}

fn args(data: &Path, port: u16) -> Vec<OsString> {
    let port = format!("port={port}");
    let settings =
        ["listen_addresses=127.0.0.1", &port, "unix_socket_directories=", "fsync=on", "timezone=UTC"];
    let settings = settings.into_iter().flat_map(|setting| ["-c".into(), setting.into()]);
    ["-D".into(), data.into()].into_iter().chain(settings).collect()
}

fn fill(programs: &Programs, account: &Account, data: &Path) -> Result<(), Error> {
    let mut initdb = account.command(&[], &programs.installer);
    initdb.args(["--username=postgres", "--auth=reject", "--encoding=UTF8", "--locale=C", "-D"]).arg(data);
    program::run(initdb.current_dir(data), "initdb", "")?;
    let access = data.join("pg_hba.conf");
    fs::write(&access, ACCESS).map_err(|error| Error::io("write", &access, error))?;
    let mut single = account.command(&[], &programs.server);
    single.args(["--single", "-D"]).arg(data).arg("postgres").current_dir(data);
    program::run(&mut single, "creating the user laneway", USER).map(drop)
}

/// The newest of Debian's, or those on the path.
fn find() -> Option<Programs> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions = versions.map(|entry| entry.path().join("bin")).collect::<Vec<_>>();
    versions.sort_by_key(|folder| major(folder));
    let on_path =
        program::find("initdb").and_then(|path| Some(path.canonicalize().ok()?.parent()?.to_owned()));
    let whole =
        |folder: &PathBuf| ["initdb", "postgres"].iter().all(|name| program::is_program(&folder.join(name)));
    let folder = versions.into_iter().rev().chain(on_path).find(whole)?;
    Some(Programs { server: folder.join("postgres"), installer: folder.join("initdb") })
}

/// The version that a folder like `15/bin` is of.
fn major(folder: &Path) -> u32 {
    let name = folder.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    name.and_then(|name| name.parse().ok()).unwrap_or_default()
}

/// The version in `postgres (PostgreSQL) 15.14 (Debian 15.14-0)`.
fn version(said: &str) -> String {
    said.split_whitespace().nth(2).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(major(Path::new("a/15/bin")) > major(Path::new("a/9/bin")));
        assert_eq!(major(Path::new("a/b/bin")), 0);
    }

    #[test]
    fn a_version_is_read() {
        assert_eq!(version("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), "15.14");
    }

    #[test]
    fn the_server_listens_on_this_machine_alone_and_syncs() {
        let words = args(Path::new("d"), 7);
        let words = words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        for setting in ["listen_addresses=127.0.0.1", "port=7", "unix_socket_directories= ", "fsync=on"] {
            assert!(words.contains(&format!("-c {setting}")), "{words}");
        }
    }
}
