//! Servers that parts need, got before a part runs and given back when all have run.

use std::collections::BTreeMap;

use super::Demand;
use super::part::Part;
use crate::services::{self, Kind, Lent};

/// The variable that names servers whose absence is a failure: `kafka,nats`, or `all`.
const REQUIRE: &str = "LANEWAY_REQUIRE";

/// Servers that parts need. One that was got, or could not be, is not asked for again.
pub(crate) struct Servers {
    lend: fn(Kind) -> Result<Lent, String>,
    required: String,
    asked: BTreeMap<Kind, Result<Lent, String>>,
}

/// What a part gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Provision {
    /// All it needs: variables for its commands.
    Ready(Vec<(&'static str, String)>),
    /// Not all; with the reason.
    Skipped(String),
    /// Not all, where that is a failure; with the reason.
    Failed(String),
}

impl Servers {
    /// The servers of this machine.
    pub(crate) fn of_this_machine() -> Self {
        Self::new(services::lend, &std::env::var(REQUIRE).unwrap_or_default())
    }

    fn new(lend: fn(Kind) -> Result<Lent, String>, required: &str) -> Self {
        Self { lend, required: required.to_owned(), asked: BTreeMap::new() }
    }

    /// Gets what a part needs.
    pub(crate) fn provide(&mut self, part: &Part, demand: Demand) -> Provision {
        let mut variables = BTreeMap::new();
        for kind in part.servers {
            match self.asked.entry(*kind).or_insert_with(|| (self.lend)(*kind)) {
                Ok(lent) => variables.extend(lent.variables.iter().cloned()),
                Err(why) if demand == Demand::Everything || requires(&self.required, *kind) => {
                    return Provision::Failed(why.clone());
                }
                Err(why) => return Provision::Skipped(why.clone()),
            }
        }
        Provision::Ready(variables.into_iter().collect())
    }

    /// Stops those that were started for the suite.
    pub(crate) fn give_back(self) {
        let lent = self.asked.into_iter().filter_map(|(kind, lent)| Some((kind, lent.ok()?)));
        lent.filter(|(_, lent)| lent.started).for_each(|(kind, _)| services::take_back(kind));
    }
}

/// Whether a list names a server.
fn requires(list: &str, kind: Kind) -> bool {
    list.split(',').map(str::trim).any(|name| name == "all" || name == kind.name())
}

#[cfg(test)]
mod tests {
    use super::super::parts::PARTS;
    use super::*;

    /// Kafka can be had here, and nothing else.
    fn lend(kind: Kind) -> Result<Lent, String> {
        match kind {
            Kind::Kafka => {
                Ok(Lent { variables: vec![("LANEWAY_KAFKA", "127.0.0.1:1".to_owned())], started: false })
            }
            _ => Err(format!("{} needs a program: install it", kind.name())),
        }
    }

    fn provide(servers: &'static [Kind], required: &str, demand: Demand) -> Provision {
        let part = Part { servers, ..PARTS[0].clone() };
        Servers::new(lend, required).provide(&part, demand)
    }

    fn why() -> String {
        "nats needs a program: install it".to_owned()
    }

    #[test]
    fn a_part_gets_the_variables_of_its_servers_and_of_no_other() {
        let kafka = Provision::Ready(vec![("LANEWAY_KAFKA", "127.0.0.1:1".to_owned())]);
        assert_eq!(provide(&[Kind::Kafka], "", Demand::Whatever), kafka);
        assert_eq!(provide(&[], "all", Demand::Everything), Provision::Ready(Vec::new()));
    }

    #[test]
    fn a_part_without_its_server_is_skipped_and_says_why() {
        let servers = &[Kind::Kafka, Kind::Nats];
        assert_eq!(provide(servers, "", Demand::Whatever), Provision::Skipped(why()));
        assert_eq!(provide(servers, "kafka,mariadb", Demand::Whatever), Provision::Skipped(why()));
    }

    #[test]
    fn a_missing_server_is_a_failure_where_it_is_required() {
        for required in ["nats", "kafka, nats", "all"] {
            assert_eq!(
                provide(&[Kind::Nats], required, Demand::Whatever),
                Provision::Failed(why()),
                "{required}"
            );
        }
        assert_eq!(provide(&[Kind::Nats], "", Demand::Everything), Provision::Failed(why()));
    }

    #[test]
    fn a_server_is_asked_for_once() {
        let mut servers = Servers::new(lend, "");
        let part = Part { servers: &[Kind::Kafka], ..PARTS[0].clone() };
        let first = servers.provide(&part, Demand::Whatever);
        servers.lend = |_| Err("asked twice".to_owned());
        assert_eq!(servers.provide(&part, Demand::Whatever), first);
    }
}
