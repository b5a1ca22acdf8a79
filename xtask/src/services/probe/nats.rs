//! NATS: the server speaks first, <https://docs.nats.io/reference/reference-protocols/nats-protocol>.

use std::io::{self, BufRead, BufReader, Read};

/// Ready is a server that offers JetStream.
pub(super) fn handshake(stream: &mut impl Read) -> io::Result<Result<(), String>> {
    let mut line = String::new();
    BufReader::new(stream.take(1 << 16)).read_line(&mut line)?;
    Ok(judge(&line))
}

fn judge(line: &str) -> Result<(), String> {
    let info = line.strip_prefix("INFO ").ok_or_else(|| "it does not speak NATS's protocol".to_owned())?;
    let jetstream = info.replace(' ', "").contains("\"jetstream\":true");
    if jetstream { Ok(()) } else { Err("it has no JetStream".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_with_jetstream_is_ready() {
        assert_eq!(judge("INFO {\"version\":\"2.15.2\",\"jetstream\":true}\r\n"), Ok(()));
        assert!(judge("INFO {\"version\":\"2.15.2\"}\r\n").is_err());
        assert!(judge("220 mail ready\r\n").is_err());
    }
}
