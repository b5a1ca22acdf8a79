//! What lies among the dead letters.

use laneway::domain::{Body, DeadLetterDesk, Filter, GroupId, StoreError};
use laneway::memory::MemoryDeadLetters;

use super::content::number;
use crate::job::rows::RowError;

/// How many letters are read at once.
const PAGE: usize = 1_000;

/// How many letters a group has, and how many of them are these malformed rows, byte for byte; a row's number is its
/// place among them.
///
/// # Errors
/// The store's own.
pub(super) async fn count(
    letters: &MemoryDeadLetters,
    group: &GroupId,
    malformed: &[RowError],
) -> Result<(u64, u64), StoreError> {
    let (mut all, mut rows, mut last) = (0, 0, None);
    loop {
        let page = letters.list(&Filter::group(group.clone()), last.as_ref(), PAGE).await?;
        all += page.len() as u64;
        rows += page.iter().filter(|letter| is_row(&letter.original, malformed)).count() as u64;
        match page.last() {
            Some(letter) => last = Some(letter.id.clone()),
            None => return Ok((all, rows)),
        }
    }
}

fn is_row(original: &Body, malformed: &[RowError]) -> bool {
    let Body::Event(envelope) = original else { return false };
    let row = usize::try_from(number(envelope)).ok().and_then(|number| malformed.get(number));
    row.is_some_and(|row| row.raw == envelope.payload()[..])
}

#[cfg(test)]
mod tests {
    use laneway::domain::TopicName;

    use super::super::content::raw;
    use super::*;
    use crate::job::rows::RowFault;

    #[test]
    fn a_row_counts_only_byte_for_byte_and_in_its_place() {
        let row = |raw: &[u8]| RowError { line: 2, raw: raw.to_vec(), fault: RowFault::Columns { found: 1 } };
        let malformed = [row(b"a"), row(b"\xff")];
        let found = |number, bytes: &'static [u8]| {
            is_row(&Body::Event(raw(&TopicName::new("flights").unwrap(), number, bytes)), &malformed)
        };
        assert!(found(0, b"a") && found(1, b"\xff"));
        assert!(!found(0, b"A") && !found(1, b"a") && !found(2, b"a"));
    }
}
