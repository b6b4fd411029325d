//! Scenarios in files: what every protocol's scenario has, and a table of the protocol's own.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use quorate_ids::{NodeId, NodeSet};
use serde::Deserialize;
use toml::Spanned;

use super::environment::{Environment, Faults};
use super::judged::Verdict;
use super::malformed::malformed;
use super::property::{Expected, Property, PropertyKind};
use super::protocol::Protocol;
use super::shown_with::{ShownWith, Shows, Unfit};

/// A scenario file, whose table `[protocol]` is a `T`.
///
/// ```toml
/// title = "A primary that answers before its backup does"
/// nodes = ["A", "B"]
///
/// [faults]
/// crashes = 1
///
/// [protocol]           # whatever the protocol wants to know
/// acknowledge = "at-once"
///
/// [expect]
/// read-freshness = "violated"
/// ```
///
/// May have, too: `notes`, `[show]`, `down`, `down-returns`, `partition`, `heals` and `faulty`, as the scenarios of the leaderless
/// protocol. A file with steps, `[[step]]`, is a script: each is an `S`, whatever the protocol reads, and what goes
/// wrong is said there and not by budgets.
#[derive(Clone, Debug)]
pub struct ScenarioFile<T, S = NoSteps> {
    /// The file, as it was named.
    pub file: String,
    /// The file, whole.
    pub text: String,
    /// One line: what question it answers.
    pub title: String,
    /// Where the verdict comes from, and why it is what it is; may be empty.
    pub notes: String,
    /// The names of the nodes, in order.
    pub nodes: Vec<String>,
    /// What the protocol wants to know.
    pub protocol: T,
    /// What must come out, by property name.
    pub expect: BTreeMap<String, Expected>,
    /// What must happen in the run that is shown of a property: the name of either.
    pub show: BTreeMap<String, String>,
    /// What happens, step by step, if it is a script.
    pub steps: Vec<FileStep<S>>,
    environment: Environment,
}

/// A step of a script, as its file says it.
#[derive(Clone, Debug)]
pub struct FileStep<S> {
    /// Its line in the file, from one.
    pub line: usize,
    /// What happens.
    pub step: S,
}

/// The steps of a protocol that has no scripts: there are none.
#[derive(Clone, Copy, Debug)]
pub enum NoSteps {}

impl<'de> Deserialize<'de> for NoSteps {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("step: this protocol has no scripts"))
    }
}

/// Why a scenario file was refused. Nothing was run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScenarioFileError {
    /// The file, as it was named.
    pub file: String,
    /// The line, from one.
    pub line: usize,
    /// What is wrong there, naming the field, and what would be right.
    pub problem: String,
}

impl fmt::Display for ScenarioFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.problem)
    }
}

impl std::error::Error for ScenarioFileError {}

#[derive(Deserialize)]
#[serde(
    rename_all = "kebab-case",
    deny_unknown_fields,
    bound = "T: Deserialize<'de>, S: Deserialize<'de>"
)]
struct Raw<T, S> {
    title: String,
    #[serde(default)]
    notes: String,
    nodes: Vec<String>,
    faults: Option<Spanned<Faults>>,
    #[serde(default)]
    down: Vec<Spanned<String>>,
    #[serde(default)]
    down_returns: bool,
    #[serde(default)]
    partition: Vec<Vec<Spanned<String>>>,
    #[serde(default)]
    heals: bool,
    faulty: Option<Vec<Spanned<String>>>,
    protocol: T,
    expect: BTreeMap<String, Expected>,
    #[serde(default)]
    show: BTreeMap<String, String>,
    #[serde(default)]
    step: Vec<Spanned<S>>,
}

/// What integer a field may be that every protocol's file has.
fn integer(field: &str) -> Option<&'static str> {
    Faults::has_budget(field).then_some("an integer from 0 to 255")
}

