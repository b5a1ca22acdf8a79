//! Words that nobody guesses.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::error::Error;

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789xy";

/// A word of letters and digits, with almost six bits of chance in each.
pub(crate) fn word(length: usize) -> Result<String, Error> {
    let bytes = bytes(length)?;
    Ok(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte & 63)])).collect())
}

/// A number.
pub(crate) fn number() -> Result<u32, Error> {
    Ok(bytes(4)?.into_iter().fold(0, |number, byte| number << 8 | u32::from(byte)))
}

fn bytes(length: usize) -> Result<Vec<u8>, Error> {
    let source = Path::new("/dev/urandom");
    let mut bytes = vec![0; length];
    let read = File::open(source).and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|error| Error::io("read", source, error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_their_length_and_differ() {
        let (one, other) = (word(24).unwrap(), word(24).unwrap());
        assert!(one.len() == 24 && one.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(one, other);
    }
}
