//! `quorate explore`.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use clap::Args;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::scenario::load;
use super::{Failure, output};
use crate::check::describe;
use crate::explore::Explorer;

/// How often it is looked whether Explorer is still there and whether it is to stop.
const TICK: Duration = Duration::from_millis(100);

/// Walk through every run of a scenario in the browser, step by step.
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0 when stopped with Ctrl-C, 2 on wrong usage or input.")]
pub struct ExploreArgs {
    /// A scenario file, or the name of a built-in scenario
    #[arg(value_name = "SCENARIO.toml|NAME")]
    scenario: String,
    /// Where to serve the page; anyone who reaches this address can use it
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
}

/// Runs the command.
///
/// # Errors
/// When there is no such scenario, or the address cannot be listened on.
pub fn run(args: &ExploreArgs) -> Result<(), Failure> {
    let scenario = load(&args.scenario)?.scenario;
    if scenario.script.is_some() {
        let name = &scenario.name;
        return Err(Failure::Usage(format!(
            "{name}: a script has one run, which leaves nothing to choose; `quorate check {}` tells \
             its steps",
            args.scenario
        )));
    }
    // Before anything is served, so that a signal never finds the directory without its owner.
    let mut signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| Failure::Usage(format!("cannot wait for Ctrl-C: {error}")))?;
    let intro = format!(
        "{}: {}\n  cluster     {}\n",
        scenario.name,
        scenario.title,
        describe::cluster(&scenario)
    );
    let explorer = Explorer::start(scenario, args.listen)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    output::print(format!(
        "{intro}\nexplore it at {}\n\n\
         Click \"Init 0\", then under \"Next Action Choices\" what is to happen next. Every step has\n\
         an address of its own: go back with the browser, or share it. \"Run to completion\"\n\
         searches for the properties. Ctrl-C stops.\n",
        explorer.url()
    ))?;
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
