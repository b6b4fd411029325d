//! `/keys`: what is stored.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde::Serialize;

use quorate_model::ids::{Key, NodeSet, Value};
use quorate_model::protocol::Operation;
use quorate_model::versions::{Record, VersionVector};

use super::accepts::prefers_json;
use super::front::{Front, waiting};
use super::multipart;
use super::parameters::{Parameters, key_of};
use super::problem::Problem;
use crate::bytes::{Bytes, EncodedValue};
use crate::leaderless::{ContextToken, list_keys, names};

/// The header with what a read has seen.
const CONTEXT: HeaderName = HeaderName::from_static("x-causal-context");

const BYTES: &str = "application/octet-stream";
const MULTIPART: &str = "multipart/mixed";

/// What a path takes as it is.
const IN_PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// How many keys a page has unless told otherwise, and at most.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1_000;

/// How long nodes are waited for that do not tell their keys.
const LIST_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Serialize)]
struct Found<'a> {
    key: Bytes<'a>,
    found: bool,
    values: Vec<EncodedValue<'a>>,
    /// `null` when nobody has ever written the key.
    context: Option<&'a str>,
    replied: Vec<String>,
}

#[derive(Serialize)]
struct Written<'a> {
    key: Bytes<'a>,
    acknowledged_by: Vec<String>,
}

#[derive(Serialize)]
struct Listed<'a> {
    keys: Vec<ListedKey<'a>>,
    next: Option<String>,
}

#[derive(Serialize)]
struct ListedKey<'a> {
    key: Bytes<'a>,
    path: String,
}

/// How a request is to be asked.
struct Asked {
    key: Key,
    context: Option<VersionVector>,
    r: Option<usize>,
    w: Option<usize>,
    sloppy: Option<bool>,
    timeout: Option<Duration>,
}

impl Asked {
    /// What path, parameters and header say of a read, of a write or, being both, of a delete.
    fn of(
        front: &Front,
        request: &Request<Body>,
        reads: bool,
        writes: bool,
    ) -> Result<Self, Problem> {
        let key = key_of(request.uri().path());
        let mut given = Parameters::of(request.uri().query())?;
        let timeout = given.time("timeout")?;
        let r = if reads { given.number("r")? } else { None };
        let w = if writes { given.number("w")? } else { None };
        let sloppy = if writes { given.choice("sloppy")? } else { None };
        given.end(match (reads, writes) {
            (true, true) => "r, w, sloppy and timeout",
            (_, true) => "w, sloppy and timeout",
            _ => "r and timeout",
        })?;
        if sloppy == Some(true) && !front.cluster.spec.background.handoff {
            return Err(Problem::bad(
                "sloppy: what other nodes keep would never reach the homes, since cluster.toml says \
                 background.handoff = false",
            ));
        }
        let token = if writes { request.headers().get(CONTEXT) } else { None };
        // `-H "X-Causal-Context: $context"` in a script, where nothing was read.
        let token = token.filter(|token| !token.is_empty());
        let context = token.map(|token| -> Result<VersionVector, Problem> {
            let wrong = |error: String| Problem::bad(&format!("X-Causal-Context: {error}"));
            let token = token.to_str().map_err(|error| wrong(error.to_string()))?;
            let decoded = ContextToken::decode(token, front.fingerprint, &key);
            let token = decoded.map_err(|error| wrong(error.to_string()))?;
            Ok(token.hand_back(&front.cluster.given))
        });
        let context = context.transpose()?;
        Ok(Asked { key, context, r, w, sloppy, timeout })
    }
}

pub(super) async fn get(
    State(front): State<Arc<Front>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let Asked { key, r, timeout, .. } = Asked::of(&front, &request, true, false)?;
    let get = Operation::Get { key: key.clone(), r };
    let (state, replied) = waiting(&front, move |front| front.read(get, timeout)).await?;
    Ok(found(&front, &key, state.as_deref(), replied, request.headers()))
}

/// What was read, in the form that was asked for.
fn found(
    front: &Front,
    key: &Key,
    state: Option<&Record>,
    replied: NodeSet,
    headers: &HeaderMap,
) -> Response {
    let context = state.map(|state| token(front, key, state));
    let values: Vec<_> =
        state.into_iter().flat_map(|state| state.live().map(|(_, value)| &*value.0)).collect();
    let (status, other) = match values.len() {
        0 => (StatusCode::NOT_FOUND, BYTES),
        1 => (StatusCode::OK, BYTES),
        _ => (StatusCode::MULTIPLE_CHOICES, MULTIPART),
    };
    let mut response = if prefers_json(headers, other) {
        let found = Found {
            key: Bytes(&key.0),
            found: !values.is_empty(),
            values: values.iter().map(|value| EncodedValue(value)).collect(),
            context: context.as_deref(),
            replied: names(&front.cluster, replied),
        };
        (status, Json(found)).into_response()
    } else {
        match values[..] {
            [] => {
                let message = match context {
                    None => "nobody has written this key",
                    Some(_) => "the key was deleted; to write again, hand the context back",
                };
                Problem::new(status, "not-found", message).into_response()
            }
            [value] => (status, [(CONTENT_TYPE, BYTES)], value.to_vec()).into_response(),
            _ => {
                let boundary = multipart::boundary(&values);
                let kind = format!("{MULTIPART}; boundary={boundary}");
                let body = multipart::body(&values, &boundary);
                (status, [(CONTENT_TYPE, kind)], body).into_response()
            }
        }
    };
    if let Some(context) = context.and_then(|token| HeaderValue::from_str(&token).ok()) {
        response.headers_mut().insert(CONTEXT, context);
    }
    response
}

