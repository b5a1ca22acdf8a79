//! The event router: handlers by type and version, on one subscription.

mod builder;
mod entry;
mod error;
mod failures;
mod filter;
mod plan;
mod router;
mod table;
mod unknown;

pub use builder::EventRouterBuilder;
pub use error::{EventRouterError, RouteError};
pub use failures::HandlersFailed;
pub use router::EventRouter;
pub use unknown::Unknown;
