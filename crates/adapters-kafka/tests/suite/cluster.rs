//! The broker under test.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use laneway_application::SystemClock;
use laneway_domain::Clock as _;
use rdkafka::ClientConfig;

/// The variable that names it: `host:port,..`.
const VARIABLE: &str = "LANEWAY_KAFKA";

/// Where the broker is.
pub(crate) fn brokers() -> Vec<String> {
    let named = std::env::var(VARIABLE).unwrap_or_default();
    assert!(
        !named.is_empty(),
        "{VARIABLE} names no broker: `cargo xtask test kafka` starts one and names it"
    );
    named.split(',').map(str::to_owned).collect()
}

/// A client's settings, outside of what is tested.
pub(crate) fn client() -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", brokers().join(","));
    client
}

/// A name that nobody else on the broker has.
pub(crate) fn unique(name: &str) -> String {
    static RUN: OnceLock<String> = OnceLock::new();
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let run = RUN.get_or_init(|| format!("{:x}", SystemClock::new().wall().unix_nanos()));
    format!("{name}-{run}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
