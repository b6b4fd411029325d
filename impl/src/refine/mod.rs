//! Validating the traces of a running cluster: reading files, and telling what came out. The
//! replay itself is [`quorate_model::refine`].

mod text;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use quorate_model::refine::{FormatError, Refused, Report, parse, validate};

/// Why trace files were not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    /// A file cannot be read. Nothing was replayed.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is no trace that this program knows. Nothing was replayed.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The model does not allow what the traces say, or they show nothing.
    #[error(transparent)]
    Refused(#[from] Box<Refused>),
}

/// Reads trace files of one cluster and replays them together. They are held in memory whole.
///
/// # Errors
/// When a file cannot be read or is no trace, and at the first line that the model does not allow.
pub fn validate_files<P: AsRef<Path>>(paths: &[P]) -> Result<Report, ValidateError> {
    let mut files = Vec::new();
    for path in paths {
        let path = path.as_ref();
        let unreadable = |source| ValidateError::Unreadable { path: path.into(), source };
        let text = fs::read(path).map_err(unreadable)?;
        // What is no text is no trace: the line in question says so.
        let text = String::from_utf8_lossy(&text);
        files.push(parse(&path.display().to_string(), &text)?);
    }
    Ok(validate(files)?)
}

pub use text::{report, summary};
