use std::error::Error;
use std::io::{Cursor, Write};
use std::path::Path;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::cells::COLUMNS;
use super::fault::{RowError, RowFault};
use super::row::{Flight, Landing, Row};
use super::source::{Source, SourceError};
use crate::job::testing::{code, minute};

const GOOD: &str = "2013,1,1,517,515,2,830,819,11,UA,1545,N14228,EWR,IAH,227,1400,5,15,2013-01-01T10:00:00Z";

fn header() -> String {
    COLUMNS.join(",")
}

fn source(bytes: impl Into<Vec<u8>>) -> Result<Source, SourceError> {
    Source::new("a file".to_owned(), Box::new(Cursor::new(bytes.into())))
}

fn read(bytes: impl Into<Vec<u8>>) -> Result<Vec<Result<Row, RowError>>, SourceError> {
    let mut source = source(bytes)?;
    let mut rows = source.rows()?;
    std::iter::from_fn(|| rows.next_row().transpose()).collect()
}

fn failure(bytes: impl Into<Vec<u8>>) -> SourceError {
    read(bytes).unwrap_err()
}

/// Reads one row behind the header.
fn row(line: &str) -> Result<Row, RowError> {
    read(format!("{}\n{line}\n", header())).unwrap().remove(0)
}

/// The good row with other values in some columns.
fn with(changes: &[(&str, &str)]) -> String {
    let mut values: Vec<&str> = GOOD.split(',').collect();
    for (column, value) in changes {
        values[COLUMNS.iter().position(|name| name == column).unwrap()] = value;
    }
    values.join(",")
}

/// The column that is found at fault.
fn at_fault(changes: &[(&str, &str)]) -> &'static str {
    match row(&with(changes)).unwrap_err().fault {
        RowFault::Field { column, .. } => column,
        other => panic!("{other}"),
    }
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        if name.ends_with('/') {
            archive.add_directory(*name, SimpleFileOptions::default()).unwrap();
        } else {
            archive.start_file(*name, SimpleFileOptions::default()).unwrap();
            archive.write_all(bytes).unwrap();
        }
    }
    archive.finish().unwrap().into_inner()
}

fn table(rows: usize) -> String {
    let mut text = header();
    for _ in 0..rows {
        text.push('\n');
        text.push_str(GOOD);
    }
    text
}

#[test]
fn a_row_tells_a_flight() {
    let expected = Row {
        carrier: code("UA"),
        number: 1545,
        aircraft: Some(code("N14228")),
        origin: code("EWR"),
        destination: code("IAH"),
        scheduled: minute(315),
        flight: Flight::Departed { delay: 2, landing: Some(Landing { at: minute(510), delay: Some(11) }) },
    };
    assert_eq!(row(GOOD), Ok(expected));
}

#[test]
fn what_is_na_is_not_there() {
    let diverted = row(&with(&[("arr_delay", "NA"), ("air_time", "NA")])).unwrap();
    let Flight::Departed { landing: Some(landing), .. } = diverted.flight else { panic!("{diverted:?}") };
    assert_eq!((landing.at, landing.delay), (minute(510), None));

    let lost = row(&with(&[("arr_time", "NA"), ("arr_delay", "NA"), ("tailnum", "NA")])).unwrap();
    assert_eq!((lost.aircraft, lost.flight), (None, Flight::Departed { delay: 2, landing: None }));

    let never = [("dep_time", "NA"), ("dep_delay", "NA"), ("arr_time", "NA"), ("arr_delay", "NA")];
    assert_eq!(row(&with(&never)).unwrap().flight, Flight::Cancelled);
}

