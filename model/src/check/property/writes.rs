//! What becomes of writes, of the names they are given, and of each other.

use alloc::format;
use alloc::string::String;

use super::held::{self, Held};
use super::{PropertyKind, PropertySpec, View, Witness, deletes, wording};
use crate::check::history::Watch;
use crate::check::words::Names;
use crate::check::write_set::WriteSet;
use crate::versions::Dot;

/// The acknowledged writes that are lost. A write may be gone from every disk if it is, or was seen
/// by, a delete that was reaped. A reaped delete itself is kept by nobody having what it covered: it is
/// lost where somebody has.
fn lost(view: &View<'_>) -> WriteSet {
    let history = view.history;
    let gone = history.acknowledged().without(held::everything(view));
    let is_lost =
        |write: &usize| !history.went_with_a_delete(*write) || deletes::is_undone(view, *write);
    gone.iter().filter(is_lost).collect()
}

pub(super) const NO_LOST_WRITE: PropertySpec = PropertySpec {
    name: "no-lost-write",
    statement: "an acknowledged write is held by some node, or was seen by one that is, or went with a \
                delete that was reaped and stays deleted",
    kind: PropertyKind::Safety {
        holds: |view| lost(view).is_empty(),
        witness: Witness {
            shown: |view| !view.history.acknowledged().is_empty(),
            statement: "a write was acknowledged",
            name: "no-lost-write (witness)",
        },
    },
    watch: Watch { reaped: true, ..Watch::NOTHING },
    explanation: |view, names| {
        let write = lost(view).iter().next()?;
        let told = wording::write(view.scenario, write);
        if view.history.reaped().contains(write) {
            let covered = deletes::told_of_covered(view, names, write)?;
            return Some(format!("{told} was acknowledged and reaped, and {covered}"));
        }
        Some(format!("{told} was acknowledged, and no node holds it or anything that had seen it"))
    },
};

/// Two writes of a record, the second of which had seen the first.
fn false_siblings(view: &View<'_>, held: &Held<'_>) -> Option<(usize, usize)> {
    held.named.iter().find_map(|later| {
        let earlier = view.history.past(later).intersection(held.named).iter().next()?;
        Some((earlier, later))
    })
}

pub(super) const TRUE_SIBLINGS: PropertySpec = PropertySpec {
    name: "true-siblings",
    statement: "two versions are siblings exactly when neither writer had seen the other",
    kind: PropertyKind::Safety {
        holds: |view| {
            !view.history.sibling_lost()
                && !held::any(view, |held| false_siblings(view, held).is_some())
        },
        witness: Witness {
            shown: |view| held::any(view, |held| held.named.len() > 1),
            statement: "a node holds versions of two writes of a key",
            name: "true-siblings (witness)",
        },
    },
    watch: Watch::NOTHING,
    explanation: |view, names| {
        let value = |write| wording::value(view.scenario, write);
        let together = held::find(view, |held| {
            let (earlier, later) = false_siblings(view, held)?;
            Some(format!(
                "{} holds {} and {}, though the writer of {} had seen {}",
                wording::holder(names, held),
                value(earlier),
                value(later),
                value(later),
                value(earlier),
            ))
        });
        together.or_else(|| {
            let dropped = view.history.sibling_account()?;
            Some(format!(
                "{} dropped {}, and nothing that it kept had seen it",
                names.node(dropped.node),
                wording::values(view.scenario, dropped.writes),
            ))
        })
    },
};

/// A dot of two writes, and which.
fn shared_dot(view: &View<'_>) -> Option<(Dot, usize, usize)> {
    let dots = view.history.dots();
    dots.iter().enumerate().find_map(|(one, of_one)| {
        dots.iter().enumerate().skip(one + 1).find_map(|(other, of_other)| {
            let dot = of_one.iter().find(|dot| of_other.contains(dot))?;
            Some((*dot, one, other))
        })
    })
}

pub(super) const UNIQUE_DOTS: PropertySpec = PropertySpec {
    name: "unique-dots",
    statement: "no dot names two writes",
    kind: PropertyKind::Safety {
        holds: |view| shared_dot(view).is_none(),
        witness: Witness {
            shown: |view| view.history.dots().iter().filter(|dots| !dots.is_empty()).count() > 1,
            statement: "two writes were minted",
            name: "unique-dots (witness)",
        },
    },
    watch: Watch { dots: true, ..Watch::NOTHING },
    explanation: |view, names| {
        let (dot, one, other) = shared_dot(view)?;
        let value = |write| wording::value(view.scenario, write);
        Some(format!("dot {} names {} and {}", names.dot(dot), value(one), value(other)))
    },
};

pub(super) const KEY_RESOLVABLE: PropertySpec = PropertySpec {
    name: "key-resolvable",
    statement: "a put or delete whose context covers every version that its coordinator holds of the \
                key is never refused for how many these are",
    kind: PropertyKind::Safety {
        holds: |view| !view.history.resolving_refused(),
        witness: Witness {
            shown: |view| view.history.resolved_at_limit(),
            statement: "such a put was taken in where the key had as many versions as it may, or more",
            name: "key-resolvable (witness)",
        },
    },
    watch: Watch { resolving: true, ..Watch::NOTHING },
    explanation: |view, names| {
        let (node, write) = view.history.refusal_account()?;
        let siblings_max = view.scenario.cluster.limits().siblings_max;
        Some(format!(
            "{} refused {}, whose context covers all that it held: a key may have {siblings_max} {}",
            names.node(node),
            wording::write(view.scenario, write),
            if siblings_max == 1 { "version" } else { "versions" },
        ))
    },
};

pub(super) const MINTED_ONCE: PropertySpec = PropertySpec {
    name: "minted-once",
    statement: "no write is minted under two dots",
    kind: PropertyKind::Safety {
        holds: |view| view.history.dots().iter().all(|dots| dots.len() <= 1),
        witness: Witness {
            shown: |view| view.history.dots().iter().any(|dots| !dots.is_empty()),
            statement: "a write was minted",
            name: "minted-once (witness)",
        },
    },
    watch: Watch { dots: true, ..Watch::NOTHING },
    explanation: minted_twice,
};

fn minted_twice(view: &View<'_>, names: &Names) -> Option<String> {
    let (write, dots) = view.history.dots().iter().enumerate().find(|(_, dots)| dots.len() > 1)?;
    let told = wording::and(dots.iter().map(|dot| names.dot(*dot)));
    Some(format!("{} was minted under the dots {told}", wording::write(view.scenario, write)))
}
