//! Recording what is parked.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use laneway_domain::invariant::{Digest, Happening, Place};
use laneway_domain::{
    Body, Codec, DeadLetterQueue, ParkEntry, ParkState, Parking, Position, Resolution, Scope, StoreError,
};

use super::recorder::Recorder;
use crate::around::{Around, ParkingCall, ParkingReply, StoreHook};

/// A dead-letter queue whose parked entries are recorded: what came, what was handed out, and what became of it.
///
/// A write whose answer is lost is in the store all the same, and its next owner finds it there: so this stands below
/// whatever loses answers.
pub type RecordedParking<D> = Around<D, Recording>;

/// Records what is parked.
#[derive(Clone)]
pub struct Recording {
    recorder: Recorder,
    codec: Option<Arc<dyn Codec>>,
}

impl<D: DeadLetterQueue> RecordedParking<D> {
    /// Records around `inner`.
    pub const fn new(inner: D, recorder: Recorder) -> Self {
        Self::hooked(inner, Recording { recorder, codec: None })
    }

    /// The same, where handlers see what `codec` makes of records: an edit is recorded as both.
    pub const fn reading(inner: D, recorder: Recorder, codec: Option<Arc<dyn Codec>>) -> Self {
        Self::hooked(inner, Recording { recorder, codec })
    }
}

impl Recording {
    /// What handlers see of the records that an operator wrote.
    fn edited(&self, call: &ParkingCall) -> Vec<Happening> {
        let (ParkingCall::Resolve(claim, verdicts), Some(codec)) = (call, &self.codec) else {
            return Vec::new();
        };
        let read = |(position, resolution): &(Position, Resolution)| {
            let Resolution::Edited(Body::Record(record)) = resolution else { return None };
            let event = codec.decode(&claim.scope.topic, record.clone()).ok()?;
            let place = Place { scope: claim.scope.clone(), position: *position };
            Some(Happening::Edited { place, digest: Digest::of_envelope(&event) })
        };
        verdicts.iter().filter_map(read).collect()
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Recording").field(&self.recorder).finish()
    }
}

#[async_trait]
impl StoreHook for Recording {
    async fn parking(&self, call: ParkingCall, store: &dyn Parking) -> Result<ParkingReply, StoreError> {
        let written = [written(&call), self.edited(&call)].concat();
        let scope = match &call {
            ParkingCall::Page(claim, ..) | ParkingCall::Entry(claim, _) => Some(claim.scope.clone()),
            _ => None,
        };
        let reply = call.make(store).await?;
        self.recorder.record_all(written);
        if let (Some(scope), ParkingReply::Entries(entries)) = (scope, &reply) {
            self.recorder.record_all(entries.iter().map(|entry| redriven(&scope, entry)));
        }
        Ok(reply)
    }
}

/// What a write does, once the store has it.
fn written(call: &ParkingCall) -> Vec<Happening> {
    match call {
        ParkingCall::Park(claim, entries) => {
            entries.iter().map(|entry| parked(&claim.scope, entry)).collect()
        }
        ParkingCall::Resolve(claim, verdicts) => {
            let place = |position| Place { scope: claim.scope.clone(), position };
            let verdict =
                |(position, resolution): &(Position, Resolution)| resolved(place(*position), resolution);
            verdicts.iter().filter_map(verdict).collect()
        }
        _ => Vec::new(),
    }
}

/// An entry's own aggregate, where it is known: that of its lane may stand for several.
fn parked(scope: &Scope, entry: &ParkEntry) -> Happening {
    let place = Place { scope: scope.clone(), position: entry.event.position };
    let digest = Digest::of_body(&entry.event.body);
    let (id, key) = match &entry.event.body {
        Body::Event(envelope) => (envelope.id(), envelope.key()),
        Body::Record(_) => (None, entry.key.clone()),
    };
    match &entry.state {
        ParkState::Dead(death) => {
            Happening::DeadLettered { place, id, key, digest, cause: death.cause, parks: true }
        }
        ParkState::Follower | ParkState::Backoff { .. } => Happening::Parked { place, key, digest },
    }
}

fn redriven(scope: &Scope, entry: &ParkEntry) -> Happening {
    Happening::Redriven { place: Place { scope: scope.clone(), position: entry.event.position } }
}

fn resolved(place: Place, resolution: &Resolution) -> Option<Happening> {
    Some(match resolution {
        Resolution::Handled => Happening::Left { place, handled: true },
        Resolution::Skipped => Happening::Left { place, handled: false },
        Resolution::Stays(ParkState::Dead(death)) => Happening::Returned { place, dead: Some(death.cause) },
        Resolution::Stays(_) => Happening::Returned { place, dead: None },
        Resolution::Edited(body) => Happening::Edited { place, digest: Digest::of_body(body) },
        // Nothing has become of it yet.
        Resolution::Begun(_) => return None,
    })
}
