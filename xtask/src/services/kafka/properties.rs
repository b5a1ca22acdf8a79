//! A broker's configuration.

use std::path::{Path, PathBuf};

use super::super::state::{CLIENT, Node};
use super::tls;
use super::{CONTROLLER, PROXIED, PROXY, SASL};

/// The most copies that anything needs: two may fail without a loss, one without a pause.
const COPIES: usize = 3;

/// One broker among its like.
pub(super) struct Broker<'a> {
    /// Which one, from 0.
    pub(super) at: usize,
    /// All of them.
    pub(super) nodes: &'a [Node],
    /// Where its data are.
    pub(super) data: PathBuf,
    /// Where certificates are.
    pub(super) tls: PathBuf,
}

impl Broker<'_> {
    /// The text of its properties file.
    pub(super) fn text(&self) -> String {
        let sections = [self.identity(), self.listeners(), self.security(), self.copies()];
        let fixed = [
            ("auto.create.topics.enable", "false".to_owned()),
            // A test's group should not wait for members that never come.
            ("group.initial.rebalance.delay.ms", "0".to_owned()),
            // KIP-848: members that ask for `group.protocol=consumer` get it, others the classic one.
            ("group.coordinator.rebalance.protocols", "classic,consumer".to_owned()),
            // What a group of the newer protocol notices is noticed at a heartbeat: every 5 s by default, and 45 s for a
            // member that is gone.
            ("group.consumer.min.heartbeat.interval.ms", "100".to_owned()),
            ("group.consumer.heartbeat.interval.ms", "300".to_owned()),
            ("group.consumer.min.session.timeout.ms", "1000".to_owned()),
            ("group.consumer.session.timeout.ms", "3000".to_owned()),
            ("group.min.session.timeout.ms", "1000".to_owned()),
            // A broker that was killed is replaced, or let in again, only when its session has ended: 9 s by default.
            ("broker.session.timeout.ms", "4000".to_owned()),
            ("broker.heartbeat.interval.ms", "1000".to_owned()),
            // Fifty, the default, take longer to create than a short test.
            ("offsets.topic.num.partitions", "10".to_owned()),
            ("transaction.state.log.num.partitions", "10".to_owned()),
            ("share.coordinator.state.topic.num.partitions", "10".to_owned()),
        ];
        let lines = sections.into_iter().flatten().chain(fixed);
        lines.map(|(key, value)| format!("{key}={}\n", value.replace('\\', "\\\\"))).collect()
    }

    fn identity(&self) -> Vec<(&'static str, String)> {
        let voter = |(at, node): (usize, &Node)| format!("{}@127.0.0.1:{}", at + 1, node.port(CONTROLLER));
        let voters = self.nodes.iter().enumerate().map(voter).collect::<Vec<_>>().join(",");
        vec![
            ("process.roles", "broker,controller".to_owned()),
            ("node.id", (self.at + 1).to_string()),
            ("controller.quorum.voters", voters),
            ("log.dirs", text(&self.data)),
        ]
    }

    fn listeners(&self) -> Vec<(&'static str, String)> {
        let port = |name| self.nodes[self.at].port(name);
        let clients = format!("PLAIN://127.0.0.1:{},SECURE://127.0.0.1:{}", port(CLIENT), port(SASL));
        vec![
            (
                "listeners",
                format!(
                    "{clients},PROXIED://127.0.0.1:{},CONTROLLER://127.0.0.1:{}",
                    port(PROXIED),
                    port(CONTROLLER)
                ),
            ),
            ("advertised.listeners", format!("{clients},PROXIED://127.0.0.1:{}", port(PROXY))),
            (
                "listener.security.protocol.map",
                "PLAIN:PLAINTEXT,SECURE:SASL_SSL,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
            ),
            ("inter.broker.listener.name", "PLAIN".to_owned()),
            ("controller.listener.names", "CONTROLLER".to_owned()),
        ]
    }

    fn security(&self) -> Vec<(&'static str, String)> {
        let login = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
        vec![
            ("listener.name.secure.sasl.enabled.mechanisms", "SCRAM-SHA-512".to_owned()),
            ("listener.name.secure.scram-sha-512.sasl.jaas.config", login.to_owned()),
            ("listener.name.secure.ssl.keystore.type", "PEM".to_owned()),
            ("listener.name.secure.ssl.keystore.location", text(&self.tls.join(tls::BROKER))),
        ]
    }

    fn copies(&self) -> Vec<(&'static str, String)> {
        let copies = self.nodes.len().min(COPIES);
        let in_sync = copies.saturating_sub(1).max(1);
        let pair = |name, in_sync_name| [(name, copies.to_string()), (in_sync_name, in_sync.to_string())];
        let mut lines = vec![("offsets.topic.replication.factor", copies.to_string())];
        lines.extend(pair("default.replication.factor", "min.insync.replicas"));
        lines.extend(pair("transaction.state.log.replication.factor", "transaction.state.log.min.isr"));
        lines.extend(pair(
            "share.coordinator.state.topic.replication.factor",
            "share.coordinator.state.topic.min.isr",
        ));
        lines
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(nodes: u16, at: usize) -> Vec<String> {
        let node = |number: u16| {
            let ports = [(CLIENT, 1000), (SASL, 2000), (CONTROLLER, 3000), (PROXIED, 4000), (PROXY, 5000)];
            let ports = ports.map(|(name, base)| (name.to_owned(), base + number)).into();
            Node { ports, process: None }
        };
        let nodes = (1..=nodes).map(node).collect::<Vec<_>>();
        let broker = Broker { at, nodes: &nodes, data: "d a".into(), tls: "t".into() };
        broker.text().lines().map(str::to_owned).collect()
    }

    #[test]
    fn one_broker_is_content_with_one_copy() {
        let lines = lines(1, 0);
        for line in [
            "node.id=1",
            "log.dirs=d a",
            "controller.quorum.voters=1@127.0.0.1:3001",
            "offsets.topic.replication.factor=1",
            "transaction.state.log.replication.factor=1",
            "transaction.state.log.min.isr=1",
            "share.coordinator.state.topic.replication.factor=1",
            "share.coordinator.state.topic.min.isr=1",
            "group.initial.rebalance.delay.ms=0",
            "auto.create.topics.enable=false",
        ] {
            assert!(lines.iter().any(|own| own == line), "{line} is not in {lines:#?}");
        }
    }

    #[test]
    fn three_brokers_know_each_other_and_keep_three_copies() {
        let lines = lines(3, 1);
        for line in [
            "node.id=2",
            "controller.quorum.voters=1@127.0.0.1:3001,2@127.0.0.1:3002,3@127.0.0.1:3003",
            "offsets.topic.replication.factor=3",
            "min.insync.replicas=2",
            "transaction.state.log.min.isr=2",
        ] {
            assert!(lines.iter().any(|own| own == line), "{line} is not in {lines:#?}");
        }
    }

    #[test]
    fn every_listener_is_for_this_machine_alone() {
        let lines = lines(3, 2);
        let listeners = lines.iter().filter(|line| line.contains("listeners=")).collect::<Vec<_>>();
        assert_eq!(listeners.len(), 2);
        for entry in listeners.iter().flat_map(|line| line.split(',')) {
            assert!(entry.contains("://127.0.0.1:"), "{entry}");
        }
    }

    #[test]
    fn no_key_stands_twice() {
        let mut keys = lines(3, 0);
        keys.iter_mut().for_each(|line| line.truncate(line.find('=').unwrap()));
        let all = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), all);
    }
}
