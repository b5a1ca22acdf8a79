//! What a member does when partitions come and go.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use laneway_domain::{Assignment, Epoch, Monotonic, PartitionId, Resume, SessionEvent};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::context;
use crate::holding::{Holding, Phase};
use crate::lookup::{self, Standing, Stored};
use crate::mail::{Letter, Order, Tap};
use crate::member::Member;
use crate::place::{self, Place};
use crate::rebalance::Deed;
use crate::run;

/// After how long a question that failed is asked again.
const AGAIN: Duration = Duration::from_millis(250);

impl Member {
    pub(crate) fn carry_out(&mut self, deeds: &mut Vec<Deed>) {
        for deed in deeds.drain(..) {
            tracing::debug!(?deed, "answering the group");
            match deed {
                Deed::LookUp(places) => self.look_up(places),
                Deed::Take { places, granted } => self.take(&places, &granted),
                Deed::Drain { revocation, places, until } => {
                    let partitions = self.revoked(&places);
                    self.mail.post(SessionEvent::Revoking { revocation, partitions, until });
                }
                Deed::Lose(places) => {
                    let partitions = self.gone(&places);
                    if !partitions.is_empty() {
                        self.mail.post(SessionEvent::Lost { partitions });
                    }
                }
                Deed::Give(places) => {
                    _ = self.gone(&places);
                    let answer = context::give(&self.consumer, &place::list(&places));
                    self.check(answer);
                }
            }
        }
    }

    /// Asks on a thread of its own where the group stands: the client blocks for the answer.
    pub(crate) fn look_up(&mut self, places: Vec<Place>) {
        let (consumer, scout) = (self.consumer.clone(), self.scout.clone());
        let (mail, start, patience) = (self.mail.clone(), self.subscription.start, self.patience);
        let places_then = places.clone();
        let ask = move || {
            let found = lookup::standings(&consumer, &scout, &places_then, start, patience);
            drop(consumer);
            mail.order(Order::Found(found));
        };
        let spawned = thread::Builder::new().name("laneway-kafka-lookup".to_owned()).spawn(ask);
        if spawned.is_err() {
            self.again = Some((self.clock.monotonic() + AGAIN, places));
        }
    }

    pub(crate) fn found(
        &mut self,
        found: Result<Vec<Standing>, KafkaError>,
        now: Monotonic,
        deeds: &mut Vec<Deed>,
    ) {
        match found {
            // The answer to a question that something newer overtook: another one is under way.
            Ok(found) if !found.iter().map(|s| &s.place).eq(self.rebalances.looking_up()) => {}
            Ok(found) => {
                self.up();
                self.found = found;
                self.rebalances.looked_up(now, deeds);
            }
            Err(error) if lookup::may_pass(&error) => {
                tracing::warn!(%error, "the group's offsets cannot be read; asking again");
                let places = self.rebalances.looking_up().to_vec();
                self.again = (!places.is_empty()).then(|| (now + AGAIN, places));
            }
            Err(error) => self.fail(&error, false),
        }
    }

    fn take(&mut self, places: &[Place], granted: &[Place]) {
        let found = std::mem::take(&mut self.found);
        let mut list = TopicPartitionList::new();
        let mut assigned = Vec::with_capacity(granted.len());
        for place in places {
            let standing = found.iter().find(|standing| standing.place == *place);
            let at = standing.map_or(Offset::Invalid, |s| Offset::Offset(s.clamp(s.wanted())));
            let mut element = list.add_partition(place.topic.as_str(), place.raw());
            // An offset of a log is never negative.
            _ = element.set_offset(at);
            if let Some(standing) = standing.filter(|_| granted.contains(place)) {
                assigned.extend(self.enter(standing.clone()));
            }
        }
        let answer = context::take(&self.consumer, &list);
        self.check(answer);
        if !assigned.is_empty() {
            self.mail.post_letter(Letter::Assigned(assigned));
            self.committer.begin();
        }
    }

    /// Makes a partition ours: its records get a queue of their own before the client fetches any.
    fn enter(&mut self, standing: Standing) -> Option<(Assignment, Arc<Tap>)> {
        let place = standing.place.clone();
        let mut queue = self.consumer.split_partition_queue(place.topic.as_str(), place.raw())?;
        let mail = self.mail.clone();
        queue.set_nonempty_callback(move || mail.member.wake());
        let (partition, epoch) = self.holdings.enter(&place);
        let tap = Arc::new(Tap::new(epoch));
        let stored = standing.stored.clone();
        let stored = stored.unwrap_or(Stored { offset: standing.initial, metadata: String::new() });
        self.owned.add(&self.subscription.group, &place);
        self.committer.hold(partition, epoch, place.clone(), stored);
        let assignment = Assignment {
            partition,
            epoch,
            topic: place.topic,
            number: place.number,
            stored: standing.checkpoint(),
            initial: Resume::At(run::position(standing.initial)),
        };
        let next = standing.clamp(standing.wanted());
        let phase = Phase::Assigned;
        self.holdings.insert(Holding { partition, tap: tap.clone(), standing, queue, phase, next });
        Some((assignment, tap))
    }

    /// Nothing of these is delivered any more; their commits are still taken.
    fn revoked(&mut self, places: &[Place]) -> Vec<(PartitionId, Epoch)> {
        let mut revoked = Vec::with_capacity(places.len());
        for place in places {
            if let Some(holding) = self.holdings.get(place) {
                holding.phase = Phase::Revoked;
                revoked.push((holding.partition, holding.tap.epoch));
            }
        }
        revoked
    }

    /// These are not ours any more.
    fn gone(&mut self, places: &[Place]) -> Vec<(PartitionId, Epoch)> {
        let gone: Vec<_> = places.iter().filter_map(|place| self.holdings.remove(place)).collect();
        for holding in &gone {
            self.committer.leave(holding.partition);
            self.owned.remove(&self.subscription.group, &holding.standing.place);
        }
        gone.iter().map(|holding| (holding.partition, holding.tap.epoch)).collect()
    }

    /// An answer that the client refuses leaves it in no state that is known: only a new one helps.
    fn check(&mut self, answer: Result<(), KafkaError>) {
        if let Err(error) = answer {
            self.fail(&error, true);
        }
    }
}
