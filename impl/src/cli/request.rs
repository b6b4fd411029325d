//! What `put`, `get` and `delete` have in common.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use quorate_leader::config::Reads;
use quorate_model::ids::Key;
use quorate_model::protocol::FanOut;
use quorate_model::versions::VersionVector;

use super::Failure;
use super::key::WithKey;
use crate::client::{ClientError, ClientTrace, RunningClient, Session, SessionOptions};
use crate::config::{ClusterFile, ConfigError};
use crate::leader_based::{AskOptions, LeaderClient};
use crate::leaderless::{ContextToken, Leaderless, TokenError};
pub use crate::leaderless::{Ended, listed, names};
use crate::wire::Fingerprint;

/// Where `quorate cluster` writes its configuration unless told otherwise.
pub const CONFIG_DEFAULT: &str = "quorate-data/cluster.toml";

/// How to reach the cluster, and how to ask.
#[derive(Debug, Args)]
pub struct RequestArgs {
    /// The configuration of the cluster
    #[arg(long, value_name = "FILE", default_value = CONFIG_DEFAULT)]
    config: PathBuf,
    /// The node to ask; without it the first of the key's homes that answers a ping, or whoever led when the
    /// cluster was founded
    #[arg(long, value_name = "NODE")]
    coordinator: Option<String>,
    /// Send to all homes and count their answers here, not at a node, where the cluster's
    /// configuration says client_fan_out = true
    #[arg(long)]
    client_driven: bool,
    #[command(flatten)]
    with_key: WithKey,
    /// How long the request may take in all, such as 500ms or 3s
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Append what was asked and answered to this file, for `quorate validate`
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

impl RequestArgs {
    /// Reads the configuration.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn cluster(&self) -> Result<ClusterFile, Failure> {
        Ok(self.with_key.of(ClusterFile::read(&self.config)?))
    }

    /// A client of the cluster.
    ///
    /// # Errors
    /// When the coordinator is unknown, or there is no socket or trace to be had.
    pub fn session(&self, cluster: &ClusterFile) -> Result<Session, Failure> {
        let fan_out = if self.client_driven { FanOut::ClientDriven } else { FanOut::NodeDriven };
        let coordinator =
            self.coordinator.as_deref().map(|name| cluster.node_named(name)).transpose()?;
        let options = SessionOptions { fan_out, coordinator, timeout: self.timeout };
        let session = Session::new(cluster.clone(), options)?;
        match &self.trace {
            Some(path) => Ok(session.traced(ClientTrace::open(path)?)?),
            None => Ok(session),
        }
    }

    /// A client of the cluster, which has a leader.
    ///
    /// # Errors
    /// When the coordinator is unknown, or there is no socket or trace to be had.
    pub fn leader_session(
        &self,
        cluster: &ClusterFile,
        reads: Option<Reads>,
    ) -> Result<RunningClient<LeaderClient>, Failure> {
        if self.client_driven {
            let text = "--client-driven: this cluster has a leader, which alone takes writes";
            return Err(Failure::Usage(text.to_string()));
        }
        let node = self.coordinator.as_deref().map(|name| cluster.node_named(name)).transpose()?;
        let options = AskOptions { reads, node, timeout: self.timeout, ..AskOptions::default() };
        let session = RunningClient::new(cluster.clone(), options)?;
        match &self.trace {
            Some(path) => Ok(session.traced(ClientTrace::open(path)?)?),
            None => Ok(session),
        }
    }

    /// The rest of a command line that reaches the same cluster.
    #[must_use]
    pub fn config_flag(&self) -> String {
        config_flag(&self.config)
    }
}

/// Whether a write is sloppy.
#[derive(Clone, Copy, Debug, Args)]
pub struct SloppyArgs {
    /// Let other nodes keep the write for homes that do not answer, whatever the cluster's
    /// configuration says
    #[arg(long, conflicts_with_all = ["strict", "client_driven"])]
    sloppy: bool,
    /// Count homes only, whatever the cluster's configuration says
    #[arg(long)]
    strict: bool,
}

impl SloppyArgs {
    /// Whether it says anything.
    #[must_use]
    pub fn is_given(self) -> bool {
        self.sloppy || self.strict
    }

    /// What the write says; `None` leaves it to the cluster.
    ///
    /// # Errors
    /// When it asks for hints in a cluster that never hands them off.
    pub fn choice(self, cluster: &ClusterFile) -> Result<Option<bool>, Failure> {
        if self.sloppy && !cluster.spec.background.handoff {
            return Err(Failure::Usage(format!(
                "--sloppy: what other nodes keep would never reach the homes, since {} says \
                 background.handoff = false; set it to true or write without --sloppy",
                cluster.path.display()
            )));
        }
        Ok((self.sloppy || self.strict).then_some(self.sloppy))
    }
}

/// ` --config FILE`, or nothing where that is the default.
#[must_use]
pub fn config_flag(config: &Path) -> String {
    if config == Path::new(CONFIG_DEFAULT) {
        String::new()
    } else {
        format!(" --config {}", config.display())
    }
}

/// The context that a token hands back; an empty one without a token.
///
/// # Errors
/// When the token is not one for this key of this cluster.
pub fn context(
    cluster: &ClusterFile,
    key: &Key,
    token: Option<&str>,
) -> Result<VersionVector, Failure> {
    let Some(token) = token else { return Ok(VersionVector::new()) };
    let token = ContextToken::decode(token, Fingerprint::of::<Leaderless>(&cluster.spec), key)?;
    Ok(token.hand_back(&cluster.given))
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Failure::Usage(error.to_string())
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let text = error.to_string();
        match error {
            ClientError::NobodyAnswers { .. } | ClientError::Socket(_) => Failure::Unexpected(text),
            ClientError::TooLarge(_)
            | ClientError::Key(_)
            | ClientError::NoLeader
            | ClientError::Denied { .. }
            | ClientError::ConfiguredOtherwise { .. }
            | ClientError::Trace { .. }
            | ClientError::BeyondLifetime { .. } => Failure::Usage(text),
        }
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Failure::Usage(format!("--context: {error}"))
    }
}
