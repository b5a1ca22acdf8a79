//! What a server wrote before it ended.

use std::path::Path;

use super::error::Error;

/// How many lines of a log an error shows.
const LINES: usize = 20;

/// The last lines of a file; empty where it cannot be read.
pub(crate) fn tail(path: &Path) -> String {
    last_lines(&String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()))
}

/// The last lines of a text.
pub(crate) fn last_lines(text: &str) -> String {
    let lines = text.trim_end().lines().collect::<Vec<_>>();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

/// Why a server ended: what its log names, or else the end of the log itself.
pub(crate) fn why_it_died(service: &'static str, ports: &str, log: &Path) -> Error {
    let whole = String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).to_lowercase();
    if is_full(&whole) {
        Error::DiskFull { directory: log.parent().unwrap_or(log).to_owned() }
    } else if whole.contains("address already in use") {
        Error::PortTaken { service, ports: ports.to_owned() }
    } else {
        Error::Died { service, log: log.to_owned(), tail: tail(log) }
    }
}

/// Whether a program complains of a full disk; curl does so by a number.
pub(crate) fn is_full(said: &str) -> bool {
    said.to_lowercase().contains("no space left on device") || said.contains("curl: (23)")
}

#[cfg(test)]
mod tests {
    use super::super::place::tests::Scratch;
    use super::*;

    fn died(text: &str) -> Error {
        let scratch = Scratch::new("log");
        let log = scratch.0.root().join("log");
        std::fs::write(&log, text).unwrap();
        why_it_died("kafka", "9092", &log)
    }

    #[test]
    fn a_tail_has_twenty_lines_at_most() {
        let text = (1..=30).map(|line| format!("line {line}\n")).collect::<String>();
        let tail = last_lines(&text);
        assert_eq!((tail.lines().next(), tail.lines().count()), (Some("line 11"), 20));
        assert_eq!(last_lines("one\n\n"), "one");
    }

    #[test]
    fn a_log_tells_a_taken_port_and_a_full_disk_from_other_ends() {
        let taken = died("java.net.BindException: Address already in use\n at b\n");
        assert!(matches!(taken, Error::PortTaken { .. }), "{taken}");
        let full = died("java.io.IOException: No space left on device");
        assert!(matches!(full, Error::DiskFull { .. }), "{full}");
        let other = died("Error: Could not find or load main class").to_string();
        assert!(other.ends_with(":\nError: Could not find or load main class"), "{other}");
    }
}
