//! What should be possible, or impossible, to reach.

use alloc::format;
use alloc::string::String;

use super::held::{self, Held};
use super::{PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::{Judged, Watch};
use crate::check::words::Names;
use crate::check::write_set::WriteSet;
use crate::ids::NodeId;

/// A record of more than so many versions, told.
fn record_of_more_than(view: &View<'_>, names: &Names, versions: usize) -> Option<String> {
    held::find(view, |held: &Held<'_>| {
        let count = held.record.versions().count();
        (count > versions).then(|| {
            let (holder, record) = (wording::holder(names, held), names.record(held.record));
            format!("{holder} holds {count} versions of {}: {record}", held.key)
        })
    })
}

/// Whether some record has more than so many versions. Versions are counted as they are listed, each
/// under its own dot: two of one write are two.
fn has_record_of_more_than(view: &View<'_>, versions: usize) -> bool {
    held::any(view, |held| held.record.versions().count() > versions)
}

/// Whether two versions of a key were asked for: by two writes, or by one that its client may try
/// again.
fn asked_for_siblings(view: &View<'_>) -> bool {
    let scenario = view.scenario;
    let invoked = view.history.invoked();
    let may_retry =
        |write: usize| scenario.clients[scenario.writes[write].client.0 as usize].attempts > 1;
    let key = |write: usize| &scenario.writes[write].key;
    let same_key = |one: usize| invoked.iter().any(|other| one < other && key(one) == key(other));
    invoked.iter().any(may_retry) || invoked.iter().any(same_key)
}

const fn two_asked_for(name: &'static str) -> Witness {
    Witness {
        shown: asked_for_siblings,
        statement: "two writes of a key were asked for, or one whose client may ask for it again",
        name,
    }
}

pub(super) const SIBLINGS: PropertySpec = PropertySpec {
    name: "siblings",
    statement: "some node holds two versions of one key, each counted by its dot, tombstones among them",
    kind: PropertyKind::Reachability {
        reached: |view| has_record_of_more_than(view, 1),
        opportunity: two_asked_for("siblings (opportunity)"),
    },
    watch: Watch::NOTHING,
    explanation: |view, names| record_of_more_than(view, names, 1),
};

pub(super) const MORE_SIBLINGS_THAN_CLIENTS: PropertySpec = PropertySpec {
    name: "more-siblings-than-clients",
    statement: "some node holds more versions of one key, each counted by its dot, than there are clients",
    kind: PropertyKind::Reachability {
        reached: |view| has_record_of_more_than(view, view.scenario.clients.len()),
        opportunity: two_asked_for("more-siblings-than-clients (opportunity)"),
    },
    watch: Watch::NOTHING,
    explanation: |view, names| record_of_more_than(view, names, view.scenario.clients.len()),
};

const fn a_write_asked_for(name: &'static str) -> Witness {
    Witness {
        shown: |view| !view.history.invoked().is_empty(),
        statement: "a client asked for a write",
        name,
    }
}

pub(super) const WRITE_ACKNOWLEDGED: PropertySpec = PropertySpec {
    name: "write-acknowledged",
    statement: "some write is acknowledged",
    kind: PropertyKind::Reachability {
        reached: |view| !view.history.acknowledged().is_empty(),
        opportunity: a_write_asked_for("write-acknowledged (opportunity)"),
    },
    watch: Watch::NOTHING,
    explanation: |view, _| {
        let write = view.history.acknowledged().iter().next()?;
        Some(format!("{} was acknowledged", wording::write(view.scenario, write)))
    },
};

pub(super) const WRITE_UNAVAILABLE: PropertySpec = PropertySpec {
    name: "write-unavailable",
    statement: "some client is told that its write is unavailable, or gives up waiting for an answer",
    kind: PropertyKind::Reachability {
        reached: |view| !view.history.failed().is_empty(),
        opportunity: a_write_asked_for("write-unavailable (opportunity)"),
    },
    watch: Watch { failed: true, ..Watch::NOTHING },
    explanation: |view, _| {
        let write = view.history.failed().iter().next()?;
        let told = wording::write(view.scenario, write);
        Some(format!("{told} was answered Unavailable, or not at all"))
    },
};

const fn a_read_asked_for(name: &'static str) -> Witness {
    Witness {
        shown: |view| view.history.read_begun(),
        statement: "a client asked for a read",
        name,
    }
}

pub(super) const READ_ANSWERED: PropertySpec = PropertySpec {
    name: "read-answered",
    statement: "some read is answered",
    kind: PropertyKind::Reachability {
        reached: |view| view.history.judged().any(|judged| judged.answered),
        opportunity: a_read_asked_for("read-answered (opportunity)"),
    },
    watch: Watch::NOTHING,
    explanation: |view, _| {
        let client = view.history.judged().position(|judged| judged.answered)?;
        wording::read(view, client)
    },
};

pub(super) const READ_UNAVAILABLE: PropertySpec = PropertySpec {
    name: "read-unavailable",
    statement: "some client is told that its read is unavailable, or gives up waiting for an answer",
    kind: PropertyKind::Reachability {
        reached: |view| view.history.judged().any(|judged| judged.unavailable),
        opportunity: a_read_asked_for("read-unavailable (opportunity)"),
    },
    watch: Watch::NOTHING,
    explanation: |view, _| {
        let client = view.history.judged().position(|judged| judged.unavailable)?;
        let client = &view.scenario.clients[client].name;
        Some(format!("{client}'s read was answered Unavailable, or not at all"))
    },
};

