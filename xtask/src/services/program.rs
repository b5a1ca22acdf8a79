//! Programs of the machine.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::Error;
use super::log;

/// Folders of programs that only administrators have on their path.
const MORE: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// The program of this name.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(MORE.map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|path| is_program(path))
}

/// The program of this name, or an error that says how to get it.
pub(crate) fn demand(service: &'static str, program: &'static str, remedy: &str) -> Result<PathBuf, Error> {
    find(program).ok_or_else(|| Error::Missing { service, program, remedy: remedy.to_owned() })
}

/// Whether a path is a program.
pub(crate) fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Runs a program to its end, with `input` on its standard input, and answers what it said.
///
/// # Errors
/// Where it does not start, or fails; then with the end of what it said.
pub(crate) fn run(command: &mut Command, what: &str, input: &str) -> Result<String, Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    let io = |source| Error::Io { what: format!("run {name}"), source };
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.map_err(io)?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read its input says so by its status.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(io)?;
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    if let Some(directory) = command.get_current_dir().filter(|_| log::is_full(&said)) {
        return Err(Error::DiskFull { directory: directory.to_owned() });
    }
    Err(Error::Step { what: what.to_owned(), said: log::last_lines(&said) })
}

/// A command whose environment does not change what a server says or where it looks.
pub(crate) fn plain(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env("LC_ALL", "C").env("TZ", "UTC");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_reads_its_input_and_its_words_come_back() {
        assert_eq!(run(&mut plain("cat"), "cat", "a\nb").unwrap(), "a\nb");
    }

    #[test]
    fn a_program_that_fails_is_an_error_with_what_it_said() {
        let error = run(plain("sh").args(["-c", "echo one; echo two >&2; exit 3"]), "three", "").unwrap_err();
        assert_eq!(error.to_string(), "three failed:\none\ntwo");
    }

    #[test]
    fn a_program_that_finds_its_disk_full_is_told_apart() {
        let mut command = plain("sh");
        command.args(["-c", "echo 'initdb: No space left on device'; exit 1"]).current_dir("/");
        assert!(matches!(run(&mut command, "initdb", "").unwrap_err(), Error::DiskFull { .. }));
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error_that_says_how_to_get_it() {
        assert!(find("sh").is_some());
        let error = demand("kafka", "no-such-program", "install it").unwrap_err().to_string();
        assert_eq!(error, "kafka needs `no-such-program`, which is not here: install it");
    }
}
