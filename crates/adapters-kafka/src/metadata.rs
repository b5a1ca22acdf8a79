//! A checkpoint's state as the metadata of a committed offset.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;

/// Tells ours from what other programs write there; the digit is the version.
const MARK: &str = "laneway1.";
/// What the broker takes by default (`offset.metadata.max.bytes`).
const BROKER_LIMIT: usize = 4_096;
/// Eight hexadecimal digits of a checksum.
const CHECK: usize = 8;

/// The most bytes of state that fit: the broker's limit without mark and checksum, at three bytes for four characters.
pub(crate) const STATE_BYTES: usize = (BROKER_LIMIT - MARK.len() - CHECK) / 4 * 3;

/// What is committed beside an offset; none where the state is longer than [`STATE_BYTES`].
pub(crate) fn write(state: &[u8]) -> Option<String> {
    if state.is_empty() {
        return Some(String::new());
    }
    (state.len() <= STATE_BYTES)
        .then(|| format!("{MARK}{:08x}{}", crc32fast::hash(state), STANDARD_NO_PAD.encode(state)))
}

/// What was found beside a committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// Ours, or nothing.
    State(Bytes),
    /// Somebody else's, or ours and damaged.
    Foreign,
}

/// Reads what stands beside a committed offset.
pub(crate) fn read(metadata: &str) -> Found {
    if metadata.is_empty() {
        return Found::State(Bytes::new());
    }
    state(metadata).map_or(Found::Foreign, |state| Found::State(state.into()))
}

fn state(metadata: &str) -> Option<Vec<u8>> {
    let (check, coded) = metadata.strip_prefix(MARK)?.split_at_checked(CHECK)?;
    let state = STANDARD_NO_PAD.decode(coded).ok()?;
    (u32::from_str_radix(check, 16) == Ok(crc32fast::hash(&state))).then_some(state)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_state_comes_back_byte_for_byte(state in prop::collection::vec(any::<u8>(), 0..=STATE_BYTES)) {
            let metadata = write(&state).unwrap();
            prop_assert!(metadata.len() <= BROKER_LIMIT);
            prop_assert_eq!(read(&metadata), Found::State(state.into()));
        }

        #[test]
        fn what_another_program_wrote_is_foreign_and_never_a_panic(text in "\\PC{1,64}") {
            prop_assert_eq!(read(&text), Found::Foreign);
            prop_assert_eq!(read(&format!("{MARK}{text}")), Found::Foreign);
        }
    }

    #[test]
    fn a_state_that_is_too_long_is_not_written() {
        assert_eq!(write(&vec![0; STATE_BYTES + 1]), None);
        assert_eq!(write(&vec![0; STATE_BYTES]).unwrap().len(), BROKER_LIMIT - 3);
    }

    #[test]
    fn a_damaged_state_is_foreign() {
        let mut metadata = write(b"open: 1, 5, 9").unwrap();
        metadata.pop();
        assert_eq!(read(&metadata), Found::Foreign);
    }
}
