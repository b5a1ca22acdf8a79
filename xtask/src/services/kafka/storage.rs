//! A broker's empty storage.

use std::path::Path;

use super::super::error::Error;
use super::super::state::State;
use super::super::{place, program};
use super::java::{self, Java, JavaCall};

/// Formats a broker's storage, unless that was done before, with the user of the SASL listener in it.
pub(super) fn format(
    state: &State,
    data: &Path,
    folder: &Path,
    configuration: &Path,
    java: &Java,
    call: &JavaCall,
) -> Result<(), Error> {
    if data.join("meta.properties").exists() {
        return Ok(());
    }
    place::remove(data)?;
    let args = folder.join("format.args");
    place::private_file(
        &args,
        &call.text(&["-Xmx128m", "-XX:TieredStopAtLevel=1"], &main(state, configuration)),
    )?;
    let mut command = program::plain(&java.program);
    let done = program::run(
        command.arg(java::argument_file(&args)).current_dir(folder),
        "formatting Kafka's storage",
        "",
    );
    // It holds the password.
    let _ = std::fs::remove_file(&args);
    done.map(drop)
}

fn main(state: &State, configuration: &Path) -> Vec<String> {
    let fact = |key: &str| state.facts.get(key).cloned().unwrap_or_default();
    let user = format!("[name={},password={}]", fact("sasl.user"), fact("sasl.password"));
    let words = ["kafka.tools.StorageTool", "format", "-t", &fact("cluster"), "-c"].map(str::to_owned);
    let scram = ["--add-scram".to_owned(), format!("{}={user}", fact("sasl.mechanism"))];
    words.into_iter().chain([configuration.display().to_string()]).chain(scram).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::kind::Kind;
    use super::*;

    #[test]
    fn the_user_of_the_sasl_listener_is_made_with_the_storage() {
        let mut state = State::new(Kind::Kafka, 1);
        let facts = [("cluster", "C"), ("sasl.user", "u"), ("sasl.password", "p"), ("sasl.mechanism", "M")];
        state.facts = facts.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let line = main(&state, Path::new("f")).join(" ");
        assert_eq!(line, "kafka.tools.StorageTool format -t C -c f --add-scram M=[name=u,password=p]");
    }
}
