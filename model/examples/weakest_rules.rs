//! Whether a search by three rules alone (`client-hops`, `dead-messages`, `finished-requests`) finds what the usual one finds:
//! the same verdicts, the same put to the test, the same states of all disks. For scenarios that are too large for the
//! campaign, which compares with no rules at all. Exit code 1 if not.
//!
//! ```sh
//! cargo run --release -p quorate-model --features measurements --example weakest_rules -- flagship 400000000
//! ```
//!
//! The first argument names a built-in scenario, or a file that ends in `.toml`. The number says for how many states the table
//! of names has room.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;
use std::{env, fs, thread};

use quorate_checker::Switch;
use quorate_checker::compact::{Ended, Extent};
use quorate_model::campaign::surveyed::{Surveyed, surveyed};
use quorate_model::check::ClusterModel;
use quorate_model::scenario::builtin::Builtin;
use quorate_model::scenario::file::parse;
use quorate_model::scenario::{Reductions, Scenario};

/// How often it says how far it is.
const TELL_EVERY: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "flagship".to_owned());
    let states_max = arguments.next().map_or(400_000_000, |number| {
        number.parse().expect("the second argument is a number of states")
    });
    let scenario = if name.ends_with(".toml") {
        let text =
            fs::read_to_string(&name).expect("the first argument is a file that can be read");
        parse(&name, "scenario", &text).unwrap_or_else(|error| panic!("{error}"))
    } else {
        let builtin = Builtin::named(&name).expect("the first argument names a built-in scenario");
        builtin.parse().expect("a test reads all")
    };
    // Of two runs that differ in names only one is looked at with these.
    let usual = scenario.reductions.without_symmetry();
    let weakest = Reductions {
        client_hops: true,
        dead_messages: true,
        finished_requests: true,
        ..Reductions::NONE
    };
    let usual = search("usual", &scenario, usual, states_max);
    let weakest = search("weakest", &scenario, weakest, states_max);
    let (missed, invented) = (weakest.disks_that_lacks(&usual), usual.disks_that_lacks(&weakest));
    println!("states of all disks: {missed} missed by the usual rules, {invented} invented");
    if usual.survey.cut.is_some() || weakest.survey.cut.is_some() {
        println!("the table is too small: nothing can be said of the states that were left out");
        return ExitCode::FAILURE;
    }
    let agree = told(&usual) == told(&weakest) && missed == 0 && invented == 0;
    println!("{}", if agree { "the same" } else { "DIFFERENT" });
    if agree { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is shown, what goals are kept, and what of them is put to the test.
fn told(surveyed: &Surveyed) -> (Vec<bool>, Vec<(bool, bool)>) {
    let survey = &surveyed.survey;
    let endings = survey.endings.iter();
    let ended =
        endings.map(|ending| (matches!(ending.ended, Ended::Holds), ending.witness.is_some()));
    (survey.runs.iter().map(Option::is_some).collect(), ended.collect())
}

fn search(what: &str, scenario: &Scenario, reductions: Reductions, states_max: usize) -> Surveyed {
    let model = ClusterModel::new(Arc::new(Scenario { reductions, ..scenario.clone() }));
    let threads = thread::available_parallelism().map_or(1, Into::into);
    let extent = Extent { threads, states_max, scratch: env::temp_dir() };
    let switch = Switch::default();
    let found = thread::scope(|scope| {
        let (finished, is_finished) = channel::<()>();
        scope.spawn({
            let switch = &switch;
            move || {
                while is_finished.recv_timeout(TELL_EVERY) == Err(RecvTimeoutError::Timeout) {
                    eprintln!("{what}: {:?}", switch.progress());
                }
            }
        });
        let found = surveyed(&model, &extent, &switch);
        drop(finished);
        found.expect("edges can be written into the directory for temporary files")
    });
    let survey = &found.survey;
    println!(
        "{what}: {} generated, {} distinct, longest run {}, {} settling edges, {} states of all disks, {:.0} s",
        survey.generated,
        survey.distinct,
        survey.depth,
        survey.endings.first().map_or(0, |ending| ending.settling_edges),
        found.disks(),
        survey.elapsed.as_secs_f64(),
    );
    let names = model.conditions();
    for (condition, run) in names.iter().zip(&survey.runs) {
        let steps =
            run.as_ref().map_or("by no state".to_owned(), |run| format!("in {} steps", run.len()));
        println!("  {}: shown {steps}", condition.name());
    }
    for (goal, ending) in model.goals().iter().zip(&survey.endings) {
        let holds = matches!(ending.ended, Ended::Holds);
        let verdict = match (survey.cut, holds) {
            (Some(_), _) => "not decided",
            (None, true) => "holds",
            (None, false) => "violated",
        };
        println!("  {goal:?}: {} of the states at it, {verdict}", ending.met);
    }
    found
}
