//! `quorate check`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use quorate_checker::world::certify::Extent;
use quorate_checker::world::footprints;
use quorate_checker::world::{STUCK, numbered};
use quorate_leader_model::deviation::Deviation as LeaderDeviation;
use quorate_model::deviation::Deviation;

use super::compare_reductions::{CompareArgs, Options, compare};
use super::scenario::{Found, Loaded, Shipped, load_all, of_either};
use super::{Failure, certify, footprints as cli_footprints, list, output, sample, saved};
use crate::check::json::{Document, Entry};
use crate::check::{self, Case, Limits, Progress, Report, Summary, Verdict, planted, text};
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
    /// Who searches: with stateright, its own checker searches too, and what both find is compared; with compact, our
    /// own goes depth first in a table for --max-states names [default: 100 million] of ten bytes each, for what
    /// is too large otherwise: its runs are not shortest ones
    #[arg(long, value_enum, default_value = "own", conflicts_with = "planted")]
    engine: Engine,
    /// Where runs that show a violation, or reach what is to be reached, are saved: a directory
    /// per scenario, a file per property
    #[arg(long, value_name = "DIR", default_value = "quorate-traces")]
    traces: PathBuf,
    /// Check the large scenarios too long for every day; cut after 10 minutes unless --timeout says
    #[arg(long, conflicts_with_all = ["scenarios", "planted"])]
    deep: bool,
    /// Compare what the reductions of each search left out with what the unreduced model does, state by
    /// state, in the place of checking properties; with --planted, of reductions that are wrong on purpose
    #[arg(long, conflicts_with_all = ["engine", "steps", "max_states", "max_depth", "timeout"])]
    certify: bool,
    /// With --certify: in about how many states of each scenario, spread evenly
    #[arg(long, value_name = "STATES", default_value_t = 20_000, requires = "certify",
        value_parser = clap::value_parser!(u64).range(1..))]
    certify_states: u64,
    /// Compare every step that the searches take with what it declares to read, write, join and send, in the
    /// place of checking properties; with --planted, declarations that are wrong on purpose
    #[arg(long, conflicts_with_all = ["engine", "steps", "max_states", "max_depth", "timeout", "certify"])]
    footprints: bool,
    /// With --footprints: how many pairs of steps of each scenario are taken in both orders at most
    #[arg(long, value_name = "PAIRS", default_value_t = 50_000, requires = "footprints",
        value_parser = clap::value_parser!(u64).range(1..))]
    footprint_pairs: u64,
    /// Take so many random steps of the unreduced model, and look for what they come to among what the reduced search
    /// has, in the place of checking properties
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u64).range(1..),
        group = "random", requires = "scenarios",
        conflicts_with_all = ["json", "engine", "steps", "max_states", "max_depth", "timeout", "certify",
            "footprints", "planted", "markdown", "compare_reductions"])]
    sample: Option<u64>,
    /// Make the protocol wrong in every way that is compiled in, and show what catches it: among the
    /// default scenarios, or those named; --max-states says how much of each is searched
    #[arg(long, conflicts_with_all = ["json", "max_depth", "timeout", "steps"])]
    planted: bool,
    /// With --planted: in this way alone, with everything that catches it (may be repeated)
    #[arg(long, value_name = "NAME", requires = "planted", value_parser = fault_named)]
    fault: Vec<Fault>,
    /// Print the table, and nothing else, as Markdown
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Tell everything with the steps of every such run; they are always told for scenarios that
    /// are named
    #[arg(long)]
    steps: bool,
    #[command(flatten)]
    compare: CompareArgs,
}

/// Who searches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Engine {
    /// Our own traversal.
    Own,
    /// Our own traversal, and then Stateright's checker.
    Stateright,
    /// Depth first, in little memory.
    Compact,
}

