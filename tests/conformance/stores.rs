//! Dead-letter stores that are broken on purpose: the suite has to see it.

use std::sync::Arc;

use async_trait::async_trait;
use laneway::domain::{Begun, Body, DeadLetterQueue, Envelope, ParkState, Parking, Resolution, StoreError};
use laneway_testkit::around::{Around, ParkingCall, ParkingReply, StoreHook};
use laneway_testkit::conformance::Adapter;

use super::broken::turns_red;
use crate::unfenced::open;

/// What a store does wrong.
#[derive(Debug, Clone, Copy)]
enum Wrong {
    PagesBackwards,
    PagesTooMuch,
    HidesWhatIsParked,
    ForgetsMarks,
    KeepsNoAnswer,
    IgnoresEdits,
    KeepsTheOldReason,
    TakesEverythingForFollowers,
    LosesBytes,
    ForgetsWhatHasBegun,
    TakesEverythingForBegun,
}

fn empty(body: Body) -> Body {
    let Body::Event(event) = body else { return body };
    let bare = Envelope::new(event.topic().clone(), "");
    Body::Event(event.aggregate().cloned().into_iter().fold(bare, Envelope::with_aggregate))
}

impl Wrong {
    /// The call that reaches the store; none where it reaches nobody.
    fn changed(self, call: ParkingCall) -> Option<ParkingCall> {
        Some(match (self, call) {
            (Self::KeepsNoAnswer, ParkingCall::Answer(..)) => return None,
            (Self::PagesTooMuch, ParkingCall::Page(claim, key, after, limit)) => {
                ParkingCall::Page(claim, key, after, limit + 1)
            }
            (Self::IgnoresEdits, ParkingCall::Resolve(claim, verdicts)) => {
                let kept = verdicts.into_iter().filter(|(_, what)| !matches!(what, Resolution::Edited(_)));
                ParkingCall::Resolve(claim, kept.collect())
            }
            (Self::KeepsTheOldReason, ParkingCall::Resolve(claim, verdicts)) => {
                let kept = verdicts.into_iter().filter(|(_, what)| !matches!(what, Resolution::Stays(_)));
                ParkingCall::Resolve(claim, kept.collect())
            }
            (Self::TakesEverythingForFollowers, ParkingCall::Park(claim, mut entries)) => {
                entries.iter_mut().for_each(|entry| entry.state = ParkState::Follower);
                ParkingCall::Park(claim, entries)
            }
            (Self::LosesBytes, ParkingCall::Park(claim, mut entries)) => {
                for entry in &mut entries {
                    entry.event.body = empty(entry.event.body.clone());
                }
                ParkingCall::Park(claim, entries)
            }
            (Self::ForgetsWhatHasBegun, ParkingCall::Resolve(claim, verdicts)) => {
                let kept = verdicts.into_iter().filter(|(_, what)| !matches!(what, Resolution::Begun(_)));
                ParkingCall::Resolve(claim, kept.collect())
            }
            (_, call) => call,
        })
    }

    /// What its user hears.
    fn told(self, reply: ParkingReply) -> ParkingReply {
        match (self, reply) {
            (Self::PagesBackwards, ParkingReply::Entries(mut entries)) => {
                entries.reverse();
                ParkingReply::Entries(entries)
            }
            (Self::TakesEverythingForBegun, ParkingReply::Entries(mut entries)) => {
                entries.iter_mut().for_each(|entry| entry.begun = Begun { crashes: 0, by: Some(1) });
                ParkingReply::Entries(entries)
            }
            (Self::HidesWhatIsParked, ParkingReply::Claimed(claim, _)) => {
                ParkingReply::Claimed(claim, Vec::new())
            }
            (Self::ForgetsMarks, ParkingReply::Claimed(claim, mut known)) => {
                known.retain(|known| known.waits.is_some());
                ParkingReply::Claimed(claim, known)
            }
            (_, reply) => reply,
        }
    }
}

#[async_trait]
impl StoreHook for Wrong {
    async fn parking(&self, call: ParkingCall, store: &dyn Parking) -> Result<ParkingReply, StoreError> {
        match self.changed(call) {
            Some(call) => Ok(self.told(call.make(store).await?)),
            None => Ok(ParkingReply::Done),
        }
    }
}

