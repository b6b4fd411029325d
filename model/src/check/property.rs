//! What must hold, judged on ghost history, and what should be reachable.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::actor::NodeState;
use super::history::{Historian, History, Judged, Judgement, Watch};
use super::write_set::WriteSet;
use crate::cluster::Reaping;
use crate::scenario::Scenario;

/// What a scenario expects of a property.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Expected {
    /// A safety property holds in every reachable state; or every fair run converges.
    #[serde(rename = "holds")]
    Holds,
    /// Some reachable state violates a safety property; or some fair run does not converge.
    #[serde(rename = "violated")]
    Violated,
    /// Some reachable state is of the wanted kind.
    #[serde(rename = "reached")]
    Reached,
    /// No reachable state is of the kind.
    #[serde(rename = "not reached")]
    NotReached,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Expected::Holds => "holds",
            Expected::Violated => "violated",
            Expected::Reached => "reached",
            Expected::NotReached => "not reached",
        })
    }
}

/// What is judged: the nodes and the history at one moment, of the model or of a replayed
/// cluster.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The scenario, for its planned writes.
    pub scenario: &'a Scenario,
    /// Who can name the writes of a record.
    pub historian: &'a Historian,
    /// What clients asked for and saw.
    pub history: &'a History,
    /// The nodes.
    pub nodes: &'a dyn Nodes,
}

/// Whoever can show the states of all nodes.
pub trait Nodes {
    /// Calls `visit` with every node's state, in order.
    fn visit(&self, visit: &mut dyn FnMut(&NodeState));
}

/// A condition on one moment.
pub type Condition = fn(&View<'_>) -> bool;

/// The kinds of property.
#[derive(Clone, Copy, Debug)]
pub enum PropertyKind {
    /// Must hold in every state. The witness is a state in which it was put to the test: without
    /// one, it held for lack of occasion.
    Safety {
        /// Whether it holds at this moment.
        holds: Condition,
        /// Whether this moment shows that it could have failed.
        witness: Condition,
        /// What a witness is, in words.
        witness_statement: &'static str,
        /// The name under which Stateright knows the witness.
        witness_name: &'static str,
    },
    /// Should be possible, or impossible, to reach.
    Reachability {
        /// Whether this moment is of the kind.
        reached: Condition,
    },
    /// Every run converges and stays so, which no single moment shows: decided on all of them at
    /// once by [`super::convergence`].
    Convergence {
        /// What a witness is, in words: a state in which it was put to the test.
        witness_statement: &'static str,
    },
}

/// A named property.
#[derive(Clone, Copy, Debug)]
pub struct PropertySpec {
    /// Its name in scenario files and reports.
    pub name: &'static str,
    /// What it says.
    pub statement: &'static str,
    /// What kind it is and how it is judged.
    pub kind: PropertyKind,
    /// Which facts of history it needs.
    watch: Watch,
}

const NOTHING: Watch = Watch {
    freshness: false,
    monotonic: false,
    own_writes: false,
    acked_by: false,
    failed: false,
    dots: false,
    overlapping: false,
    deletes: false,
    hints: false,
};

impl PropertySpec {
    /// The property of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static PropertySpec> {
        ALL.iter().find(|property| property.name == name)
    }

    /// Whether it makes sense to expect this of it.
    #[must_use]
    pub fn admits(&self, expected: Expected) -> bool {
        match self.kind {
            PropertyKind::Safety { .. } | PropertyKind::Convergence { .. } => {
                matches!(expected, Expected::Holds | Expected::Violated)
            }
            PropertyKind::Reachability { .. } => {
                matches!(expected, Expected::Reached | Expected::NotReached)
            }
        }
    }

    /// What to watch for these properties.
    #[must_use]
    pub fn watch(properties: &[&PropertySpec]) -> Watch {
        properties.iter().map(|property| property.watch).fold(NOTHING, |all, one| Watch {
            freshness: all.freshness || one.freshness,
            monotonic: all.monotonic || one.monotonic,
            own_writes: all.own_writes || one.own_writes,
            acked_by: all.acked_by || one.acked_by,
            failed: all.failed || one.failed,
            dots: all.dots || one.dots,
            overlapping: all.overlapping || one.overlapping,
            deletes: all.deletes || one.deletes,
            hints: all.hints || one.hints,
        })
    }

    /// The properties that a scenario states an expectation of, in the order of [`ALL`].
    #[must_use]
    pub fn judged_in(scenario: &Scenario) -> Vec<&'static PropertySpec> {
        ALL.iter().filter(|property| scenario.expect.contains_key(property.name)).collect()
    }

    /// All names, for an error message.
    #[must_use]
    pub fn names() -> String {
        ALL.iter().map(|property| property.name).collect::<Vec<_>>().join(", ")
    }
}

fn no_read(view: &View<'_>, judgement: fn(&Judged) -> Judgement, found: Judgement) -> bool {
    view.history.judged().all(|judged| judgement(judged) != found)
}

