//! Printing that survives a closed pipe.

use std::io::{ErrorKind, Write};

use serde::Serialize;

use super::Failure;

/// Prints to standard output. A reader that has gone away (`quorate check | head`) is no error.
///
/// # Errors
/// When standard output cannot be written to for another reason.
pub fn print(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::Usage(format!("cannot write to standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// Prints a value as JSON.
///
/// # Errors
/// As [`print()`].
pub fn json<T: Serialize>(value: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::Usage(format!("cannot be written as JSON: {error}")))?;
    print(&format!("{text}\n"))
}
