//! `quorate replay`.

use std::path::{Path, PathBuf};

use clap::Args;
use quorate_checker::world::{
    CYCLE_STARTS, Expected, PATH_FORMAT, Property, PropertyKind, Protocol, STUCK, SavedPath, State,
    Words,
};
use serde::Deserialize;

use super::scenario::{Source, of_either, parse};
use super::{Failure, output};
use crate::check::Case;

/// Walk a saved counterexample again, with the state before and after each step.
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0 when every step fits the model and the end shows what the \
    file says, 1 otherwise, 2 on wrong usage or input.")]
pub struct ReplayArgs {
    /// A file that `quorate check` saved
    trace: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// When a step no longer fits the model or the end no longer shows what the file says, or when
/// the file is none of ours.
pub fn run(args: &ReplayArgs) -> Result<(), Failure> {
    let found = load_saved(&args.trace)?;
    of_either!(found.scenario, loaded => walk(&args.trace, &loaded.scenario, &found.text))
}

fn walk<C: Case>(file: &Path, case: &C, text: &str) -> Result<(), Failure> {
    let file = file.display();
    let saved: SavedPath<C::Protocol> = read(&file.to_string(), text)?;
    let (world, words) = (case.world(), case.words());
    let (property, shows) = (&saved.property, saved.shows);
    output::print(format!("{}: {property} {shows}\n", saved.scenario))?;
    let is_judged = |name: &str| case.is_judged(name);
    let allows = |state: &_, action: &_| case.allows(&world, state, action);
    let (steps, result) = saved.replay_among(&world, &words, case.properties(), is_judged, allows);
    for (position, step) in steps.iter().enumerate() {
        if position == 0 {
            output::print(format!("\nbefore\n{}\n", indented(&words, &step.before)))?;
        }
        if position + saved.cycle == saved.steps.len() {
            output::print(format!("\n{CYCLE_STARTS}\n"))?;
        }
        let number = position + 1;
        output::print(format!("\nstep {number}: {}\n", step.words))?;
        for outcome in &step.outcomes {
            output::print(format!("  {outcome}\n"))?;
        }
        output::print(format!("{}\n", indented(&words, &step.after)))?;
    }
    match result {
        Ok(()) => {
            let count = steps.len();
            let named = named(case, property);
            if named.as_ref().is_some_and(|named| is_stuck(&saved, named)) {
                output::print(format!("\n{STUCK}\n"))?;
            }
            output::print(format!("\nall {count} steps fit the model: {property} {shows}\n"))?;
            let is_shown = matches!(shows, Expected::Violated | Expected::Reached);
            let named = named.filter(|_| is_shown);
            match named.and_then(|named| case.explaining().reason(&named, &saved.actions())) {
                Some(reason) => output::print(format!("since {reason}\n")),
                None => Ok(()),
            }
        }
        Err(error) => Err(Failure::Unexpected(format!("{file}: {error}"))),
    }
}

/// A run that `quorate check` saved, whose steps are not read yet, with the scenario that is in the file.
pub struct FoundRun {
    /// The scenario.
    pub scenario: super::scenario::Found,
    /// The file, whole.
    pub text: String,
}

/// What every saved run says, whatever its protocol.
#[derive(Deserialize)]
struct Head {
    format: u32,
    scenario: String,
    scenario_toml: String,
}

/// Reads a run that `quorate check` saved, as far as the scenario that is in the file.
///
/// # Errors
/// A usage failure when the file cannot be read, is no saved run or one of another format, or its
/// scenario is refused.
pub fn load_saved(path: &Path) -> Result<FoundRun, Failure> {
    let file = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("{file}: cannot be read: {error}")))?;
    let Head { format, scenario, scenario_toml } = read(&file.to_string(), &text)?;
    if format != PATH_FORMAT {
        return Err(Failure::Usage(format!(
            "{file}: field `format` is {format}, but this quorate reads format {PATH_FORMAT}; make the \
             file again with `quorate check {scenario}`"
        )));
    }
    let name = format!("{file} (field `scenario_toml`)");
    let found = parse(&name, &scenario, scenario_toml, Source::File(path.to_owned()))?;
    Ok(FoundRun { scenario: found, text })
}

/// Reads what a saved run says.
///
/// # Errors
/// When it is none.
pub fn read<T: for<'de> Deserialize<'de>>(file: &str, text: &str) -> Result<T, Failure> {
    let read = serde_json::from_str(text);
    read.map_err(|error| Failure::Usage(format!("{file}: not a saved run: {error}")))
}

/// The property of this name.
fn named<C: Case>(case: &C, name: &str) -> Option<Property<C::Protocol>> {
    case.properties().into_iter().find(|property| property.name == name)
}

/// Whether it shows how a run ends where it should not.
fn is_stuck<P: Protocol>(saved: &SavedPath<P>, property: &Property<P>) -> bool {
    matches!(property.kind, PropertyKind::EventuallyAlways { .. })
        && saved.shows == Expected::Violated
        && saved.cycle == 0
}

fn indented<P: Protocol>(words: &impl Words<P>, state: &State<P>) -> String {
    let text = words.state(state);
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
