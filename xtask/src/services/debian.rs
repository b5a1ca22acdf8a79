//! Packages of Debian, for those who ask for them.

use super::account;
use super::error::Error;
use super::program;

/// How to get programs that a package of Debian brings: installs it where that was asked for, else says how.
pub(crate) fn install(
    service: &'static str,
    program: &'static str,
    packages: &str,
    asked: bool,
) -> Result<(), Error> {
    let Some(apt) = program::find("apt-get") else {
        return Err(Error::Missing {
            service,
            program,
            remedy: format!("install it with your package manager ({packages})"),
        });
    };
    if !account::is_root() {
        let remedy = format!("let root run `apt-get install --no-install-recommends {packages}`");
        return Err(Error::Missing { service, program, remedy });
    }
    if !asked {
        let mut plan = program::plain(&apt);
        let plan = plan.args(["install", "--simulate", "--no-install-recommends"]).args(packages.split(' '));
        let brings = program::run(plan, "apt-get install --simulate", "").map(|said| brought(&said));
        let brings = brings.unwrap_or_else(|_| format!("{packages}, once `apt-get update` has run"));
        let remedy = format!(
            "add --install, and `apt-get install --no-install-recommends {packages}` brings {brings}"
        );
        return Err(Error::Missing { service, program, remedy });
    }
    eprintln!("{service}: apt-get install --no-install-recommends {packages}");
    let mut command = program::plain(&apt);
    command.args(["install", "--yes", "--no-install-recommends"]).args(packages.split(' '));
    // The package's own server stays off where packages ask for the runlevel.
    command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    program::run(&mut command, "apt-get install", "").map(drop).map_err(|error| match error {
        Error::Step { said, .. } => {
            Error::Fetch { what: format!("{packages} (has `apt-get update` run?)"), said }
        }
        other => other,
    })
}

/// The packages in what a simulation says: `Inst NAME (VERSION ..)`.
fn brought(said: &str) -> String {
    let names = said.lines().filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next());
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulation_names_what_would_come() {
        let said = "Reading package lists...\nInst libaio1 (0.3 Debian [amd64])\nInst mariadb-server-core (1:10 Debian)\nConf libaio1\n";
        assert_eq!(brought(said), "libaio1, mariadb-server-core");
    }
}
