//! Finding a scenario, of either protocol, by name or by file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use quorate_leader_model::builtin as leader;
use quorate_leader_model::setting;
use quorate_model::scenario::{Scenario, builtin, file};
use toml::de::{DeTable, DeValue};

use super::Failure;
use super::list::near;
use crate::check::{Case, LeaderScenario};

/// A scenario with the text it was read from.
#[derive(Clone, Debug)]
pub struct Loaded<C = Arc<Scenario>> {
    /// The scenario.
    pub scenario: C,
    /// Its file, whole.
    pub toml: String,
    /// Where that came from.
    pub source: Source,
}

/// A scenario of one of the protocols.
#[derive(Clone, Debug)]
pub enum Found {
    /// Of the leaderless one.
    Leaderless(Loaded),
    /// Of the leader-based one.
    Leader(Loaded<LeaderScenario>),
}

/// Evaluates an expression that is written for any protocol, for the one that this is of.
macro_rules! of_either {
    ($found:expr, $loaded:ident => $body:expr) => {
        match $found {
            $crate::cli::scenario::Found::Leaderless($loaded) => $body,
            $crate::cli::scenario::Found::Leader($loaded) => $body,
        }
    };
}
pub(super) use of_either;

impl Found {
    /// Whether it is checked when no scenario is named.
    #[must_use]
    pub fn is_default(&self) -> bool {
        of_either!(self, loaded => loaded.scenario.is_default())
    }
}

/// Where a scenario came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// It ships with quorate, under this name.
    Builtin(&'static str),
    /// This file holds it.
    File(PathBuf),
}

/// A scenario that ships with quorate.
#[derive(Clone, Copy, Debug)]
pub enum Shipped {
    /// Of the leaderless protocol.
    Leaderless(&'static builtin::Builtin),
    /// Of the leader-based one.
    Leader(&'static leader::Builtin),
}

impl Shipped {
    /// All of them, in the order in which they are listed.
    pub fn all() -> impl Iterator<Item = Shipped> {
        let leaderless = builtin::ALL.iter().map(Shipped::Leaderless);
        leaderless.chain(leader::ALL.iter().map(Shipped::Leader))
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Shipped> {
        Shipped::all().find(|shipped| shipped.name() == name)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Shipped::Leaderless(builtin) => builtin.name,
            Shipped::Leader(builtin) => builtin.name,
        }
    }

    /// What it is about, in a few words, with its protocol where that is not the leaderless one.
    #[must_use]
    pub fn topic(self) -> String {
        match self {
            Shipped::Leaderless(builtin) => builtin.topic.to_owned(),
            Shipped::Leader(builtin) => format!("Leader-based. {}", builtin.topic),
        }
    }

    /// Whether it is too large to be searched to its end in the time that a large one may take.
    #[must_use]
    pub fn is_beyond(self) -> bool {
        match self {
            Shipped::Leaderless(_) => false,
            Shipped::Leader(builtin) => builtin.beyond,
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// Never for the ones that ship, which a test reads all.
    pub fn load(self) -> Result<Found, Failure> {
        let source = Source::Builtin(self.name());
        let file = format!("{}.toml", self.name());
        match self {
            Shipped::Leaderless(builtin) => {
                let loaded = leaderless(&file, builtin.name, builtin.toml.to_owned(), source)?;
                Ok(Found::Leaderless(loaded))
            }
            Shipped::Leader(builtin) => {
                let mut loaded =
                    leader_based(&file, builtin.name, builtin.toml.to_owned(), source)?;
                loaded.scenario.default = builtin.default;
                Ok(Found::Leader(loaded))
            }
        }
    }
}

/// Reads the scenario of a built-in name, or from a file whose path ends in `.toml`.
///
/// # Errors
/// A usage failure when there is no such scenario, the file cannot be read, or it is not a
/// scenario; the message names file, line and field.
pub fn load(name_or_path: &str) -> Result<Found, Failure> {
    if let Some(shipped) = Shipped::named(name_or_path) {
        return shipped.load();
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
pub fn load_all(name_or_path: &str) -> Result<Vec<Found>, Failure> {
    if Shipped::named(name_or_path).is_none() {
        let belongs = |shipped: &Shipped| {
            shipped.name().strip_prefix(name_or_path).is_some_and(|rest| rest.starts_with('-'))
        };
        let loaded = Shipped::all().filter(belongs).map(Shipped::load);
        let mut loaded = loaded.collect::<Result<Vec<_>, _>>()?;
        loaded.retain(Found::is_default);
        if !loaded.is_empty() {
            return Ok(loaded);
        }
    }
    Ok(Vec::from([load(name_or_path)?]))
}

/// Reads a scenario from text; `file` is how errors name it. Its table `[protocol]` tells of which protocol it is;
/// without one it is of the leaderless one.
///
/// # Errors
/// As [`load`].
pub fn parse(file: &str, name: &str, toml: String, source: Source) -> Result<Found, Failure> {
    match protocol(file, &toml)? {
        ProtocolKind::Leaderless => leaderless(file, name, toml, source).map(Found::Leaderless),
        ProtocolKind::Leader => leader_based(file, name, toml, source).map(Found::Leader),
    }
}

/// Of which protocol a scenario is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ProtocolKind {
    Leaderless,
    Leader,
}

/// What a file's table `[protocol]` says.
fn protocol(file: &str, toml: &str) -> Result<ProtocolKind, Failure> {
    // What is no TOML at all is told by who reads it.
    let Ok(document) = DeTable::parse(toml) else { return Ok(ProtocolKind::Leaderless) };
    let found = document.get_ref().iter().find(|(key, _)| key.get_ref() == "protocol");
    let Some((key, value)) = found else { return Ok(ProtocolKind::Leaderless) };
    let refused = |at: usize, problem: &str| {
        let line = toml[..at.min(toml.len())].matches('\n').count() + 1;
        Err(Failure::Usage(format!(
            "{file}:{line}: {problem}; known is \"leader\", and a file without a table [protocol] is of the \
             leaderless protocol"
        )))
    };
    let DeValue::Table(table) = value.get_ref() else {
        return refused(key.span().start, "protocol: not a table");
    };
    let Some((_, name)) = table.iter().find(|(key, _)| key.get_ref() == "name") else {
        return refused(key.span().start, "protocol.name: missing; say which protocol");
    };
    match name.get_ref() {
        DeValue::String(known) if known == "leader" => Ok(ProtocolKind::Leader),
        DeValue::String(other) => {
            refused(name.span().start, &format!("protocol.name: unknown protocol `{other}`"))
        }
        _ => refused(name.span().start, "protocol.name: not a string"),
    }
}

fn leaderless(file: &str, name: &str, toml: String, source: Source) -> Result<Loaded, Failure> {
    let scenario = file::parse(file, name, &toml);
    let scenario = scenario.map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(Loaded { scenario: Arc::new(scenario), toml, source })
}

fn leader_based(
    file: &str,
    name: &str,
    toml: String,
    source: Source,
) -> Result<Loaded<LeaderScenario>, Failure> {
    let read = setting::parse(file, &toml);
    let read = Arc::new(read.map_err(|error| Failure::Usage(error.to_string()))?);
    let scenario = LeaderScenario { name: name.to_owned(), file: read, default: true };
    Ok(Loaded { scenario, toml, source })
}
