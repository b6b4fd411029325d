//! `quorate check --compare-reductions`.

use std::fs;
use std::io::IsTerminal;
use std::path::Path;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use quorate_checker::world::campaign::Draft;
use quorate_leader_model::campaign::Draft as LeaderDraft;
use quorate_model::campaign::Draft as LeaderlessDraft;
use quorate_model::campaign::small_scope::SIZE_MAX;

use super::{Failure, output};
use crate::campaign::json::Document;
use crate::campaign::{Different, Outcome, Plan, Progress, Shard, planted, run, text};
use crate::check::text::grouped;

/// Which cases are compared.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Compare reduced with unreduced searches over many made-up scenarios: first all small ones, in
    /// order of size, then random ones
    #[arg(long, group = "random", conflicts_with_all = ["scenarios", "list", "verbose", "deep", "steps", "timeout", "max_depth"])]
    pub compare_reductions: bool,
    /// Of which protocol the scenarios are. With leader all are random
    #[arg(long, value_enum, default_value = "leaderless", requires = "compare_reductions", help_heading = COMPARING)]
    protocol: ProtocolWord,
    /// What random scenarios, or with --sample random runs, are made from: each seed gives others
    #[arg(long, default_value_t = 1, requires = "random", help_heading = COMPARING)]
    pub seed: u64,
    /// How many cases to compare
    #[arg(long, value_name = "N", default_value_t = 10_000, requires = "compare_reductions", help_heading = COMPARING)]
    cases: u64,
    /// The first case: go on where a campaign ended
    #[arg(long, value_name = "CASE", default_value_t = 0, requires = "compare_reductions", help_heading = COMPARING)]
    from: u64,
    /// Take a share of the cases, such as 1/4 for the first of four
    #[arg(long, value_name = "I/N", default_value_t = Shard::WHOLE, requires = "compare_reductions", help_heading = COMPARING)]
    shard: Shard,
    /// The size of the largest scenarios that are enumerated [default: 2; of the leader-based protocol none are]
    #[arg(long, value_parser = clap::value_parser!(u64).range(..=SIZE_MAX as u64), requires = "compare_reductions", help_heading = COMPARING)]
    size: Option<u64>,
    /// In how many compared cases each kind of step, each mode and each reduction must have taken part
    /// [default: one case in a thousand, if some are random]
    #[arg(long, value_name = "N", requires = "compare_reductions", help_heading = COMPARING)]
    floor: Option<u64>,
}

/// Of which protocol scenarios are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum ProtocolWord {
    /// No node is more than others.
    Leaderless,
    /// One takes all writes.
    Leader,
}

const COMPARING: &str = "With --compare-reductions";

/// The size of the largest scenarios that are enumerated, where nothing is said.
const SIZE: u64 = 2;

/// A scenario with more states unreduced than this is left out.
const STATES_MAX: u64 = 20_000;

/// So many differences are told; `--json` tells all.
const TOLD_MAX: usize = 20;

/// Where differences go, below the directory of saved runs.
const DIRECTORY: &str = "compare-reductions";

/// What else the command was asked for.
pub struct Options<'a> {
    /// The most unreduced states.
    pub max_states: Option<u64>,
    /// How many threads.
    pub threads: Option<u16>,
    /// Where differences are saved.
    pub traces: &'a Path,
    /// Whether to print JSON.
    pub json: bool,
    /// Whether to make reductions wrong.
    pub planted: bool,
    /// Whether to print a table as Markdown.
    pub markdown: bool,
}

/// Runs the comparison.
///
/// # Errors
/// When something differs or was exercised too rarely, or a file cannot be written.
pub fn compare(args: &CompareArgs, options: &Options<'_>) -> Result<(), Failure> {
    match args.protocol {
        ProtocolWord::Leaderless => {
            compare_of::<LeaderlessDraft>("leaderless", args.size.unwrap_or(SIZE), args, options)
        }
        ProtocolWord::Leader if args.size.is_some() => {
            let problem = "--size: scenarios are enumerated of the leaderless protocol only; with --protocol leader \
                 all are random";
            Err(Failure::Usage(problem.to_owned()))
        }
        ProtocolWord::Leader => compare_of::<LeaderDraft>("leader", 0, args, options),
    }
}

