//! Servers for the parts of the suite.

use super::Reached;
use super::down;
use super::error::Error;
use super::kind::Kind;
use super::place::{self, Place};
use super::up::{self, Wish};

/// A server for a part of the suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lent {
    /// Variables that say where it is.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// Whether it was started for this, and has to be stopped at the end.
    pub(crate) started: bool,
}

/// A server of this kind: the user's own, one that runs, or one that is started for this.
///
/// # Errors
/// Where there is none to be had, with what to do about it.
pub(crate) fn lend(kind: Kind) -> Result<Lent, String> {
    attempt(kind).map_err(|error| error.to_string())
}

fn attempt(kind: Kind) -> Result<Lent, Error> {
    let place = Place::from_environment()?;
    let folder = (place::VARIABLE, place.root().display().to_string());
    // On a bare machine that runs the whole suite nobody else installs what a server needs.
    let install = std::env::var("CI").is_ok_and(|ci| ci == "true");
    Ok(match up::up(&place, kind, Wish { install, ..Wish::default() })? {
        // Tests inherit the variable that names the user's own, which may hold a password.
        Reached::Own(_) => Lent { variables: vec![folder], started: false },
        Reached::Running(state) => {
            Lent { variables: vec![(kind.variable(), state.address()), folder], started: false }
        }
        Reached::Started(state) => {
            Lent { variables: vec![(kind.variable(), state.address()), folder], started: true }
        }
    })
}

/// Stops a server that was started for the suite.
pub(crate) fn take_back(kind: Kind) {
    let done = Place::from_environment().and_then(|place| down::down(&place, kind, false));
    if let Err(error) = done {
        eprintln!("{}: error: {error}", kind.name());
    }
}
