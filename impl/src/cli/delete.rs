//! `quorate delete`.

use clap::Args;

use quorate_model::ids::Key;
use quorate_model::protocol::{Operation, Outcome};

use super::Failure;
use super::put::{fail, write};
use super::request::{Ended, RequestArgs, SloppyArgs, context};

/// Delete what a key holds.
///
/// A delete covers what was seen, so without --context the key is read first. A write that nobody
/// had seen by then stays.
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0 when acknowledged, 1 when not (the delete may then have \
    happened all the same), 2 on wrong usage.")]
pub struct DeleteArgs {
    /// The key
    key: String,
    /// The token that `quorate get` printed: deletes what that read saw
    #[arg(long, value_name = "TOKEN")]
    context: Option<String>,
    /// Replies that the read before the delete gathers, instead of the cluster's R
    #[arg(long)]
    r: Option<usize>,
    /// Acknowledgements to gather, instead of the cluster's W
    #[arg(long)]
    w: Option<usize>,
    #[command(flatten)]
    sloppy: SloppyArgs,
    #[command(flatten)]
    request: RequestArgs,
}

/// Runs the command.
///
/// # Errors
/// When the delete is not acknowledged or cannot be asked for.
pub fn run(args: &DeleteArgs) -> Result<(), Failure> {
    let cluster = args.request.cluster()?;
    let key = Key::from(args.key.as_str());
    let mut session = args.request.session(&cluster)?;
    let context = match &args.context {
        Some(token) => context(&cluster, &key, Some(token))?,
        None => {
            let outcome = session.perform(Operation::Get { key: key.clone(), r: args.r })?;
            if let Some(ended) = Ended::of(&cluster, &outcome, false, session.asked()) {
                let message = format!("nothing was deleted: {}", ended.message);
                return fail(Ended { message, ..ended }, args.request.json);
            }
            match outcome {
                Outcome::GetOk { state: Some(state), .. } => state.context(),
                _ => Default::default(),
            }
        }
    };
    let operation = Operation::Put {
        key,
        value: None,
        context,
        w: args.w,
        sloppy: args.sloppy.choice(&cluster)?,
    };
    write(&cluster, &mut session, operation, args.request.json)
}
