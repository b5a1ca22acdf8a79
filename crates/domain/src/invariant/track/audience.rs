//! Which groups read what, and from where.

use std::collections::{BTreeSet, HashMap};

use crate::identity::GroupId;
use crate::invariant::happening::Happening;
use crate::invariant::history::History;
use crate::parking::Scope;
use crate::position::Position;
use crate::topic::TopicName;

/// The groups of each topic, and where each began to read.
#[derive(Default)]
pub(in crate::invariant) struct Audience<'h> {
    groups: HashMap<&'h TopicName, BTreeSet<&'h GroupId>>,
    floors: HashMap<&'h Scope, u64>,
}

impl<'h> Audience<'h> {
    pub(in crate::invariant) fn of(history: &'h History) -> Self {
        let mut audience = Self::default();
        for (_, _, what) in history.iter() {
            audience.observe(what);
        }
        audience
    }

    fn observe(&mut self, what: &'h Happening) {
        match what {
            Happening::Subscribed { group, topics, .. } => {
                for topic in topics {
                    self.join(topic, group);
                }
            }
            Happening::Assigned { scope, stored, initial, .. } => {
                self.join(&scope.topic, &scope.group);
                self.floors.entry(scope).or_insert_with(|| stored.unwrap_or(*initial).rank());
            }
            Happening::HandlerStarted(start) => self.join(&start.place.scope.topic, &start.place.scope.group),
            _ => {}
        }
    }

    fn join(&mut self, topic: &'h TopicName, group: &'h GroupId) {
        self.groups.entry(topic).or_default().insert(group);
    }

    /// The groups that read this topic.
    pub(in crate::invariant) fn groups(&self, topic: &TopicName) -> impl Iterator<Item = &'h GroupId> {
        self.groups.get(topic).into_iter().flatten().copied()
    }

    /// Whether this position lay behind where the group began: it is none of the group's.
    pub(in crate::invariant) fn is_before(&self, scope: &Scope, position: Position) -> bool {
        self.floors.get(scope).is_some_and(|floor| position.value() < *floor)
    }
}
