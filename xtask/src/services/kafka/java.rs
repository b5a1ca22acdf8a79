//! The Java that runs Kafka.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::super::debian;
use super::super::error::Error;
use super::super::program;

/// The oldest that Kafka 4 runs on.
const OLDEST: u32 = 17;
const REMEDY: &str =
    "install a JRE, 17 or newer (Debian: apt-get install openjdk-17-jre-headless), or set JAVA_HOME";
/// The package of Debian that brings one.
const PACKAGE: &str = "openjdk-17-jre-headless";

/// A Java that is new enough.
pub(super) struct Java {
    /// Its launcher.
    pub(super) program: PathBuf,
}

impl Java {
    /// The one of `JAVA_HOME`, or on the path, or installed where that was asked for.
    pub(super) fn find(install: bool) -> Result<Self, Error> {
        let home = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
        let path = match home.filter(|path| program::is_program(path)) {
            Some(path) => path,
            None if install && program::find("java").is_none() => {
                debian::install("kafka", "java", PACKAGE, install)?;
                program::demand("kafka", "java", REMEDY)?
            }
            None => program::demand("kafka", "java", REMEDY)?,
        };
        let said = program::run(program::plain(&path).arg("-version"), "asking Java for its version", "")?;
        match major(&said) {
            Some(major) if major >= OLDEST => Ok(Self { program: path }),
            found => {
                let found = found.map_or_else(|| "of unknown version".to_owned(), |major| major.to_string());
                Err(Error::OldJava { path, found })
            }
        }
    }
}

/// The main number in what `java -version` says: `openjdk version "17.0.15"`, `java version "1.8.0_392"`.
fn major(said: &str) -> Option<u32> {
    let version = said.split("version \"").nth(1)?;
    let mut numbers = version.split(|letter: char| !letter.is_ascii_digit());
    let first = numbers.next()?.parse().ok()?;
    if first == 1 { numbers.next()?.parse().ok() } else { Some(first) }
}

/// What every call of a Kafka program has in common.
pub(super) struct JavaCall {
    /// The folder of the jars.
    pub(super) jars: PathBuf,
    /// The configuration of log4j2.
    pub(super) logging: PathBuf,
}

impl JavaCall {
    /// The text of an argument file, in which words stand that the list of processes should not show, a password for
    /// example.
    pub(super) fn text(&self, options: &[&str], main: &[String]) -> String {
        let mut words = options.iter().map(|option| (*option).to_owned()).collect::<Vec<_>>();
        words.push(format!("-Dlog4j2.configurationFile={}", self.logging.display()));
        words.extend(["-cp".to_owned(), format!("{}/*", self.jars.display())]);
        words.extend_from_slice(main);
        words.iter().map(|word| quoted(word) + "\n").collect()
    }
}

/// The argument that makes Java read its arguments from a file.
pub(super) fn argument_file(path: &Path) -> OsString {
    let mut argument = OsString::from("@");
    argument.push(path);
    argument
}

fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_ways_to_say_a_version_are_read() {
        assert_eq!(major("openjdk version \"17.0.15\" 2025-04-15\n"), Some(17));
        assert_eq!(major("java version \"1.8.0_392\"\n"), Some(8));
        assert_eq!(
            major("Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version \"25\" 2025-09-16\n"),
            Some(25)
        );
        assert_eq!(major("command not found"), None);
    }

    #[test]
    fn an_argument_file_holds_words_with_blanks_and_quotes() {
        let call = JavaCall { jars: "a b".into(), logging: "l".into() };
        let text = call.text(&["-Xmx1g"], &["Main".to_owned(), "c\\\"d".to_owned()]);
        let expected =
            "\"-Xmx1g\"\n\"-Dlog4j2.configurationFile=l\"\n\"-cp\"\n\"a b/*\"\n\"Main\"\n\"c\\\\\\\"d\"\n";
        assert_eq!(text, expected);
    }
}
