//! Runs a process and passes its output on as it comes.

use std::io::{self, Read, Write};
use std::process::{Command, ExitStatus, Stdio};

use super::tally::Tally;

/// Runs a process to its end, passes its standard output on as it comes, and tallies it. The error output is the
/// caller's own.
///
/// # Errors
/// Where the process does not start, or the output cannot be passed on.
pub(crate) fn stream(
    command: &mut Command,
    out: &mut impl Write,
    tally: &mut Tally,
) -> io::Result<ExitStatus> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    if let Some(mut output) = child.stdout.take() {
        let mut buffer = [0; 8192];
        loop {
            let read = output.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            out.write_all(&buffer[..read])?;
            out.flush()?;
            tally.feed(&buffer[..read]);
        }
    }
    child.wait()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_passed_on_and_tallied_and_the_status_told() {
        let script = "echo 'test result: FAILED. 1 passed; 2 failed; 0 ignored'; exit 3";
        let (mut out, mut tally) = (Vec::new(), Tally::default());
        let status = stream(Command::new("sh").args(["-c", script]), &mut out, &mut tally).unwrap();
        assert!(out.starts_with(b"test result: FAILED."));
        assert_eq!((status.code(), tally.finish().failed), (Some(3), 2));
    }
}
