//! `cargo xtask services down`.

use std::fs;
use std::time::Duration;

use super::error::Error;
use super::kind::Kind;
use super::place::{self, Place};
use super::state::{Node, State};

/// How long a server may take to end in order.
const GRACE: Duration = Duration::from_secs(20);
/// How long the machine may take to end a process.
const KILL: Duration = Duration::from_secs(10);

/// Stops what was started here, and says whether anything ran.
pub(crate) fn down(place: &Place, kind: Kind, all_data: bool) -> Result<bool, Error> {
    let _lock = place.lock()?;
    stop(place, kind, all_data)
}

/// The same, where the lock is held.
pub(super) fn stop(place: &Place, kind: Kind, all_data: bool) -> Result<bool, Error> {
    let mut ran = false;
    if let Some(mut state) = State::read(place, kind)? {
        ran = state.nodes.iter().any(Node::runs);
        end(&mut state)?;
        state.write(place)?;
    }
    if all_data {
        place::remove(&place.of(kind))?;
        let file = place.state(kind);
        if file.exists() {
            fs::remove_file(&file).map_err(|error| Error::io("remove", &file, error))?;
        }
    }
    Ok(ran)
}

/// Ends the processes: all are asked at once, since brokers that are left alone would wait for the others.
fn end(state: &mut State) -> Result<(), Error> {
    let processes = state.nodes.iter().filter_map(|node| node.process.clone()).collect::<Vec<_>>();
    processes.iter().for_each(|process| process.signal(state.kind.stop_signal()));
    for process in &processes {
        if process.ends_within(GRACE) {
            continue;
        }
        eprintln!(
            "{}: process {} did not end within {} s: killing it",
            state.kind.name(),
            process.pid,
            GRACE.as_secs()
        );
        process.signal("KILL");
        if !process.ends_within(KILL) {
            return Err(Error::Unstoppable { service: state.kind.name(), pid: process.pid });
        }
    }
    state.nodes.iter_mut().for_each(|node| node.process = None);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::place::tests::Scratch;
    use super::super::process::Process;
    use super::*;

    fn running(process: Process) -> State {
        let mut state = State::new(Kind::Nats, 1);
        state.nodes[0].process = Some(process);
        state
    }

    #[test]
    fn what_was_started_is_stopped_and_its_ports_are_kept() {
        let scratch = Scratch::new("down");
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let mut state = running(Process::of(child.id()).unwrap());
        state.nodes[0].ports.insert("client".into(), 4222);
        state.write(&scratch.0).unwrap();
        assert!(down(&scratch.0, Kind::Nats, false).unwrap());
        assert!(!child.wait().unwrap().success());
        let left = State::read(&scratch.0, Kind::Nats).unwrap().unwrap();
        assert_eq!((left.nodes[0].port("client"), &left.nodes[0].process), (4222, &None));
        assert!(!down(&scratch.0, Kind::Nats, false).unwrap());
    }

    #[test]
    fn a_stranger_with_the_number_of_ours_is_left_alone() {
        let scratch = Scratch::new("stranger");
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let stranger = Process::of(child.id()).unwrap();
        running(Process { start_ticks: stranger.start_ticks - 1, ..stranger.clone() })
            .write(&scratch.0)
            .unwrap();
        assert!(!down(&scratch.0, Kind::Nats, false).unwrap());
        assert!(stranger.runs());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn data_go_only_when_that_is_asked_for() {
        let scratch = Scratch::new("data");
        let data = scratch.0.of(Kind::Nats).join("data");
        place::directory(&data).unwrap();
        State::new(Kind::Nats, 1).write(&scratch.0).unwrap();
        down(&scratch.0, Kind::Nats, false).unwrap();
        assert!(data.exists());
        down(&scratch.0, Kind::Nats, true).unwrap();
        assert!(!data.exists() && State::read(&scratch.0, Kind::Nats).unwrap().is_none());
    }
}
