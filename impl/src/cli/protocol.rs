//! Which protocol a new cluster speaks, and how its leader works: the flags of the commands that found one.

use clap::Args;
use serde::de::{DeserializeOwned, IntoDeserializer, value::Error};
use serde::{Deserialize, Serialize};

use quorate_leader::config::{ElectionKind, LogKind, Reads, Replication};

use super::Failure;
use crate::config::{LeaderSettings, TemplateLeader};

/// Which protocol, and how it works if it is the one with a leader.
#[derive(Debug, Args)]
pub(super) struct ProtocolArgs {
    /// leaderless, or leader: one node takes all writes and ships its log to the others
    #[arg(long, value_name = "PROTOCOL", value_parser = word::<ProtocolWord>)]
    protocol: Option<ProtocolWord>,
    /// With a leader: whose acknowledgements a write waits for: async, semi-sync, sync or majority [default: majority]
    #[arg(long, value_parser = word::<Replication>)]
    replication: Option<Replication>,
    /// With a leader: how one is found: manual, bully or raft [default: raft]
    #[arg(long, value_parser = word::<ElectionKind>)]
    election: Option<ElectionKind>,
    /// With a leader: where clients read: leader, confirmed, any, sticky, own-writes or position
    /// [default: confirmed]
    #[arg(long, value_parser = word::<Reads>)]
    reads: Option<Reads>,
    /// With a leader: what its log ships: row, statement or replaced [default: row]
    #[arg(long, value_parser = word::<LogKind>)]
    log: Option<LogKind>,
}

/// Which protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ProtocolWord {
    /// No node is more than others.
    Leaderless,
    /// One takes all writes.
    Leader,
}

/// A flag, what is given for it, and what the configuration has.
type Given = (&'static str, Option<String>, String);

impl ProtocolArgs {
    /// Whether the cluster is to have a leader. Flags that are only for clusters without are told here; those of the
    /// other protocol are refused.
    pub(super) fn has_leader(&self, of_leaderless: &[(&str, bool)]) -> Result<bool, Failure> {
        if self.protocol == Some(ProtocolWord::Leader) {
            return match of_leaderless.iter().find(|(_, is_given)| *is_given) {
                None => Ok(true),
                Some((flag, _)) => Err(Failure::Usage(format!(
                    "--{flag}: it is for clusters without a leader, and this one has --protocol leader"
                ))),
            };
        }
        match self.of_leader(None).into_iter().find(|(_, given, _)| given.is_some()) {
            None => Ok(false),
            Some((flag, ..)) => {
                Err(Failure::Usage(format!("--{flag}: it is for --protocol leader")))
            }
        }
    }

    /// Where clients are to read.
    pub(super) fn reads(&self) -> Option<Reads> {
        self.reads
    }

    /// Those that are given, with what they say and what a configuration says.
    pub(super) fn given(&self, leader: Option<&LeaderSettings>) -> Vec<Given> {
        let has = if leader.is_some() { ProtocolWord::Leader } else { ProtocolWord::Leaderless };
        let protocol = ("protocol", self.protocol.as_ref().map(written), written(&has));
        [protocol].into_iter().chain(self.of_leader(leader)).collect()
    }

    fn of_leader(&self, leader: Option<&LeaderSettings>) -> [Given; 4] {
        let has = |of: fn(&LeaderSettings) -> String| leader.map(of).unwrap_or_default();
        [
            (
                "replication",
                self.replication.as_ref().map(written),
                has(|leader| written(&leader.cluster.replication)),
            ),
            (
                "election",
                self.election.as_ref().map(written),
                has(|leader| written(&leader.cluster.election)),
            ),
            ("reads", self.reads.as_ref().map(written), has(|leader| written(&leader.reads))),
            ("log", self.log.as_ref().map(written), has(|leader| written(&leader.cluster.log))),
        ]
    }

    /// What a new configuration says of its leader.
    pub(super) fn template(&self) -> TemplateLeader {
        let usual = TemplateLeader::default();
        TemplateLeader {
            replication: self.replication.unwrap_or(usual.replication),
            election: self.election.unwrap_or(usual.election),
            reads: self.reads.unwrap_or(usual.reads),
            log: self.log.unwrap_or(usual.log),
        }
    }
}

/// A word as it is written.
pub(super) fn written<T: Serialize>(word: &T) -> String {
    let value = serde_json::to_value(word).unwrap_or_default();
    value.as_str().unwrap_or_default().to_string()
}

/// Parses one word of a choice, as the configuration file does.
pub(super) fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    T::deserialize(text.into_deserializer()).map_err(|error: Error| error.to_string())
}