pub(super) async fn put(
    State(front): State<Arc<Front>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let Asked { key, context, w, sloppy, timeout, .. } = Asked::of(&front, &request, false, true)?;
    let bytes_max = front.cluster.cluster.limits().value_bytes_max;
    let value = to_bytes(request.into_body(), bytes_max).await.map_err(|_| {
        let message = format!("a value has at most {bytes_max} bytes; split it over more keys");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "refused", &message)
    })?;
    let put = Operation::Put {
        key: key.clone(),
        value: Some(Value((*value).into())),
        context: context.unwrap_or_default(),
        w,
        sloppy,
    };
    let acked = waiting(&front, move |front| front.write(put, timeout)).await?;
    Ok(written(&front, &key, acked))
}

pub(super) async fn delete(
    State(front): State<Arc<Front>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let asked = Asked::of(&front, &request, true, true)?;
    let key = asked.key.clone();
    let acked = waiting(&front, move |front| delete_what_is_there(front, asked)).await?;
    Ok(match acked {
        Ok(acked) => written(&front, &key, acked),
        Err((state, replied)) => found(&front, &key, state.as_deref(), replied, &HeaderMap::new()),
    })
}

type Read = (Option<Arc<Record>>, NodeSet);

/// Deletes what the context covers, or what is read now; gives what was read if that is nothing.
fn delete_what_is_there(front: &Front, asked: Asked) -> Result<Result<NodeSet, Read>, Problem> {
    let Asked { key, context, r, w, sloppy, mut timeout } = asked;
    let context = match context {
        Some(context) => context,
        None => {
            let began = Instant::now();
            let read = front.read(Operation::Get { key: key.clone(), r }, timeout)?;
            match &read.0 {
                Some(state) if state.live().next().is_some() => {
                    // Both together may take as long as one.
                    let in_all = timeout.unwrap_or(front.cluster.timeouts.request_lifetime());
                    let left = in_all.saturating_sub(began.elapsed());
                    if left.is_zero() {
                        return Err(Problem::late(
                            "the key was read, and no time was left to delete it",
                        ));
                    }
                    timeout = Some(left);
                    state.context()
                }
                _ => return Ok(Err(read)),
            }
        }
    };
    let delete = Operation::Put { key, value: None, context, w, sloppy };
    front.write(delete, timeout).map(Ok)
}

fn written(front: &Front, key: &Key, acked: NodeSet) -> Response {
    let acknowledged_by = names(&front.cluster, acked);
    Json(Written { key: Bytes(&key.0), acknowledged_by }).into_response()
}

fn token(front: &Front, key: &Key, state: &Record) -> String {
    ContextToken::of(state.context(), &front.cluster.given).encode(front.fingerprint, key)
}

pub(super) async fn list(
    State(front): State<Arc<Front>>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let mut given = Parameters::of(request.uri().query())?;
    let prefix = Key(given.bytes("prefix").unwrap_or_default().into());
    let limit = given.number("limit")?.unwrap_or(PAGE);
    let timeout = given.time("timeout")?.unwrap_or(LIST_TIMEOUT);
    let after = given.bytes("after").map(|after| {
        let wrong = || Problem::bad("after: not the `next` of a page");
        URL_SAFE_NO_PAD.decode(after).map(|key| Key(key.into())).map_err(|_| wrong())
    });
    let after = after.transpose()?;
    given.end("prefix, limit, after and timeout")?;
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Problem::bad(&format!("limit: must be from 1 to {PAGE_MAX}")));
    }
    let list = move |front: &Front| Ok(list_keys(&front.cluster, after, prefix, limit, timeout)?);
    let page = waiting(&front, list).await?;
    let page = page.map_err(|uncovered| Problem::unavailable(&uncovered.to_string()))?;
    let listed = |key| ListedKey { key: Bytes(key), path: path_of(key) };
    let keys = page.keys.iter().map(|key| listed(&key.0)).collect();
    let next = page.next.map(|key| URL_SAFE_NO_PAD.encode(&key.0));
    Ok(Json(Listed { keys, next }).into_response())
}

fn path_of(key: &[u8]) -> String {
    format!("/keys/{}", percent_encode(key, IN_PATH))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_path_of_a_key_names_it(key in prop::collection::vec(any::<u8>(), 0..20)) {
            let path = path_of(&key);
            prop_assert!(path.parse::<axum::http::Uri>().is_ok(), "{}", path);
            prop_assert_eq!(&*key_of(&path).0, &key[..]);
        }
    }
}
