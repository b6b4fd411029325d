//! `quorate replay`.

use std::path::PathBuf;

use clap::Args;
use quorate_model::check::trace::{CYCLE_STARTS, PATH_FORMAT, STUCK, SavedPath};
use quorate_model::check::{ClusterModel, Expected, PropertyKind, PropertySpec};

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
    let text = std::fs::read_to_string(&args.trace)
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
    let loaded = parse(
        &name,
        &saved.scenario,
        saved.scenario_toml.clone(),
        Source::File(args.trace.clone()),
    )?;
    let model = ClusterModel::new(loaded.scenario);
    let (property, shows) = (&saved.property, saved.shows);
    output::print(format!("{}: {property} {shows}\n", saved.scenario))?;
    let (steps, result) = saved.replay(&model);
    for (position, step) in steps.iter().enumerate() {
        if position == 0 {
            output::print(format!("\nbefore\n{}\n", indented(&step.before)))?;
        }
        if position + saved.cycle == saved.steps.len() {
            output::print(format!("\n{CYCLE_STARTS}\n"))?;
        }
        let number = position + 1;
        output::print(format!("\nstep {number}: {}\n{}\n", step.words, indented(&step.after)))?;
    }
    match result {
        Ok(()) => {
            let count = steps.len();
            if is_stuck(&saved) {
                output::print(format!("\n{STUCK}\n"))?;
            }
            output::print(format!("\nall {count} steps fit the model: {property} {shows}\n"))
        }
        Err(error) => Err(Failure::Unexpected(format!("{file}: {error}"))),
    }
}

/// Whether it shows how a run ends without converging.
fn is_stuck(saved: &SavedPath) -> bool {
    let kind = PropertySpec::named(&saved.property).map(|property| property.kind);
    matches!(kind, Some(PropertyKind::Convergence { .. }))
        && saved.shows == Expected::Violated
        && saved.cycle == 0
}

fn indented(state: &quorate_model::check::ClusterState) -> String {
    let text = format!("{state:?}");
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
