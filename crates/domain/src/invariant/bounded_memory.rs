//! I19: a stalled handler grows memory by the configured buffers and no more.

use super::happening::Happening;
use super::history::History;
use super::id::Invariant;
use super::limits::Limits;
use super::violation::{Findings, Violation};

/// Each sample is compared with the lowest before it.
pub(super) fn check(history: &History, limits: &Limits) -> Vec<Violation> {
    let mut lowest: Option<u64> = None;
    let mut findings = Findings::of(Invariant::I19);
    for (index, _, what) in history.iter() {
        let Happening::MemorySampled { bytes } = what else { continue };
        let base = lowest.map_or(*bytes, |lowest| lowest.min(*bytes));
        lowest = Some(base);
        if bytes - base > limits.buffer_bytes {
            findings.add(index, || {
                format!("memory grew by {} bytes, and {} are configured", bytes - base, limits.buffer_bytes)
            });
        }
    }
    findings.done()
}
