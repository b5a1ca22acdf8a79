//! What a checkpoint says about crashes: whether a tenure is open, how many crashes in a row, and who is suspected.
//!
//! Goes through the door in the checkpoint's state (`ledger/state`): two bits of its flags say what is there, and behind
//! them follow LEB128 numbers: where the first is set, the process; where the second is, crashes, number of entries, then per
//! entry the distance of its position to the one before (the first to 0) and `3 * lone crashes + named`. In health that is
//! one bit and five bytes.

use laneway_domain::Position;

use crate::varint::{put, take};

/// What the next owner of a partition has to know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marks {
    /// Whether a tenure is under way: an assignment that finds this set follows a crash, unless it was the same process that
    /// lost the partition.
    pub open: bool,
    /// Which process owns the partition, while it is open.
    pub process: u32,
    /// Crashes that no trial was survived after.
    pub crashes: u32,
    /// Suspects, and whoever was named before its start; in the order of their positions.
    pub entries: Vec<Mark>,
}

/// One event in the marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Where it stands.
    pub position: Position,
    /// How many crashes found it named alone.
    pub lone: u32,
    /// Whether it may be running.
    pub named: Named,
}

/// Whether an event was named before its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// It does not run; it is a suspect of an earlier crash.
    No,
    /// It may run, among others.
    Among,
    /// It may run, and nothing else does.
    Alone,
}

impl Marks {
    /// The bytes that marks may need: those of the largest batch and of those before it that still are suspected.
    pub(crate) const ROOM: usize = 512;
    /// Bit 0 of the flags.
    const OPEN: u64 = 1;
    /// Bit 1 of the flags: crashes and entries follow.
    const FOLLOW: u64 = 2;

    /// What goes into the flags of the checkpoint's state.
    #[must_use]
    pub fn flags(&self) -> u64 {
        let follow = self.crashes > 0 || !self.entries.is_empty();
        u64::from(self.open) * Self::OPEN + u64::from(follow) * Self::FOLLOW
    }

    /// Writes what follows; the process in health.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if self.open {
            put(out, u64::from(self.process));
        }
        if self.flags() & Self::FOLLOW == 0 {
            return;
        }
        put(out, u64::from(self.crashes));
        put(out, self.entries.len() as u64);
        let mut last = 0;
        for Mark { position, lone, named } in &self.entries {
            put(out, position.value() - last);
            put(out, u64::from(*lone) * 3 + *named as u64);
            last = position.value();
        }
    }

    /// Reads what follows the flags, and leaves the rest of `input`. Nothing where the flags or the bytes are not ours.
    #[must_use]
    pub fn decode(flags: u64, input: &mut &[u8]) -> Option<Self> {
        if flags & !(Self::OPEN | Self::FOLLOW) != 0 {
            return None;
        }
        let mut marks = Self { open: flags & Self::OPEN != 0, ..Self::default() };
        if marks.open {
            marks.process = u32::try_from(take(input)?).ok()?;
        }
        if flags & Self::FOLLOW == 0 {
            return Some(marks);
        }
        marks.crashes = u32::try_from(take(input)?).ok()?;
        let count = usize::try_from(take(input)?).ok().filter(|count| *count <= input.len() / 2)?;
        let mut last = 0u64;
        for entry in 0..count {
            let delta = take(input).filter(|delta| *delta > 0 || entry == 0)?;
            last = last.checked_add(delta)?;
            let code = take(input)?;
            let named = [Named::No, Named::Among, Named::Alone][usize::try_from(code % 3).ok()?];
            let (position, lone) = (Position::new(last), u32::try_from(code / 3).ok()?);
            marks.entries.push(Mark { position, lone, named });
        }
        Some(marks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marks() -> impl Strategy<Value = Marks> {
        let named = prop_oneof![Just(Named::No), Just(Named::Among), Just(Named::Alone)];
        let entries = prop::collection::btree_map(any::<u64>(), (0u32..5, named), 0..40);
        (any::<bool>(), 0u32..9, entries).prop_map(|(open, crashes, entries)| {
            let mark = |(position, (lone, named))| Mark { position: Position::new(position), lone, named };
            let process = if open { crashes + 5 } else { 0 };
            Marks { open, process, crashes, entries: entries.into_iter().map(mark).collect() }
        })
    }

    #[test]
    fn in_health_there_is_one_bit_and_the_process() {
        let mut out = Vec::new();
        let healthy = Marks { open: true, process: u32::MAX, ..Marks::default() };
        healthy.encode(&mut out);
        assert_eq!((healthy.flags(), out.len(), Marks::default().flags()), (1, 5, 0));
    }

    #[test]
    fn thirty_two_named_events_fit_into_a_few_hundred_bytes() {
        let mark =
            |n: u64| Mark { position: Position::new((1 << 60) + n * 8_192), lone: 0, named: Named::Among };
        let marks = Marks { open: true, process: 9, crashes: 2, entries: (0..32).map(mark).collect() };
        let mut out = Vec::new();
        marks.encode(&mut out);
        assert!(out.len() < 120, "{}", out.len());
    }

    proptest! {
        #[test]
        fn marks_come_back_as_they_were_and_leave_what_follows(marks in marks(), rest in any::<Vec<u8>>()) {
            let mut out = Vec::new();
            marks.encode(&mut out);
            out.extend(&rest);
            let input = &mut &out[..];
            prop_assert_eq!(Marks::decode(marks.flags(), input), Some(marks));
            prop_assert_eq!(*input, &rest[..]);
        }

        #[test]
        fn foreign_bytes_are_nothing_and_no_panic(flags in 0u64..9, bytes in any::<Vec<u8>>()) {
            if let Some(marks) = Marks::decode(flags, &mut &bytes[..]) {
                prop_assert!(flags < 4 && marks.entries.windows(2).all(|pair| pair[0].position < pair[1].position));
            }
        }
    }
}
