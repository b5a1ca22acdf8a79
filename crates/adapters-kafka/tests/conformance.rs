//! The conformance suite on a real Kafka broker, named by `LANEWAY_KAFKA`.

#![allow(clippy::unwrap_used)]

mod suite {
    mod cluster;
    mod controls;
    pub(crate) mod factory;
    mod proxy;
}

mod consumer_protocol {
    use super::suite::factory::Kafka;

    laneway_testkit::conformance_tests!(Kafka::consumer(), skipped = 4);
}
