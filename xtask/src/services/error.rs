//! Why a server cannot be had, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a server cannot be had, and what to do about it.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// A program is not installed.
    #[error("{service} needs `{program}`, which is not here: {remedy}")]
    Missing {
        /// Who needs it.
        service: &'static str,
        /// What it is called.
        program: &'static str,
        /// How to get it.
        remedy: String,
    },
    /// Java is too old for Kafka.
    #[error("kafka needs Java 17 or newer, and {path} is Java {found}: install one, or set JAVA_HOME to it")]
    OldJava {
        /// The one that was found.
        path: PathBuf,
        /// Its version.
        found: String,
    },
    /// A download did not come through.
    #[error(
        "could not fetch {what}; is there a way to the network, and a mirror set where one is needed?\n{said}"
    )]
    Fetch {
        /// What was to come.
        what: String,
        /// What the tools said.
        said: String,
    },
    /// Another program listens where the server should.
    #[error("port {ports} of {service} is taken by another program: stop that one and try again")]
    PortTaken {
        /// Whose port it is.
        service: &'static str,
        /// The ports that were asked for.
        ports: String,
    },
    /// No room is left.
    #[error("the disk of {directory} is full: make room, or set LANEWAY_SERVICES_DIR to a folder elsewhere")]
    DiskFull {
        /// Where room is needed.
        directory: PathBuf,
    },
    /// The server ended before it was ready.
    #[error("{service} ended while it started; the end of {log}:\n{tail}")]
    Died {
        /// Who.
        service: &'static str,
        /// What it wrote.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// The server runs and does not answer.
    #[error(
        "{service} did not become ready within {seconds} s ({why}), and was stopped; the end of {log}:\n{tail}"
    )]
    Silent {
        /// Who.
        service: &'static str,
        /// How long it had.
        seconds: u64,
        /// What the last handshake met.
        why: String,
        /// What it wrote.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// The server was started before, runs and does not answer.
    #[error(
        "{service} runs, but was not ready for {seconds} s ({why}): `cargo xtask services down {service}`, then up again"
    )]
    Deaf {
        /// Who.
        service: &'static str,
        /// How long it was asked.
        seconds: u64,
        /// What the last handshake met.
        why: String,
    },
    /// The data belong to a cluster of another size.
    #[error(
        "kafka's data are those of {are} broker(s): add --fresh to replace them by {wanted} empty one(s)"
    )]
    OtherSize {
        /// How many brokers wrote the data.
        are: usize,
        /// How many were asked for.
        wanted: usize,
    },
    /// Servers that refuse to run as root cannot reach their folder as somebody else.
    #[error(
        "{service} must not run as root, and the user {account} cannot enter {directory}: \
         set LANEWAY_SERVICES_DIR to a folder that it can enter"
    )]
    NoAccess {
        /// Who.
        service: &'static str,
        /// The user it would run as.
        account: String,
        /// The folder.
        directory: PathBuf,
    },
    /// A server that the user named does not answer.
    #[error("{variable} names {address}, which does not answer ({why}): start it, or unset {variable}")]
    OwnSilent {
        /// The variable that names it.
        variable: &'static str,
        /// Where it should be.
        address: String,
        /// What the attempt met.
        why: String,
    },
    /// A server of ours does not go away.
    #[error("process {pid} of {service} is still there after SIGKILL: look at it with `ps -p {pid}`")]
    Unstoppable {
        /// Who.
        service: &'static str,
        /// Its number.
        pid: u32,
    },
    /// No Linux.
    #[error("servers are started on Linux only: start {service} yourself, and name it by {variable}")]
    NotLinux {
        /// Who.
        service: &'static str,
        /// How to name one.
        variable: &'static str,
    },
    /// A state file does not read as one.
    #[error("{path} is damaged ({why}): stop what it names by hand, and remove it")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A program that prepares a server failed.
    #[error("{what} failed:\n{said}")]
    Step {
        /// What it was to do.
        what: String,
        /// What it said.
        said: String,
    },
    /// A file or process could not be handled.
    #[error("could not {what}: {source}")]
    Io {
        /// What was to be done.
        what: String,
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    /// The error for a failed access to `path`.
    pub(crate) fn io(verb: &str, path: &Path, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::StorageFull {
            return Self::DiskFull { directory: path.to_owned() };
        }
        Self::Io { what: format!("{verb} {}", path.display()), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_from_other_trouble() {
        let full = Error::io("write", Path::new("a"), io::ErrorKind::StorageFull.into());
        assert!(matches!(full, Error::DiskFull { .. }), "{full}");
        let other = Error::io("write", Path::new("a"), io::ErrorKind::PermissionDenied.into());
        assert!(other.to_string().starts_with("could not write a: "), "{other}");
    }
}
