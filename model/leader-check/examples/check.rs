//! Checks a scenario file of the leader-based protocol: `cargo run -p quorate-leader-model --example check FILE.toml`, or
//! browses it with `--explore`.

use std::error::Error;

use quorate_checker::world::command_line;
use quorate_leader_model::{LeaderBased, property};

fn main() -> Result<(), Box<dyn Error>> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/async-leader-lost.toml");
    command_line(default, LeaderBased::new, property::all())
}