#[test]
fn times_cross_midnight_in_both_directions() {
    let late = with(&[
        ("sched_dep_time", "2330"),
        ("dep_time", "15"),
        ("dep_delay", "45"),
        ("sched_arr_time", "100"),
        ("arr_time", "130"),
        ("arr_delay", "30"),
    ]);
    let late = row(&late).unwrap();
    let Flight::Departed { landing: Some(landing), .. } = late.flight else { panic!("{late:?}") };
    assert_eq!((late.departed(), landing.at), (Some(minute(1455)), minute(1530)));

    let early = with(&[("sched_dep_time", "5"), ("dep_time", "2400"), ("dep_delay", "-5")]);
    assert_eq!(row(&early).unwrap().departed(), Some(minute(0)));

    let next_day = with(&[("dep_time", "615"), ("dep_delay", "1500"), ("arr_delay", "1451")]);
    assert_eq!(row(&next_day).unwrap().departed(), Some(minute(1815)));
}

#[test]
fn a_column_that_is_no_number_is_named_with_its_line_and_bytes() {
    let line = with(&[("dep_time", "5x7")]);
    let error = row(&line).unwrap_err();
    assert_eq!(error.to_string(), "line 2: dep_time is a number; found `5x7`");
    assert_eq!(error.raw, line.as_bytes());
}

#[test]
fn absurd_values_are_named() {
    for (column, value) in [
        ("year", "20013"),
        ("month", "13"),
        ("day", "32"),
        ("day", "NA"),
        ("dep_time", "2561"),
        ("dep_time", "-1"),
        ("dep_time", "99999999999"),
        ("sched_dep_time", "NA"),
        ("sched_dep_time", "1260"),
        ("dep_delay", "99999"),
        ("dep_delay", "2.5"),
        ("arr_time", "2401"),
        ("sched_arr_time", ""),
        ("arr_delay", "-1441"),
        ("carrier", ""),
        ("flight", "0"),
        ("flight", "70000"),
        ("tailnum", "N 14228"),
        ("tailnum", ""),
        ("origin", "NEWARK-LIBERTY"),
        ("dest", "\u{7}"),
        ("air_time", "long"),
        ("distance", "-1"),
        ("hour", "x"),
        ("minute", "NA"),
    ] {
        assert_eq!(at_fault(&[(column, value)]), column, "{column}={value}");
    }
    assert_eq!(at_fault(&[("month", "2"), ("day", "29")]), "day");
}

#[test]
fn times_that_contradict_each_other_are_named() {
    assert_eq!(at_fault(&[("dep_delay", "3")]), "dep_delay");
    assert_eq!(at_fault(&[("dep_delay", "NA")]), "dep_delay");
    assert_eq!(at_fault(&[("dep_time", "NA")]), "dep_delay");
    assert_eq!(at_fault(&[("dep_time", "NA"), ("dep_delay", "NA")]), "arr_time");
    assert_eq!(at_fault(&[("arr_time", "NA")]), "arr_delay");
    assert_eq!(at_fault(&[("arr_delay", "12")]), "arr_delay");
}

#[test]
fn reading_goes_on_behind_malformed_rows() {
    let long = "x".repeat(100_000);
    let bad = with(&[("month", "x")]);
    let text = [header().as_str(), GOOD, "2013,1,1", &bad, "\"stray", &long, "", GOOD, "2013,1,"].join("\n");
    let rows = read(text).unwrap();
    let lines: Vec<Option<u64>> = rows.iter().map(|row| row.as_ref().err().map(|error| error.line)).collect();
    assert_eq!(lines, [None, Some(3), Some(4), Some(5), Some(6), None, Some(9)]);
    let fault = |index: usize| rows[index].as_ref().unwrap_err().fault.clone();
    assert_eq!((fault(1), fault(3)), (RowFault::Columns { found: 3 }, RowFault::Columns { found: 1 }));
    assert!(matches!(fault(4), RowFault::TooLong { .. }));
    let RowError { raw, .. } = rows[4].as_ref().unwrap_err();
    assert!(long.as_bytes().starts_with(raw) && !raw.is_empty());
}

