//! Events beside each other, for people.

use std::fmt::Write;

use laneway_domain::Envelope;

/// The most characters of a payload that are shown.
const SHOWN: usize = 160;

/// An event in one line.
pub(super) fn shown(event: &Envelope) -> String {
    let mut line = format!("{}", event.topic());
    if let Some(aggregate) = event.aggregate() {
        let tenant = event.tenant().map(|tenant| format!("{tenant}/")).unwrap_or_default();
        let _ = write!(line, " {tenant}{aggregate}");
    }
    if let Some(event_type) = event.event_type() {
        let _ = write!(line, " {event_type} v{}", event.schema_version());
    }
    let _ = write!(line, " {}", bytes(event.payload()));
    line
}

fn bytes(payload: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(payload) else { return format!("{} bytes", payload.len()) };
    let mut shown: String = text.chars().take(SHOWN).flat_map(visible).collect();
    if text.chars().nth(SHOWN).is_some() {
        let _ = write!(shown, "… ({} bytes)", payload.len());
    }
    shown
}

/// A character that breaks no line; quotes stay, for the sake of JSON.
fn visible(character: char) -> impl Iterator<Item = char> {
    let quote = matches!(character, '"' | '\'' | '\\').then_some(character);
    let escaped = quote.is_none().then(|| character.escape_debug());
    quote.into_iter().chain(escaped.into_iter().flatten())
}

/// What differs between the events that were expected and those that were found, line by line; nothing where they are
/// the same as far as the expected ones say.
pub(super) fn difference(expected: &[Envelope], found: &[Envelope]) -> Option<String> {
    let mut lines = String::new();
    for at in 0..expected.len().max(found.len()) {
        let number = at + 1;
        match (expected.get(at), found.get(at)) {
            (Some(expected), Some(found)) => {
                let fields = fields(expected, found);
                if !fields.is_empty() {
                    let _ = writeln!(lines, "  {number}. {}", shown(found));
                }
                for Field { name, expected, found } in fields {
                    let _ = writeln!(lines, "     {name}: expected {expected}");
                    let _ = writeln!(lines, "     {:1$}  found    {found}", "", name.len());
                }
            }
            (Some(missing), None) => _ = writeln!(lines, "  {number}. missing: {}", shown(missing)),
            (None, Some(extra)) => _ = writeln!(lines, "  {number}. not expected: {}", shown(extra)),
            (None, None) => {}
        }
    }
    (!lines.is_empty()).then_some(lines)
}

struct Field {
    name: String,
    expected: String,
    found: String,
}

/// The fields in which two events differ. Topic, aggregate, tenant, type, schema version and payload always count; all
/// else only where the expected event says something.
fn fields(expected: &Envelope, found: &Envelope) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut compare = |name: &str, expected: String, found: String| {
        if expected != found {
            fields.push(Field { name: name.to_owned(), expected, found });
        }
    };
    compare("topic", expected.topic().to_string(), found.topic().to_string());
    compare("aggregate", said(expected.aggregate()), said(found.aggregate()));
    compare("tenant", said(expected.tenant()), said(found.tenant()));
    compare("type", said(expected.event_type()), said(found.event_type()));
    compare("schema version", expected.schema_version().to_string(), found.schema_version().to_string());
    if expected.payload() != found.payload() {
        compare("payload", bytes(expected.payload()), unlike(expected.payload(), found.payload()));
    }
    let optional = [
        ("id", debug(expected.id()), debug(found.id())),
        ("version", debug(expected.version()), debug(found.version())),
        ("time", debug(expected.occurred_at()), debug(found.occurred_at())),
        ("correlation", debug(expected.correlation()), debug(found.correlation())),
        ("causation", debug(expected.causation()), debug(found.causation())),
        ("trace", debug(expected.trace()), debug(found.trace())),
    ];
    for (name, expected, found) in optional {
        if let Some(expected) = expected {
            compare(name, expected, found.unwrap_or_else(|| "nothing".to_owned()));
        }
    }
    for (name, _) in expected.headers().iter() {
        compare(&format!("header `{name}`"), header(expected, name), header(found, name));
    }
    fields
}

/// A payload that is shown as the other one is, and is another.
fn unlike(expected: &[u8], found: &[u8]) -> String {
    let text = bytes(found);
    if text == bytes(expected) { format!("{text}, which differs further on") } else { text }
}

fn said(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| value.to_string())
}

fn debug(value: Option<impl std::fmt::Debug>) -> Option<String> {
    value.map(|value| format!("{value:?}"))
}

fn header(event: &Envelope, name: &str) -> String {
    match event.headers().first(name) {
        None => "nothing".to_owned(),
        Some(None) => "null".to_owned(),
        Some(Some(value)) => bytes(value),
    }
}
