//! What a checkpoint says beyond its position: what is open and finished above it, and what failed.
//!
//! Layout, version 1; all numbers are LEB128: version, flags and what follows them (see [`Marks`]), base position,
//! frontier - base, number of open entries, then per entry its distance to the one before (the first to the base) and
//! its failed attempts. Everything from the base up to, not including, the frontier is finished unless listed.

use bytes::Bytes;
use thiserror::Error;

use crate::policy::Marks;
use crate::varint::{put, take};

/// What a former owner of a partition knew above its watermark.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct State {
    /// What the next owner has to know of crashes.
    pub(crate) marks: Marks,
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
/// An open list that says nothing: base, frontier - base, number of entries.
const NO_LIST: [u8; 3] = [0; 3];

impl State {
    /// Writes the state into at most `budget` bytes. Where it does not fit, the frontier is lowered: what lies above
    /// is handled again after a crash, and nothing is lost. Marks go before the list; where they do not fit, nobody is
    /// named in them, and where that does not fit, there are none.
    pub(crate) fn encode(&self, budget: usize) -> Bytes {
        let unnamed = Marks { entries: Vec::new(), ..self.marks };
        let heads = [&self.marks, &unnamed].map(head);
        let fits = |head: &&Vec<u8>| head.len() + NO_LIST.len() <= budget;
        let Some(mut out) = heads.iter().find(fits).cloned() else { return Bytes::new() };
        match self.list(budget - out.len()) {
            Some(list) => out.extend(list),
            None if self.marks.flags() == 0 => return Bytes::new(),
            None => out.extend(NO_LIST),
        }
        out.into()
    }

    /// What is open, in at most `budget` bytes; nothing where that would say nothing.
    fn list(&self, budget: usize) -> Option<Vec<u8>> {
        let full = self.write(self.open.len(), self.frontier);
        if full.len() <= budget {
            return Some(full);
        }
        // The longest prefix of the open list that fits; lengths rise with the prefix, so halving finds it.
        let (mut fits, mut too_long) = (0, self.open.len());
        let cut = |entries: usize| self.write(entries, self.open[entries].0);
        while fits + 1 < too_long {
            let middle = fits.midpoint(too_long);
            if cut(middle).len() <= budget { fits = middle } else { too_long = middle }
        }
        (fits > 0).then(|| cut(fits)).filter(|best| best.len() <= budget)
    }

    fn write(&self, entries: usize, frontier: u64) -> Vec<u8> {
        let base = self.open.first().map_or(frontier, |(position, _)| *position);
        let mut out = Vec::with_capacity(16 + entries * 3);
        for number in [base, frontier - base, entries as u64] {
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
        if number(input)? != VERSION {
            return Err(Foreign("unknown version"));
        }
        let flags = number(input)?;
        let marks = Marks::decode(flags, input).ok_or(Foreign("unknown flags, or damaged marks"))?;
        let base = number(input)?;
        let frontier = base.checked_add(number(input)?).ok_or(Foreign("frontier out of range"))?;
        let count = usize::try_from(number(input)?).map_err(|_| Foreign("count out of range"))?;
        if count > input.len() / 2 {
            return Err(Foreign("more entries than bytes"));
        }
        let (mut open, mut last) = (Vec::with_capacity(count), base);
        for entry in 0..count {
            let delta = number(input)?;
            last = last.checked_add(delta).ok_or(Foreign("position out of range"))?;
            if last >= frontier || (entry > 0 && delta == 0) {
                return Err(Foreign("positions do not rise below the frontier"));
            }
            let attempts = u32::try_from(number(input)?).map_err(|_| Foreign("attempts out of range"))?;
            open.push((last, attempts));
        }
        let state = Self { marks, frontier, open };
        if input.is_empty() { Ok(state) } else { Err(Foreign("trailing bytes")) }
    }
}

/// Everything before the list.
fn head(marks: &Marks) -> Vec<u8> {
    let mut out = Vec::with_capacity(16);
    put(&mut out, VERSION);
    put(&mut out, marks.flags());
    marks.encode(&mut out);
    out
}

fn number(input: &mut &[u8]) -> Result<u64, Foreign> {
    take(input).ok_or(Foreign("a number that ends early or is out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Mark, Named};
    use laneway_domain::Position;
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
                State { marks: Marks::default(), frontier: last + above, open }
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
            prop_assert_eq!(short.marks, state.marks.clone());
            prop_assert!(short.frontier <= state.frontier);
            prop_assert_eq!(&short.open[..], &state.open[..short.open.len()]);
            prop_assert!(state.open[short.open.len()..].iter().all(|(position, _)| *position >= short.frontier));
        }

        #[test]
        fn marks_go_before_the_list_and_lose_their_names_before_they_are_lost(
            state in states(), named in 0u64..60, budget in 0usize..600,
        ) {
            let mark = |at| Mark { position: Position::new(at * 9), lone: 1, named: Named::Among };
            let marks = Marks { open: true, process: 1, crashes: 2, entries: (0..named).map(mark).collect() };
            let state = State { marks: marks.clone(), ..state };
            let bytes = state.encode(budget);
            prop_assert!(bytes.len() <= budget);
            if bytes.is_empty() {
                prop_assert!(budget < 8, "crashes are lost");
                return Ok(());
            }
            let short = State::decode(&bytes).unwrap();
            prop_assert_eq!((short.marks.open, short.marks.crashes), (true, 2));
            prop_assert!(short.marks.entries.is_empty() || short.marks == marks);
            prop_assert!(short.marks == marks || budget < Marks::ROOM);
            prop_assert!(short.open.is_empty() || short.frontier > short.open.last().unwrap().0);
        }

        #[test]
        fn foreign_bytes_are_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(state) = State::decode(&bytes) {
                prop_assert!(state.open.windows(2).all(|pair| pair[0].0 < pair[1].0));
            }
        }
    }
}
