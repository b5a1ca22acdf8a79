//! Free ports of this machine.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use super::error::Error;
use super::state::State;

/// Gives the processes that do not run a port of each name. A server keeps its ports from one start to the next, so that
/// clients find it again; where somebody has taken one of them meanwhile, it moves as a whole, unless part of it runs.
pub(crate) fn assign(state: &mut State, names: &[&str]) -> Result<(), Error> {
    let stopped = |state: &State| state.nodes.iter().filter(|node| !node.runs()).cloned().collect::<Vec<_>>();
    let taken = stopped(state).iter().any(|node| node.ports.values().any(|port| !is_free(*port)));
    if taken && state.nodes.iter().any(super::state::Node::runs) {
        return Err(Error::PortTaken { service: state.kind.name(), ports: state.ports() });
    }
    let mut held = Vec::new();
    for node in state.nodes.iter_mut().filter(|node| !node.runs()) {
        for name in names {
            if taken || !node.ports.contains_key(*name) {
                node.ports.insert((*name).to_owned(), free(&mut held)?);
            }
        }
    }
    Ok(())
}

/// A free port, held until the others are chosen too.
fn free(held: &mut Vec<TcpListener>) -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let bound = listener.and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
    let (port, listener) = bound.map_err(|error| Error::io("find", Path::new("a free port"), error))?;
    held.push(listener);
    Ok(port)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
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
    fn a_server_moves_away_from_a_port_that_was_taken_but_not_while_part_of_it_runs() {
        let mut state = State::new(Kind::Kafka, 2);
        assign(&mut state, &["client"]).unwrap();
        let before = state.clone();
        let _other = TcpListener::bind((Ipv4Addr::LOCALHOST, before.nodes[0].port("client"))).unwrap();
        state.nodes[1].process = Process::of(std::process::id());
        let refused = assign(&mut state, &["client"]).unwrap_err();
        assert!(matches!(refused, Error::PortTaken { .. }), "{refused}");
        state.nodes[1].process = None;
        assign(&mut state, &["client"]).unwrap();
        assert_ne!(state.address(), before.address());
    }
}
