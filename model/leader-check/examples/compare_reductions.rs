//! Compares reduced with unreduced searches over many made-up scenarios of the leader-based protocol:
//! `cargo run --release -p quorate-leader-model --example compare_reductions -- SEED CASES [STATES_MAX]`.
//!
//! Tells what was exercised, and each difference with the simplest scenario near it. Exit code 1 if anything differs.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use quorate_checker::world::compared::{Compared, Tally};
use quorate_leader_model::campaign::{compared, modes, random, scenario, shrunk, take};

/// How many simpler scenarios are looked at to make one small.
const TRIES_MAX: usize = 2_000;

fn main() -> ExitCode {
    let arguments: Vec<u64> = std::env::args().skip(1).filter_map(|it| it.parse().ok()).collect();
    let [seed, cases, rest @ ..] = &arguments[..] else {
        eprintln!("compare_reductions SEED CASES [STATES_MAX]");
        return ExitCode::from(2);
    };
    let states_max = rest.first().map_or(20_000, |states| *states as usize);
    let (started, next) = (Instant::now(), AtomicU64::new(0));
    let (tally, different) = (Mutex::new(Tally::default()), Mutex::new(Vec::new()));
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let case = next.fetch_add(1, Ordering::Relaxed);
                    if case >= *cases {
                        return;
                    }
                    let mut own = Tally::default();
                    let differs = take(*seed, case, states_max, &mut own);
                    tally.lock().expect("no thread panics with it").add(&own);
                    let mut different = different.lock().expect("no thread panics with it");
                    different.extend(differs.map(|tape| (case, tape)));
                }
            });
        }
    });
    let tally = tally.into_inner().expect("all threads have ended");
    let mut different = different.into_inner().expect("all threads have ended");
    different.sort_unstable();
    println!(
        "seed {seed}, {cases} cases: {} compared, {} too large, {} different; {} states unreduced, {} reduced; {:.0?}",
        tally.same,
        tally.too_large,
        different.len(),
        tally.states,
        tally.reduced_states,
        started.elapsed()
    );
    for (name, cases) in tally.all_exercised() {
        println!("  {name}: {cases}");
    }
    for mode in modes().filter(|mode| tally.exercised(mode) == 0) {
        println!("  {mode}: never");
    }
    for (case, tape) in different.iter().take(3) {
        let small = shrunk(tape.clone(), states_max, TRIES_MAX);
        let told = scenario(&small).map(|scenario| compared(&scenario, states_max));
        let Some(Compared::Different(difference)) = told else { continue };
        println!("\ncase {case}: {difference}\n{}", random::text(&small));
    }
    ExitCode::from(u8::from(!different.is_empty()))
}
