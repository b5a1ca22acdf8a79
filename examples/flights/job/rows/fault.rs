//! What is wrong with a row.

use thiserror::Error;

use super::cells::COLUMNS;

/// A row that cannot be read, with where it stands and its bytes as they came.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("line {line}: {fault}")]
pub(crate) struct RowError {
    /// The line in the file; the header is line 1.
    pub(crate) line: u64,
    /// The line's bytes without its end; the first bytes of one that is too long.
    pub(crate) raw: Vec<u8>,
    /// What is wrong.
    #[source]
    pub(crate) fault: RowFault,
}

/// Which rule a row breaks.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub(crate) enum RowFault {
    /// There are too few or too many columns.
    #[error("the row has {found} columns instead of {}", COLUMNS.len())]
    Columns {
        /// How many there are.
        found: usize,
    },
    /// The line does not end.
    #[error("the row has more than {limit} bytes")]
    TooLong {
        /// The most bytes that a row may have.
        limit: u64,
    },
    /// A column's value breaks a rule.
    #[error("{column} {rule}; found `{found}`")]
    Field {
        /// The column's name.
        column: &'static str,
        /// What is allowed.
        rule: &'static str,
        /// The value, shortened and escaped.
        found: String,
    },
}

/// Shows bytes that may be anything: shortened, and with nothing that moves a cursor.
pub(super) fn shown(bytes: &[u8]) -> String {
    const LONGEST: usize = 80;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * LONGEST)]);
    let mut shown = String::new();
    for char in text.chars() {
        if shown.len() >= LONGEST {
            shown.push('…');
            break;
        }
        shown.extend(char.escape_debug());
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_bytes_are_shown_short_and_escaped() {
        assert_eq!(shown(b"5x7"), "5x7");
        assert_eq!(shown(b"\x1b[2J\n"), "\\u{1b}[2J\\n");
        assert_eq!(shown(&[b'x'; 500]), format!("{}…", "x".repeat(80)));
        assert_eq!(shown(&[b'x'; 80]), "x".repeat(80));
        assert_eq!(shown(b"\xff"), "\u{fffd}");
        assert!(shown(&[0x1b; 500]).len() < 100);
    }

    #[test]
    fn an_error_names_its_line_its_column_and_its_rule() {
        let fault = RowFault::Field { column: "dep_time", rule: "is a number", found: "5x7".to_owned() };
        let error = RowError { line: 17, raw: b"2013".to_vec(), fault };
        assert_eq!(error.to_string(), "line 17: dep_time is a number; found `5x7`");
        assert_eq!(RowFault::Columns { found: 3 }.to_string(), "the row has 3 columns instead of 19");
    }
}
