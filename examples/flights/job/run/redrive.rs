//! The end of the trouble: what failed is repaired, and what waits for that is handled again.

use laneway::EventBus;
use laneway::domain::{Act, By, DeskExt, Filter};

use super::error::RunError;
use super::group::Group;
use super::hardship::{Hardship, Trouble};

/// Repairs what was broken, asks for everything of the groups that died of it, and waits until that has been handled; each
/// aircraft comes back in its order.
///
/// # Errors
/// [`RunError`] where the dead-letter store refuses.
pub(super) async fn repair(bus: &EventBus, groups: [&Group; 2], hardship: &Hardship) -> Result<(), RunError> {
    hardship.end();
    let desk = bus.desk().ok_or(RunError::NoDesk)?;
    let by = By::new("flights", "the poison aircraft is repaired")?;
    let mut wishes = Vec::new();
    for group in groups {
        let dead = Filter {
            error: Some(Trouble::Poison.to_string()),
            ..Filter::group(group.subscription.group().clone())
        };
        let redrive = Act::Redrive { per_second: None };
        wishes.extend(desk.ask(&dead, redrive, &by, bus.clock().wall(), false).await?.wishes);
    }
    desk.wait(&wishes, &**bus.clock()).await?;
    Ok(())
}
