//! Compares reduced with unreduced searches over many made-up scenarios, for as long as one likes.
//!
//! ```text
//! cargo run --release -p quorate-model --example compare_reductions -- --seed 1 --cases 100000
//! ```
//!
//! Case number C of seed S is always the same scenario, so `--from` goes on where a run ended. A
//! difference is made as small as it gets by simplifying the choices that led to it, and printed as a
//! scenario file; the exit code is then 1. At the end it says how often each feature was compared.

#[path = "../tests/reductions/compare.rs"]
mod compare;
#[path = "../tests/reductions/differ.rs"]
mod differ;
#[path = "../tests/reductions/tape.rs"]
mod tape;

use std::collections::BTreeMap;
use std::process::ExitCode;

use differ::{Compared, compare as compare_case};
use quorate_model::scenario::file;

use tape::{TAPE_LENGTH, scenario_text};

/// What a scenario may have, by a piece of text that shows it.
const FEATURES: [&str; 33] = [
    "timeouts",
    "drops",
    "duplicates",
    "crashes",
    "wipes",
    "rollbacks",
    "partitions",
    "heals",
    "down-returns",
    "shared-identity",
    "attempts",
    "client-driven",
    "sloppy = true",
    "sloppy = false",
    "anti-entropy = true",
    "\"async\"",
    "\"blocking\"",
    "\"agreed\"",
    "\"by-age\"",
    "dotted",
    "scalar",
    "server-clock",
    "client-clock",
    "last-write-wins",
    "blind",
    "\"other\"",
    "delete",
    "convergence",
    "quorum-overlap",
    "failed-write-invisible",
    "overlapping-write-seen",
    ", w = ",
    ", r = ",
];

fn tape_of(seed: u64, case: u64) -> Vec<u8> {
    let mut tape = vec![0; TAPE_LENGTH];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(&case.to_le_bytes());
    hasher.finalize_xof().fill(&mut tape);
    tape
}

fn compared(tape: &[u8], distinct_max: usize) -> Option<Compared> {
    let scenario = file::parse("made-up.toml", "made-up", &scenario_text(tape)).ok()?;
    Some(compare_case(&scenario, distinct_max))
}

/// The simplest tape near this one that still shows a difference.
fn shrunk(mut tape: Vec<u8>, distinct_max: usize) -> Vec<u8> {
    let differs =
        |tape: &[u8]| matches!(compared(tape, distinct_max), Some(Compared::Different(_)));
    loop {
        let before = tape.clone();
        for at in 0..tape.len() {
            let mut simpler = tape.clone();
            simpler.remove(at);
            if differs(&simpler) {
                tape = simpler;
                break;
            }
            for value in [0, 1, tape[at] / 2] {
                let mut simpler = tape.clone();
                simpler[at] = value;
                if simpler[at] < tape[at] && differs(&simpler) {
                    tape = simpler;
                    break;
                }
            }
        }
        if tape == before {
            return tape;
        }
    }
}

fn argument(name: &str, default: u64) -> u64 {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == name);
    at.map_or(default, |at| arguments[at + 1].parse().expect("a number after the option"))
}

fn main() -> ExitCode {
    let (seed, cases) = (argument("--seed", 1), argument("--cases", 1_000));
    let (from, distinct_max) = (argument("--from", 0), argument("--distinct-max", 15_000) as usize);
    let (mut same, mut too_large, mut refused, mut different, mut states) = (0, 0, 0, 0, 0);
    let mut features: BTreeMap<&str, u64> = FEATURES.iter().map(|name| (*name, 0)).collect();
    for case in from..from + cases {
        let tape = tape_of(seed, case);
        match compared(&tape, distinct_max) {
            None => refused += 1,
            Some(Compared::TooLarge) => too_large += 1,
            Some(Compared::Same(distinct)) => {
                same += 1;
                states += distinct;
                let text = scenario_text(&tape);
                for (feature, count) in &mut features {
                    *count += u64::from(text.contains(feature));
                }
            }
            Some(Compared::Different(how)) => {
                different += 1;
                let small = shrunk(tape, distinct_max);
                println!("== case {case} of seed {seed}: {how}\n{}", scenario_text(&small));
                if let Some(Compared::Different(how)) = compared(&small, distinct_max) {
                    println!("-- as small as this: {how}\n");
                }
            }
        }
    }
    println!(
        "seed {seed}, cases {from} to {}: {same} the same over {states} unreduced states, \
         {too_large} too large, {refused} refused by the format, {different} different",
        from + cases
    );
    for (feature, count) in features {
        println!("{count:>9}  {feature}");
    }
    ExitCode::from(u8::from(different > 0))
}
