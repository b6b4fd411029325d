//! `quorate explore`.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use clap::Args;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::replay::{load_saved, read};
use super::scenario::{load, of_either};
use super::{Failure, output};
use crate::explore::{Exploration, Explorer};

/// How often it is looked whether Explorer is still there and whether it is to stop.
const TICK: Duration = Duration::from_millis(100);

/// Walk through every run of a scenario in the browser, or along the run of a script, or a saved
/// run, step by step.
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0 when stopped with Ctrl-C, 1 when a saved run no longer fits \
    the model, 2 on wrong usage or input.")]
pub struct ExploreArgs {
    /// A scenario file, or the name of a built-in scenario, or a run that `quorate check` saved
    #[arg(value_name = "SCENARIO.toml|NAME|RUN.json")]
    scenario: String,
    /// Where to serve the page; anyone who reaches this address can use it
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
}

/// Runs the command.
///
/// # Errors
/// When there is no such scenario or saved run, or the address cannot be listened on.
pub fn run(args: &ExploreArgs) -> Result<(), Failure> {
    let exploration = exploration(&args.scenario)?;
    // Before anything is served, so that a signal never finds the directory without its owner.
    let mut signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| Failure::Usage(format!("cannot wait for Ctrl-C: {error}")))?;
    let mut intro = exploration.intro().to_owned();
    if let Some(about) = exploration.about() {
        intro.push_str(&format!("  run         {about}\n"));
    }
    let explorer = Explorer::start(exploration, args.listen)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let how = if explorer.run_url().is_some() {
        "The page begins at the end of the run. Walk along it under \"Path of Actions\", or with the\n\
         arrow keys. Every step has an address of its own: go back with the browser, or share it.\n\
         Ctrl-C stops.\n"
    } else {
        "Click \"Init 0\", then under \"Next Action Choices\" what is to happen next. Every step has\n\
         an address of its own: go back with the browser, or share it. \"Run to completion\"\n\
         searches for the properties. Ctrl-C stops.\n"
    };
    output::print(format!("{intro}\nexplore it at {}\n\n{how}", explorer.url()))?;
    loop {
        if signals.pending().next().is_some() {
            return output::print("\nstopped\n");
        }
        if explorer.has_ended() {
            return Err(Failure::Unexpected(
                "Explorer has ended; its own message is above. Please report it, with the last \
                 address that the browser showed"
                    .to_owned(),
            ));
        }
        thread::sleep(TICK);
    }
}

/// What there is to explore under this name or path.
fn exploration(name_or_path: &str) -> Result<Exploration, Failure> {
    let path = Path::new(name_or_path);
    if path.extension().is_none_or(|extension| extension != "json") {
        let found = load(name_or_path)?;
        return Ok(of_either!(found, loaded => Exploration::new(&loaded.scenario)));
    }
    let found = load_saved(path)?;
    of_either!(found.scenario, loaded => {
        let saved = read(name_or_path, &found.text)?;
        Exploration::of_saved(&loaded.scenario, &saved)
            .map_err(|error| Failure::Unexpected(format!("{name_or_path}: {error}")))
    })
}