/// A safety property over the judgements of reads.
macro_rules! read_property {
    ($name:literal, $field:ident, $statement:literal, $witness:literal, $watch:ident) => {
        PropertySpec {
            name: $name,
            statement: $statement,
            kind: PropertyKind::Safety {
                holds: |view| no_read(view, |judged| judged.$field, Judgement::Broken),
                witness: |view| !no_read(view, |judged| judged.$field, Judgement::Met),
                witness_statement: $witness,
                witness_name: concat!($name, " (witness)"),
            },
            watch: Watch { $watch: true, ..NOTHING },
        }
    };
}

/// Calls `visit` with the writes named by every record and hint of every node.
fn each_record(view: &View<'_>, visit: &mut dyn FnMut(WriteSet)) {
    view.nodes.visit(&mut |node| {
        for (_, entry) in node.store.entries() {
            visit(view.historian.named(view.scenario, view.history, &entry.state));
        }
        for (_, _, state) in node.store.hints() {
            visit(view.historian.named(view.scenario, view.history, state));
        }
    });
}

/// Whether some record of some node satisfies this.
fn some_record(view: &View<'_>, wanted: impl Fn(WriteSet) -> bool) -> bool {
    let mut found = false;
    each_record(view, &mut |writes| found |= wanted(writes));
    found
}

fn no_acknowledged_write_is_lost(view: &View<'_>) -> bool {
    let mut held = WriteSet::EMPTY;
    each_record(view, &mut |writes| held = held.union(writes));
    let held = view.history.closure(held);
    // Where tombstones are reaped, a delete is kept by nobody having what it covered, and what it
    // covered is meant to be gone: whether that comes back is another property's question.
    let reaps = view.scenario.cluster.background().reaping != Reaping::Off;
    let is_delete = |write: usize| view.scenario.writes[write].value.is_none();
    let deletes = || view.history.invoked().iter().filter(|write| is_delete(*write));
    let may_be_gone = |write: usize| {
        reaps
            && (is_delete(write)
                || deletes().any(|delete| view.history.past(delete).contains(write)))
    };
    view.history.acknowledged().iter().all(|write| held.contains(write) || may_be_gone(write))
}

fn siblings_are_true(view: &View<'_>) -> bool {
    let seen_by_a_sibling = |writes: WriteSet| {
        writes.iter().any(|write| !view.history.past(write).intersection(writes).is_empty())
    };
    !view.history.sibling_lost() && !some_record(view, seen_by_a_sibling)
}

fn dots_are_unique(view: &View<'_>) -> bool {
    let dots = view.history.dots();
    dots.iter().enumerate().all(|(position, of_write)| {
        dots[position + 1..].iter().flatten().all(|dot| !of_write.contains(dot))
    })
}

/// Two acknowledged writes, neither of which saw the other, held by disjoint quorums.
fn concurrent_writes_shared_no_replica(view: &View<'_>) -> bool {
    let history = view.history;
    let acknowledged = history.acknowledged();
    acknowledged.iter().any(|one| {
        acknowledged.iter().any(|other| {
            one < other
                && !history.past(other).contains(one)
                && history.acked_by(one).intersection(history.acked_by(other)).is_empty()
        })
    })
}

