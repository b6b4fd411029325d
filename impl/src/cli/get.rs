//! `quorate get`.

use clap::Args;
use serde::Serialize;

use quorate_leader::config::Reads;
use quorate_model::ids::Key;
use quorate_model::protocol::{Operation, Outcome};

use super::protocol::word;
use super::put::fail;
use super::request::{Ended, RequestArgs, names};
use super::{Failure, output, with_leader};
use crate::bytes::{Bytes, EncodedValue};
use crate::leaderless::{ContextToken, Leaderless};
use crate::wire::Fingerprint;

/// Read a key.
///
/// Prints each value on a line of its own: more than one are siblings, written without having
/// seen each other. What to write next, and whether there was anything, goes to standard error.
/// A value that is not text, has control characters or starts with a quotation mark is printed
/// between quotation marks, with escapes; --raw prints it byte for byte.
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0 when enough homes replied, whether they had the key or not; \
    1 when too few did; 2 on wrong usage.")]
pub struct GetArgs {
    /// The key
    key: String,
    /// Replies to gather, instead of the cluster's R
    #[arg(long)]
    r: Option<usize>,
    /// Print the value byte for byte, without a line end. There must be exactly one
    #[arg(long, conflicts_with = "json")]
    raw: bool,
    /// In a cluster with a leader, where to read: leader, confirmed, any, sticky, own-writes or position
    #[arg(long, value_parser = word::<Reads>)]
    reads: Option<Reads>,
    #[command(flatten)]
    request: RequestArgs,
}

#[derive(Serialize)]
struct Found<'a> {
    key: Bytes<'a>,
    found: bool,
    values: Vec<EncodedValue<'a>>,
    /// `null` when nobody has ever written the key.
    context: Option<&'a str>,
    replied: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// When too few homes reply or the read cannot be asked for.
pub fn run(args: &GetArgs) -> Result<(), Failure> {
    let cluster = args.request.cluster()?;
    if cluster.leader.is_some() {
        with_leader::refuse(&[("--r", args.r.is_some())])?;
        return with_leader::get(&cluster, &args.key, args.reads, args.raw, &args.request);
    }
    if args.reads.is_some() {
        let text = "--reads: this cluster has no leader; --r says how many replies are gathered";
        return Err(Failure::Usage(text.to_string()));
    }
    let key = Key::from(args.key.as_str());
    let mut session = args.request.session(&cluster)?;
    let outcome = session.perform(Operation::Get { key: key.clone(), r: args.r })?;
    if let Some(ended) = Ended::of(&cluster, &outcome, false, &session) {
        return fail(ended, args.request.json);
    }
    let Outcome::GetOk { state, replied } = outcome else {
        return Err(Failure::Unexpected("the answer of a write to a read".to_string()));
    };
    let fingerprint = Fingerprint::of::<Leaderless>(&cluster.spec);
    let token = state
        .as_ref()
        .map(|state| ContextToken::of(state.context(), &cluster.given).encode(fingerprint, &key));
    let values: Vec<_> =
        state.iter().flat_map(|state| state.live().map(|(_, value)| Bytes(&value.0))).collect();
    if args.request.json {
        let replied = names(&cluster, replied);
        let found = !values.is_empty();
        let context = token.as_deref();
        let values = values.iter().map(|value| EncodedValue(value.0)).collect();
        return output::json(&Found { key: Bytes(&key.0), found, values, context, replied });
    }
    if args.raw {
        let [value] = values[..] else {
            let count = values.len();
            return Err(Failure::Unexpected(format!(
                "--raw prints one value, but the key has {count}: read it without --raw"
            )));
        };
        return output::raw(value.0);
    }
    for value in &values {
        output::data(&format!("{value}\n"))?;
    }
    let next = |verb: &str, token: &str| {
        let flag = args.request.config_flag();
        format!(
            "{verb} with: quorate put{flag} {} VALUE --context {token}",
            output::quoted(&args.key)
        )
    };
    match (values.len(), &token) {
        (0, None) => output::note("not found"),
        (0, Some(token)) => {
            output::note(&format!("not found: deleted; {}", next("write again", token)))
        }
        (1, Some(token)) => output::note(&next("replace", token)),
        (count, Some(token)) => {
            output::note(&format!("{count} siblings; {}", next("resolve", token)))
        }
        (_, None) => {}
    }
    Ok(())
}
