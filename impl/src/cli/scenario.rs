//! Finding a scenario by name or by file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use quorate_model::scenario::builtin::{ALL, Builtin};
use quorate_model::scenario::{Scenario, file};

use super::Failure;
use super::list::near;

/// A scenario with the text it was read from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// Its file, whole.
    pub toml: String,
    /// Where that came from.
    pub source: Source,
}

/// Where a scenario came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// It ships with quorate, under this name.
    Builtin(&'static str),
    /// This file holds it.
    File(PathBuf),
}

/// Reads the scenario of a built-in name, or from a file whose path ends in `.toml`.
///
/// # Errors
/// A usage failure when there is no such scenario, the file cannot be read, or it is not a
/// scenario; the message names file, line and field.
pub fn load(name_or_path: &str) -> Result<Loaded, Failure> {
    if let Some(builtin) = Builtin::named(name_or_path) {
        return load_builtin(builtin);
    }
    let path = Path::new(name_or_path);
    if path.extension().is_none_or(|extension| extension != "toml") {
        let near = near(name_or_path);
        let meant = if near.is_empty() {
            String::new()
        } else {
            format!("did you mean {}? ", near.join(", "))
        };
        return Err(Failure::Usage(format!(
            "no scenario is named `{name_or_path}`; {meant}`quorate check --list` lists those that \
             ship, `quorate check --list WORD` those that speak of something; a file of your own \
             ends in .toml"
        )));
    }
    let toml = std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("{name_or_path}: cannot be read: {error}")))?;
    let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into());
    parse(name_or_path, &name, toml, Source::File(path.to_owned()))
}

/// Reads what a name or path stands for: what [`load`] reads, or, when no scenario has that very
/// name, those that ship and whose names begin with it, up to a hyphen. Large ones, which are not
/// checked by default, have to be named in full.
///
/// # Errors
/// As [`load`].
pub fn load_all(name_or_path: &str) -> Result<Vec<Loaded>, Failure> {
    if Builtin::named(name_or_path).is_none() {
        let belongs = |builtin: &&Builtin| {
            builtin.name.strip_prefix(name_or_path).is_some_and(|rest| rest.starts_with('-'))
        };
        let mut loaded =
            ALL.iter().filter(belongs).map(load_builtin).collect::<Result<Vec<_>, _>>()?;
        loaded.retain(|loaded| loaded.scenario.default);
        if !loaded.is_empty() {
            return Ok(loaded);
        }
    }
    Ok(Vec::from([load(name_or_path)?]))
}

/// Reads a scenario that ships with quorate.
///
/// # Errors
/// Never for the ones that ship, which a test reads all.
pub fn load_builtin(builtin: &Builtin) -> Result<Loaded, Failure> {
    let file = format!("{}.toml", builtin.name);
    parse(&file, builtin.name, builtin.toml.to_owned(), Source::Builtin(builtin.name))
}

/// Reads a scenario from text; `file` is how errors name it.
///
/// # Errors
/// As [`load`].
pub fn parse(file: &str, name: &str, toml: String, source: Source) -> Result<Loaded, Failure> {
    let scenario = file::parse(file, name, &toml);
    let scenario = scenario.map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(Loaded { scenario: Arc::new(scenario), toml, source })
}
