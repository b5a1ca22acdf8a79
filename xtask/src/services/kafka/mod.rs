//! Apache Kafka: brokers that are controllers too, out of jars.

mod jars;
mod java;
mod properties;
mod storage;
mod tls;

use std::path::{Path, PathBuf};

use super::account::Account;
use super::error::Error;
use super::kind::Kind;
use super::launch::Launch;
use super::place::{self, Place};
use super::random;
use super::state::State;
use java::{Java, JavaCall};
use properties::Broker;

/// The name of the port for clients with a password, over TLS.
const SASL: &str = "sasl";
/// The name of the port between the brokers' controllers.
const CONTROLLER: &str = "controller";
/// The name of the port for clients that come through a proxy.
const PROXIED: &str = "proxied";
/// The name of the port where that proxy is expected: brokers tell clients of it, and nobody listens there until a test does.
const PROXY: &str = "proxy";
/// The ports of a broker.
pub(super) const PORTS: [&str; 5] = [super::state::CLIENT, SASL, CONTROLLER, PROXIED, PROXY];

const LOG4J2: &str = "status=error
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %c{1}: %m%n
";

/// Makes brokers ready to start: jars, certificates, configuration, storage.
pub(super) fn prepare(place: &Place, state: &mut State, install: bool) -> Result<Vec<Launch>, Error> {
    let java = Java::find(install)?;
    let jars = jars::fetch(place)?;
    jars::VERSION.clone_into(&mut state.version);
    let home = place.of(Kind::Kafka);
    place::private_directory(&home)?;
    place::private_file(&home.join("log4j2.properties"), LOG4J2)?;
    let tls = home.join("tls");
    place::once(&tls, tls::fill)?;
    learn(state, &tls)?;
    // Once the storage is formatted, only this file knows the password.
    state.write(place)?;
    (0..state.nodes.len()).map(|at| broker(state, at, &home, &java, &jars)).collect()
}

/// What stays the same for as long as the data.
fn learn(state: &mut State, tls: &Path) -> Result<(), Error> {
    if !state.facts.contains_key("cluster") {
        // 128 bits in base64: the last letter holds only two of them.
        state.facts.insert("cluster".into(), random::word(21)? + "A");
        state.facts.insert("sasl.password".into(), random::word(24)?);
    }
    state.facts.insert("sasl.address".into(), state.address_by(SASL));
    state.facts.insert("sasl.mechanism".into(), "SCRAM-SHA-512".into());
    state.facts.insert("sasl.user".into(), "laneway".into());
    state.facts.insert("sasl.ca".into(), tls.join(tls::CA).display().to_string());
    Ok(())
}

fn broker(state: &State, at: usize, home: &Path, java: &Java, jars: &Path) -> Result<Launch, Error> {
    let folder = home.join(format!("broker-{}", at + 1));
    place::private_directory(&folder)?;
    let broker = Broker { at, nodes: &state.nodes, data: folder.join("data"), tls: home.join("tls") };
    let configuration = folder.join("server.properties");
    place::private_file(&configuration, &broker.text())?;
    let heap = if state.nodes.len() == 1 { ["-Xms256m", "-Xmx1g"] } else { ["-Xms128m", "-Xmx512m"] };
    let call = JavaCall { jars: jars.to_owned(), logging: home.join("log4j2.properties") };
    storage::format(state, &broker.data, &folder, &configuration, java, &call)?;
    let args = folder.join("run.args");
    let main = ["kafka.Kafka".to_owned(), configuration.display().to_string()];
    place::private_file(&args, &call.text(&heap, &main))?;
    Ok(Launch {
        kind: Kind::Kafka,
        program: java.program.clone(),
        args: vec![java::argument_file(&args)],
        account: Account::Own,
        log: folder.join("log"),
        directory: folder,
    })
}

/// What else to tell people, as key and value; no password.
pub(super) fn more(state: &State) -> Vec<(&'static str, PathBuf)> {
    let fact = |key: &str| PathBuf::from(state.facts.get(key).cloned().unwrap_or_default());
    vec![("kafka.sasl", fact("sasl.address")), ("kafka.ca", fact("sasl.ca"))]
}
