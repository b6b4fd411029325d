//! A node as a process of its own, for tests that kill it: `traced-node CONFIG NAME [--found]`.
//!
//! The `quorate` program itself cannot be had from here: cargo builds programs for the tests of
//! their own package only.

use std::path::Path;

use quorate::config::ClusterFile;
use quorate::node::{Node, NodeSettings, Signals};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (config, name, is_founding) = match &arguments[..] {
        [config, name] => (config, name, false),
        [config, name, flag] if flag == "--found" => (config, name, true),
        _ => return Err("usage: traced-node CONFIG NAME [--found]".into()),
    };
    let settings = NodeSettings::new(ClusterFile::read(Path::new(config))?, name)?;
    let settings = NodeSettings { is_founding, ..settings };
    Node::open(settings)?.run(&Signals::default())?;
    Ok(())
}
