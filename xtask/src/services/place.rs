//! The folder in which servers live.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::kind::Kind;
use crate::workspace;

/// The variable that moves the folder.
pub(crate) const VARIABLE: &str = "LANEWAY_SERVICES_DIR";

/// The folder in which servers live: state files, a folder for each server, and what was fetched.
#[derive(Debug, Clone)]
pub(crate) struct Place(PathBuf);

impl Place {
    /// The folder that the environment names, or `target/services` in the workspace.
    pub(crate) fn from_environment() -> Result<Self, Error> {
        let root = match std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
            Some(named) => PathBuf::from(named),
            None => workspace::root().join("target/services"),
        };
        Self::at(&root)
    }

    fn at(root: &Path) -> Result<Self, Error> {
        std::path::absolute(root).map(Self).map_err(|error| Error::io("find", root, error))
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.0
    }

    /// The state file of a server.
    pub(crate) fn state(&self, kind: Kind) -> PathBuf {
        self.0.join(format!("{}.state", kind.name()))
    }

    /// The folder of a server: its data, its configuration, its log.
    pub(crate) fn of(&self, kind: Kind) -> PathBuf {
        self.0.join(kind.name())
    }

    /// The folder of something that was fetched, which outlives the data of servers.
    pub(crate) fn fetched(&self, what: &str) -> PathBuf {
        self.0.join("fetched").join(what)
    }

    /// Keeps other tasks from starting or stopping servers here for as long as the answer lives.
    pub(crate) fn lock(&self) -> Result<File, Error> {
        directory(&self.0)?;
        let path = self.0.join("lock");
        let lock = File::create(&path).map_err(|error| Error::io("create", &path, error))?;
        lock.lock().map_err(|error| Error::io("lock", &path, error))?;
        Ok(lock)
    }
}

/// Creates a folder and those above it.
pub(crate) fn directory(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|error| Error::io("create", path, error))
}

/// Creates a folder that only its owner may enter.
pub(crate) fn private_directory(path: &Path) -> Result<(), Error> {
    directory(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700))
        .map_err(|error| Error::io("protect", path, error))
}

/// Writes a file that only its owner may read, whole or not at all.
pub(crate) fn private_file(path: &Path, text: &str) -> Result<(), Error> {
    let fresh = path.with_added_extension("new");
    let written = File::create(&fresh)
        .and_then(|file| file.set_permissions(Permissions::from_mode(0o600)))
        .and_then(|()| fs::write(&fresh, text))
        .and_then(|()| fs::rename(&fresh, path));
    written.map_err(|error| Error::io("write", path, error))
}

/// Removes a folder with all that is in it, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, error)),
        _ => Ok(()),
    }
}

/// Fills a folder once: `fill` works on a folder beside it, which becomes the real one when that succeeds.
pub(crate) fn once(path: &Path, fill: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
    if path.exists() {
        return Ok(());
    }
    let partial = path.with_added_extension("partial");
    remove(&partial)?;
    directory(&partial)?;
    fill(&partial)?;
    fs::rename(&partial, path).map_err(|error| Error::io("create", path, error))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A place that goes away with the value.
    pub(crate) struct Scratch(pub(crate) Place);

    impl Scratch {
        pub(crate) fn new(name: &str) -> Self {
            let name = format!("laneway-services-{name}-{}", std::process::id());
            let place = Place::at(&std::env::temp_dir().join(name)).unwrap();
            directory(place.root()).unwrap();
            Self(place)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(self.0.root());
        }
    }

    #[test]
    fn a_folder_that_was_not_filled_to_the_end_is_filled_again() {
        let scratch = Scratch::new("once");
        let path = scratch.0.of(Kind::Kafka);
        let failing = |_: &Path| Err(Error::DiskFull { directory: PathBuf::new() });
        assert!(once(&path, failing).is_err() && !path.exists());
        let fill = |to: &Path| private_file(&to.join("a"), "1");
        once(&path, fill).unwrap();
        once(&path, failing).unwrap();
        assert_eq!(fs::read_to_string(path.join("a")).unwrap(), "1");
    }

    #[test]
    fn a_private_file_is_for_its_owner_alone() {
        let scratch = Scratch::new("private");
        let path = scratch.0.state(Kind::Nats);
        private_file(&path, "secret").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
