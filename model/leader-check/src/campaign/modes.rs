//! What scenarios have, as it is counted how often a campaign compared one.

use quorate_leader::config::{ElectionKind, LogKind, Reads, Replication};

use crate::setting::LeaderFile;

/// Whether a scenario has something.
type Has = fn(&LeaderFile) -> bool;

/// Each mode, and whether a scenario has it.
const MODES: &[(&str, Has)] = &[
    ("three nodes", |file| file.nodes.len() == 3),
    ("async", |file| file.protocol.replication == Replication::Async),
    ("semi-sync", |file| file.protocol.replication == Replication::SemiSync),
    ("sync", |file| file.protocol.replication == Replication::Sync),
    ("majority", |file| file.protocol.replication == Replication::Majority),
    ("manual", |file| file.protocol.election == ElectionKind::Manual),
    ("bully", |file| file.protocol.election == ElectionKind::Bully),
    ("raft", |file| file.protocol.election == ElectionKind::Raft),
    ("no epochs", |file| !file.protocol.epochs),
    ("statement log", |file| file.protocol.log == LogKind::Statement),
    ("replaced log", |file| file.protocol.log == LogKind::Replaced),
    ("reads leader", |file| file.protocol.reads == Reads::Leader),
    ("reads confirmed", |file| file.protocol.reads == Reads::Confirmed),
    ("reads any", |file| file.protocol.reads == Reads::Any),
    ("reads sticky", |file| file.protocol.reads == Reads::Sticky),
    ("reads own-writes", |file| file.protocol.reads == Reads::OwnWrites),
    ("reads position", |file| file.protocol.reads == Reads::Position),
    ("window", |file| file.protocol.window_passes),
    ("attempts", |file| file.protocol.attempts > 1),
    ("waits for leader", |file| file.protocol.waits_for_leader),
    ("compaction", |file| file.protocol.snapshot_after.is_some()),
    ("one entry a message", |file| file.protocol.entries_max == Some(1)),
    ("one row a page", |file| file.protocol.page_rows == Some(1)),
    ("crashed stay down", |file| file.protocol.crashed_stay_down),
    ("impatient", |file| !file.protocol.impatient.is_empty()),
    ("clocks ahead", |file| !file.protocol.clocks_ahead.is_empty()),
    ("another first leader", |file| file.protocol.leader.is_some()),
    ("two logs", |file| file.protocol.shards.len() > 1),
    ("deviations", |file| !file.protocol.deviations.is_empty()),
    ("two clients", |file| file.protocol.clients.len() > 1),
    ("one client after another", |file| has_client(file, |client| client.after.is_some())),
    ("asks another first", |file| has_client(file, |client| client.asks.is_some())),
];

fn has_client(file: &LeaderFile, has: impl Fn(&crate::setting::ClientSetting) -> bool) -> bool {
    file.protocol.clients.iter().any(has)
}

/// The names of all modes.
pub fn modes() -> impl Iterator<Item = &'static str> {
    MODES.iter().map(|(name, _)| *name)
}

/// The names of the modes that a scenario has.
pub fn modes_of(file: &LeaderFile) -> impl Iterator<Item = String> {
    MODES.iter().filter(|(_, has)| has(file)).map(|(name, _)| (*name).to_owned())
}
