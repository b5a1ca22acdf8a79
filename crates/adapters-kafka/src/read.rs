//! What a member does with records.

use std::thread;
use std::time::Duration;

use laneway_domain::{Batch, Epoch, Gap, GapCause, PartitionId, Resume, SessionEvent};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::context;
use crate::holding::{Holding, Phase};
use crate::lookup;
use crate::mail::{Letter, Mail, Order};
use crate::member::Member;
use crate::place::Place;
use crate::run::{self, Run};

/// How long the client may take to move a partition to another offset.
const SEEK: Duration = Duration::from_secs(5);

impl Member {
    /// Begins to deliver a partition.
    pub(crate) fn start(&mut self, partition: PartitionId, epoch: Epoch, from: Resume) {
        let Some(holding) = self.holdings.find(partition, epoch) else { return };
        if holding.phase != Phase::Assigned {
            return;
        }
        holding.phase = Phase::Reading;
        let (low, high) = (holding.standing.low, holding.standing.high);
        let wanted = match from {
            Resume::Start => low,
            Resume::At(next) => run::offset(next),
            Resume::After(last) => run::offset(last).saturating_add(1),
        };
        let next = if wanted < low || wanted > high { low } else { wanted };
        if next != wanted {
            report_gap(&self.mail, holding, wanted, next);
        }
        if next != std::mem::replace(&mut holding.next, next) {
            let place = &holding.standing.place;
            let moved = self.consumer.seek(place.topic.as_str(), place.raw(), Offset::Offset(next), SEEK);
            if let Err(error) = moved {
                self.fail(&error, true);
            }
        }
    }

    /// Makes one batch of each partition that may deliver; whether there was any.
    pub(crate) fn read(&mut self) -> bool {
        let mut any = false;
        let mut astray = Vec::new();
        for holding in self.holdings.iter_mut() {
            if holding.phase != Phase::Reading || !holding.tap.runs() {
                continue;
            }
            let (events, bytes) = (self.subscription.batch_events, self.subscription.batch_bytes);
            if let Err(error) = fill(&mut self.run, holding, events, bytes) {
                astray.push((holding.standing.place.clone(), error));
            }
            if !self.run.is_empty() {
                any = true;
                let batch = batch(&mut self.run, holding);
                self.mail.post_letter(Letter::Batch(batch, holding.tap.clone()));
            }
        }
        astray.into_iter().for_each(|(place, error)| self.stumbled(&place, &error));
        any
    }

    /// A partition reports an error in place of a record.
    fn stumbled(&mut self, place: &Place, error: &KafkaError) {
        let out_of_range =
            matches!(error.rdkafka_error_code(), Some(Code::AutoOffsetReset | Code::OffsetOutOfRange));
        if !out_of_range {
            tracing::debug!(%error, topic = %place.topic, partition = %place.number, "a partition reports an error and goes on");
            return;
        }
        if let Some(holding) = self.holdings.get(place) {
            holding.phase = Phase::Astray;
            self.ask_what_is_left(place.clone());
        }
    }

    fn ask_what_is_left(&self, place: Place) {
        let (scout, mail, patience) = (self.scout.clone(), self.mail.clone(), self.patience);
        let ask = move || {
            let left = scout.fetch_watermarks(place.topic.as_str(), place.raw(), patience);
            mail.order(Order::Left(place, left));
        };
        // Without a thread the partition stays where it is, and the next assignment finds the gap.
        _ = thread::Builder::new().name("laneway-kafka-lookup".to_owned()).spawn(ask);
    }

    /// What a partition still has whose next offset is gone.
    pub(crate) fn left(&mut self, place: &Place, left: Result<(i64, i64), KafkaError>) {
        let Some(holding) = self.holdings.get(place).filter(|holding| holding.phase == Phase::Astray) else {
            return;
        };
        let (low, high) = match left {
            Ok(left) => left,
            Err(error) if lookup::may_pass(&error) => return self.ask_what_is_left(place.clone()),
            Err(error) => return self.fail(&error, false),
        };
        (holding.standing.low, holding.standing.high) = (low, high);
        let wanted = holding.next;
        holding.next = holding.standing.clamp(wanted);
        holding.phase = Phase::Reading;
        if holding.next != wanted {
            report_gap(&self.mail, holding, wanted, holding.next);
        }
        let moved = self.put_back(place);
        if let Err(error) = moved {
            self.fail(&error, true);
        }
    }

    /// A partition that stopped for good is assigned anew, at the offset where it goes on.
    fn put_back(&mut self, place: &Place) -> Result<(), KafkaError> {
        let incremental = context::is_incremental(&self.consumer);
        let mut list = TopicPartitionList::new();
        for holding in self.holdings.iter().filter(|h| !incremental || h.standing.place == *place) {
            let Place { topic, .. } = &holding.standing.place;
            list.add_partition_offset(
                topic.as_str(),
                holding.standing.place.raw(),
                Offset::Offset(holding.next),
            )?;
        }
        if incremental {
            self.consumer.incremental_unassign(&list)?;
            self.consumer.incremental_assign(&list)
        } else {
            self.consumer.assign(&list)
        }
    }

    /// Says where reading passed what holds no record: markers of transactions, what was aborted or compacted.
    pub(crate) fn say_progress(&mut self) {
        if !self.holdings.iter().any(|holding| holding.phase == Phase::Reading) {
            return;
        }
        let Ok(positions) = self.consumer.position() else { return };
        for holding in self.holdings.iter_mut().filter(|h| h.phase == Phase::Reading && h.tap.runs()) {
            let place = &holding.standing.place;
            let Some(element) = positions.find_partition(place.topic.as_str(), place.raw()) else { continue };
            if let Offset::Offset(position) = element.offset()
                && position > holding.next
            {
                holding.next = position;
                let upto = Resume::At(run::position(position));
                let (partition, epoch) = (holding.partition, holding.tap.epoch);
                self.mail.post(SessionEvent::Progress { partition, epoch, upto });
            }
        }
    }
}

/// Takes records until the batch is full or nothing more is there.
fn fill(run: &mut Run, holding: &mut Holding, events: usize, bytes: usize) -> Result<(), KafkaError> {
    while run.len() < events && run.bytes() < bytes {
        let Some(message) = holding.queue.poll(Duration::ZERO) else { break };
        let message = message?;
        if message.offset() >= holding.next {
            holding.next = message.offset().saturating_add(1);
            run.push(&message);
        }
    }
    Ok(())
}

fn batch(run: &mut Run, holding: &Holding) -> Batch {
    let (rows, bytes) = run.finish();
    Batch { partition: holding.partition, epoch: holding.tap.epoch, bytes, rows: rows.into(), pending: None }
}

fn report_gap(mail: &Mail, holding: &Holding, wanted: i64, next: i64) {
    let recreated = wanted > holding.standing.high;
    mail.post(SessionEvent::Gap(Gap {
        partition: holding.partition,
        epoch: holding.tap.epoch,
        from: Resume::At(run::position(wanted)),
        to: Resume::At(run::position(next)),
        cause: if recreated { GapCause::Recreated } else { GapCause::Retention },
    }));
}
