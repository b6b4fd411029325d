//! Why text does not have the shape of a scenario, in words of the format: the field by its path,
//! and what it may be, where the parser names types of Rust.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

/// What is wrong, in one line. `integer` says of a field what integer it may be, where that is more than none below
/// zero.
#[must_use]
pub fn malformed(
    text: &str,
    error: &Error,
    integer: impl Fn(&str) -> Option<&'static str>,
) -> String {
    let message = error.message().lines().collect::<Vec<_>>().join("; ");
    let span = error.span().unwrap_or_default();
    if message == "duplicate key" {
        let key = text.get(span).unwrap_or_default().trim();
        return format!("duplicate key `{key}`: it stands in this table already; keep one of them");
    }
    // Unknown fields are named, with those that are known.
    if message.starts_with("unknown field ") {
        return message;
    }
    let path = DeTable::parse(text).ok().map(|table| path(table.get_ref(), &span));
    let path = path.unwrap_or_default();
    let named = |problem: &str| match &*path.join(".") {
        "" => problem.to_owned(),
        path => format!("{path}: {problem}"),
    };
    // What the parser says of a word that is none.
    let message = message.replace("unknown variant ", "unknown word ");
    let message = message.replace("wanted string or table", "not a word, expected a string");
    match message.split_once(", expected ") {
        Some((found, expected)) => {
            let found = found.strip_prefix("invalid type: ").unwrap_or(found);
            let found = found.strip_prefix("invalid value: ").unwrap_or(found);
            let field = path.last().map_or("", |field| &**field);
            named(&format!("{found}, expected {}", plain(expected, integer(field))))
        }
        None => named(&message),
    }
}

/// What a field may be, where the parser names a type of Rust.
fn plain(expected: &str, integer: Option<&'static str>) -> String {
    let is_integer = matches!(expected, "u8" | "u16" | "u32" | "u64" | "usize" | "i64");
    let words = match expected {
        _ if is_integer => integer.unwrap_or("an integer, at least 0"),
        "a sequence" => "a list",
        "a map" => "a table",
        "a boolean" => "true or false",
        expected if expected.starts_with("struct ") => "a table",
        expected if expected.starts_with("enum ") => "a string",
        expected => expected,
    };
    words.to_owned()
}

/// The keys that lead to what stands at this place: the longest such path.
fn path(table: &DeTable<'_>, at: &Range<usize>) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in table.iter() {
        let mut rest = within(value, at);
        let is_here = covers(&key.span(), at) || covers(&value.span(), at);
        if is_here || !rest.is_empty() {
            rest.insert(0, key.get_ref().clone().into_owned());
            if rest.len() > found.len() {
                found = rest;
            }
        }
    }
    found
}

fn within(value: &Spanned<DeValue<'_>>, at: &Range<usize>) -> Vec<String> {
    match value.get_ref() {
        DeValue::Table(table) => path(table, at),
        DeValue::Array(values) => {
            let paths = values.iter().map(|value| within(value, at));
            paths.max_by_key(Vec::len).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

fn covers(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.start < outer.end
}
