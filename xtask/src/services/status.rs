//! `cargo xtask services status`.

use super::error::Error;
use super::kind::Kind;
use super::own;
use super::place::Place;
use super::probe;
use super::process::Process;
use super::state::{CLIENT, Node, State};
use crate::stopwatch::spoken;
use crate::table::{Align, Table};

/// How servers are.
pub(crate) struct Status {
    /// For people to read.
    pub(crate) text: String,
    /// Whether every one of them answers.
    pub(crate) all_answer: bool,
}

/// Looks at servers of these kinds.
pub(crate) fn status(place: &Place, kinds: &[Kind]) -> Result<Status, Error> {
    let columns = ["service", "process", "state", "address", "since", "version"];
    let mut table = Table::new(&columns.map(|name| (name, Align::Left)));
    let mut all_answer = true;
    for kind in kinds {
        let (rows, answers) = match own::named(*kind) {
            Some(address) => named(*kind, &address),
            None => State::read(place, *kind)?.map_or_else(|| absent(*kind), |state| started(&state)),
        };
        all_answer &= answers;
        rows.into_iter().for_each(|row| table.push(row));
    }
    Ok(Status { text: table.plain(), all_answer })
}

type Rows = (Vec<Vec<String>>, bool);

fn named(kind: Kind, address: &str) -> Rows {
    let met = probe::reachable(address);
    let state = met.as_ref().map_or_else(|why| format!("does not answer: {why}"), |()| "answers".to_owned());
    let row = [kind.name(), "your own", &state, &own::concealed(address), "", ""];
    (vec![row.map(str::to_owned).into()], met.is_ok())
}

fn absent(kind: Kind) -> Rows {
    (vec![[kind.name(), "", "never started", "", "", ""].map(str::to_owned).into()], false)
}

fn started(state: &State) -> Rows {
    let met = probe::ready(state);
    let rows = state.nodes.iter().map(|node| {
        let word = word(node, &met);
        let pid = node.process.as_ref().map(|process| process.pid.to_string()).unwrap_or_default();
        let running = node.process.as_ref().filter(|process| process.runs());
        let age =
            running.and_then(Process::age).map(|age| format!("{} ago", spoken(age))).unwrap_or_default();
        let address = state.kind.address(&[node.port(CLIENT)]);
        vec![state.kind.name().to_owned(), pid, word, address, age, state.version.clone()]
    });
    (rows.collect(), met.is_ok() && state.nodes.iter().all(Node::runs))
}

/// A process in a word: another program may answer at the port of one that ended.
fn word(node: &Node, met: &Result<(), String>) -> String {
    match (&node.process, node.runs(), met) {
        (_, true, Ok(())) => "answers".to_owned(),
        (_, true, Err(why)) => format!("runs, but {why}"),
        (Some(_), false, _) => "ended by itself or by others".to_owned(),
        (None, false, _) => "stopped".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_by_what_it_does() {
        let own = Process::of(std::process::id());
        let gone = own.clone().map(|own| Process { start_ticks: 0, ..own });
        let node = |process| Node { process, ..Node::default() };
        assert_eq!(word(&node(own.clone()), &Ok(())), "answers");
        assert_eq!(word(&node(own), &Err("x".into())), "runs, but x");
        assert_eq!(word(&node(gone), &Ok(())), "ended by itself or by others");
        assert_eq!(word(&node(None), &Ok(())), "stopped");
    }
}
