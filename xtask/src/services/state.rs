//! What is known of a server: the file beside its folder.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io;

use super::error::Error;
use super::kind::Kind;
use super::place::{self, Place};
use super::process::Process;

/// The name of the port that clients use.
pub(crate) const CLIENT: &str = "client";

/// What is known of a server. In its file, a line holds a key, `=` and a value; `docs/services.md` lists the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    /// What it is.
    pub(crate) kind: Kind,
    /// The version of its program.
    pub(crate) version: String,
    /// Its processes; more than one in a cluster.
    pub(crate) nodes: Vec<Node>,
    /// What else a client may need. Passwords stand here and nowhere else.
    pub(crate) facts: BTreeMap<String, String>,
}

/// One process of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Node {
    /// Where it listens, by the name of the port.
    pub(crate) ports: BTreeMap<String, u16>,
    /// The process that was started last, until it is stopped.
    pub(crate) process: Option<Process>,
}

impl Node {
    /// The port of this name, 0 where there is none.
    pub(crate) fn port(&self, name: &str) -> u16 {
        self.ports.get(name).copied().unwrap_or_default()
    }

    /// Whether it runs.
    pub(crate) fn runs(&self) -> bool {
        self.process.as_ref().is_some_and(Process::runs)
    }
}

impl State {
    /// A server of so many processes, none of which runs.
    pub(crate) fn new(kind: Kind, nodes: usize) -> Self {
        let nodes = vec![Node::default(); nodes];
        Self { kind, version: String::new(), nodes, facts: BTreeMap::new() }
    }

