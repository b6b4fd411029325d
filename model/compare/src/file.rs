//! The file of a comparison: settings, programs, budgets of faults.

use std::fmt;
use std::ops::Range;

use quorate_ids::NodeId;
use serde::Deserialize;
use toml::{Spanned, Table};

use crate::program::{Client, Operation, Program};
use crate::setting::{Case, FILLED_IN, FaultBudget, ProtocolKind, Setting, node_name};

/// The file that is read when none is named.
pub const DEFAULT: &str = include_str!("../default.toml");

/// At most so many nodes: a search visits every order in which they do things.
pub const NODES_MAX: usize = 7;

/// What is compared.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// The settings, in order.
    pub settings: Vec<Setting>,
    /// The programs of clients.
    pub programs: Vec<Program>,
    /// The budgets of faults.
    pub faults: Vec<FaultBudget>,
    /// Of each program the budgets that it runs under, by their names; all, where none is named.
    pub under: Vec<Vec<String>>,
}

impl Plan {
    /// Whether a program runs under a budget of faults, each by its place: in every setting, or in none.
    #[must_use]
    pub fn runs(&self, program: usize, faults: usize) -> bool {
        let under = &self.under[program];
        under.is_empty() || under.contains(&self.faults[faults].name)
    }

    /// Everything that runs in a setting.
    pub fn cases<'a>(&'a self, setting: &'a Setting) -> impl Iterator<Item = Case<'a>> {
        let both = (0..self.faults.len())
            .flat_map(|faults| (0..self.programs.len()).map(move |program| (program, faults)));
        both.filter(|(program, faults)| self.runs(*program, *faults)).map(
            move |(program, faults)| {
                Case::searched(setting, &self.programs[program], &self.faults[faults])
            },
        )
    }
}

/// Why a file was refused. Nothing was run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileError {
    /// The file, as it was named.
    pub file: String,
    /// The line, from one.
    pub line: usize,
    /// What is wrong there, naming the field, and what would be right.
    pub problem: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.problem)
    }
}