impl<T: for<'de> Deserialize<'de>, S: for<'de> Deserialize<'de>> ScenarioFile<T, S> {
    /// Reads a scenario.
    ///
    /// # Errors
    /// When the text is no such scenario: in which line, which field, and what would be right.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioFileError> {
        let line = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
        let error = |at: usize, problem: String| ScenarioFileError {
            file: file.to_owned(),
            line: line(at),
            problem,
        };
        let raw: Raw<T, S> = toml::from_str(text).map_err(|problem| {
            let at = problem.span().unwrap_or(Range { start: 0, end: 0 }).start;
            error(at, malformed(text, &problem, integer))
        })?;
        let node = |field: &str, name: &Spanned<String>| {
            let position = raw.nodes.iter().position(|known| known == name.get_ref());
            position.map(|index| NodeId(index as u16)).ok_or_else(|| {
                let known = raw.nodes.join(", ");
                let problem =
                    format!("{field}: no node is called `{}`: known are {known}", name.get_ref());
                error(name.span().start, problem)
            })
        };
        let set = |field: &str, names: &[Spanned<String>]| -> Result<NodeSet, ScenarioFileError> {
            names.iter().map(|name| node(field, name)).collect()
        };
        if !raw.step.is_empty() && !raw.show.is_empty() {
            let problem = "show: cannot stand in a file with steps; they say what happens";
            return Err(error(text.find("[show]").unwrap_or_default(), problem.to_owned()));
        }
        let faults = match &raw.faults {
            Some(faults) if !raw.step.is_empty() => {
                let problem = "faults: cannot stand in a file with steps; they say what goes wrong";
                return Err(error(faults.span().start, problem.to_owned()));
            }
            Some(faults) => *faults.get_ref(),
            None if raw.step.is_empty() => Faults::default(),
            None => Faults::MANY,
        };
        let mut environment = Environment {
            faults,
            down: set("down", &raw.down)?,
            down_returns: raw.down_returns,
            heals: raw.heals,
            ..Environment::of(raw.nodes.len(), 0)
        };
        for group in &raw.partition {
            environment.partition.push(set("partition", group)?);
        }
        if let Some(faulty) = &raw.faulty {
            environment.faulty = set("faulty", faulty)?;
        }
        let file_step =
            |step: Spanned<S>| FileStep { line: line(step.span().start), step: step.into_inner() };
        let steps = raw.step.into_iter().map(file_step).collect();
        let Raw { title, notes, nodes, protocol, expect, show, .. } = raw;
        let (file, text) = (file.to_owned(), text.to_owned());
        Ok(ScenarioFile {
            file,
            text,
            title,
            notes,
            nodes,
            protocol,
            expect,
            show,
            steps,
            environment,
        })
    }
}

impl<T, S> ScenarioFile<T, S> {
    /// Whether what happens is said step by step.
    #[must_use]
    pub fn is_script(&self) -> bool {
        !self.steps.is_empty()
    }

    /// What the scenario lets happen, to a cluster with so many clients.
    #[must_use]
    pub fn environment(&self, clients: usize) -> Environment {
        Environment { clients, ..self.environment.clone() }
    }

    /// Of these properties those of which the scenario expects something, in order.
    ///
    /// # Errors
    /// When it expects something of a property that is none of these, or what makes no sense of it.
    pub fn judged<P: Protocol>(
        &self,
        properties: impl IntoIterator<Item = Property<P>>,
    ) -> Result<Vec<Property<P>>, ScenarioFileError> {
        let properties: Vec<_> = properties.into_iter().collect();
        for (name, expected) in &self.expect {
            let problem = match properties.iter().find(|property| property.name == name) {
                Some(property) if property.admits(*expected) => continue,
                Some(_) => format!("expect.{name}: \"{expected}\" is not said of such a property"),
                None => {
                    let known: Vec<_> = properties.iter().map(|property| property.name).collect();
                    format!("expect.{name}: no such property: known are {}", known.join(", "))
                }
            };
            let at =
                self.text.lines().position(|line| line.trim_start().starts_with(name.as_str()));
            let line = at.map_or(1, |position| position + 1);
            return Err(ScenarioFileError { file: self.file.clone(), line, problem });
        }
        let is_expected = |property: &Property<P>| self.expect.contains_key(property.name);
        Ok(properties.into_iter().filter(is_expected).collect())
    }

    /// What must happen in the runs that are shown of these properties.
    ///
    /// # Errors
    /// When no run is shown of one, or nothing is called so.
    pub fn shows<P: Protocol>(
        &self,
        properties: &[Property<P>],
    ) -> Result<Shows<P>, ScenarioFileError> {
        let kind = |name: &str| {
            let named = properties.iter().find(|property| property.name == name);
            named.map(|property| &property.kind)
        };
        let is_endless =
            |name: &str| matches!(kind(name), Some(PropertyKind::EventuallyAlways { .. }));
        let is_of_reaching =
            |name: &str| matches!(kind(name), Some(PropertyKind::Reachability { .. }));
        let wanted = |(name, with): (&String, &String)| {
            let wanted = ShownWith::wanted(&self.expect, name, with, is_endless, is_of_reaching);
            let wanted = wanted.map_err(|unfit| {
                let (Unfit::Property(problem) | Unfit::With(problem)) = unfit;
                let start = self.text.find("[show]").unwrap_or_default();
                let at = self.text[start..].find(name.as_str()).unwrap_or_default();
                let line = self.text[..start + at].matches('\n').count() + 1;
                ScenarioFileError { file: self.file.clone(), line, problem }
            })?;
            Ok((name.clone(), wanted))
        };
        self.show.iter().map(wanted).collect()
    }

    /// Whether a verdict is what the scenario expects, and not for lack of occasion.
    #[must_use]
    pub fn is_as_expected<P: Protocol>(&self, property: &str, verdict: &Verdict<P>) -> bool {
        self.expect.get(property).copied() == verdict.found && !verdict.is_vacuous()
    }
}
