//! Parking: what waits in the dead-letter store, as the owner of its partition sees it.
//!
//! A lot is a partition's part of the store. It decides what to ask the store next, one call at a time, so that whatever is
//! written is written in order; the lots together make the calls and wait for the answers. Asleep where the store does not
//! park.

mod begun;
mod call;
mod deed;
mod errand;
mod errands;
mod intake;
mod lot;
mod lots;
mod marks;
mod pace;
mod page;
mod said;
#[cfg(test)]
mod tests;
mod verdict;
mod wish;
mod wishes;

pub(crate) use begun::Counting;
pub(crate) use call::{Arrival, Stored};
pub(crate) use deed::{Deed, Feed};
pub(crate) use lots::Lots;