fn storing(adapter: Adapter, wrong: Wrong) -> Adapter {
    let store: Arc<dyn DeadLetterQueue> = Arc::new(Around::hooked(adapter.dead_letters, wrong));
    Adapter { dead_letters: store, ..adapter }
}

#[test]
fn a_store_that_takes_every_claim_for_the_newest_is_found() {
    let opened = |adapter: Adapter| Adapter { dead_letters: Arc::new(open(adapter.dead_letters)), ..adapter };
    turns_red(opened, "a_claim_voids_the_one_before_it", "a late write of an old owner is invisible");
    turns_red(opened, "who_lost_a_claim_learns_it_when_asking_for_wishes", "");
}

#[test]
fn a_store_whose_pages_run_backwards_or_over_is_found() {
    let scenario = "pages_are_in_order_and_within_their_limit";
    turns_red(|adapter| storing(adapter, Wrong::PagesBackwards), scenario, "left == right");
    turns_red(|adapter| storing(adapter, Wrong::PagesTooMuch), scenario, "left == right");
    let scenario = "what_follows_a_dead_letter_is_parked_and_redriven_in_order";
    turns_red(|adapter| storing(adapter, Wrong::PagesBackwards), scenario, "");
}

#[test]
fn a_store_that_hides_what_is_parked_is_found() {
    let hides = |adapter| storing(adapter, Wrong::HidesWhatIsParked);
    turns_red(hides, "a_claim_tells_why_each_aggregate_waits", "two aggregates are parked");
    turns_red(hides, "who_restarts_knows_what_is_parked_before_the_first_event", "");
    turns_red(hides, "what_is_delivered_again_behind_a_new_claim_is_settled_and_not_parked_again", "");
}

#[test]
fn a_store_that_forgets_its_marks_is_found() {
    let forgets = |adapter| storing(adapter, Wrong::ForgetsMarks);
    turns_red(forgets, "an_aggregate_leaves_its_mark_until_it_is_forgotten", "left == right");
}

#[test]
fn a_store_that_keeps_no_answer_is_found() {
    let keeps_none = |adapter| storing(adapter, Wrong::KeepsNoAnswer);
    turns_red(keeps_none, "a_wish_is_heard_until_it_is_answered_and_both_are_audited", "left == right");
}

#[test]
fn a_store_that_ignores_verdicts_is_found() {
    let scenario = "verdicts_change_what_stays_and_pass_over_what_is_not_there";
    turns_red(|adapter| storing(adapter, Wrong::IgnoresEdits), scenario, "left == right");
    turns_red(|adapter| storing(adapter, Wrong::KeepsTheOldReason), scenario, "Follower");
    let scenario = "an_edit_changes_the_content_and_not_the_place";
    turns_red(|adapter| storing(adapter, Wrong::IgnoresEdits), scenario, "left == right");
    let scenario = "a_second_failure_returns_to_the_store_and_keeps_its_order";
    turns_red(|adapter| storing(adapter, Wrong::KeepsTheOldReason), scenario, "left == right");
}

#[test]
fn a_store_that_does_not_know_why_an_entry_waits_is_found() {
    let scenario = "an_event_whose_next_attempt_is_far_away_waits_in_the_store_with_its_followers";
    let forgets = |adapter| storing(adapter, Wrong::TakesEverythingForFollowers);
    turns_red(forgets, "an_entry_that_is_parked_again_is_one_entry_the_newer", "");
    turns_red(forgets, scenario, "");
}

#[test]
fn a_store_that_loses_bytes_is_found() {
    let loses = |adapter| storing(adapter, Wrong::LosesBytes);
    turns_red(loses, "what_follows_a_dead_letter_is_parked_and_redriven_in_order", "");
    turns_red(loses, "an_edit_that_does_not_decode_is_dead_again_and_can_be_edited_anew", "");
}

#[test]
fn a_store_that_does_not_know_what_has_begun_is_found() {
    let (has, has_not) = (
        "an_entry_that_has_begun_says_so_to_the_next_owner",
        "whatever_becomes_of_an_entry_it_has_not_begun_any_more",
    );
    turns_red(|adapter| storing(adapter, Wrong::ForgetsWhatHasBegun), has, "left == right");
    turns_red(|adapter| storing(adapter, Wrong::TakesEverythingForBegun), has, "left == right");
    turns_red(|adapter| storing(adapter, Wrong::TakesEverythingForBegun), has_not, "left == right");
}
