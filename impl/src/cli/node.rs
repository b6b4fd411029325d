//! `quorate node`.

use std::io::{IsTerminal, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use clap::Args;
use signal_hook::consts::{SIGINT, SIGTERM};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::Failure;
use super::request::CONFIG_DEFAULT;
use crate::config::{ClusterFile, NodeEntry};
use crate::http::{Access, HttpError, HttpServer};
use crate::leader_based::LeaderNode;
use crate::node::{Node, NodeError, NodeSettings, RunningNode, Signals};
use crate::storage::StorageError;

/// Run one node until it is told to stop (Ctrl-C or SIGTERM).
#[derive(Debug, Args)]
#[command(after_help = "Logs go to standard error; RUST_LOG=debug shows more. Exit code: 0 when \
    stopped, 1 when the store, the trace or the socket fails, 2 when it cannot start as told.")]
pub struct NodeArgs {
    /// The configuration of the cluster
    #[arg(long, value_name = "FILE", default_value = CONFIG_DEFAULT)]
    config: PathBuf,
    /// Which of its nodes to run
    #[arg(long, value_name = "NODE")]
    name: String,
    /// The data directory, instead of the configured one
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Trace every step to this file, for `quorate validate`
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// The cluster is being founded: an empty data directory has lost nothing. Without this, a node
    /// that starts on one neither votes nor serves until the others have told it what it held
    #[arg(long)]
    found: bool,
    /// Serve HTTP at this address, instead of the configured one; `off` serves none
    #[arg(long, value_name = "ADDR", value_parser = http_choice)]
    http: Option<HttpChoice>,
    /// The file with the token that HTTP requests must carry: needed for any address that others than
    /// this machine may reach
    #[arg(long, value_name = "FILE")]
    http_token_file: Option<PathBuf>,
    /// Stop when standard input ends: how `quorate cluster` takes its nodes with it
    #[arg(long, hide = true)]
    stop_at_end_of_input: bool,
}

/// Runs the command.
///
/// # Errors
/// When the node cannot start or go on.
pub fn run(args: &NodeArgs) -> Result<(), Failure> {
    start_logging();
    let cluster = ClusterFile::read(&args.config)?;
    let mut settings = NodeSettings::new(cluster.clone(), &args.name)?;
    if let Some(data) = &args.data {
        settings.data.clone_from(data);
    }
    settings.is_founding = args.found;
    settings.trace = args.trace.clone().or(settings.trace);
    let signals = Signals::default();
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register(signal, signals.stop_flag())
            .map_err(|error| Failure::Unexpected(format!("cannot watch for signals: {error}")))?;
    }
    if args.stop_at_end_of_input {
        stop_at_end_of_input(signals.stop_flag());
    }
    let NodeEntry { http, http_token_file, .. } = cluster.node(settings.node).clone();
    let (node_id, metrics) = (settings.node, Arc::clone(&settings.metrics));
    let address = match args.http {
        None => http,
        Some(HttpChoice::At(address)) => Some(address),
        Some(HttpChoice::Off) => None,
    };
    let access = match args.http_token_file.as_ref().or(http_token_file.as_ref()) {
        Some(path) => Access::read(path).map_err(HttpError::from)?,
        None => Access::LOCAL,
    };
    // The node first: one that runs already is best recognised by its own address.
    if cluster.leader.is_some() {
        let node = RunningNode::<LeaderNode>::open(settings)?;
        let serve = |address| HttpServer::start_with_leader(cluster, node_id, address, access);
        let _http = address.map(serve).transpose()?;
        node.run(&signals)?;
        return Ok(());
    }
    let node = Node::open(settings)?;
    let http = address.map(|address| HttpServer::start(cluster, node_id, address, access, metrics));
    let _http = http.transpose()?;
    node.run(&signals)?;
    Ok(())
}

/// Whether and where to serve HTTP.
#[derive(Clone, Copy, Debug)]
enum HttpChoice {
    At(SocketAddr),
    Off,
}

fn http_choice(text: &str) -> Result<HttpChoice, String> {
    if text == "off" {
        return Ok(HttpChoice::Off);
    }
    let address = text.parse().map_err(|_| "an address such as 127.0.0.1:8401, or off")?;
    Ok(HttpChoice::At(address))
}

fn start_logging() {
    let asked = std::env::var("RUST_LOG").ok().and_then(|filter| filter.parse::<Targets>().ok());
    let filter = asked.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let colours = std::io::stderr().is_terminal();
    let logs = tracing_subscriber::fmt::layer().with_ansi(colours).with_writer(std::io::stderr);
    // Whoever embeds this may have started logging already.
    let _ = tracing_subscriber::registry().with(logs).with(filter).try_init();
}

fn stop_at_end_of_input(stop: Arc<AtomicBool>) {
    thread::spawn(move || {
        // An error is an end too.
        let _ = std::io::copy(&mut std::io::stdin().lock().take(u64::MAX), &mut std::io::sink());
        stop.store(true, Ordering::Relaxed);
    });
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Runtime(_) => Failure::Unexpected(error.to_string()),
            error => Failure::Usage(error.to_string()),
        }
    }
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        let text = error.to_string();
        match error {
            NodeError::Bind { .. }
            | NodeError::NotItsTrace { .. }
            | NodeError::Key(_)
            | NodeError::Storage(
                StorageError::InUse { .. }
                | StorageError::Inaccessible { .. }
                | StorageError::OtherOwner { .. }
                | StorageError::OtherNode { .. }
                | StorageError::NewerFormat { .. }
                | StorageError::OlderFormat { .. },
            ) => Failure::Usage(text),
            _ => Failure::Unexpected(text),
        }
    }
}
