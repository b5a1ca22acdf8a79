//! Certificates for the listener with TLS: an authority of its own, and one broker's certificate signed by it.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::super::error::Error;
use super::super::{place, program};

/// What clients trust.
pub(super) const CA: &str = "ca.pem";
/// The brokers' key and certificate, as Kafka reads them.
pub(super) const BROKER: &str = "broker.pem";

const REMEDY: &str = "install it (Debian: apt-get install openssl)";
const NEW_KEY: [&str; 6] = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
const TEN_YEARS: [&str; 2] = ["-days", "3650"];
/// Clients check that the certificate names the host they asked for.
const EXTENSIONS: &str = "subjectAltName=IP:127.0.0.1,DNS:localhost\n\
                          basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n";

/// Makes the certificates in an empty folder.
pub(super) fn fill(folder: &Path) -> Result<(), Error> {
    place::private_directory(folder)?;
    let openssl = program::demand("kafka", "openssl", REMEDY)?;
    let run = |command: &mut Command| program::run(command, "making certificates", "").map(drop);
    let call = || {
        let mut command = program::plain(&openssl);
        command.current_dir(folder);
        command
    };
    place::private_file(&folder.join("extensions"), EXTENSIONS)?;
    let constraints =
        ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"];
    let files = ["-x509", "-keyout", "ca.key", "-out", CA, "-subj", "/CN=laneway services"];
    run(call().args(NEW_KEY).args(files).args(TEN_YEARS).args(constraints))?;
    run(call().args(NEW_KEY).args(["-keyout", "key", "-out", "request", "-subj", "/CN=127.0.0.1"]))?;
    let signing = ["x509", "-req", "-in", "request", "-CA", CA, "-CAkey", "ca.key", "-CAcreateserial"];
    run(call().args(signing).args(TEN_YEARS).args(["-extfile", "extensions", "-out", "certificate"]))?;
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).map_err(|error| Error::io("read", &path, error))
    };
    place::private_file(&folder.join(BROKER), &[read("key")?, read("certificate")?, read(CA)?].concat())
}

#[cfg(test)]
mod tests {
    use super::super::super::place::tests::Scratch;
    use super::*;
    use std::io::Write;

    #[test]
    fn the_brokers_certificate_is_signed_by_the_authority_for_this_host() {
        let scratch = Scratch::new("tls");
        if program::find("openssl").is_none() {
            // Past libtest's capture, for the suite to count.
            writeln!(std::io::stdout(), "SKIPPED services::kafka::tls: openssl is not installed").unwrap();
            return;
        }
        let folder = scratch.0.root();
        fill(folder).unwrap();
        let mut verify = program::plain("openssl");
        verify.current_dir(folder).args(["verify", "-CAfile", CA, "-verify_ip", "127.0.0.1", "certificate"]);
        assert_eq!(program::run(&mut verify, "verify", "").unwrap(), "certificate: OK\n");
        let broker = fs::read_to_string(folder.join(BROKER)).unwrap();
        assert!(broker.starts_with("-----BEGIN PRIVATE KEY-----"));
        assert_eq!(broker.matches("BEGIN CERTIFICATE").count(), 2);
    }
}
