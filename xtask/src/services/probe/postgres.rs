//! PostgreSQL: a startup message, <https://www.postgresql.org/docs/current/protocol-message-formats.html>.

use std::io::{self, Read, Write};

/// Protocol 3.0, and who wants in where.
const STARTUP: &[u8] = b"\0\0\0\x27\0\x03\0\0user\0laneway\0database\0laneway\0\0";
const TERMINATE: &[u8] = b"X\0\0\0\x04";

/// Ready is a server that lets the user in; while it starts or recovers it answers with an error.
pub(super) fn handshake(stream: &mut (impl Read + Write)) -> io::Result<Result<(), String>> {
    stream.write_all(STARTUP)?;
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]).saturating_sub(4);
    let mut body = Vec::new();
    stream.take(u64::from(length.min(1 << 16))).read_to_end(&mut body)?;
    if head[0] == b'R' {
        stream.write_all(TERMINATE)?;
    }
    Ok(judge(head[0], &body))
}

fn judge(kind: u8, body: &[u8]) -> Result<(), String> {
    match kind {
        b'R' => Ok(()),
        b'E' => Err(message(body).unwrap_or_else(|| "it refused".to_owned())),
        _ => Err("it does not speak PostgreSQL's protocol".to_owned()),
    }
}

/// The field `M` of an error: fields have a letter, a text and a zero.
fn message(body: &[u8]) -> Option<String> {
    let field = body.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(b"M"))?;
    Some(String::from_utf8_lossy(field).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_startup_message_is_as_long_as_it_says() {
        assert_eq!(usize::from(STARTUP[3]), STARTUP.len());
    }

    #[test]
    fn a_server_that_starts_is_not_ready() {
        let starting = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
        assert_eq!(judge(b'E', starting), Err("the database system is starting up".to_owned()));
        assert_eq!(judge(b'R', &[0, 0, 0, 0]), Ok(()));
        assert!(judge(b'H', b"TTP").is_err());
    }
}
