//! I2: handled bytes, headers and ids equal what was published.

use std::collections::{HashMap, HashSet};

use super::digest::Digest;
use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::place::{Place, Sighting, Start};
use super::violation::{Findings, Violation};
use crate::identity::EventId;
use crate::position::{PartitionNumber, Position};
use crate::topic::TopicName;

/// All that was handed to publishers, whatever became of it, and whenever.
#[derive(Default)]
struct Sent<'h> {
    topics: HashSet<&'h TopicName>,
    events: HashMap<(&'h TopicName, EventId), HashSet<Digest>>,
    places: HashMap<(&'h TopicName, PartitionNumber, Position), EventId>,
    /// What operators made of entries.
    edited: HashSet<(&'h Place, Digest)>,
}

/// Topics that nobody was seen to publish to are left out.
pub(super) fn check(history: &History, _limits: &Limits) -> Vec<Violation> {
    let mut sent = Sent::default();
    for (_, _, what) in history.iter() {
        sent.observe(what);
    }
    let mut findings = Findings::of(Invariant::I2);
    for (index, _, what) in history.iter() {
        let Happening::HandlerStarted(start) = what else { continue };
        if let Some(wrong) = sent.objection(start) {
            findings.add(index, || format!("{start} {wrong}"));
        }
    }
    findings.done()
}

impl<'h> Sent<'h> {
    fn observe(&mut self, what: &'h Happening) {
        match what {
            Happening::Published { event, partition, position } => {
                self.note(event);
                if let (Some(position), Some(id)) = (position, event.id) {
                    self.places.insert((&event.topic, *partition, *position), id);
                }
            }
            Happening::Edited { place, digest } => {
                self.edited.insert((place, *digest));
            }
            Happening::PublishUnknown { event } | Happening::PublishRefused { event, .. } => self.note(event),
            _ => {}
        }
    }

    fn note(&mut self, event: &'h Sighting) {
        self.topics.insert(&event.topic);
        if let Some(id) = event.id {
            self.events.entry((&event.topic, id)).or_default().insert(event.digest);
        }
    }

    fn objection(&self, start: &Start) -> Option<&'static str> {
        let scope = &start.place.scope;
        if !self.topics.contains(&scope.topic) {
            return None;
        }
        let Some(id) = start.event.id else {
            return Some("was handled without the id that publishing stamped");
        };
        let Some(digests) = self.events.get(&(&scope.topic, id)) else {
            return Some("was handled and never published");
        };
        let edited = self.edited.contains(&(&start.place, start.event.digest));
        if !digests.contains(&start.event.digest) && !edited {
            return Some("was handled with other content than it was published with");
        }
        let there = self.places.get(&(&scope.topic, scope.partition, start.place.position));
        there.is_some_and(|there| *there != id).then_some("was handled where another event was published")
    }
}
