//! Free ports of this machine.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::time::Duration;

use super::error::Error;
use super::state::{Node, State};
use super::{random, wait};

/// How long a process that was killed may hold its ports.
const RELEASE: Duration = Duration::from_secs(5);
/// Where ports are looked for, as far as the machine does not use them for outgoing connections.
const LOWEST: u16 = 10_000;
const USUAL: Range<u16> = LOWEST..32_768;

/// Gives the processes that do not run a port of each name. A server keeps its ports from one start to the next, so that
/// clients find it again; where somebody has taken one of them meanwhile, it moves as a whole, unless part of it runs.
pub(crate) fn assign(state: &mut State, names: &[&str]) -> Result<(), Error> {
    assign_within(RELEASE, state, names)
}

fn assign_within(release: Duration, state: &mut State, names: &[&str]) -> Result<(), Error> {
    let kept = state.nodes.iter().filter(|node| !node.runs()).flat_map(|node| node.ports.values().copied());
    let kept = kept.collect::<Vec<_>>();
    let taken = wait::until(release, || kept.iter().all(|port| is_free(*port)).then_some(())).is_none();
    if taken && state.nodes.iter().any(Node::runs) {
        return Err(Error::PortTaken { service: state.kind.name(), ports: state.ports() });
    }
    let mut held = Vec::new();
    for node in state.nodes.iter_mut().filter(|node| !node.runs()) {
        for name in names {
            if taken || !node.ports.contains_key(*name) {
                node.ports.insert((*name).to_owned(), free(state.kind.name(), &mut held)?);
            }
        }
    }
    Ok(())
}

/// A free port, held until the others are chosen too.
///
/// It lies below those of outgoing connections: while a server is away, such a connection might take its port, and one of a
/// client that tries again and again may even connect to itself there.
fn free(service: &'static str, held: &mut Vec<TcpListener>) -> Result<u16, Error> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let range = below(&range);
    let first = random::number()? % u32::from(range.end - range.start);
    let first = range.start + u16::try_from(first).unwrap_or_default();
    free_from(first, &range, held).ok_or_else(|| Error::PortTaken { service, ports: format!("{range:?}") })
}

/// The first free port of a range, looked for from somewhere in its middle.
fn free_from(first: u16, range: &Range<u16>, held: &mut Vec<TcpListener>) -> Option<u16> {
    let listener = (first..range.end).chain(range.start..first).find_map(bind)?;
    let port = listener.local_addr().ok()?.port();
    held.push(listener);
    Some(port)
}

/// The ports below the two in `ip_local_port_range`; the usual ones where hardly any are below.
fn below(range: &str) -> Range<u16> {
    let lowest = range.split_whitespace().next().and_then(|lowest| lowest.parse::<u16>().ok());
    lowest.filter(|lowest| *lowest >= LOWEST + 1_000).map_or(USUAL, |lowest| LOWEST..lowest)
}

fn is_free(port: u16) -> bool {
    bind(port).is_some()
}

fn bind(port: u16) -> Option<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
}

#[cfg(test)]
mod tests {
    use super::super::kind::Kind;
    use super::super::process::Process;
    use super::*;

    #[test]
    fn every_process_gets_ports_of_its_own_and_keeps_them() {
        let mut state = State::new(Kind::Kafka, 2);
        assign(&mut state, &["client", "sasl"]).unwrap();
        let mut ports = state.nodes.iter().flat_map(|node| node.ports.values().copied()).collect::<Vec<_>>();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 4);
        let before = state.clone();
        assign(&mut state, &["client", "sasl"]).unwrap();
        assert_eq!(state, before);
    }

    #[test]
    fn a_port_that_was_chosen_is_not_chosen_again() {
        let mut held = Vec::new();
        let (one, other) = (free_from(20_000, &USUAL, &mut held), free_from(20_000, &USUAL, &mut held));
        assert!(one.is_some() && other.is_some() && one != other, "{one:?} {other:?}");
    }

    #[test]
    fn ports_lie_below_those_of_outgoing_connections() {
        assert_eq!(below("32768\t60999\n"), 10_000..32_768);
        assert_eq!(below("15000 61000"), 10_000..15_000);
        assert_eq!(below("1024 65535"), USUAL);
        assert_eq!(below(""), USUAL);
    }

    #[test]
    fn a_server_moves_away_from_a_port_that_was_taken_but_not_while_part_of_it_runs() {
        let mut state = State::new(Kind::Kafka, 2);
        assign(&mut state, &["client"]).unwrap();
        let before = state.clone();
        let _other = TcpListener::bind((Ipv4Addr::LOCALHOST, before.nodes[0].port("client"))).unwrap();
        state.nodes[1].process = Process::of(std::process::id());
        let refused = assign_within(Duration::ZERO, &mut state, &["client"]).unwrap_err();
        assert!(matches!(refused, Error::PortTaken { .. }), "{refused}");
        state.nodes[1].process = None;
        assign_within(Duration::ZERO, &mut state, &["client"]).unwrap();
        assert_ne!(state.address(), before.address());
    }
}
