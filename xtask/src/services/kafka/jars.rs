//! Kafka's jars, from Maven's central repository or the mirror that Maven is set to.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::error::Error;
use super::super::place::{self, Place};
use super::super::{log, program};

/// The version that is fetched.
pub(super) const VERSION: &str = "4.1.1";

/// SHA-256 and path in the repository of each jar.
const LIST: &str = include_str!("jars.txt");
const REPOSITORY: &str = "https://repo1.maven.org/maven2";
const POM: &str = "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">
  <modelVersion>4.0.0</modelVersion>
  <groupId>laneway</groupId>
  <artifactId>services</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>4.1.1</version>
    </dependency>
    <dependency>
      <!-- without it nothing is logged, errors included -->
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>2.24.3</version>
    </dependency>
  </dependencies>
</project>
";

/// The folder of the jars, which are fetched where they are not there.
pub(super) fn fetch(place: &Place) -> Result<PathBuf, Error> {
    let folder = place.fetched(&format!("kafka-{VERSION}"));
    place::once(&folder, |partial| {
        eprintln!("kafka: fetching the jars of {VERSION}, 43 MB, once");
        from_anywhere(partial)
    })?;
    Ok(folder)
}

fn from_anywhere(folder: &Path) -> Result<(), Error> {
    let (maven, curl) = (program::find("mvn"), program::find("curl").filter(|_| checks_sums()));
    let mut said = Vec::new();
    for (program, way) in [(maven, with_maven as Way), (curl, with_curl)] {
        if let Some(program) = program {
            match way(&program, folder).and_then(|()| complete(folder)) {
                Ok(()) => return Ok(()),
                Err(error) if is_full(&error) => {
                    return Err(Error::DiskFull { directory: folder.to_owned() });
                }
                Err(error) => said.push(error.to_string()),
            }
        }
    }
    if said.is_empty() {
        let remedy = "install it (Debian: apt-get install maven), or curl and sha256sum".to_owned();
        return Err(Error::Missing { service: "kafka", program: "mvn", remedy });
    }
    Err(Error::Fetch { what: format!("the jars of Kafka {VERSION}"), said: said.join("\n") })
}

fn is_full(error: &Error) -> bool {
    matches!(error, Error::DiskFull { .. }) || log::is_full(&error.to_string())
}

type Way = fn(&Path, &Path) -> Result<(), Error>;

fn with_maven(maven: &Path, folder: &Path) -> Result<(), Error> {
    let pom = folder.join("pom.xml");
    place::private_file(&pom, POM)?;
    let mut command = program::plain(maven);
    command
        .args(["--batch-mode", "--quiet", "--strict-checksums", "-Dstyle.color=never", "--file"])
        .arg(&pom);
    command.arg("dependency:copy-dependencies").arg(format!("-DoutputDirectory={}", folder.display()));
    program::run(&mut command, "mvn dependency:copy-dependencies", "").map(drop)
}

fn with_curl(curl: &Path, folder: &Path) -> Result<(), Error> {
    let mut command = program::plain(curl);
    command.current_dir(folder).args([
        "--fail",
        "--fail-early",
        "--silent",
        "--show-error",
        "--location",
        "--retry",
        "2",
    ]);
    program::run(command.args(["--proto", "=https", "--config", "-"]), "curl", &downloads())?;
    let mut check = program::plain("sha256sum");
    let check = check.current_dir(folder).args(["--check", "--quiet", "-"]);
    program::run(check, "checking the jars' SHA-256", &sums()).map(drop)
}

fn checks_sums() -> bool {
    program::find("sha256sum").is_some()
}

fn entries() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    LIST.lines().filter_map(|line| {
        let (sum, path) = line.split_once("  ")?;
        Some((sum, path, path.rsplit('/').next()?))
    })
}

/// The configuration that makes curl fetch the jars.
fn downloads() -> String {
    entries().fold(String::new(), |mut text, (_, path, name)| {
        let _ = writeln!(text, "url = \"{REPOSITORY}/{path}\"\noutput = \"{name}\"");
        text
    })
}

/// What `sha256sum` checks.
fn sums() -> String {
    entries().fold(String::new(), |mut text, (sum, _, name)| {
        let _ = writeln!(text, "{sum}  {name}");
        text
    })
}

fn complete(folder: &Path) -> Result<(), Error> {
    let missing = entries().map(|(_, _, name)| name).filter(|name| !has(folder, name)).collect::<Vec<_>>();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::Step { what: "fetching".to_owned(), said: format!("{} did not come", missing.join(", ")) })
}

fn has(folder: &Path, name: &str) -> bool {
    fs::metadata(folder.join(name)).is_ok_and(|data| data.len() > 0)
}

#[cfg(test)]
mod tests {
    use super::super::super::place::tests::Scratch;
    use super::*;

    #[test]
    fn the_list_names_the_version_that_maven_is_asked_for() {
        let names = entries().map(|(_, _, name)| name).collect::<Vec<_>>();
        assert_eq!(names.len(), LIST.lines().count());
        for name in ["kafka_2.13-4.1.1.jar", "log4j-slf4j-impl-2.24.3.jar"] {
            assert!(names.contains(&name), "{names:?}");
        }
        assert!(POM.contains(VERSION) && entries().all(|(sum, _, _)| sum.len() == 64));
    }

    #[test]
    fn a_jar_that_did_not_come_is_missed() {
        let scratch = Scratch::new("jars");
        let folder = scratch.0.root();
        entries().for_each(|(_, _, name)| fs::write(folder.join(name), "x").unwrap());
        complete(folder).unwrap();
        fs::write(folder.join("re2j-1.8.jar"), "").unwrap();
        let error = complete(folder).unwrap_err().to_string();
        assert_eq!(error, "fetching failed:\nre2j-1.8.jar did not come");
    }
}