/// A read that began while a write was under way: what `name` says of one could have been so.
const fn a_read_overlapped(name: &'static str) -> Witness {
    Witness {
        shown: |view| view.history.read_overlapped_a_write(),
        statement: "a read began while a write was under way",
        name,
    }
}

/// The first read of which this is so, and those of the writes under way when it began that
/// `chosen` takes, given what the read returned: told.
fn told_of_overlap(
    view: &View<'_>,
    is_so: fn(&Judged) -> bool,
    chosen: fn(WriteSet, WriteSet) -> WriteSet,
) -> Option<String> {
    let client = view.history.judged().position(is_so)?;
    let account = view.history.read_account(client)?;
    let returned = view.history.closure(account.returned);
    let writes = chosen(account.obligation.under_way, returned);
    let (read, told) = (wording::read(view, client)?, wording::writes(view.scenario, writes));
    let was = wording::was(writes);
    Some(format!("{read}, and {told} {was} under way when the read began"))
}

pub(super) const OVERLAPPING_WRITE_SEEN: PropertySpec = PropertySpec {
    name: "overlapping-write-seen",
    statement: "a read returns a write that was under way when the read began",
    kind: PropertyKind::Reachability {
        reached: |view| view.history.judged().any(|judged| judged.saw_overlapping),
        opportunity: a_read_overlapped("overlapping-write-seen (opportunity)"),
    },
    watch: Watch { overlapping: true, ..Watch::NOTHING },
    explanation: |view, _| {
        told_of_overlap(view, |judged| judged.saw_overlapping, WriteSet::intersection)
    },
};

pub(super) const OVERLAPPING_WRITE_MISSED: PropertySpec = PropertySpec {
    name: "overlapping-write-missed",
    statement: "a read does not return a write that was under way when the read began",
    kind: PropertyKind::Reachability {
        reached: |view| view.history.judged().any(|judged| judged.missed_overlapping),
        opportunity: a_read_overlapped("overlapping-write-missed (opportunity)"),
    },
    watch: Watch { overlapping: true, ..Watch::NOTHING },
    explanation: |view, _| {
        told_of_overlap(view, |judged| judged.missed_overlapping, WriteSet::without)
    },
};

/// Two acknowledged writes, neither of which saw the other.
fn concurrent(view: &View<'_>) -> impl Iterator<Item = (usize, usize)> {
    let history = view.history;
    let acknowledged = history.acknowledged();
    let pairs = acknowledged.iter().flat_map(move |one| {
        acknowledged.iter().filter(move |other| one < *other).map(move |other| (one, other))
    });
    pairs.filter(move |(one, other)| {
        !history.past(*other).contains(*one) && !history.past(*one).contains(*other)
    })
}

/// Two of them that were held by disjoint quorums.
fn share_no_replica(view: &View<'_>) -> Option<(usize, usize)> {
    let history = view.history;
    concurrent(view).find(|(one, other)| {
        history.acked_by(*one).intersection(history.acked_by(*other)).is_empty()
    })
}

pub(super) const CONCURRENT_WRITES_SHARE_NO_REPLICA: PropertySpec = PropertySpec {
    name: "concurrent-writes-share-no-replica",
    statement: "two acknowledged concurrent writes were acknowledged by disjoint nodes",
    kind: PropertyKind::Reachability {
        reached: |view| share_no_replica(view).is_some(),
        opportunity: Witness {
            shown: |view| concurrent(view).next().is_some(),
            statement: "two writes were acknowledged, neither of which had seen the other",
            name: "concurrent-writes-share-no-replica (opportunity)",
        },
    },
    watch: Watch { acked_by: true, ..Watch::NOTHING },
    explanation: |view, names| {
        let (one, other) = share_no_replica(view)?;
        let write = |write| wording::write(view.scenario, write);
        let acked_by = |write| names.node_set(view.history.acked_by(write));
        Some(format!(
            "{} was acknowledged by {}, {} by {}, and neither had seen the other",
            write(one),
            acked_by(one),
            write(other),
            acked_by(other),
        ))
    },
};

/// A node whose own last dot of a key is not in the context of what it holds of it any more.
fn pruned(view: &View<'_>) -> Option<NodeId> {
    let (mut found, mut index) = (None, 0);
    view.nodes.visit(&mut |node| {
        let mints_as = view.scenario.mints_as[usize::from(index)];
        let is_pruned = node.store.entries().any(|(_, entry)| {
            let minted = entry.last_dot(mints_as);
            minted.is_some_and(|dot| !entry.state.context().covers(dot))
        });
        found = found.or(is_pruned.then_some(NodeId(index)));
        index += 1;
    });
    found
}

pub(super) const CONTEXT_PRUNED: PropertySpec = PropertySpec {
    name: "context-pruned",
    statement: "a node that wrote a key holds a record of it that has forgotten the write",
    kind: PropertyKind::Reachability {
        reached: |view| pruned(view).is_some(),
        opportunity: Witness {
            shown: |view| held::any(view, |held| view.scenario.cluster.is_wide(held.record)),
            statement: "a context had more entries than may stay, where tombstones are reaped by agreement",
            name: "context-pruned (opportunity)",
        },
    },
    watch: Watch::NOTHING,
    explanation: |view, names| {
        let node = names.node(pruned(view)?);
        Some(format!("{node} wrote a key, and the context of what it holds no longer says so"))
    },
};
