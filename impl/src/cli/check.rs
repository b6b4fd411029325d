//! `quorate check`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use quorate_model::check::ClusterModel;
use quorate_model::check::trace::{STUCK, numbered, walk};
use quorate_model::deviation::Deviation;
use quorate_model::scenario::builtin::ALL;

use super::scenario::{Loaded, load_all, load_builtin};
use super::{Failure, list, output, saved};
use crate::check::json::{Document, Entry};
use crate::check::{self, Limits, Progress, Report, Summary, Verdict, planted, text};
use crate::styled::{ASIDE, PLAIN, Styled, escaped};

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
    /// List the built-in scenarios by topic and stop: all, or those that speak of every word given
    /// in place of names; with -v also the story of each
    #[arg(long)]
    list: bool,
    /// Tell everything about every scenario, as is done for those that are named
    #[arg(long, short)]
    verbose: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
    /// Threads that search [default: one per core]
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
    /// Who searches: with stateright, its own checker searches too, and what both find is compared
    #[arg(long, value_enum, default_value = "own",
        conflicts_with_all = ["max_states", "max_depth", "timeout", "planted"])]
    engine: Engine,
    /// Where runs that show a violation, or reach what is to be reached, are saved: a directory
    /// per scenario, a file per property
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
    /// Tell everything with the steps of every such run; they are always told for scenarios that
    /// are named
    #[arg(long)]
    steps: bool,
}

/// Who searches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Engine {
    /// Our own traversal.
    Own,
    /// Our own traversal, and then Stateright's checker.
    Stateright,
}

/// Runs the command.
///
/// # Errors
/// When a verdict differs or a run was cut, or on wrong input.
pub fn run(args: &CheckArgs) -> Result<(), Failure> {
    if args.list {
        return list::print(&args.scenarios, args.verbose, args.json);
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
    for warning in loaded.iter().flat_map(|loaded| &loaded.scenario.warnings) {
        output::note(&warning.to_string());
    }
    let limits = limits(args);
    let is_named = !args.scenarios.is_empty();
    let told = Told {
        blocks: is_named || args.verbose || args.steps,
        steps: is_named || args.steps,
        overview: loaded.len() > 1,
    };
    let is_text = !args.json && !args.markdown;
    if is_text && told.overview && !told.blocks {
        output::print(text::overview_header())?;
    }
    let mut reports = Vec::new();
    let mut entries = Vec::new();
    let (mut compared, mut differing) = (0, 0);
    for loaded in &loaded {
        let scenario = &loaded.scenario;
        let report = with_progress(&scenario.name, |on_progress| {
            check::check(scenario, &limits, on_progress)
        });
        if args.engine == Engine::Stateright
            && let Some(opinion) = check::second_opinion(scenario, limits.threads)
        {
            compared += 1;
            let differences = opinion.differences(&report);
            differing += usize::from(!differences.is_empty());
            for difference in differences {
                output::note(&format!("{}: {difference}", scenario.name));
            }
        }
        let files = saved::save(&args.traces, loaded, &report)?;
        if args.json {
            entries.push(Entry::new(scenario, &report, |verdict| files.told(verdict)));
        } else if is_text {
            if told.overview && !told.blocks {
                output::print(text::overview(&report))?;
            }
            if told.blocks || !report.is_as_expected() {
                output::print(block(loaded, &report, &files, told.steps))?;
            }
        }
        reports.push(report);
    }
    let summary = Summary::of(&reports);
    if args.json {
        output::json(&Document::new(&summary, entries))?;
    } else if args.markdown {
        let checked: Vec<_> = loaded.iter().map(|loaded| &*loaded.scenario).zip(&reports).collect();
        output::print(text::markdown(&checked))?;
    } else {
        if told.overview && told.blocks {
            output::print(text::overview_header())?;
            reports.iter().try_for_each(|report| output::print(text::overview(report)))?;
        }
        if summary.is_as_expected() {
            let gap = if told.overview { "\n" } else { "" };
            output::print(format!("{gap}{}\n", text::summary(&summary)))?;
        }
        if !told.blocks && std::io::stdout().is_terminal() {
            let mut hint = Styled::new();
            hint.push(ASIDE, "all about one: quorate check NAME; by topic: quorate check --list\n");
            output::print(hint)?;
        }
    }
    if !summary.is_as_expected() {
        return Err(Failure::Unexpected(text::summary(&summary)));
    }
    if differing > 0 {
        let problem = "scenarios in which Stateright's checker found something else";
        return Err(Failure::Unexpected(format!("{differing} of {compared} {problem}")));
    }
    if args.engine == Engine::Stateright && is_text {
        let agrees = "Stateright's checker visited as many states and found the same";
        output::print(format!("{agrees}: {compared} scenarios\n"))?;
    }
    Ok(())
}

/// How much is told.
struct Told {
    /// Everything about every scenario, and not only about those that are not as expected.
    blocks: bool,
    /// The steps of runs too.
    steps: bool,
    /// A line per scenario: as each is checked, or below everything else.
    overview: bool,
}

/// Everything about one check.
fn block(loaded: &Loaded, report: &Report, files: &saved::Files, with_steps: bool) -> Styled {
    let replayed_by = |verdict: &Verdict| files.replayed_by(verdict);
    let mut told = text::block(&loaded.scenario, report, replayed_by);
    if with_steps {
        told.push(
            PLAIN,
            match &report.script {
                Some(played) => played.told(),
                None => steps(&ClusterModel::new(loaded.scenario.clone()), report),
            },
        );
    }
    told.push(PLAIN, "\n");
    told
}

fn limits(args: &CheckArgs) -> Limits {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Limits {
        threads: args.threads.map_or(cores, usize::from),
        states_max: args.max_states.map(|states| states as usize),
        depth_max: args.max_depth.map(|steps| steps as usize),
        timeout: args.timeout.or_else(|| args.deep.then_some(DEEP_TIME)),
        until_unexpected: false,
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
            output::note(&format!("{fault}: {}", fault.statement()));
        }
        planted.push(planted::plant(*fault, &scenarios, &limits));
    }
    output::print(planted::matrix(&planted, args.markdown))?;
    let summary = planted::summary(&planted);
    if planted.iter().any(|planted| planted.caught.is_empty()) {
        return Err(Failure::Unexpected(summary));
    }
    if args.markdown { Ok(()) } else { output::print(format!("{summary}\n")) }
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
    bar.set_prefix(escaped(name).into_owned());
    let shown = bar.clone();
    let report = check(Box::new(move |progress| {
        let rate = progress.distinct as f64 / progress.elapsed.as_secs_f64();
        shown.set_message(format!(
            "{} distinct states, {} waiting, {} generated, depth {}, {rate:.0}/s, {:.0} s",
            progress.distinct,
            progress.waiting,
            progress.generated,
            progress.depth,
            progress.elapsed.as_secs_f64()
        ));
        shown.tick();
    }));
    bar.finish_and_clear();
    report
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
