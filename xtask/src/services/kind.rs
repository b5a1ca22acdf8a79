//! The servers that can be had.

use clap::ValueEnum;

/// A server that can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// Apache Kafka, without ZooKeeper.
    Kafka,
    /// NATS with JetStream.
    Nats,
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    Mariadb,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Kafka, Self::Nats, Self::Postgres, Self::Mariadb];

    /// What it is called on the command line and in files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Nats => "nats",
            Self::Postgres => "postgres",
            Self::Mariadb => "mariadb",
        }
    }

    /// The kind of this name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The variable that says where one is.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::Kafka => "LANEWAY_KAFKA",
            Self::Nats => "LANEWAY_NATS",
            Self::Postgres => "LANEWAY_POSTGRES",
            Self::Mariadb => "LANEWAY_MARIADB",
        }
    }

    /// The signal that ends one soon and in order.
    pub(crate) fn stop_signal(self) -> &'static str {
        match self {
            // On TERM, PostgreSQL would wait for its clients to leave.
            Self::Postgres => "INT",
            Self::Kafka | Self::Nats | Self::Mariadb => "TERM",
        }
    }

    /// What a client is told, for servers that listen on these ports.
    pub(crate) fn address(self, ports: &[u16]) -> String {
        let hosts = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",");
        match self {
            Self::Kafka => hosts,
            Self::Nats => format!("nats://{hosts}"),
            Self::Postgres => format!("postgres://laneway@{hosts}/laneway"),
            Self::Mariadb => format!("mysql://laneway@{hosts}/laneway"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of(kind.name()), Some(kind));
        }
        assert_eq!(Kind::of("redis"), None);
    }

    #[test]
    fn an_address_is_what_a_client_takes() {
        assert_eq!(Kind::Kafka.address(&[1, 2]), "127.0.0.1:1,127.0.0.1:2");
        assert_eq!(Kind::Postgres.address(&[5]), "postgres://laneway@127.0.0.1:5/laneway");
    }
}
