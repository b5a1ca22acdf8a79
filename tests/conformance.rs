//! The conformance suite on the memory broker, and the suite itself on brokers that are broken.

mod conformance {
    mod broken;
    pub(crate) mod memory;
}

use conformance::memory::Memory;

laneway_testkit::conformance_tests!(Memory, skipped = 0);
