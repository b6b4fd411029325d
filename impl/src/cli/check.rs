//! `quorate check`.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use quorate_model::check::ClusterModel;
use quorate_model::check::trace::{STUCK, SavedPath, numbered, walk};
use quorate_model::scenario::builtin::ALL;

use super::scenario::{Loaded, load_all, load_builtin};
use super::{Failure, output};
use crate::check::json::{Document, Entry};
use quorate_model::deviation::Deviation;

use crate::check::{self, Limits, Progress, Report, Summary, Verdict, planted, text};

/// Check scenarios: visit every state within their bounds, or carry out their steps, and judge
/// what must hold.
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0 when every run was exhausted and every verdict is as its \
    scenario expects, and every step of a script came out as it says, 1 otherwise, 2 on wrong \
    usage or input.")]
pub struct CheckArgs {
    /// Scenario files, or names of built-in scenarios, or what several names begin with up to a
    /// hyphen (r1 for r1-w1, r1-w2 and so on); all default built-in ones if none is given
    #[arg(value_name = "SCENARIO.toml|NAME")]
    scenarios: Vec<String>,
    /// List the built-in scenarios and stop
    #[arg(long)]
    list: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
    /// Threads that search [default: two per core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Cut a run at this many distinct states (a cut run has failed)
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    max_states: Option<u64>,
    /// Cut a run at paths of this many steps (a cut run has failed)
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    max_depth: Option<u64>,
    /// Cut a run after this long, such as 90s or 5m (a cut run has failed)
    #[arg(long, value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Where runs that show a violation, or reach what is to be reached, are saved
    #[arg(long, value_name = "DIR", default_value = "quorate-traces")]
    traces: PathBuf,
    /// Check the large scenarios too long for every day; cut after 10 minutes unless --timeout says
    #[arg(long, conflicts_with_all = ["scenarios", "planted"])]
    deep: bool,
    /// Make the protocol wrong in every way that is compiled in, and show what catches it
    #[arg(long, conflicts_with_all = ["scenarios", "json"])]
    planted: bool,
    /// Print the table, and nothing else, as Markdown
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Print the steps of every such run; they are always printed for scenarios that are named
    #[arg(long)]
    steps: bool,
}

/// Runs the command.
///
/// # Errors
/// When a verdict differs or a run was cut, or on wrong input.
pub fn run(args: &CheckArgs) -> Result<(), Failure> {
    if args.list {
        return list();
    }
    if args.planted {
        return plant(args);
    }
    let loaded: Vec<Loaded> = if args.scenarios.is_empty() {
        let all = ALL.iter().map(load_builtin).collect::<Result<Vec<_>, _>>()?;
        all.into_iter().filter(|loaded| loaded.scenario.default != args.deep).collect()
    } else {
        let named = args.scenarios.iter().map(|name| load_all(name));
        named.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect()
    };
    let limits = limits(args);
    let tell_steps = args.steps || !args.scenarios.is_empty();
    let mut reports = Vec::new();
    let mut entries = Vec::new();
    for Loaded { scenario, toml } in &loaded {
        let report = with_progress(&scenario.name, |on_progress| {
            check::check(scenario, &limits, on_progress)
        });
        save(args, &report, scenario, toml)?;
        let saved = |verdict: &Verdict| {
            verdict.path.as_ref().map(|_| text::told(&trace_path(args, &report, verdict)))
        };
        if args.json {
            entries.push(Entry::new(scenario, &report, saved));
        } else if !args.markdown {
            output::print(&text::block(scenario, &report, saved))?;
            if tell_steps {
                let told = match &report.script {
                    Some(played) => played.told(),
                    None => steps(&ClusterModel::new(scenario.clone()), &report),
                };
                output::print(&told)?;
            }
            output::print("\n")?;
        }
        reports.push(report);
    }
    let summary = Summary::of(&reports);
    if args.json {
        output::json(&Document::new(&summary, entries))?;
    } else {
        let checked: Vec<_> = loaded.iter().map(|loaded| &*loaded.scenario).zip(&reports).collect();
        if args.markdown {
            output::print(&text::markdown(&checked))?;
        } else {
            output::print(&text::table(&checked))?;
            output::print("\n")?;
        }
        if !args.markdown && summary.is_as_expected() {
            output::print(&format!("{}\n", text::summary(&summary)))?;
        }
    }
    if summary.is_as_expected() {
        Ok(())
    } else {
        Err(Failure::Unexpected(text::summary(&summary)))
    }
}

fn limits(args: &CheckArgs) -> Limits {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Limits {
        // Stateright hands work over only every 1,500 states, and a depth-first thread that has
        // exhausted what it was given waits until then: twice as many threads keep cores busy.
        threads: args.threads.map_or(2 * cores, usize::from),
        states_max: args.max_states.map(|states| states as usize),
        // A path of d steps has d + 1 states.
        depth_max: args.max_depth.map(|steps| steps as usize + 1),
        timeout: args.timeout.or_else(|| args.deep.then_some(DEEP_TIME)),
    }
}

