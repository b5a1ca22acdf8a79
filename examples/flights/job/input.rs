//! The whole table, read.

use super::rows::{RowError, Source, SourceError};
use super::timeline::Timeline;

/// What a table holds: the events of its good rows, and the rows that are not.
pub(crate) struct Input {
    /// The events in order.
    pub(crate) timeline: Timeline,
    /// The malformed rows, in the order of the file.
    pub(crate) malformed: Vec<RowError>,
}

impl Input {
    /// Reads a table to its end. Rows are kept in their typed form, not as text.
    ///
    /// # Errors
    /// [`SourceError`] where the file is no table or breaks off; a malformed row is none.
    pub(crate) fn read(mut source: Source) -> Result<Self, SourceError> {
        let (mut good, mut malformed) = (Vec::new(), Vec::new());
        let mut rows = source.rows()?;
        while let Some(row) = rows.next_row()? {
            match row {
                Ok(row) => good.push(row),
                Err(error) => malformed.push(error),
            }
        }
        Ok(Self { timeline: Timeline::new(good), malformed })
    }
}
