//! Which partition an aggregate belongs to.

use crate::position::PartitionNumber;

/// The partition of a key among `partitions`: the default partitioner of the Java client of Kafka.
///
/// Producers in Go, Java and Rust agree on it, and every adapter uses it, so an aggregate stays in one partition
/// whoever publishes. The hash is murmur2 with the seed `0x9747b28c`, with the sign bit cleared
/// (`Utils.toPositive(Utils.murmur2(key)) % partitions` in Kafka's `BuiltInPartitioner`).
///
/// # Panics
/// Where `partitions` is 0.
#[must_use]
pub fn partition_of(key: &[u8], partitions: u32) -> PartitionNumber {
    PartitionNumber((murmur2(key) & 0x7fff_ffff) % partitions)
}

fn murmur2(key: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    // Kafka hashes the low 32 bits of the length, as the original does.
    #[allow(clippy::cast_possible_truncation)]
    let mut hash = 0x9747_b28c_u32 ^ (key.len() as u32);
    let mut words = key.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (at, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * at);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of `UtilsTest.testMurmur2` in Apache Kafka.
    #[test]
    fn the_hash_is_the_one_of_the_java_client() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
        assert_eq!(murmur2(b"abc").cast_signed(), 479_470_107);
    }

    #[test]
    fn a_key_stays_in_its_partition() {
        assert_eq!(partition_of(b"order:42", 8), partition_of(b"order:42", 8));
        assert_eq!(partition_of(b"anything", 1), PartitionNumber(0));
    }
}
