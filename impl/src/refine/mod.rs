//! Validating the traces of a running cluster: reading files, and telling what came out. The
//! replay itself is [`quorate_checker::refine`].

mod text;

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use derive_where::derive_where;
use quorate_checker::refine::{
    FormatError, Refused, Report, TraceFile, Traced, Validated, parse, validate,
};
use quorate_model::check::leaderless::Leaderless;
use quorate_model::refine::LeaderlessTraces;

/// Why trace files of a protocol were not accepted.
#[derive_where(Debug)]
#[derive(thiserror::Error)]
pub enum ValidateError<P: Traced = Leaderless> {
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
    Refused(#[from] Box<Refused<P>>),
}

/// Reads trace files of one cluster of the leaderless protocol and replays them together. They are held in memory
/// whole.
///
/// # Errors
/// When a file cannot be read or is no trace, and at the first line that the model does not allow.
pub fn validate_files<P: AsRef<Path>>(paths: &[P]) -> Result<Report, ValidateError> {
    validate_files_of::<LeaderlessTraces>(paths)
}

/// The same for the traces of another protocol.
///
/// # Errors
/// When a file cannot be read or is no trace, and at the first line that the model does not allow.
pub fn validate_files_of<V: Validated>(
    paths: &[impl AsRef<Path>],
) -> Result<Report, ValidateError<V::Protocol>> {
    let read = |path| read::<V::Protocol>(path);
    let files: Result<Vec<_>, _> = paths.iter().map(AsRef::as_ref).map(read).collect();
    Ok(validate::<V>(files?)?)
}

/// Whether the first trace of these is one of a cluster with a leader, by its header.
#[must_use]
pub fn are_with_leader(paths: &[impl AsRef<Path>]) -> bool {
    let first = paths.first().and_then(|path| fs::File::open(path.as_ref()).ok());
    let mut line = String::new();
    // What cannot be read here will be told by whoever reads all of it.
    if let Some(file) = first {
        let _ = BufReader::new(file).read_line(&mut line);
    }
    let header: Option<serde_json::Value> = serde_json::from_str(&line).ok();
    let of = |kind: &str| header.as_ref()?.get(kind)?.get("cluster")?.get("protocol").cloned();
    of("node").or_else(|| of("client")).is_some_and(|protocol| protocol == "leader")
}

fn read<P: Traced>(path: &Path) -> Result<TraceFile<P>, ValidateError<P>> {
    let unreadable = |source| ValidateError::Unreadable { path: path.into(), source };
    let text = fs::read(path).map_err(unreadable)?;
    // What is no text is no trace: the line in question says so.
    Ok(parse(&path.display().to_string(), &String::from_utf8_lossy(&text))?)
}

pub use text::{report, summary};
