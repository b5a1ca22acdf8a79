//! `cargo xtask services`: real servers as plain processes, for tests and for users. `docs/services.md` is their guide.

mod account;
mod database;
mod debian;
mod down;
mod error;
mod kafka;
mod kind;
mod launch;
mod lend;
mod log;
mod mariadb;
mod nats;
mod own;
mod place;
mod port;
mod postgres;
mod probe;
mod process;
mod program;
mod random;
mod state;
mod status;
mod up;
mod wait;

use clap::Subcommand;

use error::Error;
pub(crate) use kind::Kind;
pub(crate) use lend::{Lent, lend, take_back};
use place::Place;
use up::{Reached, Wish};

/// What to do with servers.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Start servers, or say where they are; standard output is lines of KEY=VALUE
    Up {
        /// Servers to start; all of them when none is named
        #[arg(value_name = "NAME")]
        names: Vec<Kind>,
        /// How many brokers Kafka has, each with every role
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=5))]
        brokers: Option<u8>,
        /// Begin with no data; what was there goes
        #[arg(long)]
        fresh: bool,
        /// Install a package of Debian that is missing, as root
        #[arg(long)]
        install: bool,
    },
    /// Stop what was started here, and nothing else; data and ports are kept
    Down {
        /// Servers to stop; all of them when none is named
        #[arg(value_name = "NAME")]
        names: Vec<Kind>,
        /// Remove the servers' data too; what was fetched is kept
        #[arg(long)]
        all_data: bool,
    },
    /// Say what runs, where, and since when; fails where a server that is named does not answer
    Status {
        /// Servers to look at; all of them when none is named
        #[arg(value_name = "NAME")]
        names: Vec<Kind>,
    },
}

/// Does it, and says whether that succeeded for every server.
///
/// # Errors
/// Where the folder of the servers cannot be used.
pub(crate) fn run(action: Action) -> anyhow::Result<bool> {
    let place = Place::from_environment()?;
    match action {
        Action::Up { names, brokers, fresh, install } => {
            let wish = Wish { brokers: brokers.map(usize::from), fresh, install };
            Ok(each(&names, |kind| up::up(&place, kind, wish).map(|reached| tell(&place, kind, &reached))))
        }
        Action::Down { names, all_data } => Ok(each(&names, |kind| {
            let ran = down::down(&place, kind, all_data)?;
            let data = if all_data { ", and its data are gone" } else { "" };
            eprintln!("{}: {}{data}", kind.name(), if ran { "stopped" } else { "was not running" });
            Ok(())
        })),
        Action::Status { names } => {
            let status = status::status(&place, &chosen(&names))?;
            print!("{}", status.text);
            Ok(names.is_empty() || status.all_answer)
        }
    }
}

fn chosen(names: &[Kind]) -> Vec<Kind> {
    let mut kinds = if names.is_empty() { Kind::ALL.to_vec() } else { names.to_vec() };
    kinds.sort();
    kinds.dedup();
    kinds
}

/// Does something for each server, whatever becomes of the others.
fn each(names: &[Kind], act: impl Fn(Kind) -> Result<(), Error>) -> bool {
    let failed = chosen(names).into_iter().filter(|kind| match act(*kind) {
        Ok(()) => false,
        Err(error) => {
            eprintln!("{}: error: {error}", kind.name());
            true
        }
    });
    failed.count() == 0
}

fn tell(place: &Place, kind: Kind, reached: &Reached) {
    let name = kind.name();
    match reached {
        Reached::Own(address) => {
            eprintln!("{name}: {} names a server of your own; nothing was started", kind.variable());
            let shown = own::concealed(address);
            println!("{name}={shown}");
            // What holds a password is in the environment already.
            if shown == *address {
                println!("{}={shown}", kind.variable());
            }
        }
        Reached::Running(state) | Reached::Started(state) => {
            println!("{name}={}\n{}={}", state.address(), kind.variable(), state.address());
            if kind == Kind::Kafka {
                kafka::more(state).iter().for_each(|(key, value)| println!("{key}={}", value.display()));
            }
            println!("{name}.state={}", place.state(kind).display());
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        action: Action,
    }

    fn parsed(line: &str) -> Result<Action, clap::Error> {
        Line::try_parse_from(format!("services {line}").split(' ')).map(|line| line.action)
    }

    #[test]
    fn servers_are_named_in_any_number() {
        let Ok(Action::Up { names, brokers, fresh, install }) = parsed("up nats kafka --brokers 3") else {
            panic!("it does not parse");
        };
        assert_eq!((names, brokers, fresh, install), (vec![Kind::Nats, Kind::Kafka], Some(3), false, false));
        assert!(matches!(parsed("down --all-data"), Ok(Action::Down { all_data: true, .. })));
        assert!(matches!(parsed("status mariadb"), Ok(Action::Status { .. })));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in ["up redis", "up kafka --brokers 0", "up kafka --brokers 12", "down --fresh", "restart"] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }

    #[test]
    fn no_name_means_every_server_and_a_name_counts_once() {
        assert_eq!(chosen(&[]), Kind::ALL);
        assert_eq!(chosen(&[Kind::Nats, Kind::Kafka, Kind::Nats]), [Kind::Kafka, Kind::Nats]);
    }

    #[test]
    fn one_server_that_fails_does_not_keep_the_others_from_starting() {
        let seen = std::cell::RefCell::new(Vec::new());
        let done = each(&[Kind::Kafka, Kind::Nats], |kind| {
            seen.borrow_mut().push(kind);
            Err(Error::Step { what: "it".into(), said: "no".into() })
        });
        assert!(!done && *seen.borrow() == [Kind::Kafka, Kind::Nats]);
    }
}
