//! `quorate put`.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use quorate_model::ids::{Key, Value};
use quorate_model::protocol::{Operation, Outcome};

use super::request::{Ended, RequestArgs, SloppyArgs, context, listed, names};
use super::{Failure, output, with_leader};
use crate::bytes::Bytes;
use crate::client::Session;
use crate::config::ClusterFile;

/// Write a value.
///
/// Without --context the write has seen nothing: whatever the key holds stays beside it as a
/// sibling, and the command says so. To replace what is there, use --replace, or read the key and hand its
/// context back.
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0 when acknowledged, 1 when not (the write may then have \
    happened all the same), 2 on wrong usage.")]
pub struct PutArgs {
    /// The key
    key: String,
    /// The value: these very bytes. `-` reads it from standard input, `@FILE` from a file
    #[arg(required_unless_present = "value_file", allow_hyphen_values = true)]
    value: Option<OsString>,
    /// Take VALUE as it is, even if it is `-` or starts with `@`
    #[arg(long)]
    literal: bool,
    /// Read the value from this file, `-` being standard input
    #[arg(long, value_name = "FILE", conflicts_with = "value")]
    value_file: Option<PathBuf>,
    /// The token that `quorate get` printed: replaces what that read saw
    #[arg(long, value_name = "TOKEN")]
    context: Option<String>,
    /// Read the key first, and replace what that read sees. What somebody else writes in between stays
    #[arg(long, conflicts_with = "context")]
    replace: bool,
    /// Replies that the read of --replace gathers, instead of the cluster's R
    #[arg(long, requires = "replace")]
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
/// When the write is not acknowledged or cannot be asked for.
pub fn run(args: &PutArgs) -> Result<(), Failure> {
    let cluster = args.request.cluster()?;
    if cluster.leader.is_some() {
        args.refuse_versions()?;
        let value = args.value()?;
        return with_leader::put(&cluster, &args.key, &value.0, &args.request);
    }
    let key = Key::from(args.key.as_str());
    let mut context = context(&cluster, &key, args.context.as_deref())?;
    let (value, sloppy) = (Some(args.value()?), args.sloppy.choice(&cluster)?);
    let mut session = args.request.session(&cluster)?;
    if args.replace {
        let read = Operation::Get { key: key.clone(), r: args.r };
        match session.perform(read)? {
            Outcome::GetOk { state, .. } => {
                context = state.map(|state| state.context()).unwrap_or_default();
            }
            outcome => return fail_before(&cluster, &session, &outcome, args.request.json),
        }
    }
    let is_blind = context.is_empty() && !args.replace;
    let operation = Operation::Put { key: key.clone(), value, context, w: args.w, sloppy };
    let written = write(&cluster, &mut session, operation, args.request.json)?;
    // Nobody but a read can tell. Where that fails nothing is lost but a remark.
    let siblings = if is_blind { siblings(&mut session, &key) } else { None };
    written.print(&key, siblings, args.request.json)?;
    if let Some(count) = siblings.filter(|count| *count > 1) {
        output::note(&format!(
            "{} has {count} siblings now: this write had seen none of the others; --replace writes over what \
             is there",
            Bytes(&key.0)
        ));
    }
    Ok(())
}

impl PutArgs {
    /// Where there is a leader, keys have one version, and nobody counts homes.
    fn refuse_versions(&self) -> Result<(), Failure> {
        let flags = [
            ("--context", self.context.is_some()),
            ("--replace", self.replace),
            ("--w", self.w.is_some()),
            ("--sloppy or --strict", self.sloppy.is_given()),
        ];
        with_leader::refuse(&flags)
    }

    fn value(&self) -> Result<Value, Failure> {
        let read = |path: &Path| {
            if path == Path::new("-") {
                let mut bytes = Vec::new();
                std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
            } else {
                std::fs::read(path)
            }
        };
        let given = self.value.as_ref().map_or(&[][..], |value| value.as_bytes());
        let (what, path) = match (&self.value_file, given) {
            (Some(path), _) => ("--value-file", path.as_path()),
            (None, b"-") if !self.literal => ("-", Path::new("-")),
            (None, [b'@', path @ ..]) if !self.literal => {
                ("@FILE", Path::new(OsStr::from_bytes(path)))
            }
            _ => return Ok(Value(given.into())),
        };
        let bytes = read(path).map_err(|error| {
            Failure::Usage(format!("{what}: cannot read {}: {error}", path.display()))
        })?;
        Ok(Value(bytes.into()))
    }
}

/// How many values the key has now, if a read tells.
fn siblings(session: &mut Session, key: &Key) -> Option<usize> {
    match session.perform(Operation::Get { key: key.clone(), r: None }) {
        Ok(Outcome::GetOk { state, .. }) => Some(state.map_or(0, |state| state.live().count())),
        _ => None,
    }
}

/// A write that was acknowledged.
pub(super) struct Written {
    acknowledged_by: Vec<String>,
}

#[derive(Serialize)]
struct ShownWritten<'a> {
    key: Bytes<'a>,
    acknowledged_by: &'a [String],
    /// Values of the key after a blind put.
    #[serde(skip_serializing_if = "Option::is_none")]
    siblings: Option<usize>,
}

impl Written {
    /// Prints it.
    pub(super) fn print(
        &self,
        key: &Key,
        siblings: Option<usize>,
        is_json: bool,
    ) -> Result<(), Failure> {
        let acknowledged_by = &self.acknowledged_by;
        if is_json {
            return output::json(&ShownWritten { key: Bytes(&key.0), acknowledged_by, siblings });
        }
        output::print(format!("ok, acknowledged by {}\n", listed(acknowledged_by)))
    }
}

/// Performs a write.
pub(super) fn write(
    cluster: &ClusterFile,
    session: &mut Session,
    operation: Operation,
    is_json: bool,
) -> Result<Written, Failure> {
    let outcome = session.perform(operation)?;
    if let Some(ended) = Ended::of(cluster, &outcome, true, session) {
        return fail(ended, is_json);
    }
    let Outcome::PutOk { acked } = outcome else {
        return Err(Failure::Unexpected("the answer of a read to a write".to_string()));
    };
    Ok(Written { acknowledged_by: names(cluster, acked) })
}

/// Prints why the read before a write came to nothing, so that nothing was written.
pub(super) fn fail_before(
    cluster: &ClusterFile,
    session: &Session,
    outcome: &Outcome,
    is_json: bool,
) -> Result<(), Failure> {
    match Ended::of(cluster, outcome, false, session) {
        Some(ended) => {
            let message = format!("nothing was written: {}", ended.message);
            fail(Ended { message, ..ended }, is_json)
        }
        None => Err(Failure::Unexpected("the answer of a write to a read".to_string())),
    }
}

/// Prints why a request came to nothing, and ends the command.
pub(super) fn fail<T>(ended: Ended, is_json: bool) -> Result<T, Failure> {
    if is_json {
        output::json(&ended)?;
    }
    Err(Failure::Unexpected(ended.message))
}
