//! Waiting at the operators' desk.

use std::time::Duration;

use crate::clock::Clock;
use crate::desk::{DeadLetterDesk, DeskError};
use crate::redrive::{Answer, WishId};

/// How often a store is asked for an answer.
const LOOK: Duration = Duration::from_millis(100);

/// What every desk can do besides.
pub trait DeskExt: DeadLetterDesk {
    /// Waits for what becomes of wishes, in the order in which they are given. It asks the desk ten times a second, and as
    /// long as it takes: wishes are performed by the owner of their partition, as soon as there is one. Who waits no longer
    /// than some time drops the future.
    ///
    /// *Cancel safety*: it may be dropped at any point, and asked for again; the wishes stay.
    ///
    /// ```
    /// use laneway_domain::{Act, Answer, By, Clock, DeadLetterDesk, DeskError, DeskExt, Filter};
    ///
    /// /// Redrives what died, and says what came of it.
    /// async fn redrive(
    ///     desk: &dyn DeadLetterDesk,
    ///     dead: &Filter,
    ///     by: &By,
    ///     clock: &dyn Clock,
    /// ) -> Result<Vec<Answer>, DeskError> {
    ///     let redrive = Act::Redrive { per_second: None };
    ///     let asked = desk.ask(dead, redrive, by, clock.wall(), false).await?;
    ///     desk.wait(&asked.wishes, clock).await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`DeskError::NoWish`] where the store does not know one of them; what the store says where it does not answer.
    fn wait(
        &self,
        wishes: &[WishId],
        clock: &dyn Clock,
    ) -> impl Future<Output = Result<Vec<Answer>, DeskError>> + Send {
        async move {
            let mut answers = Vec::with_capacity(wishes.len());
            for wish in wishes {
                answers.push(answer(self, *wish, clock).await?);
            }
            Ok(answers)
        }
    }
}

impl<D: DeadLetterDesk + ?Sized> DeskExt for D {}

async fn answer<D: DeadLetterDesk + ?Sized>(
    desk: &D,
    wish: WishId,
    clock: &dyn Clock,
) -> Result<Answer, DeskError> {
    loop {
        if let Some(answer) = desk.answer(wish).await? {
            return Ok(answer);
        }
        clock.wake_at(clock.monotonic() + LOOK).await;
    }
}
