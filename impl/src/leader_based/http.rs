//! What a node of a cluster with a leader serves over HTTP: keys, status, metrics and probes.
//!
//! Each request runs the client of the command line, which asks this node first; it is sent on where that does not
//! lead.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::de::{DeserializeOwned, IntoDeserializer, value::Error};
use serde::{Deserialize, Serialize};

use quorate_leader::client::Task;
use quorate_leader::config::Reads;
use quorate_leader::limits::{Limits, Refusal};
use quorate_leader::names::{Key, Position, Value};
use quorate_leader::statement::Statement;
use quorate_leader_model::refine::Answer;
use quorate_model::ids::NodeId;

use super::{AskOptions, LeaderClient, LeaderStatus, WithLeader, rows, statuses};
use crate::client::{ClientError, Probe, RunningClient, addressed};
use crate::config::ClusterFile;
use crate::http::{Problem, REQUESTS_MAX, waiting};
use crate::metrics::{exposition, of_leader_status};

/// How long the node's loop may take to answer.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long other nodes are waited for.
const OTHERS_TIMEOUT: Duration = Duration::from_millis(500);

/// What this serves, for tools.
const OPENAPI: &str = include_str!("../../../docs/openapi-leader.json");

/// What all requests share.
struct Front {
    cluster: ClusterFile,
    node: NodeId,
    /// Clients that nobody uses now.
    idle: Mutex<Vec<RunningClient<LeaderClient>>>,
}

/// What a node of this cluster serves.
pub fn router(cluster: ClusterFile, node: NodeId) -> Router {
    let front = Front { cluster, node, idle: Mutex::default() };
    Router::new()
        .route("/keys/{*key}", get(read).put(write))
        .route("/status", get(status))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .route("/openapi.json", get(openapi))
        .fallback(nothing_here)
        .method_not_allowed_fallback(no_such_method)
        .with_state(Arc::new(front))
}

/// The only parameter that such a request may have, a word, if it is there.
fn parameter<T: DeserializeOwned>(name: &str, query: Option<&str>) -> Result<Option<T>, Problem> {
    let Some(query) = query.filter(|query| !query.is_empty()) else { return Ok(None) };
    let word = query.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
    let word = word.filter(|word| !word.contains('&'));
    let unknown = || Problem::bad(&format!("{query:?}: this takes {name}=WORD, and nothing else"));
    let word: Result<T, Error> = T::deserialize(word.ok_or_else(unknown)?.into_deserializer());
    word.map(Some).map_err(|error| Problem::bad(&format!("{name}: {error}")))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StatementWord {
    Set,
    Add,
}

#[derive(Serialize)]
struct Found<'a> {
    key: &'a str,
    found: bool,
    value: Option<String>,
    epoch: u32,
    index: u32,
}

impl Front {
    fn perform(&self, task: Task, reads: Option<Reads>) -> Result<Answer, ClientError> {
        let options = AskOptions { reads, node: Some(self.node), ..AskOptions::default() };
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let mut client = match kept {
            Some(mut client) => {
                client.set_options(options)?;
                client
            }
            None => RunningClient::new(self.cluster.clone(), options)?,
        };
        // One that failed half-way may still wait for something: it is not used again.
        let answer = client.perform(task)?;
        let mut idle = idle();
        if idle.len() < REQUESTS_MAX {
            idle.push(client);
        }
        Ok(answer)
    }

    /// What the node says of itself, if it does in time.
    fn own_status(&self) -> Result<Option<LeaderStatus>, Problem> {
        let node = addressed(&self.cluster, [self.node]);
        let mut probe = Probe::<WithLeader>::new(&self.cluster)?;
        Ok(probe.status(&node, TIMEOUT)?.remove(&self.node))
    }
}

fn answered(key: &str, position: Position, value: Option<Value>) -> Json<serde_json::Value> {
    let (epoch, index, found) = (position.epoch.number, position.index.0, value.is_some());
    let value = value.map(|value| value.to_string());
    let found = Found { key, found, value, epoch, index };
    Json(serde_json::to_value(found).unwrap_or_default())
}

