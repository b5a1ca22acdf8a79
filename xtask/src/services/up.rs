//! `cargo xtask services up`.

use std::process::Child;
use std::time::Duration;

use super::error::Error;
use super::kind::Kind;
use super::launch::Launch;
use super::place::{self, Place};
use super::process::{self, Process};
use super::state::{Node, State};
use super::{database, down, kafka, log, mariadb, nats, own, port, postgres, probe, wait};
use crate::stopwatch::{Stopwatch, spoken};

/// How long a server may take to become ready, on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(90);

/// What is wanted of a server.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wish {
    /// How many brokers Kafka has; as many as it had, or one, where nothing is said.
    pub(crate) brokers: Option<usize>,
    /// Whether to begin with no data.
    pub(crate) fresh: bool,
    /// Whether packages may be installed.
    pub(crate) install: bool,
}

/// A server that can be reached.
#[derive(Debug)]
pub(crate) enum Reached {
    /// The user's own.
    Own(String),
    /// One that ran before.
    Running(State),
    /// One that was started, in whole or in part.
    Started(State),
}

/// Sees to it that a server runs.
pub(crate) fn up(place: &Place, kind: Kind, wish: Wish) -> Result<Reached, Error> {
    if let Some(address) = own::address(kind)? {
        return Ok(Reached::Own(address));
    }
    if !process::is_linux() {
        return Err(Error::NotLinux { service: kind.name(), variable: kind.variable() });
    }
    let _lock = place.lock()?;
    if wish.fresh {
        down::stop(place, kind, true)?;
    }
    let mut state = expected(State::read(place, kind)?, kind, wish.brokers)?;
    if stays_up(&state)? {
        return Ok(Reached::Running(state));
    }
    let watch = Stopwatch::start();
    let launches = prepare(place, &mut state, wish)?;
    start(place, &mut state, &launches)?;
    eprintln!("{}: {} is ready after {}", kind.name(), state.version, spoken(watch.elapsed()));
    Ok(Reached::Started(state))
}

/// The state to begin with: the one that was left, where it fits what is wanted.
fn expected(left: Option<State>, kind: Kind, brokers: Option<usize>) -> Result<State, Error> {
    let wanted = brokers.filter(|_| kind == Kind::Kafka);
    match left {
        Some(state) => match wanted {
            Some(wanted) if wanted != state.nodes.len() => {
                Err(Error::OtherSize { are: state.nodes.len(), wanted })
            }
            _ => Ok(state),
        },
        None => Ok(State::new(kind, wanted.unwrap_or(1))),
    }
}

/// Whether all processes run and are ready. One that was killed a moment ago may still be seen for a while.
fn stays_up(state: &State) -> Result<bool, Error> {
    let mut why = String::new();
    let seen = wait::until(LIMIT, || {
        if !state.nodes.iter().all(Node::runs) {
            return Some(false);
        }
        probe::ready(state).map_err(|met| why = met).ok().map(|()| true)
    });
    seen.ok_or_else(|| Error::Deaf { service: state.kind.name(), seconds: LIMIT.as_secs(), why })
}

/// Ports, programs, configuration and first data.
fn prepare(place: &Place, state: &mut State, wish: Wish) -> Result<Vec<Launch>, Error> {
    let ports: &[&str] = match state.kind {
        Kind::Kafka => &kafka::PORTS,
        Kind::Nats => &nats::PORTS,
        Kind::Postgres | Kind::Mariadb => &database::PORTS,
    };
    port::assign(state, ports)?;
    place::directory(&place.of(state.kind))?;
    match state.kind {
        Kind::Kafka => kafka::prepare(place, state, wish.install),
        Kind::Nats => nats::prepare(place, state),
        Kind::Postgres => postgres::prepare(place, state, wish.install),
        Kind::Mariadb => mariadb::prepare(place, state, wish.install),
    }
}

/// A process that was just started.
struct Started<'a> {
    child: Child,
    launch: &'a Launch,
}

/// Starts the processes that do not run, and waits until all are ready; stops those it started where that fails.
fn start(place: &Place, state: &mut State, launches: &[Launch]) -> Result<(), Error> {
    let mut started = Vec::new();
    let done = spawn(place, state, launches, &mut started).and_then(|()| wait_for(state, &mut started));
    if done.is_err() {
        for Started { child, .. } in &mut started {
            let _ = child.kill();
            let _ = child.wait();
        }
        state.nodes.iter_mut().filter(|node| !node.runs()).for_each(|node| node.process = None);
        state.write(place)?;
    }
    done
}

fn spawn<'a>(
    place: &Place,
    state: &mut State,
    launches: &'a [Launch],
    started: &mut Vec<Started<'a>>,
) -> Result<(), Error> {
    for (at, launch) in launches.iter().enumerate() {
        if state.nodes[at].runs() {
            continue;
        }
        let child = launch.start()?;
        state.nodes[at].process = Process::of(child.id());
        started.push(Started { child, launch });
        // An interrupt during the wait leaves servers that `down` knows of.
        state.write(place)?;
    }
    Ok(())
}

fn wait_for(state: &State, started: &mut [Started<'_>]) -> Result<(), Error> {
    let service = state.kind.name();
    let mut why = String::new();
    let ready = wait::until(LIMIT, || {
        let ended = started.iter_mut().find_map(|one| match one.child.try_wait() {
            Ok(None) => None,
            _ => Some(&one.launch.log),
        });
        if let Some(log) = ended {
            return Some(Err(log::why_it_died(service, &state.ports(), log)));
        }
        probe::ready(state).map_err(|met| why = met).ok().map(Ok)
    });
    ready.unwrap_or_else(|| {
        let log = started.first().map(|one| one.launch.log.clone()).unwrap_or_default();
        let tail = log::tail(&log);
        Err(Error::Silent { service, seconds: LIMIT.as_secs(), why, log, tail })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_keeps_its_size_until_its_data_are_given_up() {
        let left = || Some(State::new(Kind::Kafka, 3));
        assert_eq!(expected(left(), Kind::Kafka, None).unwrap().nodes.len(), 3);
        assert_eq!(expected(left(), Kind::Kafka, Some(3)).unwrap().nodes.len(), 3);
        let refused = expected(left(), Kind::Kafka, Some(1)).unwrap_err().to_string();
        assert!(refused.contains("3 broker(s)") && refused.contains("--fresh"), "{refused}");
    }

    #[test]
    fn brokers_are_kafkas_alone_and_one_where_nothing_is_said() {
        assert_eq!(expected(None, Kind::Kafka, Some(3)).unwrap().nodes.len(), 3);
        assert_eq!(expected(None, Kind::Kafka, None).unwrap().nodes.len(), 1);
        assert_eq!(expected(None, Kind::Nats, Some(3)).unwrap().nodes.len(), 1);
        assert_eq!(expected(Some(State::new(Kind::Nats, 1)), Kind::Nats, Some(3)).unwrap().nodes.len(), 1);
    }
}
