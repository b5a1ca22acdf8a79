//! What the databases have in common: a server of its own account, with its data in a folder that is filled once.

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

/// The programs of a database.
pub(super) struct Programs {
    pub(super) server: PathBuf,
    /// Makes the first tables.
    pub(super) installer: PathBuf,
}

/// What is particular to a database.
pub(super) struct Database {
    pub(super) kind: Kind,
    /// The program by which people know whether it is there, and the packages that bring it.
    pub(super) program: &'static str,
    pub(super) packages: &'static str,
    /// Whom it runs as below root: the first of these that exists.
    pub(super) accounts: &'static [&'static str],
    pub(super) find: fn() -> Option<Programs>,
    /// The version in what the server says of itself.
    pub(super) version: fn(&str) -> String,
    /// Makes the data in a folder.
    pub(super) fill: fn(&Programs, &Account, &Path) -> Result<(), Error>,
    /// The arguments of a server of this data on this port.
    pub(super) args: fn(&Path, u16) -> Vec<OsString>,
}

impl Database {
    /// Makes a server ready to start.
    pub(super) fn prepare(
        &self,
        place: &Place,
        state: &mut State,
        install: bool,
    ) -> Result<Vec<Launch>, Error> {
        let (kind, service) = (self.kind, self.kind.name());
        let programs = self.programs(install)?;
        let asking = format!("asking {service} for its version");
        let said = program::run(program::plain(&programs.server).arg("--version"), &asking, "")?;
        state.version = (self.version)(&said);
        let account = Account::below_root(service, self.accounts)?;
        let directory = place.of(kind);
        account.private_directory(service, &directory)?;
        let data = directory.join("data");
        place::once(&data, |partial| {
            account.private_directory(service, partial)?;
            (self.fill)(&programs, &account, partial)
        })?;
        let port = state.nodes.first().map(|node| node.port(CLIENT)).unwrap_or_default();
        let (log, args) = (directory.join("log"), (self.args)(&data, port));
        Ok(vec![Launch { kind, program: programs.server, args, account, directory, log }])
    }

    fn programs(&self, install: bool) -> Result<Programs, Error> {
        if let Some(programs) = (self.find)() {
            return Ok(programs);
        }
        let (service, program) = (self.kind.name(), self.program);
        debian::install(service, program, self.packages, install)?;
        let remedy = "the package brought none".to_owned();
        (self.find)().ok_or(Error::Missing { service, program, remedy })
    }
}
