//! `quorate delete`.

use clap::Args;
use serde::Serialize;

use quorate_model::ids::Key;
use quorate_model::protocol::{Operation, Outcome};

use super::put::{fail_before, write};
use super::request::{RequestArgs, SloppyArgs, context};
use super::{Failure, output};
use crate::bytes::Bytes;

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
    let cluster = args.request.cluster()?.without_leader("`delete`")?;
    let key = Key::from(args.key.as_str());
    let mut session = args.request.session(&cluster)?;
    let context = match &args.context {
        Some(token) => context(&cluster, &key, Some(token))?,
        None => match session.perform(Operation::Get { key: key.clone(), r: args.r })? {
            Outcome::GetOk { state, .. } => match state {
                Some(state) if state.live().next().is_some() => state.context(),
                state => return nothing_there(args, state.is_some()),
            },
            outcome => return fail_before(&cluster, &session, &outcome, args.request.json),
        },
    };
    let sloppy = args.sloppy.choice(&cluster)?;
    let operation = Operation::Put { key: key.clone(), value: None, context, w: args.w, sloppy };
    let written = write(&cluster, &mut session, operation, args.request.json)?;
    written.print(&key, None, args.request.json)
}

#[derive(Serialize)]
struct NothingThere<'a> {
    key: Bytes<'a>,
    acknowledged_by: [String; 0],
    found: bool,
}

/// Says that there was nothing to delete, which is no error: the key is as was wanted.
fn nothing_there(args: &DeleteArgs, was_deleted: bool) -> Result<(), Failure> {
    if args.request.json {
        let key = Bytes(args.key.as_bytes());
        return output::json(&NothingThere { key, acknowledged_by: [], found: false });
    }
    let why = if was_deleted { "it was deleted already" } else { "it holds nothing" };
    output::note(&format!("nothing to delete: {} is not found, {why}", Bytes(args.key.as_bytes())));
    Ok(())
}
