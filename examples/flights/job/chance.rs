//! Chance that a seed decides.

/// Mixes numbers into one that looks random, by the finalizer of SplitMix64 (Steele, Lea, Flood 2014).
pub(crate) fn mix<const N: usize>(parts: [u64; N]) -> u64 {
    parts.into_iter().fold(0, |state: u64, part| {
        let mut z = (state ^ part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}