#[test]
fn bytes_that_are_no_text_spoil_only_their_row() {
    let mut bytes = table(0).into_bytes();
    bytes.extend_from_slice(b"\n\xff\xfe\0");
    bytes.extend_from_slice(GOOD.replace("EWR", "EW\u{e9}").as_bytes());
    bytes.extend_from_slice(format!("\n{GOOD}").as_bytes());
    let rows = read(bytes).unwrap();
    assert_eq!(rows.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn quotes_windows_line_ends_and_a_byte_order_mark_change_nothing() {
    let quoted =
        |line: &str| line.split(',').map(|field| format!("\"{field}\"")).collect::<Vec<_>>().join(",");
    let text = format!("\u{feff}{}\r\n{}\r\n{GOOD}\r\n", quoted(&header()), quoted(GOOD));
    assert_eq!(read(text).unwrap(), [row(GOOD), row(GOOD)]);
}

#[test]
fn a_table_reads_the_same_zipped_and_plain() {
    let plain = read(table(3)).unwrap();
    let archive = zipped(&[("folder/", b""), ("folder/anything", table(3).as_bytes())]);
    assert_eq!(read(archive).unwrap(), plain);
    assert_eq!(plain.len(), 3);
}

#[test]
fn a_file_with_another_header_is_no_table() {
    let at = |bytes: Vec<u8>| match failure(bytes) {
        SourceError::Header { column, .. } => column,
        other => panic!("{other}"),
    };
    for wrong in ["", "\n", "a,b,c\n1,2,3", &header()[1..], "\u{1f}\u{8b}binary", &"x".repeat(200_000)] {
        assert_eq!(at(wrong.into()), 1, "{wrong:.20}");
        assert!(failure(wrong).to_string().len() < 250);
    }
    assert_eq!(at(header().replace("carrier", "airline").into()), 10);
    assert_eq!(at(header().replace(",time_hour", "").into()), 19);
    assert_eq!(at(format!("{},more", header()).into()), 20);
    assert_eq!(at(zipped(&[("a.txt", b"hello")])), 1);
}

#[test]
fn a_table_without_rows_is_empty() {
    assert_eq!(read(header()).unwrap(), []);
}

#[test]
fn an_archive_holds_exactly_one_file() {
    let files = |bytes: Vec<u8>| match failure(bytes) {
        SourceError::Files { files, .. } => files,
        other => panic!("{other}"),
    };
    assert_eq!(files(zipped(&[])), 0);
    assert_eq!(files(zipped(&[("folder/", b"")])), 0);
    assert_eq!(files(zipped(&[("a", table(1).as_bytes()), ("b", b"")])), 2);
}

#[test]
fn a_truncated_archive_is_an_error_wherever_it_breaks_off() {
    let whole = zipped(&[("flights.csv", table(2_000).as_bytes())]);
    assert_eq!(read(whole.clone()).unwrap().len(), 2_000);
    for keep in [4, 30, whole.len() / 2, whole.len() - 1] {
        let error = failure(&whole[..keep]);
        assert!(matches!(error, SourceError::Zip { .. }), "{keep}: {error}");
        assert!(error.source().is_some());
    }
}

#[test]
fn a_damaged_archive_breaks_off_with_an_error() {
    let mut damaged = zipped(&[("flights.csv", table(2_000).as_bytes())]);
    let middle = damaged.len() / 3;
    damaged[middle..middle + 40].fill(0xff);
    let error = failure(damaged);
    assert!(matches!(error, SourceError::Unreadable { .. } | SourceError::Header { .. }), "{error}");
}

#[test]
fn a_file_that_is_not_there_or_no_file_is_named() {
    for path in ["no/such/flights.csv", env!("CARGO_MANIFEST_DIR")] {
        let Err(error) = Source::open(Path::new(path)) else { panic!("{path} opens") };
        assert!(
            matches!(error, SourceError::Unreadable { .. }) && error.to_string().contains(path),
            "{error}"
        );
    }
}
