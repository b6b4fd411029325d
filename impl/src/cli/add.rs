//! `quorate add`.

use clap::Args;

use super::request::RequestArgs;
use super::{Failure, with_leader};

/// Add to a number, in a cluster with a leader.
///
/// A key that holds no number counts from zero. A retry counts once: the log remembers requests.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code: 0 when acknowledged, 1 when not (it may then have been added all the \
    same), 2 on wrong usage."
)]
pub struct AddArgs {
    /// The key
    key: String,
    /// How much more it is to hold
    number: u64,
    #[command(flatten)]
    request: RequestArgs,
}

/// Runs the command.
///
/// # Errors
/// When the write is not acknowledged or cannot be asked for.
pub fn run(args: &AddArgs) -> Result<(), Failure> {
    let cluster = args.request.cluster()?;
    with_leader::add(&cluster, &args.key, args.number, &args.request)
}
