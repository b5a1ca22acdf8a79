//! Where rows come from: a file, zipped or not.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek};
use std::path::Path;

use thiserror::Error;
use zip::ZipArchive;
use zip::result::ZipError;

use super::reader::Rows;

/// The committed sample: the first week of January 2013.
const SAMPLE: &[u8] = include_bytes!("../../data/january-week.csv.zip");

/// Why a file is not a table of flights.
#[derive(Debug, Error)]
pub(crate) enum SourceError {
    /// The file is not there, is no file, or breaks off while it is read.
    #[error("{name} cannot be read")]
    Unreadable {
        /// The file.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file begins as a zip archive and is none that can be opened.
    #[error("{name} begins as a zip archive, but cannot be opened as one")]
    Zip {
        /// The file.
        name: String,
        /// Why.
        #[source]
        source: ZipError,
    },
    /// The archive does not hold exactly one file.
    #[error("{name} holds {files} files instead of the one table")]
    Files {
        /// The archive.
        name: String,
        /// How many files it holds.
        files: usize,
    },
    /// The first line is not the header of the table.
    #[error(
        "{name} is not a table of flights: column {column} of its first line is `{found}` instead of `{expected}`"
    )]
    Header {
        /// The file.
        name: String,
        /// The first column that differs, from 1.
        column: usize,
        /// Its name; empty where there should be no such column.
        expected: &'static str,
        /// What stands there, shortened and escaped; empty where there is no such column.
        found: String,
    },
}

/// What a table is read from.
pub(crate) trait Input: Read + Seek + Send {}
impl<T: Read + Seek + Send> Input for T {}

/// An opened file that may hold a table of flights.
pub(crate) struct Source {
    name: String,
    form: Form,
}

enum Form {
    Plain(BufReader<Box<dyn Input>>),
    Zipped { archive: ZipArchive<BufReader<Box<dyn Input>>>, table: usize },
}

impl Source {
    /// Opens a file; its first bytes tell whether it is zipped, its name does not matter.
    ///
    /// # Errors
    /// [`SourceError`] where it cannot be read, or is an archive of none or several files.
    pub(crate) fn open(path: &Path) -> Result<Self, SourceError> {
        let name = path.display().to_string();
        match File::open(path) {
            Ok(file) => Self::new(name, Box::new(file)),
            Err(source) => Err(SourceError::Unreadable { name, source }),
        }
    }

    /// Opens the committed sample.
    ///
    /// # Errors
    /// None, unless the sample was damaged before the build.
    pub(crate) fn sample() -> Result<Self, SourceError> {
        Self::new("the sample".to_owned(), Box::new(Cursor::new(SAMPLE)))
    }

    /// Opens whatever can be read; `name` stands in errors.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub(crate) fn new(name: String, input: Box<dyn Input>) -> Result<Self, SourceError> {
        let mut input = BufReader::with_capacity(1 << 16, input);
        // Peeking leaves a plain file where it was, so that a pipe serves as well.
        let zipped = match input.fill_buf() {
            Ok(head) => head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06"),
            Err(source) => return Err(SourceError::Unreadable { name, source }),
        };
        let form = if zipped { unzip(&name, input)? } else { Form::Plain(input) };
        Ok(Self { name, form })
    }

    /// Starts reading, once; checks the header.
    ///
    /// # Errors
    /// [`SourceError`] where the file breaks off or has another header.
    pub(crate) fn rows(&mut self) -> Result<Rows<'_>, SourceError> {
        let input: Box<dyn BufRead + '_> = match &mut self.form {
            Form::Plain(input) => Box::new(input),
            Form::Zipped { archive, table } => match archive.by_index(*table) {
                Ok(file) => Box::new(BufReader::with_capacity(1 << 16, file)),
                Err(source) => return Err(SourceError::Zip { name: self.name.clone(), source }),
            },
        };
        Rows::new(&self.name, input)
    }
}

fn unzip(name: &str, input: BufReader<Box<dyn Input>>) -> Result<Form, SourceError> {
    let name = || name.to_owned();
    let archive = ZipArchive::new(input).map_err(|source| SourceError::Zip { name: name(), source })?;
    let is_file = |&i: &usize| !matches!(archive.name_for_index(i), Some(Ok(n)) if n.ends_with('/'));
    let mut tables = (0..archive.len()).filter(is_file);
    match (tables.next(), tables.count()) {
        (Some(table), 0) => Ok(Form::Zipped { archive, table }),
        (first, more) => Err(SourceError::Files { name: name(), files: usize::from(first.is_some()) + more }),
    }
}
