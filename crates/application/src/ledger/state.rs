//! What a checkpoint says beyond its position: what is open and finished above it, and what failed.
//!
//! Layout, version 1; all numbers are LEB128: version, flags (0, kept for what later versions mark), base position,
//! frontier - base, number of open entries, then per entry its distance to the one before (the first to the base) and
//! its failed attempts. Everything from the base up to, not including, the frontier is finished unless listed.

use bytes::Bytes;
use thiserror::Error;

/// What a former owner of a partition knew above its watermark.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct State {
    /// Positions below this one are finished unless they are listed as open.
    pub(crate) frontier: u64,
    /// Open positions below the frontier, rising, with their failed attempts.
    pub(crate) open: Vec<(u64, u32)>,
}

/// A state that this version cannot read: someone else's, or damaged. It is ignored, and its events handled again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the checkpoint's state is not one of ours: {0}")]
pub(crate) struct Foreign(&'static str);

const VERSION: u64 = 1;
const FLAGS: u64 = 0;

impl State {
    /// Writes the state into at most `budget` bytes. Where it does not fit, the frontier is lowered: what lies above
    /// is handled again after a crash, and nothing is lost.
    pub(crate) fn encode(&self, budget: usize) -> Bytes {
        let full = self.write(self.open.len(), self.frontier);
        if full.len() <= budget {
            return full.into();
        }
        // The longest prefix of the open list that fits; lengths rise with the prefix, so halving finds it.
        let (mut fits, mut too_long) = (0, self.open.len());
        let cut = |entries: usize| self.write(entries, self.open[entries].0);
        while fits + 1 < too_long {
            let middle = fits.midpoint(too_long);
            if cut(middle).len() <= budget { fits = middle } else { too_long = middle }
        }
        let best = if self.open.is_empty() { Vec::new() } else { cut(fits) };
        if fits > 0 && best.len() <= budget { best.into() } else { Bytes::new() }
    }

    fn write(&self, entries: usize, frontier: u64) -> Vec<u8> {
        let base = self.open.first().map_or(frontier, |(position, _)| *position);
        let mut out = Vec::with_capacity(16 + entries * 3);
        for number in [VERSION, FLAGS, base, frontier - base, entries as u64] {
            put(&mut out, number);
        }
        let mut last = base;
        for (position, attempts) in &self.open[..entries] {
            put(&mut out, position - last);
            put(&mut out, u64::from(*attempts));
            last = *position;
        }
        out
    }

    pub(crate) fn decode(mut bytes: &[u8]) -> Result<Self, Foreign> {
        let input = &mut bytes;
        if take(input)? != VERSION {
            return Err(Foreign("unknown version"));
        }
        if take(input)? != FLAGS {
            return Err(Foreign("unknown flags"));
        }
        let base = take(input)?;
        let frontier = base.checked_add(take(input)?).ok_or(Foreign("frontier out of range"))?;
        let count = usize::try_from(take(input)?).map_err(|_| Foreign("count out of range"))?;
        if count > input.len() / 2 {
            return Err(Foreign("more entries than bytes"));
        }
        let (mut open, mut last) = (Vec::with_capacity(count), base);
        for entry in 0..count {
            let delta = take(input)?;
            last = last.checked_add(delta).ok_or(Foreign("position out of range"))?;
            if last >= frontier || (entry > 0 && delta == 0) {
                return Err(Foreign("positions do not rise below the frontier"));
            }
            let attempts = u32::try_from(take(input)?).map_err(|_| Foreign("attempts out of range"))?;
            open.push((last, attempts));
        }
        if input.is_empty() { Ok(Self { frontier, open }) } else { Err(Foreign("trailing bytes")) }
    }
}

#[allow(clippy::cast_possible_truncation)] // seven bits at a time
fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take(input: &mut &[u8]) -> Result<u64, Foreign> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = input.split_first().ok_or(Foreign("it ends early"))?;
        *input = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return Err(Foreign("a number out of range"));
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Foreign("a number out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn states() -> impl Strategy<Value = State> {
        (any::<u32>(), prop::collection::vec((1u64..5000, 0u32..9), 0..200), 1u64..100).prop_map(
            |(base, deltas, above)| {
                let mut last = u64::from(base);
                let open: Vec<_> = deltas
                    .into_iter()
                    .map(|(delta, attempts)| {
                        last += delta;
                        (last, attempts)
                    })
                    .collect();
                State { frontier: last + above, open }
            },
        )
    }

    proptest! {
        #[test]
        fn a_state_comes_back_as_it_was(state in states()) {
            prop_assert_eq!(State::decode(&state.encode(usize::MAX)), Ok(state));
        }

        #[test]
        fn a_tight_budget_lowers_the_frontier_and_claims_nothing_new(state in states(), budget in 0usize..600) {
            let bytes = state.encode(budget);
            prop_assert!(bytes.len() <= budget);
            if bytes.is_empty() {
                return Ok(());
            }
            let short = State::decode(&bytes).unwrap();
            prop_assert!(short.frontier <= state.frontier);
            prop_assert_eq!(&short.open[..], &state.open[..short.open.len()]);
            prop_assert!(state.open[short.open.len()..].iter().all(|(position, _)| *position >= short.frontier));
        }

        #[test]
        fn foreign_bytes_are_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(state) = State::decode(&bytes) {
                prop_assert!(state.open.windows(2).all(|pair| pair[0].0 < pair[1].0));
            }
        }
    }
}
