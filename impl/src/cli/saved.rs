//! Runs that a check saves: a directory per scenario, a file per property.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufWriter, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use quorate_checker::world::{Protocol, SavedPath, Step};
use tempfile::Builder;

use super::scenario::{Loaded, Source};
use super::{Failure, output};
use crate::check::{Case, Report, Verdict};

/// The files that hold the runs of one check.
#[derive(Debug)]
pub struct Files {
    of_property: BTreeMap<&'static str, PathBuf>,
}

impl Files {
    /// The file that holds the run of a verdict, as it is told: relative where it was given
    /// relative.
    #[must_use]
    pub fn told<P: Protocol>(&self, verdict: &Verdict<P>) -> Option<String> {
        self.of_property.get(verdict.property.name).map(|path| path.display().to_string())
    }

    /// The command that walks the run of a verdict again.
    #[must_use]
    pub fn replayed_by<P: Protocol>(&self, verdict: &Verdict<P>) -> Option<String> {
        self.told(verdict).map(|path| format!("quorate replay {}", output::quoted(&path)))
    }
}

/// Saves the runs that a check found, and removes those of the same scenario that it did not find
/// any more.
///
/// # Errors
/// When a file cannot be written or removed.
pub fn save<C: Case>(
    traces: &Path,
    loaded: &Loaded<C>,
    report: &Report<C::Protocol>,
) -> Result<Files, Failure> {
    let directory = directory(traces, &loaded.source);
    let case = &loaded.scenario;
    let mut of_property = BTreeMap::new();
    for verdict in &report.verdicts {
        let (Some(path), Some(found)) = (&verdict.path, verdict.found) else { continue };
        let (name, cycle) = (verdict.property.name, verdict.cycle());
        let walked = walk(case, path);
        let saved = SavedPath::new(case.name(), &loaded.toml, name, found, &walked, cycle);
        let file = directory.join(file_name(name));
        write(&directory, &file, &saved)?;
        of_property.insert(name, file);
    }
    for property in case.properties() {
        if of_property.contains_key(property.name) {
            continue;
        }
        let stale = directory.join(file_name(property.name));
        match fs::remove_file(&stale) {
            Err(error) if !is_absent(&error) => {
                let path = stale.display();
                return Err(Failure::Usage(format!("{path}: cannot be removed: {error}")));
            }
            _ => {}
        }
    }
    Ok(Files { of_property })
}

/// The steps of a run that a check found.
pub(super) fn walk<C: Case>(
    case: &C,
    path: &[quorate_checker::world::Action<C::Protocol>],
) -> Vec<Step<C::Protocol>> {
    let world = case.world();
    let allows = |state: &_, action: &_| case.allows(&world, state, action);
    world.walk_along(&case.words(), path, allows).0
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn file_name(property: &str) -> String {
    format!("{property}.json")
}

/// Where the runs of a scenario go: under the name of one that ships, and otherwise under the path
/// of its file, with the ending that no name of a scenario has. So no two scenarios share a
/// directory.
fn directory(traces: &Path, source: &Source) -> PathBuf {
    let path = match source {
        Source::Builtin(name) => return traces.join(name),
        Source::File(path) => path,
    };
    let absolute = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    let here = std::env::current_dir().and_then(fs::canonicalize).unwrap_or_default();
    let relative = absolute.strip_prefix(&here).unwrap_or(&absolute);
    let named = relative.components().filter(|part| matches!(part, Component::Normal(_)));
    traces.join(named.collect::<PathBuf>())
}

/// Writes a file as a whole or not at all: a reader never finds half a run.
fn write<P: Protocol>(directory: &Path, path: &Path, saved: &SavedPath<P>) -> Result<(), Failure> {
    let failure = |error: std::io::Error| {
        Failure::Usage(format!("{}: cannot be written: {error}", path.display()))
    };
    fs::create_dir_all(directory).map_err(failure)?;
    // Readable by whom other new files are: a temporary file is its owner's alone.
    let everybody = fs::Permissions::from_mode(0o666);
    let file = Builder::new().permissions(everybody).tempfile_in(directory).map_err(failure)?;
    let mut writer = BufWriter::new(&file);
    serde_json::to_writer_pretty(&mut writer, saved)
        .map_err(std::io::Error::from)
        .and_then(|()| writer.write_all(b"\n"))
        .and_then(|()| writer.flush())
        .map_err(failure)?;
    drop(writer);
    file.persist(path).map_err(|error| failure(error.error))?;
    Ok(())
}
