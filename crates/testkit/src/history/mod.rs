//! Recording: what goes through the ports becomes a [`History`](laneway_domain::invariant::History).
//!
//! The wrappers know the ports and no adapter. Several buses of one test share a [`Recorder`]; each is a
//! [`MemberId`](laneway_domain::invariant::MemberId) of its own. What no port shows (a shutdown asked for, a sample of
//! memory or health) the test says itself, with [`Recorder::record`].

mod dead_letters;
mod handler;
mod parking;
mod publisher;
mod recorder;
mod session;
mod subscriber;

pub use dead_letters::{RecordedDeadLetters, record_listing};
pub use handler::RecordedHandler;
pub use parking::{RecordedParking, Recording};
pub use publisher::RecordedPublisher;
pub use recorder::Recorder;
pub use session::RecordedSession;
pub use subscriber::RecordedSubscriber;