/// A node refuses.
fn refused(refusal: Refusal, is_write: bool) -> Problem {
    let status = match refusal {
        Refusal::KeyTooLong { .. } | Refusal::ValueTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::TooManyWait { .. } | Refusal::TooMuchWaits { .. } => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Refusal::LogFull => StatusCode::INSUFFICIENT_STORAGE,
    };
    let problem = Problem::refused(status, &format!("refused: {refusal}"), is_write);
    // A copy of it may be done yet, unless no node ever does it.
    if is_write && !refusal.is_of_request() { problem.may_happen() } else { problem }
}

async fn read(
    State(front): State<Arc<Front>>,
    Path(key): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let reads: Option<Reads> = parameter("reads", query.as_deref())?;
    let task = Task::Read { key: Key::from(&*key) };
    match waiting(&front, move |front| Ok(front.perform(task, reads)?)).await? {
        Answer::Found { position, value } => {
            let status = if value.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
            Ok((status, answered(&key, position, value)).into_response())
        }
        Answer::Refused(refusal) => Err(refused(refusal, false)),
        _ => Err(Problem::unavailable("no node could answer a read like this; is there a leader?")),
    }
}

async fn write(
    State(front): State<Arc<Front>>,
    Path(key): Path<String>,
    RawQuery(query): RawQuery,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let limits = front.cluster.leader.as_ref().map(|leader| leader.cluster.limits);
    let Limits { value_bytes_max, .. } = limits.unwrap_or_default();
    let body = to_bytes(request.into_body(), value_bytes_max).await.map_err(|_| {
        let message =
            format!("a value has at most {value_bytes_max} bytes; split it over more keys");
        Problem::refused(StatusCode::PAYLOAD_TOO_LARGE, &message, true)
    })?;
    let text = str::from_utf8(&body)
        .map_err(|_| Problem::bad("in a cluster with a leader a value is UTF-8 text"))?;
    let statement = match parameter("statement", query.as_deref())? {
        Some(StatementWord::Add) => Statement::Add(
            text.trim().parse().map_err(|_| Problem::bad("statement=add: the body is a number"))?,
        ),
        Some(StatementWord::Set) | None => Statement::Set(Arc::from(text)),
    };
    let task = Task::Write { key: Key::from(&*key), statement };
    match waiting(&front, move |front| Ok(front.perform(task, None)?)).await? {
        Answer::Written { position, value } => {
            Ok(answered(&key, position, Some(value)).into_response())
        }
        Answer::Refused(refusal) => Err(refused(refusal, true)),
        _ => Err(Problem::unknown(
            "no leader was found, or it did not answer; the write may yet happen",
        )),
    }
}

async fn status(State(front): State<Arc<Front>>) -> Result<Response, Problem> {
    let collect = |front: &Front| {
        let all = statuses(&front.cluster, OTHERS_TIMEOUT)?;
        Ok(serde_json::to_value(rows(&front.cluster, &all)).unwrap_or_default())
    };
    Ok(Json(waiting(&front, collect).await?).into_response())
}

async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], OPENAPI)
}

async fn nothing_here() -> Problem {
    let message = "nothing is here; /openapi.json says what is";
    Problem::new(StatusCode::NOT_FOUND, "not-found", message)
}

async fn no_such_method() -> Problem {
    let message = "GET is what all paths take, and /keys/KEY takes PUT as well";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", message)
}

async fn healthy(State(front): State<Arc<Front>>) -> Result<&'static str, Problem> {
    match waiting(&front, Front::own_status).await? {
        None => Err(Problem::unavailable("the node's loop does not answer")),
        Some(_) => Ok("ok\n"),
    }
}

async fn ready(State(front): State<Arc<Front>>) -> Result<&'static str, Problem> {
    match waiting(&front, Front::own_status).await? {
        None => Err(Problem::unavailable("the node's loop does not answer")),
        Some(status) if !status.is_caught_up => {
            Err(Problem::unavailable("the node lost its disk and is catching up"))
        }
        Some(status) if status.leader.is_none() => {
            Err(Problem::unavailable("the node knows no leader"))
        }
        Some(_) => Ok("ready\n"),
    }
}

async fn metrics(State(front): State<Arc<Front>>) -> Result<Response, Problem> {
    // Prometheus shall see a node whose loop hangs, too.
    let status = waiting(&front, Front::own_status).await.unwrap_or_default();
    let families = of_leader_status(&front.cluster, front.node, status.as_ref());
    Ok(([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], exposition(families)).into_response())
}
