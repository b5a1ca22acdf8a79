//! The scenarios, by what they are about.

pub(super) mod close;
pub(super) mod connection;
pub(super) mod fields;
pub(super) mod gaps;
pub(super) mod groups;
pub(super) mod order;
pub(super) mod parking;
pub(super) mod poison;
pub(super) mod pressure;
pub(super) mod progress;
pub(super) mod publish;
pub(super) mod rebalance;
pub(super) mod resume;
pub(super) mod retry;
pub(super) mod route;
pub(super) mod shelf;
pub(super) mod styles;
pub(super) mod tenants;
pub(super) mod time;
pub(super) mod wishes;
pub(super) mod withdraw;
