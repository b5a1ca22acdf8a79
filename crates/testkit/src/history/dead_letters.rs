//! Recording what is buried.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use laneway_domain::invariant::{Digest, Happening, Place};
use laneway_domain::{
    Body, DeadLetter, DeadLetterCapabilities, DeadLetterDesk, DeadLetterQueue, Death, Filter, GroupId,
    LetterId, Parking, StoreError,
};

use super::recorder::Recorder;

/// A dead-letter queue whose letters are recorded when the store says that it took them; one that is buried again with the
/// same death, because its answer was lost, is recorded once, unless it had left or failed again in between. What is
/// parked, a [`RecordedParking`](super::RecordedParking) records.
#[derive(Debug, Clone)]
pub struct RecordedDeadLetters<D> {
    inner: D,
    recorder: Recorder,
    said: Arc<Mutex<HashMap<LetterId, Death>>>,
}

impl<D> RecordedDeadLetters<D> {
    /// Records around `inner`.
    pub fn new(inner: D, recorder: Recorder) -> Self {
        Self { inner, recorder, said: Arc::default() }
    }

    /// Whether a letter says something new. On virtual time one that fails again may die the same death in the same
    /// instant.
    fn is_news(&self, letter: &DeadLetter) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let before = said.insert(letter.id.clone(), letter.death.clone());
        before.as_ref() != Some(&letter.death)
            || self.recorder.failed_since_burial(&Place::from(letter.id.clone()))
    }
}

impl<D: DeadLetterQueue> RecordedDeadLetters<D> {
    /// Forgets letters that were recorded and have left: an operator may have let go what is buried again.
    async fn forget_gone(&self, letters: &[DeadLetter]) {
        let Some(desk) = self.inner.desk() else { return };
        for DeadLetter { id, .. } in letters {
            let known = self.said.lock().unwrap_or_else(PoisonError::into_inner).contains_key(id);
            if known && matches!(desk.show(id).await, Ok(None)) {
                self.said.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
            }
        }
    }
}

#[async_trait]
impl<D: DeadLetterQueue> DeadLetterQueue for RecordedDeadLetters<D> {
    fn capabilities(&self) -> DeadLetterCapabilities {
        self.inner.capabilities()
    }

    async fn bury(&self, letters: Vec<DeadLetter>) -> Vec<Result<(), StoreError>> {
        self.forget_gone(&letters).await;
        let results = self.inner.bury(letters.clone()).await;
        let taken = letters.iter().zip(&results).filter(|(_, result)| result.is_ok());
        let news = taken.filter(|(letter, _)| self.is_news(letter)).map(|(letter, _)| buried(letter));
        self.recorder.record_all(news.collect::<Vec<_>>());
        results
    }

    fn parking(&self) -> Option<&dyn Parking> {
        self.inner.parking()
    }

    fn desk(&self) -> Option<&dyn DeadLetterDesk> {
        self.inner.desk()
    }
}

fn buried(letter: &DeadLetter) -> Happening {
    let id = match &letter.original {
        Body::Event(envelope) => envelope.id(),
        Body::Record(_) => None,
    };
    Happening::DeadLettered {
        place: Place::from(letter.id.clone()),
        id,
        key: letter.key.clone(),
        digest: Digest::of_body(&letter.original),
        cause: letter.death.cause,
        parks: false,
    }
}

/// Reads all entries of these groups and records them as one listing; answers with how many there are.
///
/// A listing is complete: an entry that is known and not in the last one counts as lost (I10). So one listing names
/// every group of the history.
///
/// # Errors
/// Those of [`DeadLetterDesk::list`]; what was read before is recorded.
pub async fn record_listing(
    recorder: &Recorder,
    desk: &dyn DeadLetterDesk,
    groups: &[GroupId],
) -> Result<usize, StoreError> {
    let (listing, mut count) = (recorder.listing(), 0);
    for group in groups {
        count += list(recorder, desk, group, listing).await?;
    }
    Ok(count)
}

async fn list(
    recorder: &Recorder,
    desk: &dyn DeadLetterDesk,
    group: &GroupId,
    listing: u32,
) -> Result<usize, StoreError> {
    const PAGE: usize = 256;
    let filter = Filter::group(group.clone());
    let (mut last, mut count): (Option<LetterId>, usize) = (None, 0);
    loop {
        let page = desk.list(&filter, last.as_ref(), PAGE).await?;
        let Some(end) = page.last() else { return Ok(count) };
        last = Some(end.id.clone());
        count += page.len();
        recorder.record_all(page.into_iter().map(|letter| {
            let digest = Digest::of_body(&letter.original);
            Happening::LetterListed { listing, place: Place::from(letter.id), digest }
        }));
    }
}
