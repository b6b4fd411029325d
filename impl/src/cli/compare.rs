//! `quorate compare`.

use std::fs;
use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use quorate_compare::comparison::{Cell, Comparison, compare};
use quorate_compare::file::{self, Plan};
use quorate_compare::property::Property;
use quorate_compare::search::{Extent, shortest};
use quorate_compare::setting::Setting;
use quorate_compare::table::{self, Style};
use serde::Serialize;

use super::{Failure, output};

/// Compare settings of both protocols under the same clients and the same faults: what clients may observe, which
/// nodes may be down, how long operations take
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code: 0 when everything was compared, also where searches were cut, 1 when a run that \
    --show asks for is not found, 2 on wrong usage or input."
)]
pub struct CompareArgs {
    /// What to compare: settings, programs of clients and faults. Without one, the usual settings
    #[arg(value_name = "FILE.toml")]
    file: Option<PathBuf>,
    /// Show the shortest run by which a property is possible in a setting, step by step
    #[arg(long, num_args = 2, value_names = ["SETTING", "PROPERTY"], conflicts_with_all = ["json", "markdown", "print_file"])]
    show: Option<Vec<String>>,
    /// With --show: write the run's sequence diagram to this file, as SVG
    #[arg(long, value_name = "FILE.svg", requires = "show")]
    diagram: Option<PathBuf>,
    /// Print one JSON document instead of tables
    #[arg(long)]
    json: bool,
    /// Print the tables as Markdown
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Print the file of what is compared, to be copied and changed, and compare nothing
    #[arg(long, conflicts_with_all = ["json", "markdown"])]
    print_file: bool,
    /// Threads that search [default: one per core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Cut each search at this many states: what was not found by then is told as `cut`
    #[arg(long, default_value_t = STATES_MAX, value_parser = clap::value_parser!(u64).range(1..))]
    max_states: u64,
}

/// The most states of a search, where nothing is said.
const STATES_MAX: u64 = 1_000_000;

/// Runs the command.
///
/// # Errors
/// When the file is refused, or the run that is asked for is not there.
pub fn run(args: &CompareArgs) -> Result<(), Failure> {
    let named = args.file.as_ref().map(|file| file.display().to_string());
    let text = match (&args.file, &named) {
        (Some(file), Some(named)) => fs::read_to_string(file)
            .map_err(|error| Failure::Usage(format!("{named}: cannot be read: {error}")))?,
        _ => file::DEFAULT.to_owned(),
    };
    if args.print_file {
        return output::print(text);
    }
    let plan = file::parse(named.as_deref().unwrap_or("(the usual settings)"), &text)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let extent = Extent { states_max: args.max_states as usize };
    if let Some([setting, property]) = args.show.as_deref() {
        return show_run(args, &plan, setting, property, extent);
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = args.threads.map_or(cores, usize::from);
    let comparison = with_progress(&plan, extent, threads);
    if args.json {
        return output::json(&Document::new(&comparison, named.as_deref()));
    }
    let style = if args.markdown { Style::Markdown } else { Style::Text };
    output::print(table::all(&comparison, named.as_deref(), style))
}

/// Compares; on a terminal a line shows how far it is.
fn with_progress(plan: &Plan, extent: Extent, threads: usize) -> Comparison {
    if !std::io::stderr().is_terminal() {
        return compare(plan, extent, threads, &|_, _| {});
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {wide_bar} {pos}/{len} searches, {elapsed}")
    {
        bar.set_style(style);
    }
    let comparison = compare(plan, extent, threads, &|done, of| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    comparison
}

/// The setting of this name.
fn setting_named<'a>(plan: &'a Plan, name: &str) -> Result<&'a Setting, Failure> {
    plan.settings.iter().find(|setting| setting.name == name).ok_or_else(|| {
        let known: Vec<&str> = plan.settings.iter().map(|setting| setting.name.as_str()).collect();
        Failure::Usage(format!(
            "--show: no setting is called `{name}`: known are {}",
            known.join(", ")
        ))
    })
}

/// Shows the shortest run that makes a property possible.
fn show_run(
    args: &CompareArgs,
    plan: &Plan,
    setting: &str,
    property: &str,
    extent: Extent,
) -> Result<(), Failure> {
    let setting = setting_named(plan, setting)?;
    let property = Property::named(property).ok_or_else(|| {
        let known: Vec<&str> = Property::ALL.into_iter().map(Property::name).collect();
        Failure::Usage(format!(
            "--show: no property is called `{property}`: known are {}",
            known.join(", ")
        ))
    })?;
    let looked = shortest(plan.cases(setting), property, extent);
    let Some((case, told)) = looked.found else {
        let bounds = match looked.cut {
            0 => "no run within the bounds shows it".to_owned(),
            cut => format!("no run that was visited shows it, and {cut} searches were cut"),
        };
        return Err(Failure::Unexpected(format!(
            "{}: {}: {bounds}",
            setting.name,
            property.name()
        )));
    };
    output::print(format!(
        "{}: {}: {}\n  clients do   {}\n  goes wrong   {}\n  steps        {}\n\n",
        setting.name,
        property.name(),
        property.statement(),
        case.program,
        case.faults.name,
        told.length
    ))?;
    output::print(told.steps.join("\n") + "\n")?;
    if let Some(file) = &args.diagram {
        fs::write(file, &told.diagram).map_err(|error| {
            Failure::Usage(format!("{}: cannot be written: {error}", file.display()))
        })?;
    }
    Ok(())
}

/// The comparison as a JSON document.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    comparison: &'a Comparison,
    properties: Vec<Stated>,
    runs: Vec<Run<'a>>,
}

#[derive(Serialize)]
struct Stated {
    name: &'static str,
    statement: &'static str,
}

/// A cell that a command shows.
#[derive(Serialize)]
struct Run<'a> {
    setting: &'a str,
    property: &'static str,
    command: String,
}

impl<'a> Document<'a> {
    fn new(comparison: &'a Comparison, file: Option<&str>) -> Self {
        let stated =
            |property: Property| Stated { name: property.name(), statement: property.statement() };
        let mut runs = Vec::new();
        for row in &comparison.rows {
            for (property, cell) in Property::ALL.into_iter().zip(&row.cells) {
                if let Cell::Possible { .. } = cell {
                    let command = table::command(file, &row.setting, property);
                    runs.push(Run { setting: &row.setting, property: property.name(), command });
                }
            }
        }
        let properties = Property::ALL.into_iter().map(stated).collect();
        Document { comparison, properties, runs }
    }
}
