//! A dead-letter store that takes everybody for the newest owner.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use laneway_domain::{Claim, DeadLetterQueue, Parking, Scope, StoreError};
use laneway_testkit::around::{Around, ParkingCall, ParkingReply, StoreHook};

/// Uses the newest claim of a scope, whoever calls.
pub(crate) type Open = Around<Arc<dyn DeadLetterQueue>, Unfenced>;

/// The newest claim of each scope.
#[derive(Debug, Default)]
pub(crate) struct Unfenced(Mutex<HashMap<Scope, Claim>>);

pub(crate) fn open(store: Arc<dyn DeadLetterQueue>) -> Open {
    Open::hooked(store, Unfenced::default())
}

impl Unfenced {
    fn newest(&self) -> MutexGuard<'_, HashMap<Scope, Claim>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl StoreHook for Unfenced {
    async fn parking(&self, mut call: ParkingCall, store: &dyn Parking) -> Result<ParkingReply, StoreError> {
        for claim in call.claims() {
            let newest = self.newest().get(&claim.scope).cloned();
            *claim = newest.unwrap_or_else(|| claim.clone());
        }
        let reply = call.make(store).await?;
        if let ParkingReply::Claimed(claim, _) = &reply {
            self.newest().insert(claim.scope.clone(), claim.clone());
        }
        Ok(reply)
    }
}
