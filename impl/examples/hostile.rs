//! Tells nodes so many altered messages of a running cluster that can be decoded, as somebody would who has its key.
//!
//! `cargo run --features measurements --example hostile -- CASES SEED`. Overflow is checked in this profile, and nodes are optimised all the same.

use std::time::Instant;

#[path = "../tests/hostile/mod.rs"]
mod hostile;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| {
        argument.parse::<u64>().unwrap_or_else(|_| panic!("{argument:?} is no number: CASES SEED"))
    });
    let cases = arguments.next().unwrap_or(100_000);
    let seed = arguments.next().unwrap_or_else(rand::random);
    println!("{cases} cases, seed {seed}");
    let (start, mut siege) = (Instant::now(), hostile::Siege::new(seed));
    let mut told = 0;
    while siege.done.decoded < cases {
        siege.go_on();
        if siege.done.decoded / 1_000_000 > told {
            told = siege.done.decoded / 1_000_000;
            println!("{:?} after {:.0?}", siege.done, start.elapsed());
        }
    }
    println!("{:?} in {:.0?}: no panic, and what must hold held", siege.done, start.elapsed());
}
