//! Printing that survives a closed pipe, commands no terminal but for colours, and colours only where
//! they are wanted.

use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;

use super::Failure;
use crate::styled::{Styled, WRONG, escaped, escaped_json};

/// Prints to standard output. A reader that has gone away (`quorate check | head`) is no error.
///
/// # Errors
/// When standard output cannot be written to for another reason.
pub fn print(text: impl Into<Styled>) -> Result<(), Failure> {
    written(anstream::stdout().write_all(text.into().rendered().as_bytes()))
}

/// Prints data: as it is to a file or another program, and fit for a terminal on one.
///
/// # Errors
/// As [`print()`].
pub fn data(text: &str) -> Result<(), Failure> {
    if io::stdout().is_terminal() {
        return print(text);
    }
    written(io::stdout().write_all(text.as_bytes()))
}

/// Prints bytes as they are, wherever they go.
///
/// # Errors
/// As [`print()`].
pub fn raw(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout();
    written(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// Prints a value as JSON.
///
/// # Errors
/// As [`print()`].
pub fn json<T: Serialize>(value: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::Usage(format!("cannot be written as JSON: {error}")))?;
    written(io::stdout().write_all(format!("{}\n", escaped_json(&text)).as_bytes()))
}

/// Tells something beside the output, on standard error.
pub fn note(text: &str) {
    // Where nobody can be told anything, nothing is left to tell.
    let _ = writeln!(anstream::stderr(), "{}", escaped(text));
}

/// Tells why the command failed, on standard error.
pub fn error(failure: &Failure) {
    let mut text = Styled::new();
    text.push(WRONG, "error:");
    text.push(crate::styled::PLAIN, format!(" {failure}\n"));
    let _ = anstream::stderr().write_all(text.rendered().as_bytes());
}

fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::Usage(format!("cannot write to standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// Text as one word of a shell command.
#[must_use]
pub fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        text.to_string()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
