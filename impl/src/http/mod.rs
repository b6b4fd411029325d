//! What a node serves over HTTP: its keys, its status and what tools ask about it.
//!
//! It is a client of the node in the same process and decides nothing of the protocol: each request runs the
//! client of the command line, with this node as the coordinator. See `docs/http.md`.

mod accepts;
mod access;
mod front;
mod keys;
mod multipart;
mod node;
mod parameters;
mod problem;

pub use access::{Access, TokenError};
pub(crate) use front::waiting;
pub(crate) use problem::Problem;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use axum::Router;
use axum::routing::get;
use tokio::sync::oneshot;

use quorate_model::ids::NodeId;

use crate::config::ClusterFile;
use crate::leader_based;
use crate::metrics::NodeMetrics;
use front::Front;

/// How many requests are worked on at a time; others wait.
pub(crate) const REQUESTS_MAX: usize = 64;

/// Why a node serves no HTTP.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address cannot be bound.
    #[error(
        "cannot serve HTTP on {address}: {source}; choose another address with --http, or turn it off with \
         --http off"
    )]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// Whoever reaches the address could do anything.
    #[error(
        "--http {address}: others than this machine may reach that; name a file that holds the token which \
         requests must carry with --http-token-file, or serve on 127.0.0.1"
    )]
    Open {
        /// Which address.
        address: SocketAddr,
    },
    /// The token cannot be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// There are no threads to be had.
    #[error("cannot serve HTTP: {0}")]
    Runtime(io::Error),
}

/// HTTP being served, on threads of its own. Dropping it ends that.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl HttpServer {
    /// Serves the node at this address; with port 0, at a free one.
    ///
    /// # Errors
    /// When the address cannot be listened on, or others may reach it and no token is asked for.
    pub fn start(
        cluster: ClusterFile,
        node: NodeId,
        address: SocketAddr,
        access: Access,
        metrics: Arc<NodeMetrics>,
    ) -> Result<Self, HttpError> {
        let needs_token = access.needs_token();
        let router = router(Arc::new(Front::new(cluster, node, access, metrics)));
        Self::serve(address, needs_token, router)
    }

    /// Serves a node of a cluster with a leader.
    ///
    /// # Errors
    /// As [`HttpServer::start`].
    pub fn start_with_leader(
        cluster: ClusterFile,
        node: NodeId,
        address: SocketAddr,
        access: Access,
    ) -> Result<Self, HttpError> {
        let needs_token = access.needs_token();
        let check = axum::middleware::from_fn_with_state(access, access::check_alone);
        let router = leader_based::router(cluster, node).layer(check);
        Self::serve(address, needs_token, router)
    }

    fn serve(address: SocketAddr, needs_token: bool, router: Router) -> Result<Self, HttpError> {
        if !address.ip().is_loopback() && !needs_token {
            return Err(HttpError::Open { address });
        }
        let listen = |source| HttpError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(REQUESTS_MAX)
            .build()
            .map_err(HttpError::Runtime)?;
        let (stop, stopped) = oneshot::channel();
        let serve = async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let serving = axum::serve(listener, router);
            tokio::select! {
                // Requests that are being worked on are given up: the node ends as well.
                _ = stopped => Ok(()),
                ended = serving => ended,
            }
        };
        let run = move || {
            if let Err(error) = runtime.block_on(serve) {
                tracing::error!(%address, %error, "HTTP is not served any more");
            }
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("http".to_string()).spawn(run);
        let thread = Some(thread.map_err(HttpError::Runtime)?);
        tracing::info!(%address, "serves HTTP");
        Ok(HttpServer { address, stop: Some(stop), thread })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        // The receiver is gone if it has ended already.
        let _ = self.stop.take().map(|stop| stop.send(()));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn router(front: Arc<Front>) -> Router {
    let key = get(keys::get).put(keys::put).delete(keys::delete);
    Router::new()
        .route("/keys", get(keys::list))
        .route("/keys/{*key}", key)
        .route("/status", get(node::status))
        .route("/metrics", get(node::metrics))
        .route("/healthz", get(node::healthy))
        .route("/readyz", get(node::ready))
        .route("/openapi.json", get(node::openapi))
        .fallback(node::nothing_here)
        .method_not_allowed_fallback(node::no_such_method)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&front), access::check))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&front), node::count))
        .with_state(front)
}
