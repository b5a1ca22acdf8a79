//! The dead-letter store of a process that may die.

use async_trait::async_trait;
use laneway_domain::{DeadLetter, DeadLetterQueue, Parking, StoreError};

use super::life::Life;
use crate::around::{Around, ParkingCall, ParkingReply, StoreHook};

/// A store whose calls end with the process.
pub(super) type LettersOfLife<D> = Around<D, Life>;

#[async_trait]
impl StoreHook for Life {
    async fn parking(&self, call: ParkingCall, store: &dyn Parking) -> Result<ParkingReply, StoreError> {
        self.within(call.make(store)).await
    }

    async fn bury(
        &self,
        letters: Vec<DeadLetter>,
        store: &dyn DeadLetterQueue,
    ) -> Vec<Result<(), StoreError>> {
        self.within(store.bury(letters)).await
    }
}
