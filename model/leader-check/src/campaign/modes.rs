//! What scenarios have, as it is counted how often a campaign compared one.

use quorate_checker::world::Environment;
use quorate_leader::client::Task;
use quorate_leader::config::{ElectionKind, LogKind, Reads, Replication};
use quorate_leader::deviation::Deviation;
use quorate_leader::statement::Statement;

use crate::setting::LeaderFile;

/// Whether a scenario has a mode.
pub type HasMode = fn(&LeaderFile) -> bool;

/// Each mode by its name, with whether a scenario has it. A campaign fails if too few compared cases
/// have one.
pub const MODES: &[(&str, HasMode)] = &[
    ("two nodes", |file| file.nodes.len() == 2),
    ("three nodes", |file| file.nodes.len() == 3),
    ("more than three nodes", |file| file.nodes.len() > 3),
    ("async", |file| file.protocol.replication == Replication::Async),
    ("semi-sync", |file| file.protocol.replication == Replication::SemiSync),
    ("sync", |file| file.protocol.replication == Replication::Sync),
    ("majority", |file| file.protocol.replication == Replication::Majority),
    ("manual", |file| file.protocol.election == ElectionKind::Manual),
    ("bully", |file| file.protocol.election == ElectionKind::Bully),
    ("raft", |file| file.protocol.election == ElectionKind::Raft),
    ("no epochs", |file| !file.protocol.epochs),
    ("row log", |file| file.protocol.log == LogKind::Row),
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
    ("compaction of one entry", |file| file.protocol.snapshot_after == Some(1)),
    ("compaction of two entries", |file| file.protocol.snapshot_after == Some(2)),
    ("one session", |file| file.protocol.sessions == Some(1)),
    ("two sessions", |file| file.protocol.sessions == Some(2)),
    ("one request waits", |file| file.protocol.pending_max == Some(1)),
    ("one entry a message", |file| file.protocol.entries_max == Some(1)),
    ("one row a page", |file| file.protocol.page_rows == Some(1)),
    ("crashed stay down", |file| file.protocol.crashed_stay_down),
    ("one impatient", |file| file.protocol.impatient.len() == 1),
    ("two impatient", |file| file.protocol.impatient.len() == 2),
    ("clocks ahead", |file| !file.protocol.clocks_ahead.is_empty()),
    ("another first leader", |file| file.protocol.leader.is_some()),
    ("two logs", |file| file.protocol.shards.len() > 1),
    ("keeps-suffix", |file| has_deviation(file, Deviation::KeepsSuffix)),
    ("falls-back-to-async", |file| has_deviation(file, Deviation::FallsBackToAsync)),
    ("forgets-requests", |file| has_deviation(file, Deviation::ForgetsRequests)),
    ("commits-older-epochs", |file| has_deviation(file, Deviation::CommitsOlderEpochs)),
    ("votes-uncaught", |file| has_deviation(file, Deviation::VotesUncaught)),
    ("epochs-without-lives", |file| has_deviation(file, Deviation::EpochsWithoutLives)),
    ("trusts-refusals", |file| has_deviation(file, Deviation::TrustsRefusals)),
    ("two clients", |file| file.protocol.clients.len() == 2),
    ("three clients", |file| file.protocol.clients.len() == 3),
    ("one client after another", |file| has_client(file, |client| client.after.is_some())),
    ("asks another first", |file| has_client(file, |client| client.asks.is_some())),
    ("set", |file| executes(file, |statement| matches!(statement, Statement::Set(_)))),
    ("add", |file| executes(file, |statement| matches!(statement, Statement::Add(_)))),
    ("now", |file| executes(file, |statement| *statement == Statement::Now)),
    ("random", |file| executes(file, |statement| *statement == Statement::Random)),
    ("next id", |file| executes(file, |statement| *statement == Statement::NextId)),
    ("two keys", |file| {
        let mut keys = tasks(file).map(Task::key);
        let first = keys.next();
        keys.any(|key| Some(key) != first)
    }),
    ("a node down", |file| is_down(file, false)),
    ("a node down that returns", |file| is_down(file, true)),
    ("split from the beginning", |file| {
        let environment = environment(file);
        !environment.partition.is_empty() && environment.faults.partitions == 0
    }),
    ("split in three", |file| environment(file).partition.len() > 2),
    ("some nodes faulty", |file| environment(file).faulty.iter().count() < file.nodes.len()),
    ("judges no-lost-write", |file| judges(file, "no-lost-write")),
    ("judges one-leader-per-epoch", |file| judges(file, "one-leader-per-epoch")),
    ("judges one-acting-leader", |file| judges(file, "one-acting-leader")),
    ("judges log-matching", |file| judges(file, "log-matching")),
    ("judges leader-completeness", |file| judges(file, "leader-completeness")),
    ("judges linearizable", |file| judges(file, "linearizable")),
    ("judges read-your-writes", |file| judges(file, "read-your-writes")),
    ("judges monotonic-reads", |file| judges(file, "monotonic-reads")),
    ("judges consistent-prefix", |file| judges(file, "consistent-prefix")),
    ("judges exactly-once", |file| judges(file, "exactly-once")),
    ("judges unique-ids", |file| judges(file, "unique-ids")),
    ("judges write-acknowledged", |file| judges(file, "write-acknowledged")),
    ("judges both-sides-acknowledge", |file| judges(file, "both-sides-acknowledge")),
    ("judges state-machine-safety", |file| judges(file, "state-machine-safety")),
    ("judges convergence", |file| judges(file, "convergence")),
    ("judges progress", |file| judges(file, "progress")),
];

fn has_client(file: &LeaderFile, has: impl Fn(&crate::setting::ClientSetting) -> bool) -> bool {
    file.protocol.clients.iter().any(has)
}

fn has_deviation(file: &LeaderFile, deviation: Deviation) -> bool {
    file.protocol.deviations.contains(&deviation)
}

fn tasks(file: &LeaderFile) -> impl Iterator<Item = &Task> {
    file.protocol.clients.iter().flat_map(|client| &client.operations).map(|written| &written.0)
}

fn executes(file: &LeaderFile, is_so: impl Fn(&Statement) -> bool) -> bool {
    tasks(file).any(|task| matches!(task, Task::Write { statement, .. } if is_so(statement)))
}

fn environment(file: &LeaderFile) -> Environment {
    file.environment(file.protocol.clients.len())
}

fn is_down(file: &LeaderFile, returns: bool) -> bool {
    let environment = environment(file);
    !environment.down.is_empty() && environment.down_returns == returns
}

fn judges(file: &LeaderFile, property: &str) -> bool {
    file.expect.contains_key(property)
}
