//! The conformance suite on a real Kafka broker, named by `LANEWAY_KAFKA`.

#[path = "conformance/plain.rs"]
mod plain;

mod kafka {
    mod cluster;
    mod controls;
    pub(crate) mod factory;
    mod proxy;
}

mod consumer_protocol {
    use super::kafka::factory::Kafka;

    laneway_testkit::conformance_tests!(Kafka::consumer(), skipped = 4);
}
