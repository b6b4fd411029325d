//! What reads must return, judged when they end.

use alloc::format;
use alloc::string::String;

use super::{PropertyKind, PropertySpec, View, Witness, wording};
use crate::check::history::{Judged, Judgement, ReadAccount, Watch};
use crate::check::words::Names;
use crate::check::write_set::WriteSet;

/// A read that was judged so, and its client.
type Of = fn(&Judged) -> Judgement;

fn no_read(view: &View<'_>, of: Of, found: Judgement) -> bool {
    view.history.judged().all(|judged| of(judged) != found)
}

/// The first client whose last read broke its obligation, with what is known of that read.
fn broken<'a>(view: &View<'a>, of: Of) -> Option<(usize, &'a ReadAccount)> {
    let client = view.history.judged().position(|judged| of(judged) == Judgement::Broken)?;
    Some((client, view.history.read_account(client)?))
}

/// A safety property over the judgements of reads.
macro_rules! read_property {
    ($name:literal, $field:ident, $statement:literal, $witness:literal, $watch:expr, $explain:expr) => {
        PropertySpec {
            name: $name,
            statement: $statement,
            kind: PropertyKind::Safety {
                holds: |view| no_read(view, |judged| judged.$field, Judgement::Broken),
                witness: Witness {
                    shown: |view| !no_read(view, |judged| judged.$field, Judgement::Met),
                    statement: $witness,
                    name: concat!($name, " (witness)"),
                },
            },
            watch: $watch,
            explanation: |view, names| {
                let (client, account) = broken(view, |judged| judged.$field)?;
                let explain: Explain = $explain;
                explain(view, names, client, account)
            },
        }
    };
}

type Explain = fn(&View<'_>, &Names, usize, &ReadAccount) -> Option<String>;

/// `reader read nothing, though <told of what it missed>`
fn missed(
    view: &View<'_>,
    client: usize,
    account: &ReadAccount,
    owed: WriteSet,
    told: fn(&View<'_>, WriteSet) -> String,
) -> Option<String> {
    let missing = view.historian.missing(view.history, owed, account.returned);
    let read = wording::read(view, client)?;
    Some(format!("{read}, though {}", told(view, missing)))
}

/// Some of what a read misses is told best by what is left of it once what it had seen is out.
fn latest(view: &View<'_>, writes: WriteSet) -> WriteSet {
    let seen =
        writes.iter().fold(WriteSet::EMPTY, |all, write| all.union(view.history.past(write)));
    let latest = writes.without(seen);
    if latest.is_empty() { writes } else { latest }
}

pub(super) const READ_FRESHNESS: PropertySpec = read_property!(
    "read-freshness",
    freshness,
    "a read that starts after a write was acknowledged returns it, something that had seen it, or \
     nothing of it once its delete was reaped",
    "a read began after an acknowledged write, and returned it",
    Watch { freshness: true, reaped: true, ..Watch::NOTHING },
    |view, _, client, account| {
        missed(view, client, account, account.obligation.acknowledged, |view, missing| {
            let missing = latest(view, missing);
            let (told, was) = (wording::writes(view.scenario, missing), wording::was(missing));
            format!("{told} {was} acknowledged before the read began")
        })
    }
);

pub(super) const MONOTONIC_READS: PropertySpec = read_property!(
    "monotonic-reads",
    monotonic,
    "successive reads of a key never go back",
    "a read began after another that found something, and did not go back",
    Watch { monotonic: true, reaped: true, ..Watch::NOTHING },
    |view, _, client, account| {
        missed(view, client, account, account.obligation.seen_by_reads, |view, missing| {
            let told = wording::values(view.scenario, latest(view, missing));
            format!("a read that ended before it began had returned {told}")
        })
    }
);

pub(super) const READ_YOUR_WRITES: PropertySpec = read_property!(
    "read-your-writes",
    own_writes,
    "a client sees its own acknowledged write",
    "a client read after its own acknowledged write, and saw it",
    Watch { own_writes: true, reaped: true, ..Watch::NOTHING },
    |view, _, client, account| {
        missed(view, client, account, account.obligation.own, |view, missing| {
            let missing = latest(view, missing);
            let (told, was) = (wording::values(view.scenario, missing), wording::was(missing));
            format!("its own write of {told} {was} acknowledged before the read began")
        })
    }
);

pub(super) const QUORUM_OVERLAP: PropertySpec = read_property!(
    "quorum-overlap",
    overlap,
    "the nodes that answered a read meet those that acknowledged an earlier write",
    "a read began after an acknowledged write, and some node served both",
    Watch { acked_by: true, ..Watch::NOTHING },
    |view, names, client, account| {
        let acked_by = |write: usize| view.history.acked_by(write);
        let meets = |write: usize| !acked_by(write).intersection(account.replied).is_empty();
        let write = account.obligation.acknowledged.iter().find(|write| !meets(*write))?;
        Some(format!(
            "{}'s read was answered by {}, but {} was acknowledged by {} before it began",
            view.scenario.clients[client].name,
            names.node_set(account.replied),
            wording::write(view.scenario, write),
            names.node_set(acked_by(write)),
        ))
    }
);

pub(super) const FAILED_WRITE_INVISIBLE: PropertySpec = read_property!(
    "failed-write-invisible",
    failed_invisible,
    "a write answered Unavailable is never returned by a read that begins later",
    "a read began after a failed write, and did not return it",
    Watch { failed: true, ..Watch::NOTHING },
    |view, _, client, account| {
        let returned = view.history.closure(account.returned);
        let seen = wording::writes(view.scenario, account.obligation.failed.intersection(returned));
        let read = wording::read(view, client)?;
        Some(format!("{read}, though {seen} had failed before the read began"))
    }
);
