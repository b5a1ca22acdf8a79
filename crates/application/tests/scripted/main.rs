//! The engine on a broker that says what the test says, so that things meet which rarely do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod breaker;
mod broker;
mod closing;
mod commits;
mod credit;
mod crew;
mod dead_letters;
mod diary;
mod fence;
mod full_lane;
mod parked;
mod permits;
mod stage;
mod unordered;
