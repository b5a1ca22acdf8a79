//! Starts a process that outlives this program.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use super::account::Account;
use super::error::Error;
use super::kind::Kind;
use super::program;

/// A process to start, which outlives this program.
#[derive(Debug)]
pub(crate) struct Launch {
    /// Whose process it is.
    pub(crate) kind: Kind,
    /// What to run.
    pub(crate) program: PathBuf,
    /// With what.
    pub(crate) args: Vec<OsString>,
    /// As whom.
    pub(crate) account: Account,
    /// Where.
    pub(crate) directory: PathBuf,
    /// Where its words go; those of the last start are kept beside.
    pub(crate) log: PathBuf,
}

impl Launch {
    /// Starts it in a session of its own, without standard input, so that neither the end of this program nor an interrupt
    /// at the terminal ends it, and it holds nobody's pipe open.
    pub(crate) fn start(&self) -> Result<Child, Error> {
        program::demand(self.kind.name(), "setsid", "install util-linux")?;
        let _ = fs::rename(&self.log, self.log.with_added_extension("old"));
        let log = File::create(&self.log).map_err(|error| Error::io("create", &self.log, error))?;
        let other = log.try_clone().map_err(|error| Error::io("open", &self.log, error))?;
        let mut command = self.account.command(&["setsid"], &self.program);
        command.args(&self.args).current_dir(&self.directory).env("HOME", &self.directory);
        command.stdin(Stdio::null()).stdout(log).stderr(other);
        command.spawn().map_err(|error| Error::io("start", &self.program, error))
    }
}

#[cfg(test)]
mod tests {
    use super::super::place::tests::Scratch;
    use super::*;

    #[test]
    fn a_process_gets_a_session_of_its_own_and_its_words_go_to_the_log() {
        let scratch = Scratch::new("launch");
        let directory = scratch.0.root().to_owned();
        let log = directory.join("log");
        fs::write(&log, "before").unwrap();
        // Field 6 of its stat is the session, which has the number of the process that began it.
        let script = "read nothing || echo no input; set -- $(cat /proc/$$/stat); echo $((${6} == $$))";
        let launch = Launch {
            kind: Kind::Nats,
            program: "sh".into(),
            args: vec!["-c".into(), script.into()],
            account: Account::Own,
            directory,
            log: log.clone(),
        };
        assert!(launch.start().unwrap().wait().unwrap().success());
        assert_eq!(fs::read_to_string(&log).unwrap(), "no input\n1\n");
        assert_eq!(fs::read_to_string(log.with_added_extension("old")).unwrap(), "before");
    }
}
