//! MariaDB: the server speaks first, <https://mariadb.com/kb/en/connection/>.

use std::io::{self, Read};

/// The version of the protocol, and the mark of an error, at the start of the first packet.
const PROTOCOL: u8 = 10;
const ERROR: u8 = 0xff;

/// Ready is a server that greets.
pub(super) fn handshake(stream: &mut impl Read) -> io::Result<Result<(), String>> {
    let mut head = [0; 4];
    stream.read_exact(&mut head)?;
    let length = u32::from_le_bytes([head[0], head[1], head[2], 0]);
    let mut packet = Vec::new();
    stream.take(u64::from(length.min(1 << 16))).read_to_end(&mut packet)?;
    Ok(judge(&packet))
}

fn judge(packet: &[u8]) -> Result<(), String> {
    match packet.split_first() {
        Some((&PROTOCOL, _)) => Ok(()),
        Some((&ERROR, rest)) => Err(String::from_utf8_lossy(rest.get(2..).unwrap_or_default()).into_owned()),
        _ => Err("it does not speak MariaDB's protocol".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_told_from_an_error() {
        assert_eq!(judge(b"\x0a10.11.19-MariaDB\0"), Ok(()));
        assert_eq!(judge(b"\xff\x10\x04Too many connections"), Err("Too many connections".to_owned()));
        assert!(judge(b"").is_err());
    }
}
