//! Who may be blamed for crashes.

use std::collections::{BTreeMap, HashMap};

use laneway_domain::DeathCause;
use laneway_domain::invariant::{Happening, History, Invariant, MemberId, Place, RunId, Violation};

/// How many crashes have to find an event with nothing beside it in its process before it may be blamed.
const LONE: usize = 3;

/// Dead letters of events that crashes are blamed on, although fewer than three processes crashed with the event, or with
/// nothing, under way. For histories in which nobody loses a partition but by a crash or in order.
#[must_use]
pub fn blameless(history: &History) -> Vec<Violation> {
    let mut blame = Blame::default();
    for (at, moment) in history.moments().iter().enumerate() {
        blame.observe(at, &moment.what);
    }
    blame.found
}

#[derive(Default)]
struct Blame<'h> {
    runs: BTreeMap<RunId, (MemberId, &'h Place)>,
    /// How many crashes found an event alone.
    alone: HashMap<&'h Place, usize>,
    /// How many found nothing: an event may have been about to start.
    idle: usize,
    found: Vec<Violation>,
}

impl<'h> Blame<'h> {
    fn observe(&mut self, at: usize, what: &'h Happening) {
        match what {
            Happening::HandlerStarted(start) => {
                self.runs.insert(start.run, (start.member, &start.place));
            }
            Happening::HandlerEnded { run, .. } => drop(self.runs.remove(run)),
            Happening::Crashed { member } => self.crash(*member),
            Happening::DeadLettered { place, cause: DeathCause::Crashes, .. }
            | Happening::Returned { place, dead: Some(DeathCause::Crashes) } => self.judge(at, place),
            _ => {}
        }
    }

    fn crash(&mut self, member: MemberId) {
        let cut: Vec<_> = self.runs.extract_if(.., |_, (of, _)| *of == member).collect();
        match cut[..] {
            [] => self.idle += 1,
            [(_, (_, place))] => *self.alone.entry(place).or_default() += 1,
            _ => {}
        }
    }

    fn judge(&mut self, at: usize, place: &'h Place) {
        let alone = self.alone.get(place).copied().unwrap_or(0);
        if alone + self.idle < LONE {
            let what = format!("{place} is blamed for crashes, and only {alone} found it alone");
            self.found.push(Violation { invariant: Invariant::I10, at, what });
        }
    }
}

#[cfg(test)]
mod tests {
    use laneway_domain::invariant::{Digest, Sighting, Start};
    use laneway_domain::{Envelope, Monotonic, PartitionNumber, Position, TopicName};

    use super::*;

    fn history(beside: bool) -> History {
        let topic = TopicName::new("t").unwrap_or_else(|error| panic!("{error}"));
        let group = laneway_domain::GroupId::new("g").unwrap_or_else(|error| panic!("{error}"));
        let scope = laneway_domain::Scope { group, topic: topic.clone(), partition: PartitionNumber(0) };
        let place = |at| Place { scope: scope.clone(), position: Position::new(at) };
        let event = Sighting::from(&Envelope::new(topic.clone(), "x"));
        let mut history = History::new();
        for crash in 0..3u32 {
            let member = MemberId(crash);
            for at in 0..=u64::from(beside && crash == 1) {
                let start = Start {
                    run: RunId(u64::from(crash) * 2 + at),
                    member,
                    place: place(at),
                    event: event.clone(),
                    attempt: 1,
                    cancellation: laneway_domain::Cancellation::Drop,
                };
                history.push(Monotonic::ZERO, Happening::HandlerStarted(start));
            }
            history.push(Monotonic::ZERO, Happening::Crashed { member });
        }
        let (digest, cause) = (Digest::of_envelope(&Envelope::new(topic, "x")), DeathCause::Crashes);
        let letter =
            Happening::DeadLettered { place: place(0), id: None, key: None, digest, cause, parks: false };
        history.push(Monotonic::ZERO, letter);
        history
    }

    #[test]
    fn three_crashes_that_found_it_alone_are_enough_and_one_less_is_not() {
        assert_eq!(blameless(&history(false)), []);
        assert_eq!(blameless(&history(true)).len(), 1);
    }
}