/// Every property there is.
pub const ALL: &[PropertySpec] = &[
    read_property!(
        "read-freshness",
        freshness,
        "a read that starts after a write was acknowledged returns it or something that had seen it",
        "a read began after an acknowledged write, and returned it",
        freshness
    ),
    PropertySpec {
        name: "no-lost-write",
        statement: "an acknowledged write is held by some node, or was seen by one that is",
        kind: PropertyKind::Safety {
            holds: no_acknowledged_write_is_lost,
            witness: |view| !view.history.acknowledged().is_empty(),
            witness_statement: "a write was acknowledged",
            witness_name: "no-lost-write (witness)",
        },
        watch: NOTHING,
    },
    read_property!(
        "monotonic-reads",
        monotonic,
        "successive reads of a key never go back",
        "a read began after another that found something, and did not go back",
        monotonic
    ),
    read_property!(
        "read-your-writes",
        own_writes,
        "a client sees its own acknowledged write",
        "a client read after its own acknowledged write, and saw it",
        own_writes
    ),
    PropertySpec {
        name: "true-siblings",
        statement: "two versions are siblings exactly when neither writer had seen the other",
        kind: PropertyKind::Safety {
            holds: siblings_are_true,
            witness: |view| some_record(view, |writes| writes.len() > 1),
            witness_statement: "a node holds two versions of a key",
            witness_name: "true-siblings (witness)",
        },
        watch: NOTHING,
    },
    PropertySpec {
        name: "unique-dots",
        statement: "no dot names two writes",
        kind: PropertyKind::Safety {
            holds: dots_are_unique,
            witness: |view| view.history.dots().iter().filter(|dots| !dots.is_empty()).count() > 1,
            witness_statement: "two writes were minted",
            witness_name: "unique-dots (witness)",
        },
        watch: Watch { dots: true, ..NOTHING },
    },
    PropertySpec {
        name: "minted-once",
        statement: "no write is minted under two dots",
        kind: PropertyKind::Safety {
            holds: |view| view.history.dots().iter().all(|dots| dots.len() <= 1),
            witness: |view| view.history.dots().iter().any(|dots| !dots.is_empty()),
            witness_statement: "a write was minted",
            witness_name: "minted-once (witness)",
        },
        watch: Watch { dots: true, ..NOTHING },
    },
    read_property!(
        "quorum-overlap",
        overlap,
        "the nodes that answered a read meet those that acknowledged an earlier write",
        "a read began after an acknowledged write, and some node served both",
        acked_by
    ),
    read_property!(
        "failed-write-invisible",
        failed_invisible,
        "a write answered Unavailable is never returned by a read that begins later",
        "a read began after a failed write, and did not return it",
        failed
    ),
    PropertySpec {
        name: "no-resurrection",
        statement: "what an acknowledged delete covered does not come back to a node that held it",
        kind: PropertyKind::Safety {
            holds: |view| !view.history.resurrected(),
            witness: |view| view.history.covering_delete_held(),
            witness_statement: "a node held an acknowledged delete that covers a write",
            witness_name: "no-resurrection (witness)",
        },
        watch: Watch { deletes: true, ..NOTHING },
    },
    PropertySpec {
        name: "hint-safety",
        statement: "no hint is dropped before its home, or another holder, has it durably",
        kind: PropertyKind::Safety {
            holds: |view| !view.history.hint_lost(),
            witness: |view| view.history.hint_dropped(),
            witness_statement: "a hint was dropped",
            witness_name: "hint-safety (witness)",
        },
        watch: Watch { hints: true, ..NOTHING },
    },
    PropertySpec {
        name: "siblings",
        statement: "some node holds two versions of one key",
        kind: PropertyKind::Reachability {
            reached: |view| some_record(view, |writes| writes.len() > 1),
        },
        watch: NOTHING,
    },
    PropertySpec {
        name: "more-siblings-than-clients",
        statement: "some node holds more versions of one key than there are clients",
        kind: PropertyKind::Reachability {
            reached: |view| {
                let clients = view.scenario.clients.len();
                some_record(view, |writes| writes.len() > clients)
            },
        },
        watch: NOTHING,
    },
    PropertySpec {
        name: "write-acknowledged",
        statement: "some write is acknowledged",
        kind: PropertyKind::Reachability {
            reached: |view| !view.history.acknowledged().is_empty(),
        },
        watch: NOTHING,
    },
    PropertySpec {
        name: "write-unavailable",
        statement: "some client is told that its write is unavailable",
        kind: PropertyKind::Reachability { reached: |view| !view.history.failed().is_empty() },
        watch: Watch { failed: true, ..NOTHING },
    },
    PropertySpec {
        name: "hint-kept",
        statement: "some node keeps a hint for another",
        kind: PropertyKind::Reachability {
            reached: |view| {
                let mut kept = false;
                view.nodes.visit(&mut |node| kept |= node.store.hints().next().is_some());
                kept
            },
        },
        watch: NOTHING,
    },
    PropertySpec {
        name: "tombstone-reaped",
        statement: "a node that held a delete holds nothing of the key any more",
        kind: PropertyKind::Reachability {
            reached: |view| {
                let (mut reaped, mut index) = (false, 0);
                view.nodes.visit(&mut |node| {
                    let mut deletes = view.history.deletes_held_by(index).iter();
                    reaped |= deletes
                        .any(|delete| node.store.get(&view.scenario.writes[delete].key).is_none());
                    index += 1;
                });
                reaped
            },
        },
        watch: Watch { deletes: true, ..NOTHING },
    },
    PropertySpec {
        name: "read-answered",
        statement: "some read is answered",
        kind: PropertyKind::Reachability {
            reached: |view| view.history.judged().any(|judged| judged.answered),
        },
        watch: NOTHING,
    },
    PropertySpec {
        name: "read-unavailable",
        statement: "some client is told that its read is unavailable",
        kind: PropertyKind::Reachability {
            reached: |view| view.history.judged().any(|judged| judged.unavailable),
        },
        watch: NOTHING,
    },
    PropertySpec {
        name: "overlapping-write-seen",
        statement: "a read returns a write that was under way when the read began",
        kind: PropertyKind::Reachability {
            reached: |view| view.history.judged().any(|judged| judged.saw_overlapping),
        },
        watch: Watch { overlapping: true, ..NOTHING },
    },
    PropertySpec {
        name: "overlapping-write-missed",
        statement: "a read does not return a write that was under way when the read began",
        kind: PropertyKind::Reachability {
            reached: |view| view.history.judged().any(|judged| judged.missed_overlapping),
        },
        watch: Watch { overlapping: true, ..NOTHING },
    },
    PropertySpec {
        name: "concurrent-writes-share-no-replica",
        statement: "two acknowledged concurrent writes were acknowledged by disjoint nodes",
        kind: PropertyKind::Reachability { reached: concurrent_writes_shared_no_replica },
        watch: Watch { acked_by: true, ..NOTHING },
    },
    PropertySpec {
        name: "convergence",
        statement: "after the last fault and the last client operation, all homes of every key come to \
                    agree, and stay so",
        kind: PropertyKind::Convergence { witness_statement: "the homes of some key differ" },
        watch: NOTHING,
    },
];