/// How long a deep scenario may take.
const DEEP_TIME: Duration = Duration::from_secs(600);

/// How long, and how many states, one scenario may take with a planted fault. Faults that matter
/// show early; what was found until then was found.
const PLANTED_TIME: Duration = Duration::from_secs(10);
const PLANTED_STATES: usize = 350_000;

fn plant(args: &CheckArgs) -> Result<(), Failure> {
    if !cfg!(feature = "planted-faults") {
        let problem = "this program contains no planted faults; they are never part of a release. \
             Run: cargo run --release --features planted-faults -- check --planted";
        return Err(Failure::Usage(problem.to_owned()));
    }
    let all = ALL.iter().map(load_builtin).collect::<Result<Vec<_>, _>>()?;
    let scenarios: Vec<_> =
        all.into_iter().map(|loaded| loaded.scenario).filter(|scenario| scenario.default).collect();
    let mut limits = limits(args);
    limits.timeout = limits.timeout.or(Some(PLANTED_TIME));
    limits.states_max = limits.states_max.or(Some(PLANTED_STATES));
    let mut planted = Vec::new();
    for fault in Deviation::ALL {
        if std::io::stderr().is_terminal() {
            eprintln!("{fault}: {}", fault.statement());
        }
        planted.push(planted::plant(*fault, &scenarios, &limits));
    }
    output::print(&planted::matrix(&planted, args.markdown))?;
    let summary = planted::summary(&planted);
    if planted.iter().any(|planted| planted.caught.is_empty()) {
        return Err(Failure::Unexpected(summary));
    }
    if args.markdown { Ok(()) } else { output::print(&format!("{summary}\n")) }
}

fn list() -> Result<(), Failure> {
    let width = ALL.iter().map(|builtin| builtin.name.len()).max().unwrap_or_default();
    for builtin in ALL {
        let Loaded { scenario, .. } = load_builtin(builtin)?;
        let large = if scenario.default { "" } else { " (only by name or with --deep)" };
        output::print(&format!("{:<width$}  {}{large}\n", scenario.name, scenario.title))?;
    }
    Ok(())
}

/// A line that shows how far the check is, on a terminal only.
fn with_progress(
    name: &str,
    check: impl FnOnce(Box<dyn FnMut(Progress) + Send>) -> Report,
) -> Report {
    if !std::io::stderr().is_terminal() {
        return check(Box::new(|_| {}));
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}: {msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(name.to_owned());
    let shown = bar.clone();
    let report = check(Box::new(move |progress| {
        let rate = progress.distinct as f64 / progress.elapsed.as_secs_f64();
        shown.set_message(format!(
            "{} distinct states, {} generated, depth {}, {rate:.0}/s, {:.0} s",
            progress.distinct,
            progress.generated,
            progress.depth,
            progress.elapsed.as_secs_f64()
        ));
        shown.tick();
    }));
    bar.finish_and_clear();
    report
}

fn trace_path(args: &CheckArgs, report: &Report, verdict: &Verdict) -> PathBuf {
    args.traces.join(text::file_name(&report.scenario, verdict.property.name))
}

fn save(
    args: &CheckArgs,
    report: &Report,
    scenario: &std::sync::Arc<quorate_model::scenario::Scenario>,
    toml: &str,
) -> Result<(), Failure> {
    let model = ClusterModel::new(scenario.clone());
    for verdict in &report.verdicts {
        let (Some(path), Some(found)) = (&verdict.path, verdict.found) else { continue };
        let (name, cycle) = (verdict.property.name, verdict.cycle());
        let saved = SavedPath::new(&model, toml, name, found, path, cycle);
        write_json(&trace_path(args, report, verdict), &saved)?;
    }
    Ok(())
}

fn write_json(path: &Path, saved: &SavedPath) -> Result<(), Failure> {
    let failure = |error: std::io::Error| {
        Failure::Usage(format!("{}: cannot be written: {error}", path.display()))
    };
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(failure)?;
    }
    let file = std::fs::File::create(path).map_err(failure)?;
    let mut file = std::io::BufWriter::new(file);
    serde_json::to_writer_pretty(&mut file, saved)
        .map_err(std::io::Error::from)
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.flush())
        .map_err(failure)
}

/// The numbered steps of every run that shows a violation or reaches something.
fn steps(model: &ClusterModel, report: &Report) -> String {
    let mut told = String::new();
    for verdict in &report.verdicts {
        let Some(path) = &verdict.path else { continue };
        let (steps, _) = walk(model, path);
        let (found, name) = (text::found(verdict), verdict.property.name);
        told.push_str(&format!("\n  {name} {found}: {}\n", verdict.property.statement));
        for line in numbered(&steps, verdict.cycle()) {
            told.push_str(&format!("  {line}\n"));
        }
        if verdict.endings.is_some() && verdict.cycle() == 0 {
            told.push_str(&format!("  {STUCK}\n"));
        }
    }
    told
}