impl std::error::Error for FileError {}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawPlan {
    settings: Vec<Spanned<RawSetting>>,
    programs: Vec<Spanned<RawProgram>>,
    #[serde(default)]
    faults: Vec<Spanned<RawFaults>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawSetting {
    name: String,
    protocol: ProtocolKind,
    #[serde(default = "three")]
    nodes: Spanned<usize>,
    cluster: Spanned<Table>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawProgram {
    name: String,
    clients: Vec<RawClient>,
    #[serde(default)]
    faults: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawClient {
    name: String,
    operations: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawFaults {
    name: String,
    #[serde(default)]
    crashes: u8,
    #[serde(default)]
    stay_down: bool,
    #[serde(default)]
    timeouts: u8,
    #[serde(default)]
    drops: u8,
    #[serde(default)]
    duplicates: u8,
    #[serde(default)]
    split: Vec<Vec<Spanned<String>>>,
}

fn three() -> Spanned<usize> {
    Spanned::new(0..0, 3)
}

/// Reads a file. `file` is how errors name it.
///
/// # Errors
/// When the text is no such file, or a protocol does not take a setting: in which line, which field, and what would
/// be right.
pub fn parse(file: &str, text: &str) -> Result<Plan, FileError> {
    let reader = Reader { file, text };
    let raw: RawPlan = toml::from_str(text)
        .map_err(|error| reader.error(error.span().unwrap_or(0..0), error.message().to_owned()))?;
    if raw.settings.is_empty() || raw.programs.is_empty() {
        let problem = "settings, programs: there must be one of each at least".to_owned();
        return Err(reader.error(0..0, problem));
    }
    let settings = raw.settings.iter().map(|raw| reader.setting(raw));
    let settings: Vec<Setting> = settings.collect::<Result<_, _>>()?;
    let programs = raw.programs.iter().map(|raw| reader.program(raw));
    let programs: Vec<Program> = programs.collect::<Result<_, _>>()?;
    let nodes_min = settings.iter().map(|setting| setting.nodes).min().unwrap_or_default();
    let faults = raw.faults.iter().map(|raw| reader.faults(raw, nodes_min));
    let mut faults: Vec<FaultBudget> = faults.collect::<Result<_, _>>()?;
    if faults.is_empty() {
        faults.push(FaultBudget::none());
    }
    let spans = raw.settings.iter().map(Spanned::span);
    reader.differ("settings", settings.iter().map(|it| &it.name).zip(spans))?;
    let spans = raw.programs.iter().map(Spanned::span);
    reader.differ("programs", programs.iter().map(|it| &it.name).zip(spans))?;
    let spans = raw.faults.iter().map(Spanned::span);
    reader.differ("faults", faults.iter().map(|it| &it.name).zip(spans))?;
    for name in raw.programs.iter().flat_map(|raw| &raw.get_ref().faults) {
        if !faults.iter().any(|faults| faults.name == *name.get_ref()) {
            let known: Vec<&str> = faults.iter().map(|faults| faults.name.as_str()).collect();
            let problem = format!(
                "programs.faults: no faults are called `{}`: known are {}",
                name.get_ref(),
                known.join(", ")
            );
            return Err(reader.error(name.span(), problem));
        }
    }
    let named = |raw: &Spanned<RawProgram>| {
        raw.get_ref().faults.iter().map(|name| name.get_ref().clone()).collect()
    };
    let under = raw.programs.iter().map(named).collect();
    for (setting, raw) in settings.iter().zip(&raw.settings) {
        for program in &programs {
            for faults in &faults {
                Case::searched(setting, program, faults).examine().map_err(|problem| {
                    let problem = format!("settings `{}`: {problem}", setting.name);
                    reader.error(raw.get_ref().cluster.span(), problem)
                })?;
            }
        }
    }
    Ok(Plan { settings, programs, faults, under })
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn error(&self, at: Range<usize>, problem: String) -> FileError {
        let before = self.text.get(..at.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        FileError { file: self.file.to_owned(), line, problem }
    }

    /// Whether all have names of their own, by which they are asked for.
    fn differ<'a>(
        &self,
        field: &str,
        names: impl Iterator<Item = (&'a String, Range<usize>)>,
    ) -> Result<(), FileError> {
        let mut known: Vec<&String> = Vec::new();
        for (name, at) in names {
            if known.contains(&name) {
                let problem = format!("{field}: two are called `{name}`; each needs its own name");
                return Err(self.error(at, problem));
            }
            known.push(name);
        }
        Ok(())
    }

    fn setting(&self, raw: &Spanned<RawSetting>) -> Result<Setting, FileError> {
        let RawSetting { name, protocol, nodes, cluster } = raw.get_ref();
        let count = *nodes.get_ref();
        if count == 0 || count > NODES_MAX {
            let problem = format!("settings.nodes: between 1 and {NODES_MAX} can be compared");
            return Err(self.error(nodes.span(), problem));
        }
        let filled_in = FILLED_IN.iter().find(|(of, _)| of == protocol).map(|(_, fields)| fields);
        let given = filled_in.into_iter().flat_map(|it| it.iter());
        if let Some(field) = given.into_iter().find(|it| cluster.get_ref().contains_key(**it)) {
            let problem = format!(
                "settings.cluster.{field}: leave it out; it is the same for all settings, or said elsewhere in this file"
            );
            return Err(self.error(cluster.span(), problem));
        }
        Ok(Setting {
            name: name.clone(),
            protocol: *protocol,
            nodes: count,
            cluster: cluster.get_ref().clone(),
        })
    }

    fn program(&self, raw: &Spanned<RawProgram>) -> Result<Program, FileError> {
        let RawProgram { name, clients, .. } = raw.get_ref();
        let client = |raw: &RawClient| {
            let operation = |text: &Spanned<String>| {
                Operation::parse(text.get_ref()).map_err(|problem| {
                    self.error(text.span(), format!("programs.clients.operations: {problem}"))
                })
            };
            let operations: Vec<Operation> =
                raw.operations.iter().map(operation).collect::<Result<_, _>>()?;
            Ok(Client { name: raw.name.clone(), operations })
        };
        let clients: Vec<Client> = clients.iter().map(client).collect::<Result<_, _>>()?;
        let program = Program { name: name.clone(), clients };
        program
            .examine()
            .map_err(|problem| self.error(raw.span(), format!("programs `{name}`: {problem}")))?;
        Ok(program)
    }

    fn faults(&self, raw: &Spanned<RawFaults>, nodes_min: usize) -> Result<FaultBudget, FileError> {
        let RawFaults { name, crashes, stay_down, timeouts, drops, duplicates, split } =
            raw.get_ref();
        let node = |name: &Spanned<String>| {
            let all = (0..nodes_min as u16).map(NodeId);
            all.into_iter().find(|node| node_name(*node) == *name.get_ref()).ok_or_else(|| {
                let last = node_name(NodeId(nodes_min as u16 - 1));
                let problem = format!(
                    "faults.split: every setting has the nodes A to {last}; `{}` is none of them",
                    name.get_ref()
                );
                self.error(name.span(), problem)
            })
        };
        let mut groups = Vec::new();
        for group in split {
            groups.push(group.iter().map(node).collect::<Result<Vec<NodeId>, _>>()?);
        }
        // One group and all others.
        if groups.len() == 1 {
            groups.push(Vec::new());
        }
        let named = groups.concat();
        if let Some(twice) = named.iter().enumerate().find(|(at, node)| named[..*at].contains(node))
        {
            let problem = format!("faults.split: {} is in two groups", node_name(*twice.1));
            return Err(self.error(raw.span(), problem));
        }
        Ok(FaultBudget {
            name: name.clone(),
            crashes: *crashes,
            stay_down: *stay_down,
            timeouts: *timeouts,
            drops: *drops,
            duplicates: *duplicates,
            split: groups,
        })
    }
}