fn compare_of<D: Draft>(
    protocol: &'static str,
    size: u64,
    args: &CompareArgs,
    options: &Options<'_>,
) -> Result<(), Failure> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = args.cases / args.shard.of;
    let plan = Plan {
        seed: args.seed,
        from: args.from,
        cases: args.cases,
        shard: args.shard,
        size: size as usize,
        states_max: options.max_states.unwrap_or(STATES_MAX) as usize,
        floor: args.floor,
        threads: options.threads.map_or(cores, usize::from),
    };
    if options.planted {
        return plant::<D>(&plan, options);
    }
    let outcome = with_progress::<D>(&plan, share);
    let saved = save(protocol, &outcome, options.traces)?;
    let file = |different: &Different<D>| {
        let named = saved.iter().find(|(case, _)| *case == different.case.number);
        named.map(|(_, file)| file.clone())
    };
    if options.json {
        output::json(&Document::new(protocol, &outcome, file))?;
    } else {
        output::print(text::report(&outcome))?;
        for different in outcome.differences.iter().take(TOLD_MAX) {
            output::print(text::difference(&plan, different, file(different).as_deref()))?;
        }
        if let Some(more) = outcome.differences.len().checked_sub(TOLD_MAX).filter(|more| *more > 0)
        {
            output::print(format!("and {more} more that differ\n"))?;
        }
        output::print(text::shortages(&outcome))?;
    }
    if !outcome.is_as_expected() {
        return Err(Failure::Unexpected(text::summary(&outcome)));
    }
    if options.json { Ok(()) } else { output::print(text::summary_line(&outcome)) }
}

fn plant<D: Draft>(plan: &Plan, options: &Options<'_>) -> Result<(), Failure> {
    if !cfg!(feature = "planted-faults") {
        let problem = "this program contains no wrong reductions; they are never part of a release. \
             Run: cargo run --release --features planted-faults -- check --compare-reductions --planted";
        return Err(Failure::Usage(problem.to_owned()));
    }
    let noticed = planted::plant::<D>(plan);
    for (rule, noticed) in &noticed {
        if let Some((small, _)) = noticed.as_ref().and_then(|noticed| noticed.small.as_ref()) {
            write(options.traces, &format!("{rule}.toml"), small)?;
        }
    }
    output::print(planted::table::<D>(&noticed, options.markdown))?;
    let summary = planted::summary::<D>(&noticed, plan);
    if noticed.iter().any(|(_, noticed)| noticed.is_none()) {
        return Err(Failure::Unexpected(summary));
    }
    if options.markdown { Ok(()) } else { output::print(format!("{summary}\n")) }
}

/// Runs a campaign; on a terminal a line shows how far it is.
fn with_progress<D: Draft>(plan: &Plan, cases: u64) -> Outcome<D> {
    if !std::io::stderr().is_terminal() {
        return run(plan, |_| {});
    }
    let bar = ProgressBar::new(cases);
    let template = "{spinner} {wide_bar} {pos}/{len} cases, {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    let outcome = run(plan, |Progress { done, different, elapsed }| {
        bar.set_position(done);
        let different = grouped(different);
        bar.set_message(format!("{different} different, {:.0} s", elapsed.as_secs_f64()));
        bar.tick();
    });
    bar.finish_and_clear();
    outcome
}

/// Saves the scenarios that differ, a file each; gives the files by their cases.
fn save<D: Draft>(
    protocol: &str,
    outcome: &Outcome<D>,
    traces: &Path,
) -> Result<Vec<(u64, String)>, Failure> {
    let mut saved = Vec::new();
    for different in &outcome.differences {
        let Some((small, _)) = &different.small else { continue };
        let case = different.case.number;
        let Plan { seed, size, .. } = outcome.plan;
        let name = match size {
            0 => format!("{protocol}-seed-{seed}-case-{case}.toml"),
            _ => format!("seed-{seed}-size-{size}-case-{case}.toml"),
        };
        saved.push((case, write(traces, &name, small)?));
    }
    Ok(saved)
}

/// Writes a scenario file below the directory of saved runs, and says where.
fn write(traces: &Path, name: &str, draft: &impl Draft) -> Result<String, Failure> {
    let directory = traces.join(DIRECTORY);
    let file = directory.join(name);
    fs::create_dir_all(&directory).and_then(|()| fs::write(&file, draft.toml())).map_err(
        |error| Failure::Usage(format!("{}: cannot be written: {error}", file.display())),
    )?;
    Ok(file.display().to_string())
}
