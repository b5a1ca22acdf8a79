//! The conformance suite on the memory broker, with events and with records, and the suite itself on brokers that are
//! broken.

mod unfenced;

mod conformance {
    mod broken;
    pub(crate) mod memory;
    pub(crate) mod records;
    mod stores;
}

mod events {
    use super::conformance::memory::Memory;

    laneway_testkit::conformance_tests!(Memory, skipped = 0);
}

mod records {
    use super::conformance::records::Records;

    laneway_testkit::conformance_tests!(Records, skipped = 0);
}
