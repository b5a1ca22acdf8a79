//! The wire formats: every field comes back, route agrees with decode, and no bytes make them panic.
#![allow(clippy::unwrap_used)]

mod wire {
    mod bad_input;
    mod foreign;
    mod golden;
    mod headers;
    mod properties;
    mod strategy;
    mod tombstones;
}
