//! Servers of the user's own, named by the environment.

use super::error::Error;
use super::kind::Kind;
use super::probe;

/// Where the user's own server is, if the environment names one.
///
/// # Errors
/// Where it names one that does not answer.
pub(crate) fn address(kind: Kind) -> Result<Option<String>, Error> {
    let Some(address) = named(kind) else { return Ok(None) };
    match probe::reachable(&address) {
        Ok(()) => Ok(Some(address)),
        Err(why) => Err(Error::OwnSilent { variable: kind.variable(), address: concealed(&address), why }),
    }
}

/// What the environment says, whether somebody answers there or not.
pub(crate) fn named(kind: Kind) -> Option<String> {
    std::env::var(kind.variable()).ok().filter(|address| !address.trim().is_empty())
}

/// An address that may be shown: without its password.
pub(crate) fn concealed(address: &str) -> String {
    let conceal = |place: &str| {
        let (scheme, rest) = place.split_once("://").map_or(("", place), |(scheme, rest)| (scheme, rest));
        let Some((login, host)) = rest.rsplit_once('@') else { return place.to_owned() };
        let user = login.split(':').next().unwrap_or_default();
        let login = if login.contains(':') { format!("{user}:***") } else { user.to_owned() };
        format!("{scheme}{}{login}@{host}", if scheme.is_empty() { "" } else { "://" })
    };
    address.split(',').map(conceal).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(concealed("postgres://me:s3cr@t@db:5432/x"), "postgres://me:***@db:5432/x");
        assert_eq!(concealed("nats://u:p@a:1,nats://b:2"), "nats://u:***@a:1,nats://b:2");
        assert_eq!(concealed("mysql://laneway@127.0.0.1:3/x"), "mysql://laneway@127.0.0.1:3/x");
        assert_eq!(concealed("127.0.0.1:9092,b:1"), "127.0.0.1:9092,b:1");
    }
}