/// Runs the command.
///
/// # Errors
/// When a verdict differs or a run was cut, or on wrong input.
pub fn run(args: &CheckArgs) -> Result<(), Failure> {
    if args.list {
        return list::print(&args.scenarios, args.verbose, args.json);
    }
    if args.compare.compare_reductions {
        let CheckArgs { max_states, threads, json, planted, markdown, .. } = *args;
        let traces = &args.traces;
        let options = Options { max_states, threads, traces, json, planted, markdown };
        return compare(&args.compare, &options);
    }
    let has_limits = args.max_states.is_some() || args.timeout.is_some();
    match args.engine {
        Engine::Stateright if has_limits || args.max_depth.is_some() => {
            let problem = "--engine stateright searches everything, and takes no limits";
            return Err(Failure::Usage(problem.to_owned()));
        }
        Engine::Compact if args.max_depth.is_some() => {
            let problem =
                "--engine compact goes depth first, and knows no distances: no --max-depth";
            return Err(Failure::Usage(problem.to_owned()));
        }
        _ => {}
    }
    if args.planted && !args.certify && !args.footprints {
        return plant(args);
    }
    let found = found(args)?;
    for found in &found {
        let warnings = of_either!(found, loaded => loaded.scenario.warnings());
        warnings.iter().for_each(|warning| output::note(warning));
    }
    let limits = limits(args);
    if args.certify {
        let states = args.certify_states as usize;
        let extent = Extent { threads: limits.threads, states, search_max: None };
        if args.planted {
            return certify::plant(&found, extent, args.markdown);
        }
        return certify::run(&found, extent, args.json);
    }
    if args.footprints {
        let pairs = args.footprint_pairs as usize;
        let extent = footprints::Extent { threads: limits.threads, pairs, search_max: None };
        if args.planted {
            return cli_footprints::plant(&found, extent);
        }
        return cli_footprints::run(&found, extent, args.json);
    }
    if let Some(steps) = args.sample {
        let seed = args.compare.seed;
        return sample::run(&found, sample::Extent { steps, seed, threads: limits.threads });
    }
    let is_named = !args.scenarios.is_empty();
    let told = Told {
        blocks: is_named || args.verbose || args.steps,
        steps: is_named || args.steps,
        overview: found.len() > 1,
    };
    let is_text = !args.json && !args.markdown;
    if is_text && told.overview && !told.blocks {
        output::print(text::overview_header())?;
    }
    let mut all = All::default();
    for found in &found {
        of_either!(found, loaded => check_one(args, &told, &limits, loaded, &mut all))?;
    }
    let All { summary, entries, rows, overview, compared, differing } = all;
    if args.json {
        output::json(&Document::new(&summary, entries))?;
    } else if args.markdown {
        output::print(text::markdown(rows))?;
    } else {
        if told.overview && told.blocks {
            output::print(text::overview_header())?;
            output::print(overview)?;
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

/// What several checks came to.
#[derive(Default)]
struct All {
    summary: Summary,
    /// For programs.
    entries: Vec<Entry>,
    /// For Markdown.
    rows: Vec<[String; 10]>,
    /// A line about each.
    overview: Styled,
    /// How many scenarios Stateright's checker searched too.
    compared: usize,
    /// In how many of those it found something else.
    differing: usize,
}

/// Checks one scenario, saves its runs and tells of it what is to be told at once.
fn check_one<C: Case>(
    args: &CheckArgs,
    told: &Told,
    limits: &Limits,
    loaded: &Loaded<C>,
    all: &mut All,
) -> Result<(), Failure> {
    let case = &match args.engine {
        Engine::Own | Engine::Compact => loaded.scenario.clone(),
        Engine::Stateright => loaded.scenario.comparable(),
    };
    let report = if args.engine == Engine::Compact {
        let scratch = std::env::temp_dir();
        let survey = |on_progress| check::survey(case, limits, &scratch, on_progress);
        with_progress(case.name(), survey).map_err(|error| {
            Failure::Usage(format!("{error} (set TMPDIR to a directory with more room)"))
        })?
    } else {
        with_progress(case.name(), |on_progress| check::check(case, limits, on_progress))
    };
    if args.engine == Engine::Stateright
        && let Some(opinion) = check::second_opinion(case, limits.threads)
    {
        all.compared += 1;
        let differences = opinion.differences(&report);
        all.differing += usize::from(!differences.is_empty());
        for difference in differences {
            output::note(&format!("{}: {difference}", case.name()));
        }
    }
    let files = saved::save(&args.traces, loaded, &report)?;
    all.summary = all.summary.and(Summary::of(&report));
    if args.json {
        all.entries.push(Entry::new(case, &report, |verdict| files.told(verdict)));
    } else if args.markdown {
        all.rows.push(text::markdown_row(case, &report));
    } else {
        if told.overview {
            let line = text::overview(&report);
            if told.blocks { all.overview.append(line) } else { output::print(line)? }
        }
        if told.blocks || !report.is_as_expected() {
            output::print(block(loaded, &report, &files, told.steps))?;
        }
    }
    Ok(())
}

/// The scenarios that are asked for.
fn found(args: &CheckArgs) -> Result<Vec<Found>, Failure> {
    if args.scenarios.is_empty() {
        let mut all = all_shipped()?;
        all.retain(|found| found.is_default() != args.deep);
        return Ok(all);
    }
    let named = args.scenarios.iter().map(|name| load_all(name));
    Ok(named.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// All scenarios that are searched to their end, whether every day or not.
fn all_shipped() -> Result<Vec<Found>, Failure> {
    Shipped::all().filter(|shipped| !shipped.is_beyond()).map(Shipped::load).collect()
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
fn block<C: Case>(
    loaded: &Loaded<C>,
    report: &Report<C::Protocol>,
    files: &saved::Files,
    with_steps: bool,
) -> Styled {
    let replayed_by = |verdict: &Verdict<C::Protocol>| files.replayed_by(verdict);
    let mut told = text::block(&loaded.scenario, report, replayed_by);
    if with_steps {
        told.push(
            PLAIN,
            match &report.script {
                Some(played) => played.told(),
                None => steps(&loaded.scenario, report),
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
    }
}

/// How long a deep scenario may take.
const DEEP_TIME: Duration = Duration::from_secs(600);

/// How many states of a scenario are searched with a planted fault, with one that nothing catches among
/// so many, and depth first with one that nothing catches then. Faults that matter show early.
const PLANTED_STATES: usize = 20_000;
const PLANTED_STATES_LATER: usize = 400_000;
const PLANTED_STATES_DEEP: usize = 6_000_000;

/// A deviation of one of the protocols.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Leaderless(Deviation),
    Leader(LeaderDeviation),
}

/// The deviation of this name.
fn fault_named(name: &str) -> Result<Fault, String> {
    let leaderless =
        Deviation::ALL.iter().map(|fault| (fault.to_string(), Fault::Leaderless(*fault)));
    let leader =
        LeaderDeviation::ALL.iter().map(|fault| (fault.to_string(), Fault::Leader(*fault)));
    let all: Vec<(String, Fault)> = leaderless.chain(leader).collect();
    let named = all.iter().find(|(known, _)| known == name);
    named.map(|(_, fault)| *fault).ok_or_else(|| {
        let all: Vec<&str> = all.iter().map(|(known, _)| &**known).collect();
        format!("this program contains {}", all.join(", "))
    })
}

fn plant(args: &CheckArgs) -> Result<(), Failure> {
    if !cfg!(feature = "planted-faults") {
        let problem = "this program contains no planted faults; they are never part of a release. \
             Run: cargo run --release --features planted-faults -- check --planted";
        return Err(Failure::Usage(problem.to_owned()));
    }
    // Where none is named the large ones too, of which the beginning alone is searched: some faults need them.
    let scenarios = if args.scenarios.is_empty() { all_shipped()? } else { found(args)? };
    let (mut leaderless, mut leader) = (Vec::new(), Vec::new());
    for found in scenarios {
        match found {
            Found::Leaderless(loaded) => leaderless.push(loaded.scenario),
            Found::Leader(loaded) => leader.push(loaded.scenario),
        }
    }
    let at_most = |default| args.max_states.map_or(default, |states| states as usize);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let effort = planted::Effort {
        states_max: at_most(PLANTED_STATES),
        states_max_later: at_most(PLANTED_STATES_LATER),
        states_max_deep: at_most(PLANTED_STATES_DEEP),
        threads: args.threads.map_or(cores, usize::from),
    };
    let of_leaderless = faults(&args.fault, Deviation::ALL, |fault| match fault {
        Fault::Leaderless(fault) => Some(fault),
        Fault::Leader(_) => None,
    });
    let of_leader = faults(&args.fault, LeaderDeviation::ALL, |fault| match fault {
        Fault::Leader(fault) => Some(fault),
        Fault::Leaderless(_) => None,
    });
    let tables =
        [plant_in(&of_leaderless, &leaderless, effort), plant_in(&of_leader, &leader, effort)];
    let planted = tables.concat();
    if args.verbose || !args.fault.is_empty() {
        planted.iter().try_for_each(|planted| output::print(planted::block(planted)))?;
    } else {
        let tables: Vec<String> = tables
            .iter()
            .filter(|planted| !planted.is_empty())
            .map(|planted| planted::matrix(planted, args.markdown))
            .collect();
        output::print(tables.join("\n"))?;
    }
    output::print(format!("\n{}", planted::told_of(effort, &planted)))?;
    let summary = planted::summary(&planted);
    if planted.iter().any(|planted| planted.catches.is_empty()) {
        return Err(Failure::Unexpected(summary));
    }
    if args.markdown { Ok(()) } else { output::print(format!("{summary}\n")) }
}

/// The faults of one protocol: those that were asked for, or all if none was.
fn faults<F: Copy>(asked: &[Fault], all: &[F], of: impl Fn(Fault) -> Option<F>) -> Vec<F> {
    match asked {
        [] => all.to_vec(),
        asked => asked.iter().filter_map(|fault| of(*fault)).collect(),
    }
}

/// Looks for faults in scenarios of their protocol; where there are none, nobody could catch them.
fn plant_in<C: Case>(
    faults: &[C::Fault],
    scenarios: &[C],
    effort: planted::Effort,
) -> Vec<planted::Planted> {
    if scenarios.is_empty() || faults.is_empty() {
        return Vec::new();
    }
    let bar = on_terminal("planted faults");
    let planted = planted::plant(faults, scenarios, effort, |done, of| {
        if let Some(bar) = &bar {
            bar.set_message(format!("{done} of {of} searches"));
            bar.tick();
        }
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    planted
}

/// A line that shows how far something is; none where no terminal is.
fn on_terminal(name: &str) -> Option<ProgressBar> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}: {msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(escaped(name).into_owned());
    Some(bar)
}

/// A line that shows how far the check is, on a terminal only.
fn with_progress<R>(name: &str, check: impl FnOnce(Box<dyn FnMut(Progress) + Send>) -> R) -> R {
    let Some(bar) = on_terminal(name) else { return check(Box::new(|_| {})) };
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
fn steps<C: Case>(case: &C, report: &Report<C::Protocol>) -> String {
    let mut told = String::new();
    for verdict in &report.verdicts {
        let Some(path) = &verdict.path else { continue };
        let steps = saved::walk(case, path);
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
