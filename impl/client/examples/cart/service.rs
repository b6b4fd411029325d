//! What the shopping-cart service answers over HTTP.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use quorate_client::RequestError;

use crate::carts::Carts;

/// Carts of customers under `/carts`.
pub(crate) fn router(carts: Carts) -> Router {
    Router::new()
        .route("/carts/{customer}", get(show))
        .route("/carts/{customer}/{item}", put(add).delete(remove))
        .with_state(Arc::new(carts))
}

type Shared = State<Arc<Carts>>;

async fn show(State(carts): Shared, Path(customer): Path<String>) -> Result<Response, Failed> {
    Ok(Json(carts.show(&customer).await?.0).into_response())
}

async fn add(
    State(carts): Shared,
    Path((customer, item)): Path<(String, String)>,
    quantity: String,
) -> Result<Response, Failed> {
    let Ok(quantity) = quantity.trim().parse() else {
        return Ok((StatusCode::BAD_REQUEST, "the body is how many\n").into_response());
    };
    carts.add(&customer, &item, quantity).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn remove(
    State(carts): Shared,
    Path((customer, item)): Path<(String, String)>,
) -> Result<Response, Failed> {
    carts.remove(&customer, &item).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

struct Failed(RequestError);

impl From<RequestError> for Failed {
    fn from(error: RequestError) -> Self {
        Failed(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let Failed(error) = self;
        let status = match error.may_pass() {
            true => StatusCode::SERVICE_UNAVAILABLE,
            false => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, format!("{error}\n")).into_response()
    }
}
