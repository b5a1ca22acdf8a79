//! The publish path, the consume loop, and the structs that decide.

pub mod lanes;
pub mod ledger;
