//! Rows, one line at a time.

use std::io::{self, BufRead, Read};

use csv::{ByteRecord, ReaderBuilder};

use super::cells::{COLUMNS, Cells};
use super::fault::{RowError, RowFault, shown};
use super::row::Row;
use super::source::SourceError;

/// The most bytes that a line may have; real rows have about ninety.
const LONGEST_LINE: u64 = 16 * 1024;

/// The rows of a table, read as they are asked for.
///
/// A row is one line: a field may be quoted, but does not go on in the next line, so that a stray quote spoils no more
/// than its own row.
pub(crate) struct Rows<'a> {
    name: &'a str,
    input: Box<dyn BufRead + 'a>,
    number: u64,
    line: Vec<u8>,
    record: ByteRecord,
}

enum Line {
    Whole,
    TooLong,
}

impl<'a> Rows<'a> {
    /// Reads the header.
    pub(super) fn new(name: &'a str, input: Box<dyn BufRead + 'a>) -> Result<Self, SourceError> {
        let mut rows = Self { name, input, number: 0, line: Vec::new(), record: ByteRecord::new() };
        rows.next_line()?;
        let text = rows.line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&rows.line);
        split(text, &mut rows.record);
        let expected = |index: usize| COLUMNS.get(index).copied();
        let found = |index: usize| rows.record.get(index);
        let differs = |index: &usize| found(*index) != expected(*index).map(str::as_bytes);
        match (0..COLUMNS.len().max(rows.record.len())).find(differs) {
            None => Ok(rows),
            Some(index) => Err(SourceError::Header {
                name: name.to_owned(),
                column: index + 1,
                expected: expected(index).unwrap_or_default(),
                found: shown(found(index).unwrap_or_default()),
            }),
        }
    }

    /// The next row, or what is wrong with it; none at the end. Empty lines are passed over.
    ///
    /// # Errors
    /// [`SourceError::Unreadable`] where the file breaks off; a malformed row is no error of the file.
    pub(crate) fn next_row(&mut self) -> Result<Option<Result<Row, RowError>>, SourceError> {
        while let Some(line) = self.next_line()? {
            if !self.line.is_empty() {
                let row = self.row(&line);
                return Ok(Some(row.map_err(|fault| RowError {
                    line: self.number,
                    raw: self.line.clone(),
                    fault,
                })));
            }
        }
        Ok(None)
    }

    fn row(&mut self, line: &Line) -> Result<Row, RowFault> {
        match line {
            Line::TooLong => Err(RowFault::TooLong { limit: LONGEST_LINE }),
            Line::Whole => {
                split(&self.line, &mut self.record);
                Row::read(Cells::new(&self.record)?)
            }
        }
    }

    fn next_line(&mut self) -> Result<Option<Line>, SourceError> {
        self.read_line().map_err(|source| SourceError::Unreadable { name: self.name.to_owned(), source })
    }

    fn read_line(&mut self) -> io::Result<Option<Line>> {
        self.line.clear();
        self.number += 1;
        let read = self.input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut self.line)?;
        if self.line.pop_if(|byte| *byte == b'\n').is_some() {
            self.line.pop_if(|byte| *byte == b'\r');
        } else if read as u64 == LONGEST_LINE {
            self.input.skip_until(b'\n')?;
            return Ok(Some(Line::TooLong));
        }
        Ok((read > 0).then_some(Line::Whole))
    }
}

/// Splits a line into its fields. Lines without a quote, which is nearly all, are cut at their commas.
fn split(line: &[u8], record: &mut ByteRecord) {
    record.clear();
    if !line.contains(&b'"') {
        line.split(|byte| *byte == b',').for_each(|field| record.push_field(field));
        return;
    }
    let mut quoted = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(line);
    if !matches!(quoted.read_byte_record(record), Ok(true)) {
        record.clear();
    }
}
