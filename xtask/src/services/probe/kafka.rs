//! Kafka: a Metadata request, <https://kafka.apache.org/protocol>.

use std::io::{self, Read, Write};

/// Version 0 of Metadata for all topics, every broker's oldest.
const REQUEST: [u8; 18] = [
    0, 0, 0, 14, // length
    0, 3, 0, 0, // Metadata, version 0
    0, 0, 0, 7, // correlation
    0xff, 0xff, // no client id
    0, 0, 0, 0, // no topic named: all
];
/// More than any answer here has.
const LONGEST: u32 = 64 << 20;

/// Ready is a broker that knows of as many as there are.
pub(super) fn handshake(stream: &mut (impl Read + Write), brokers: usize) -> io::Result<Result<(), String>> {
    stream.write_all(&REQUEST)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    let mut answer = Vec::new();
    stream.take(u64::from(length.min(LONGEST))).read_to_end(&mut answer)?;
    Ok(match known(&answer) {
        Some(known) if known == brokers => Ok(()),
        Some(known) => Err(format!("it knows {known} of {brokers} brokers")),
        None => Err("it does not speak Kafka's protocol".to_owned()),
    })
}

/// How many brokers an answer lists, behind the correlation.
fn known(answer: &[u8]) -> Option<usize> {
    let (correlation, rest) = answer.split_first_chunk::<4>()?;
    let (brokers, _) = rest.split_first_chunk::<4>()?;
    (correlation == &[0, 0, 0, 7]).then(|| u32::from_be_bytes(*brokers) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_how_many_brokers_there_are() {
        assert_eq!(known(&[0, 0, 0, 7, 0, 0, 0, 3, 9, 9]), Some(3));
        assert_eq!(known(&[0, 0, 0, 8, 0, 0, 0, 3]), None);
        assert_eq!(known(b"HTTP"), None);
    }

    #[test]
    fn the_request_is_as_long_as_it_says() {
        assert_eq!(usize::from(REQUEST[3]) + 4, REQUEST.len());
    }
}
