//! The user that a server runs as.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::Command;

use super::error::Error;
use super::place;
use super::program;

/// The user that a server runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Account {
    /// The one who runs this program.
    Own,
    /// Somebody with fewer rights than root.
    Other {
        /// The name.
        name: String,
        /// The number.
        uid: u32,
        /// The number of the main group.
        gid: u32,
    },
}

impl Account {
    /// For a server that refuses to run as root: the first of these users that exists where this program is run by root,
    /// else the one who runs it.
    pub(crate) fn below_root(service: &'static str, names: &[&str]) -> Result<Self, Error> {
        if !is_root() {
            return Ok(Self::Own);
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let known = names.iter().find_map(|name| user(&users, name));
        known.ok_or_else(|| Error::Missing {
            service,
            program: "a user that is not root",
            remedy: format!("create one of {}, or run this as another user than root", names.join(", ")),
        })
    }

    /// A command of this user for `program`. The process keeps its number when it changes its user.
    pub(crate) fn command(&self, before: &[&str], program: &Path) -> Command {
        let mut words = before.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        if let Self::Other { name, gid, .. } = self {
            words.extend(["setpriv".to_owned(), format!("--reuid={name}"), format!("--regid={gid}")]);
            words.extend(["--init-groups".to_owned(), "--".to_owned()]);
        }
        match words.split_first() {
            Some((first, rest)) => {
                let mut command = program::plain(first);
                command.args(rest).arg(program);
                command
            }
            None => program::plain(program),
        }
    }

    /// Creates a folder that only this user may enter, and checks that it can.
    pub(crate) fn private_directory(&self, service: &'static str, path: &Path) -> Result<(), Error> {
        place::private_directory(path)?;
        let Self::Other { name, uid, gid } = self else { return Ok(()) };
        program::demand(service, "setpriv", "install util-linux, or run this as another user than root")?;
        chown(path, Some(*uid), Some(*gid)).map_err(|error| Error::io("give away", path, error))?;
        let mut enter = self.command(&[], Path::new("sh"));
        enter.args(["-c", "cd \"$1\"", "sh"]).arg(path);
        program::run(&mut enter, "entering", "").map(drop).map_err(|_| Error::NoAccess {
            service,
            account: name.clone(),
            directory: path.to_owned(),
        })
    }
}

/// Whether this program is run by root.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0)
}

/// A user out of the text of `/etc/passwd`: `name:password:uid:gid:..`.
fn user(users: &str, name: &str) -> Option<Account> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let found = fields.next().filter(|found| *found == name)?.to_owned();
        let uid = fields.nth(1)?.parse().ok()?;
        Some(Account::Other { name: found, uid, gid: fields.next()?.parse().ok()? })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_the_whole_name() {
        let users = "root:x:0:0::/:/bin/sh\nmysql2:x:7:8::/:/bin/sh\nmysql:x:103:107:MySQL:/:/bin/false\n";
        let expected = Account::Other { name: "mysql".into(), uid: 103, gid: 107 };
        assert_eq!(user(users, "mysql"), Some(expected));
        assert_eq!(user(users, "postgres"), None);
    }

    #[test]
    fn a_command_of_another_user_changes_the_user_last() {
        let account = Account::Other { name: "mysql".into(), uid: 103, gid: 107 };
        let command = account.command(&["setsid"], Path::new("mariadbd"));
        let words = command.get_args().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        assert_eq!(command.get_program(), "setsid");
        assert_eq!(words, "setpriv --reuid=mysql --regid=107 --init-groups -- mariadbd");
        assert_eq!(Account::Own.command(&[], Path::new("mariadbd")).get_program(), "mariadbd");
    }
}
