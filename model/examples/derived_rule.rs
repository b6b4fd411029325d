//! How many states a rule could leave that is derived from footprints alone: beside the rules that are on, and
//! in the place of each of them. For small built-in scenarios, or those that are named.
//!
//! ```sh
//! cargo run --release -p quorate-model --example derived_rule
//! ```

use std::env;
use std::sync::Arc;

use quorate_checker::Switch;
use quorate_model::check::footprints::{Fewest, fewest};
use quorate_model::scenario::builtin::ALL;
use quorate_model::scenario::{Reductions, Scenario};

/// The most states that a search may visit, unreduced too.
const STATES_MAX: usize = 60_000;

fn main() {
    let named: Vec<String> = env::args().skip(1).collect();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!(
        "| scenario | reduced | derived too | alone in | unreduced | derived only | alone in |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut sums = [0; 4];
    let mut searched = 0;
    for builtin in ALL {
        if !named.is_empty() && !named.iter().any(|name| name == builtin.name) {
            continue;
        }
        let scenario = builtin.parse().unwrap_or_else(|error| panic!("{error}"));
        if scenario.script.is_some() {
            continue;
        }
        let of = |reductions: Reductions| {
            let scenario = Arc::new(Scenario { reductions, ..scenario.clone() });
            fewest(&scenario, threads, STATES_MAX, &Switch::default())
        };
        let (Some(reduced), Some(unreduced)) = (of(scenario.reductions), of(Reductions::NONE))
        else {
            continue;
        };
        searched += 1;
        let told = |of: Fewest| format!("{} | {} | {}", of.distinct, of.fewest, of.alone);
        println!("| {} | {} | {} |", builtin.name, told(reduced), told(unreduced));
        let counts = [reduced.distinct, reduced.fewest, unreduced.distinct, unreduced.fewest];
        sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    let [reduced, derived_too, unreduced, derived_only] = sums;
    println!(
        "\n{searched} searches: {reduced} states reduced, {derived_too} with a derived rule too at least; \
         {unreduced} unreduced, {derived_only} with a derived rule only at least"
    );
}
