//! What tools ask about the node.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use quorate_model::ids::NodeId;

use super::front::{Front, waiting};
use super::problem::Problem;
use crate::client::{Probe, addressed};
use crate::leaderless::{Leaderless, NodeStatus, collect_status, rows};
use crate::metrics::{exposition, of_status};

/// How long the node's loop may take to answer.
const TIMEOUT: Duration = Duration::from_secs(1);

/// How long other nodes are waited for.
const OTHERS_TIMEOUT: Duration = Duration::from_millis(500);

/// What this serves, for tools.
const OPENAPI: &str = include_str!("../../../docs/openapi.json");

pub(super) async fn status(State(front): State<Arc<Front>>) -> Result<Response, Problem> {
    let collect = |front: &Front| Ok(collect_status(&front.cluster, OTHERS_TIMEOUT)?);
    let statuses = waiting(&front, collect).await?;
    Ok(Json(rows(&front.cluster, &statuses)).into_response())
}

pub(super) async fn healthy(State(front): State<Arc<Front>>) -> Result<&'static str, Problem> {
    let ping = |front: &Front| {
        let node = addressed(&front.cluster, [front.node]);
        Ok(Probe::<Leaderless>::new(&front.cluster)?.ping(&node, 1, TIMEOUT)?)
    };
    let answered: Vec<NodeId> = waiting(&front, ping).await?;
    if answered.is_empty() {
        return Err(Problem::unavailable("the node's loop does not answer"));
    }
    Ok("ok\n")
}

pub(super) async fn ready(State(front): State<Arc<Front>>) -> Result<&'static str, Problem> {
    match waiting(&front, own_status).await? {
        None => Err(Problem::unavailable("the node's loop does not answer")),
        Some(status) if status.is_catching_up => Err(Problem::unavailable(
            "the node lost its disk and is catching up; `quorate status` says what it waits for",
        )),
        Some(_) => Ok("ready\n"),
    }
}

/// What the node says of itself, if it does in time.
fn own_status(front: &Front) -> Result<Option<NodeStatus>, Problem> {
    let node = addressed(&front.cluster, [front.node]);
    let mut probe = Probe::<Leaderless>::new(&front.cluster)?;
    Ok(probe.status(&node, TIMEOUT)?.remove(&front.node))
}

pub(super) async fn metrics(State(front): State<Arc<Front>>) -> Result<Response, Problem> {
    // Prometheus shall see a node whose loop hangs, too.
    let status = waiting(&front, own_status).await.unwrap_or_default();
    let mut families = front.metrics.gather();
    families.extend(of_status(&front.cluster, front.node, status.as_ref()));
    Ok(([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], exposition(families)).into_response())
}

/// Counts what is answered.
pub(super) async fn count(
    State(front): State<Arc<Front>>,
    request: Request,
    next: Next,
) -> Response {
    let method = match *request.method() {
        Method::GET => "GET",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        // Whoever asks must not make up labels.
        _ => "other",
    };
    let response = next.run(request).await;
    front.metrics.responded(method, response.status().as_u16());
    response
}

pub(super) async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], OPENAPI)
}

pub(super) async fn nothing_here() -> Problem {
    let message = "nothing is here; /openapi.json says what is";
    Problem::new(StatusCode::NOT_FOUND, "not-found", message)
}

pub(super) async fn no_such_method() -> Problem {
    let message = "this path takes other methods; /openapi.json says which";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", message)
}
