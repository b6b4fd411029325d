//! What went wrong, as JSON with the status that fits it.

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use quorate_model::protocol::{Outcome, Refusal};

use crate::client::ClientError;
use crate::leaderless::Ended;

/// Why a request came to nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    body: Body,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct Body {
    error: &'static str,
    message: String,
    /// Of a write: whether it may have happened all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    indeterminate: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<Vec<String>>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, error: &'static str, message: &str) -> Self {
        let body =
            Body { error, message: message.to_string(), indeterminate: None, answered: None };
        Problem { status, body }
    }

    /// The request is wrong.
    pub(crate) fn bad(message: &str) -> Self {
        Problem::new(StatusCode::BAD_REQUEST, "bad-request", message)
    }

    /// The request does not show the token.
    pub(super) fn unauthorized() -> Self {
        let message = "send the token of this node: Authorization: Bearer TOKEN";
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// Nothing was done, and may be later.
    pub(crate) fn unavailable(message: &str) -> Self {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }

    /// Nobody answered a write, which may happen all the same.
    pub(crate) fn unknown(message: &str) -> Self {
        let problem = Problem::unavailable(message);
        let body = Body { indeterminate: Some(true), ..problem.body };
        Problem { body, ..problem }
    }

    /// The time was up before anything was done.
    pub(super) fn late(message: &str) -> Self {
        let problem = Problem::new(StatusCode::GATEWAY_TIMEOUT, "no-answer", message);
        let body = Body { indeterminate: Some(false), ..problem.body };
        Problem { body, ..problem }
    }

    /// A write that nothing came of for certain, or a read.
    pub(crate) fn refused(status: StatusCode, message: &str, is_write: bool) -> Self {
        let problem = Problem::new(status, "refused", message);
        let body = Body { indeterminate: is_write.then_some(false), ..problem.body };
        Problem { body, ..problem }
    }

    /// The same of a write that may happen all the same.
    pub(crate) fn may_happen(self) -> Self {
        let body = Body { indeterminate: Some(true), ..self.body };
        Problem { body, ..self }
    }

    /// Something failed here.
    pub(crate) fn internal(message: &str) -> Self {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// How a request ended.
    pub(super) fn ended(outcome: &Outcome, ended: Ended, is_write: bool) -> Self {
        let status = match outcome {
            Outcome::NoAnswer => StatusCode::GATEWAY_TIMEOUT,
            Outcome::Refused(refusal) => status_of(refusal),
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        let Ended { error, indeterminate, answered, message } = ended;
        let indeterminate = is_write.then_some(indeterminate);
        Problem { status, body: Body { error, message, indeterminate, answered: Some(answered) } }
    }

    #[cfg(test)]
    pub(super) fn message(&self) -> &str {
        &self.body.message
    }
}

fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::QuorumOutOfRange { .. } | Refusal::NotHome { .. } | Refusal::ClientFanOutOff => {
            StatusCode::BAD_REQUEST
        }
        Refusal::KeyTooLong { .. } | Refusal::ValueTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::TooManySiblings { .. } | Refusal::ContextNotGiven => StatusCode::CONFLICT,
        Refusal::TooManyHints { .. }
        | Refusal::CatchingUp
        | Refusal::Overloaded { .. }
        | Refusal::HintsTooLarge { .. } => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        let message = error.to_string();
        match error {
            ClientError::BeyondLifetime { .. } | ClientError::NoLeader => Problem::bad(&message),
            ClientError::TooLarge(_) => {
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "refused", &message)
            }
            ClientError::NobodyAnswers { .. } | ClientError::ConfiguredOtherwise { .. } => {
                Problem::unavailable(&message)
            }
            ClientError::Denied { .. } => {
                Problem::new(StatusCode::FORBIDDEN, "forbidden", &message)
            }
            ClientError::Socket(_) | ClientError::Key(_) | ClientError::Trace { .. } => {
                Problem::internal(&message)
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Where nothing was done, the same may be asked again.
        let may_retry =
            self.status == StatusCode::SERVICE_UNAVAILABLE && self.body.indeterminate != Some(true);
        let status = self.status;
        let mut response = (status, Json(self.body)).into_response();
        if may_retry {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
