//! A shopping-cart service over HTTP.
//!
//! ```sh
//! quorate cluster --nodes 5 --dir shop &
//! cargo run -p quorate-client --example cart -- shop/cluster.toml 127.0.0.1:8080 &
//! curl -X PUT --data 2 http://127.0.0.1:8080/carts/ann/milk
//! curl http://127.0.0.1:8080/carts/ann        # {"milk":2}
//! curl -X DELETE http://127.0.0.1:8080/carts/ann/milk
//! ```

mod carts;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use carts::Carts;
use quorate_client::{Client, RequestError};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, address] = &arguments[..] else {
        return Err("usage: cart CLUSTER_TOML ADDRESS".into());
    };
    let carts = Arc::new(Carts::new(Client::open(config)?));
    let service = Router::new()
        .route("/carts/{customer}", get(show))
        .route("/carts/{customer}/{item}", put(add).delete(remove))
        .with_state(carts);
    axum::serve(tokio::net::TcpListener::bind(address).await?, service).await?;
    Ok(())
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
