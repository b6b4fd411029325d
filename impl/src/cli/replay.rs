//! `quorate replay`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use quorate_checker::world::Words;
use quorate_model::check::explain::reason;
use quorate_model::check::trace::{CYCLE_STARTS, PATH_FORMAT, STUCK, SavedPath, replay};
use quorate_model::check::{ClusterModel, ClusterState, Expected, PropertyKind, PropertySpec};
use quorate_model::scenario::Scenario;

use super::scenario::{Source, parse};
use super::{Failure, output};

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
    let file = args.trace.display();
    let (saved, scenario) = load_saved(&args.trace)?;
    let model = ClusterModel::new(scenario);
    let (property, shows) = (&saved.property, saved.shows);
    output::print(format!("{}: {property} {shows}\n", saved.scenario))?;
    let (steps, result) = replay(&model, &saved);
    for (position, step) in steps.iter().enumerate() {
        if position == 0 {
            output::print(format!("\nbefore\n{}\n", indented(&model, &step.before)))?;
        }
        if position + saved.cycle == saved.steps.len() {
            output::print(format!("\n{CYCLE_STARTS}\n"))?;
        }
        let number = position + 1;
        output::print(format!("\nstep {number}: {}\n", step.words))?;
        for outcome in &step.outcomes {
            output::print(format!("  {outcome}\n"))?;
        }
        output::print(format!("{}\n", indented(&model, &step.after)))?;
    }
    match result {
        Ok(()) => {
            let count = steps.len();
            if is_stuck(&saved) {
                output::print(format!("\n{STUCK}\n"))?;
            }
            output::print(format!("\nall {count} steps fit the model: {property} {shows}\n"))?;
            let is_shown = matches!(shows, Expected::Violated | Expected::Reached);
            let spec = PropertySpec::named(property).filter(|_| is_shown);
            match spec.and_then(|spec| reason(&model, spec, &saved.actions())) {
                Some(reason) => output::print(format!("since {reason}\n")),
                None => Ok(()),
            }
        }
        Err(error) => Err(Failure::Unexpected(format!("{file}: {error}"))),
    }
}

/// Reads a run that `quorate check` saved, and the scenario that is in the file.
///
/// # Errors
/// A usage failure when the file cannot be read, is no saved run or one of another format, or its
/// scenario is refused.
pub fn load_saved(path: &Path) -> Result<(SavedPath, Arc<Scenario>), Failure> {
    let file = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("{file}: cannot be read: {error}")))?;
    let saved: SavedPath = serde_json::from_str(&text)
        .map_err(|error| Failure::Usage(format!("{file}: not a saved run: {error}")))?;
    if saved.format != PATH_FORMAT {
        return Err(Failure::Usage(format!(
            "{file}: field `format` is {}, but this quorate reads format {PATH_FORMAT}; make the \
             file again with `quorate check {}`",
            saved.format, saved.scenario
        )));
    }
    let name = format!("{file} (field `scenario_toml`)");
    let source = Source::File(path.to_owned());
    let loaded = parse(&name, &saved.scenario, saved.scenario_toml.clone(), source)?;
    Ok((saved, loaded.scenario))
}

/// Whether it shows how a run ends where it should not.
fn is_stuck(saved: &SavedPath) -> bool {
    let kind = PropertySpec::named(&saved.property).map(|property| property.kind);
    matches!(kind, Some(PropertyKind::EventuallyAlways { .. }))
        && saved.shows == Expected::Violated
        && saved.cycle == 0
}

fn indented(model: &ClusterModel, state: &ClusterState) -> String {
    let text = model.names().state(state);
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
