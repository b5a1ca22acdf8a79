//! Parking: what waits in the dead-letter store, as the owner of its partition sees it.
//!
//! A lot is a partition's part of the store. It decides what to ask the store next, one call at a time, so that whatever is
//! written is written in order; the lots together make the calls and wait for the answers. Asleep where the store does not
//! park.

mod call;
mod errand;
mod errands;
mod intake;
mod lot;
mod lots;
mod pace;
#[cfg(test)]
mod tests;

pub(crate) use call::{Arrival, Stored};
pub(crate) use lot::{Deed, Feed};
pub(crate) use lots::Lots;
