//! `quorate put`.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use quorate_model::ids::{Key, Value};
use quorate_model::protocol::{Operation, Outcome};

use super::request::{Ended, RequestArgs, SloppyArgs, context, listed, names};
use super::{Failure, output};
use crate::bytes::Bytes;
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
    /// The value: these very bytes
    #[arg(required_unless_present = "value_file")]
    value: Option<OsString>,
    /// Read the value from this file, `-` being standard input
    #[arg(long, value_name = "FILE", conflicts_with = "value")]
    value_file: Option<PathBuf>,
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
    let value = Some(args.value()?);
    let mut session = args.request.session(&cluster)?;
    let operation =
        Operation::Put { key, value, context, w: args.w, sloppy: args.sloppy.choice(&cluster)? };
    write(&cluster, &mut session, operation, args.request.json)
}

impl PutArgs {
    fn value(&self) -> Result<Value, Failure> {
        let read = |path: &Path| {
            if path == Path::new("-") {
                let mut bytes = Vec::new();
                std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
            } else {
                std::fs::read(path)
            }
        };
        let bytes = match (&self.value_file, &self.value) {
            (Some(path), _) => read(path).map_err(|error| {
                Failure::Usage(format!("--value-file: cannot read {}: {error}", path.display()))
            })?,
            (None, value) => value.as_ref().map_or(Vec::new(), |value| value.as_bytes().to_vec()),
        };
        Ok(Value(bytes.into()))
    }
}

#[derive(Serialize)]
struct Written<'a> {
    key: Bytes<'a>,
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
    if let Some(ended) = Ended::of(cluster, &outcome, true, session.asked()) {
        return fail(ended, is_json);
    }
    let Outcome::PutOk { acked } = outcome else {
        return Err(Failure::Unexpected("the answer of a read to a write".to_string()));
    };
    let acknowledged_by = names(cluster, acked);
    if is_json {
        output::json(&Written { key: Bytes(&key.0), acknowledged_by })
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
