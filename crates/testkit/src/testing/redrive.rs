//! What operators do, in a test.

use std::pin::pin;

use futures_util::future::{Either, select};
use laneway_domain::{Act, Answer, By, DeskError, DeskExt, Filter};
use thiserror::Error;

use super::bus::TestBus;
use super::quiet::NotQuiet;

/// Why a redrive has no answers.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RedriveError {
    /// The store has no operators' side.
    #[error("the dead-letter store cannot be listed, so nobody can redrive it")]
    NoDesk,
    /// The store refused.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// The owners did not answer in time.
    #[error("the redrive has no answer: {0}")]
    NotQuiet(#[from] NotQuiet),
}

impl TestBus {
    /// Redrives what fits, and waits for what became of each aggregate and each single entry, in the order in which they
    /// were asked for. Nothing is to be told where nothing fits.
    ///
    /// # Errors
    /// What the store objects to, or what is under way where the owners do not answer within [`Self::PATIENCE`].
    pub async fn redrive(&self, filter: &Filter) -> Result<Vec<Answer>, RedriveError> {
        self.operate(filter, Act::Redrive { per_second: None }).await
    }

    /// Does the same with any act: skip, edit, purge.
    ///
    /// # Errors
    /// As [`redrive`](Self::redrive).
    pub async fn operate(&self, filter: &Filter, act: Act) -> Result<Vec<Answer>, RedriveError> {
        let desk = self.desk().ok_or(RedriveError::NoDesk)?;
        let by = By::new("a test", "it wants to see it").map_err(DeskError::from)?;
        let asked = desk.ask(filter, act, &by, self.clock().wall(), false).await?;
        let answers = pin!(desk.wait(&asked.wishes, &**self.clock()));
        match select(answers, pin!(self.advance(Self::PATIENCE))).await {
            Either::Left((answers, _)) => Ok(answers?),
            Either::Right(_) => {
                let under_way = self.under_way().await;
                Err(NotQuiet { waited: Self::PATIENCE, under_way }.into())
            }
        }
    }
}
