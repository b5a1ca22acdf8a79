//! Asks a server whether it is ready, in its own protocol.

mod kafka;
mod mariadb;
mod nats;
mod postgres;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::kind::Kind;
use super::state::{CLIENT, State};

/// How long a server may take for each step of a handshake.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether each process of a server answers as one that is ready.
///
/// # Errors
/// With what was met instead, for people.
pub(crate) fn ready(state: &State) -> Result<(), String> {
    state.nodes.iter().try_for_each(|node| {
        let port = node.port(CLIENT);
        let met = handshake(state.kind, port, state.nodes.len());
        met.map_err(|error| format!("port {port}: {}", spoken(&error)))
    })
}

/// An error for people: a read that takes too long is named after a lack of resources.
fn spoken(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("no answer within {} s", PATIENCE.as_secs())
        }
        _ => error.to_string(),
    }
}

fn handshake(kind: Kind, port: u16, nodes: usize) -> io::Result<()> {
    let mut stream = connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    let met = match kind {
        Kind::Kafka => kafka::handshake(&mut stream, nodes)?,
        Kind::Nats => nats::handshake(&mut stream)?,
        Kind::Postgres => postgres::handshake(&mut stream)?,
        Kind::Mariadb => mariadb::handshake(&mut stream)?,
    };
    met.map_err(io::Error::other)
}

/// Whether somebody listens at one of the places that an address of the user's own names. It may ask for a password or for
/// TLS, so this is no more than a connection.
///
/// # Errors
/// With what was met instead, for people.
pub(crate) fn reachable(address: &str) -> Result<(), String> {
    let mut met = "it names no host and port".to_owned();
    for place in places(address) {
        let sockets = place.to_socket_addrs().map_err(|error| error.to_string());
        match sockets.and_then(|mut all| all.next().ok_or_else(|| "no such host".to_owned())) {
            Ok(socket) => match connect(socket) {
                Ok(_) => return Ok(()),
                Err(error) => met = error.to_string(),
            },
            Err(error) => met = error,
        }
    }
    Err(met)
}

fn connect(socket: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&socket, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The hosts with ports in `host:port,..` or in an address like `scheme://user@host:port/database?option`.
fn places(address: &str) -> Vec<String> {
    let usual = match address.split_once("://") {
        Some(("nats" | "tls", _)) => Some(4222),
        Some(("postgres" | "postgresql", _)) => Some(5432),
        Some(("mysql" | "mariadb", _)) => Some(3306),
        _ => None,
    };
    address
        .split(',')
        .map(|place| place.split_once("://").map_or(place, |(_, rest)| rest))
        .map(|place| place.split(['/', '?']).next().unwrap_or(place).trim())
        .map(|place| place.rsplit_once('@').map_or(place, |(_, host)| host))
        .map(|place| match (place.rsplit_once(':'), usual) {
            (None, Some(port)) => format!("{place}:{port}"),
            _ => place.to_owned(),
        })
        .filter(|place| place.contains(':'))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn places_are_found_in_every_form_of_address() {
        assert_eq!(places("a:1,b:2"), ["a:1", "b:2"]);
        assert_eq!(places("nats://a"), ["a:4222"]);
        assert_eq!(places("nats://u:p@a:1,nats://b:2"), ["a:1", "b:2"]);
        assert_eq!(places("postgres://u:p%40@db.example:5433/x?sslmode=require"), ["db.example:5433"]);
        assert_eq!(places("mysql://a/x"), ["a:3306"]);
        assert_eq!(places("somewhere"), Vec::<String>::new());
    }

    #[test]
    fn a_silent_server_is_called_so() {
        assert_eq!(spoken(&io::ErrorKind::WouldBlock.into()), "no answer within 2 s");
        assert_eq!(spoken(&io::ErrorKind::ConnectionRefused.into()), "connection refused");
    }

    #[test]
    fn a_listener_is_reachable_until_it_is_gone() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        assert_eq!(reachable(&address), Ok(()));
        drop(listener);
        assert!(reachable(&address).is_err());
    }
}