    /// What the file says, if there is one.
    pub(crate) fn read(place: &Place, kind: Kind) -> Result<Option<Self>, Error> {
        let path = place.state(kind);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path, error)),
        };
        Self::parse(&text).map(Some).map_err(|why| Error::Damaged { path, why })
    }

    /// Writes the file.
    pub(crate) fn write(&self, place: &Place) -> Result<(), Error> {
        place::private_file(&place.state(self.kind), &self.text(place))
    }

    /// What clients are told.
    pub(crate) fn address(&self) -> String {
        self.address_by(CLIENT)
    }

    /// What clients of the port of this name are told.
    pub(crate) fn address_by(&self, port: &str) -> String {
        self.kind.address(&self.nodes.iter().map(|node| node.port(port)).collect::<Vec<_>>())
    }

    /// The ports of all processes, for people.
    pub(crate) fn ports(&self) -> String {
        let ports = self.nodes.iter().flat_map(|node| node.ports.values()).map(u16::to_string);
        ports.collect::<Vec<_>>().join(", ")
    }

    fn text(&self, place: &Place) -> String {
        let mut lines = vec![
            ("service".to_owned(), self.kind.name().to_owned()),
            ("version".to_owned(), self.version.clone()),
            ("started_by".to_owned(), "cargo xtask services".to_owned()),
            ("directory".to_owned(), place.of(self.kind).display().to_string()),
            (self.kind.variable().to_owned(), self.address()),
            ("nodes".to_owned(), self.nodes.len().to_string()),
        ];
        for (at, node) in self.nodes.iter().enumerate() {
            let own = |key: &str| format!("node.{}.{key}", at + 1);
            lines.extend(
                node.ports.iter().map(|(name, port)| (own(&format!("port.{name}")), port.to_string())),
            );
            if let Some(process) = &node.process {
                lines.push((own("pid"), process.pid.to_string()));
                lines.push((own("start_ticks"), process.start_ticks.to_string()));
                lines.push((own("boot"), process.boot.clone()));
            }
        }
        lines.extend(self.facts.iter().map(|(key, value)| (key.clone(), value.clone())));
        lines.iter().fold(String::new(), |mut text, (key, value)| {
            let _ = writeln!(text, "{key}={value}");
            text
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut values = text.lines().filter_map(|line| line.split_once('=')).collect::<BTreeMap<_, _>>();
        let mut take = |key: &str| values.remove(key).ok_or_else(|| format!("it has no `{key}=`"));
        let service = take("service")?;
        let kind = Kind::of(service).ok_or_else(|| format!("`{service}` is no service"))?;
        let nodes = number::<usize>("nodes", take("nodes")?)?;
        if !(1..=9).contains(&nodes) {
            return Err(format!("nodes={nodes} is not between 1 and 9"));
        }
        let version = take("version")?.to_owned();
        let mut state = Self { version, ..Self::new(kind, nodes) };
        for derived in ["started_by", "directory", kind.variable()] {
            values.remove(derived);
        }
        for (at, node) in state.nodes.iter_mut().enumerate() {
            *node = Self::parse_node(&format!("node.{}.", at + 1), &mut values)?;
        }
        state.facts = values.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Ok(state)
    }

    fn parse_node(prefix: &str, values: &mut BTreeMap<&str, &str>) -> Result<Node, String> {
        let own = values.extract_if(.., |key, _| key.starts_with(prefix)).collect::<Vec<_>>();
        let own = own.into_iter().filter_map(|(key, value)| Some((key.strip_prefix(prefix)?, value)));
        let own = own.collect::<BTreeMap<_, _>>();
        let mut node = Node::default();
        for (key, value) in &own {
            if let Some(name) = key.strip_prefix("port.") {
                node.ports.insert(name.to_owned(), number(key, value)?);
            }
        }
        if let (Some(pid), Some(ticks), Some(boot)) =
            (own.get("pid"), own.get("start_ticks"), own.get("boot"))
        {
            let (pid, start_ticks) = (number("pid", pid)?, number("start_ticks", ticks)?);
            node.process = Some(Process { pid, start_ticks, boot: (*boot).to_owned() });
        }
        Ok(node)
    }
}

fn number<N: std::str::FromStr>(key: &str, value: &str) -> Result<N, String> {
    value.parse().map_err(|_| format!("{key}={value} is no number that fits"))
}

#[cfg(test)]
mod tests {
    use super::super::place::tests::Scratch;
    use super::*;

    fn state() -> State {
        let mut state = State::new(Kind::Kafka, 2);
        state.version = "4.1.1".into();
        for (at, node) in state.nodes.iter_mut().enumerate() {
            node.ports = [(CLIENT.to_owned(), 1000), ("sasl".to_owned(), 2000)].into();
            node.process = Some(Process { pid: 7, start_ticks: at as u64, boot: "b-1".into() });
        }
        state.facts = [("sasl.password".to_owned(), "a=b c".to_owned())].into();
        state
    }

    #[test]
    fn a_state_comes_back_as_it_was_written() {
        let scratch = Scratch::new("state");
        assert_eq!(State::read(&scratch.0, Kind::Kafka).unwrap(), None);
        state().write(&scratch.0).unwrap();
        assert_eq!(State::read(&scratch.0, Kind::Kafka).unwrap(), Some(state()));
    }

    #[test]
    fn a_state_says_in_plain_lines_where_the_server_is() {
        let text = state().text(&Scratch::new("text").0);
        let lines = text.lines().collect::<Vec<_>>();
        for line in ["service=kafka", "LANEWAY_KAFKA=127.0.0.1:1000,127.0.0.1:1000", "node.2.port.sasl=2000"]
        {
            assert!(lines.contains(&line), "{text}");
        }
    }

    #[test]
    fn a_damaged_state_says_what_is_wrong() {
        let wrong = |from: &str, to: &str| {
            let text = state().text(&Scratch::new("damaged").0).replace(from, to);
            State::parse(&text).unwrap_err()
        };
        assert_eq!(wrong("service=kafka", "service=redis"), "`redis` is no service");
        assert_eq!(wrong("nodes=2", "nodes=9999999"), "nodes=9999999 is not between 1 and 9");
        assert_eq!(wrong("port.sasl=2000", "port.sasl=70000"), "port.sasl=70000 is no number that fits");
        assert_eq!(wrong("version=", "v="), "it has no `version=`");
    }
}
