//! NATS with JetStream.

use std::path::PathBuf;

use super::account::Account;
use super::error::Error;
use super::kind::Kind;
use super::launch::Launch;
use super::place::{self, Place};
use super::program;
use super::state::{CLIENT, State};

/// The version that is fetched where the machine has none, or an old one.
const VERSION: &str = "2.15.2";
/// Older ones ignore `filter_subjects`, or lack limits that consumers ask for.
const OLDEST: (u32, u32) = (2, 11);
const REMEDY: &str = "put nats-server 2.11 or newer on the path, or install Go, which then fetches it";
/// The ports of a server.
pub(super) const PORTS: [&str; 1] = [CLIENT];

/// Makes a server ready to start.
pub(super) fn prepare(place: &Place, state: &mut State) -> Result<Vec<Launch>, Error> {
    let (program, version) = find(place)?;
    state.version = version;
    let directory = place.of(Kind::Nats);
    place::private_directory(&directory)?;
    let port = state.nodes.first().map(|node| node.port(CLIENT)).unwrap_or_default();
    let args = ["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-sd"].map(Into::into);
    let args = args.into_iter().chain([directory.join("data").into()]).collect();
    let log = directory.join("log");
    Ok(vec![Launch { kind: Kind::Nats, program, args, account: Account::Own, directory, log }])
}

/// The program and its version: the one on the path where it is new enough, else the one that is fetched.
fn find(place: &Place) -> Result<(PathBuf, String), Error> {
    if let Some(program) = program::find("nats-server") {
        let said =
            program::run(program::plain(&program).arg("-v"), "asking nats-server for its version", "")?;
        if let Some(version) = new_enough(&said) {
            return Ok((program, version));
        }
    }
    let folder = place.fetched(&format!("nats-server-{VERSION}"));
    place::once(&folder, |partial| {
        let go = program::demand("nats", "go", REMEDY)?;
        eprintln!("nats: building nats-server {VERSION} with Go, a minute or two, once");
        let mut command = program::plain(go);
        command.args(["install", &format!("github.com/nats-io/nats-server/v2@v{VERSION}")]);
        command.env("GOBIN", partial).env("CGO_ENABLED", "0");
        let done = program::run(&mut command, "go install", "");
        done.map(drop).map_err(|error| match error {
            Error::Step { said, .. } => Error::Fetch { what: format!("nats-server {VERSION}"), said },
            other => other,
        })
    })?;
    Ok((folder.join("nats-server"), VERSION.to_owned()))
}

/// The version in `nats-server: v2.15.2`, unless it is too old.
fn new_enough(said: &str) -> Option<String> {
    let version = said.trim().rsplit_once(": v")?.1;
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    let main = (numbers.next()??, numbers.next()??);
    (main >= OLDEST).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_server_on_the_path_is_left_alone() {
        assert_eq!(new_enough("nats-server: v2.9.10\n"), None);
        assert_eq!(new_enough("nats-server: v2.11.0\n"), Some("2.11.0".into()));
        assert_eq!(new_enough("nats-server: v3.0.1-beta\n"), Some("3.0.1-beta".into()));
        assert_eq!(new_enough("what?"), None);
    }
}
