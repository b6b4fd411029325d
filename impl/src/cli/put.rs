//! `quorate put`.

use clap::Args;
use serde::Serialize;

use quorate_model::ids::{Key, Value};
use quorate_model::protocol::{Operation, Outcome};

use super::request::{Ended, RequestArgs, SloppyArgs, context, listed, names};
use super::{Failure, output};
use crate::client::Session;
use crate::config::ClusterFile;

/// Write a value.
///
/// Without --context the write has seen nothing: whatever the key holds stays beside it as a
/// sibling. To replace what is there, read the key and hand its context back.
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0 when acknowledged, 1 when not (the write may then have \
    happened all the same), 2 on wrong usage.")]
pub struct PutArgs {
    /// The key
    key: String,
    /// The value
    value: String,
    /// The token that `quorate get` printed: replaces what that read saw
    #[arg(long, value_name = "TOKEN")]
    context: Option<String>,
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
/// When the write is not acknowledged or cannot be asked for.
pub fn run(args: &PutArgs) -> Result<(), Failure> {
    let cluster = args.request.cluster()?;
    let key = Key::from(args.key.as_str());
    let context = context(&cluster, &key, args.context.as_deref())?;
    let value = Some(Value::from(args.value.as_str()));
    let mut session = args.request.session(&cluster)?;
    let operation = Operation::Put { key, value, context, w: args.w, sloppy: args.sloppy.choice() };
    write(&cluster, &mut session, operation, args.request.json)
}

#[derive(Serialize)]
struct Written<'a> {
    key: &'a Key,
    acknowledged_by: Vec<String>,
}

/// Performs a write and prints how it ended.
pub(super) fn write(
    cluster: &ClusterFile,
    session: &mut Session,
    operation: Operation,
    is_json: bool,
) -> Result<(), Failure> {
    let key = operation.key().clone();
    let outcome = session.perform(operation)?;
    if let Some(ended) = Ended::of(cluster, &outcome, true) {
        return fail(ended, is_json);
    }
    let Outcome::PutOk { acked } = outcome else {
        return Err(Failure::Unexpected("the answer of a read to a write".to_string()));
    };
    let acknowledged_by = names(cluster, acked);
    if is_json {
        output::json(&Written { key: &key, acknowledged_by })
    } else {
        output::print(format!("ok, acknowledged by {}\n", listed(&acknowledged_by)))
    }
}

/// Prints why a request came to nothing, and ends the command.
pub(super) fn fail(ended: Ended, is_json: bool) -> Result<(), Failure> {
    if is_json {
        output::json(&ended)?;
    }
    Err(Failure::Unexpected(ended.message))
}
