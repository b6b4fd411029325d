//! A step as the file says it.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use crate::scenario::file::RawContext;
use crate::scenario::file::shapes::{OneOrMore, RawDeliver};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::scenario::file) struct RawStep {
    pub(super) put: Option<String>,
    pub(super) delete: Option<String>,
    pub(super) get: Option<String>,
    pub(super) value: Option<Spanned<String>>,
    pub(super) client: Option<Spanned<String>>,
    pub(super) via: Option<Spanned<String>>,
    pub(super) context: Option<Spanned<RawContext>>,
    pub(super) r: Option<Spanned<usize>>,
    pub(super) w: Option<Spanned<usize>>,
    pub(super) sloppy: Option<Spanned<bool>>,
    pub(super) only: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) deliver: Option<Spanned<RawDeliver>>,
    pub(super) expect: Option<Spanned<RawAnswer>>,
    pub(super) finds: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) timeout: Option<RawTimeout>,
    pub(super) partition: Option<Vec<Vec<Spanned<String>>>>,
    pub(super) isolate: Option<Spanned<String>>,
    pub(super) heal: Option<Spanned<bool>>,
    pub(super) crash: Option<Spanned<String>>,
    pub(super) recover: Option<Spanned<String>>,
    pub(super) wipe: Option<Spanned<String>>,
    pub(super) snapshot: Option<Spanned<String>>,
    pub(super) restore: Option<Spanned<String>>,
    pub(super) set_clock: Option<RawSetClock>,
    pub(super) accept_loss: Option<RawAcceptLoss>,
    pub(super) drop: Option<RawMessage>,
    pub(super) duplicate: Option<RawMessage>,
    pub(super) fire: Option<RawFire>,
    pub(super) settle: Option<Spanned<bool>>,
    pub(super) expect_held: Option<OneOrMore<RawHeld>>,
    pub(super) expect_hint: Option<OneOrMore<RawHint>>,
    pub(super) expect_agree: Option<Spanned<String>>,
    pub(super) expect_differ: Option<Spanned<String>>,
    pub(super) expect_answer: Option<RawExpectAnswer>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawAnswer {
    Ok,
    Unavailable,
    Refused,
    NoAnswer,
    Pending,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawTimeout {
    pub(super) node: Option<Spanned<String>>,
    pub(super) client: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawAcceptLoss {
    pub(super) node: Spanned<String>,
    pub(super) lost: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawSetClock {
    pub(super) node: Spanned<String>,
    pub(super) to: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in crate::scenario::file) struct RawMessage {
    pub(super) kind: Spanned<String>,
    pub(super) from: Option<Spanned<String>>,
    pub(super) to: Option<Spanned<String>>,
    pub(super) which: Option<Spanned<usize>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawFire {
    pub(super) timer: Spanned<RawTimer>,
    pub(super) node: Spanned<String>,
    pub(super) peer: Option<Spanned<String>>,
    pub(super) client: Option<Spanned<String>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawTimer {
    Handoff,
    Sync,
    CatchUp,
    Register,
    Reap,
    Settled,
    SpeculativeRetry,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawHeld {
    pub(super) node: Spanned<String>,
    pub(super) key: Spanned<String>,
    pub(super) values: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawHint {
    pub(super) node: Spanned<String>,
    pub(super) home: Spanned<String>,
    pub(super) key: Spanned<String>,
    pub(super) values: Option<Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawExpectAnswer {
    pub(super) client: Spanned<String>,
    pub(super) expect: Option<Spanned<RawAnswer>>,
    pub(super) finds: Option<Spanned<Vec<Spanned<String>>>>,
}

/// The names of what a step can be, each with whether this step is it.
pub(super) type Verbs = [(&'static str, bool); 23];

/// The names of what can stand beside a verb, each with where it does in this step.
pub(super) type Companions = [(&'static str, Option<Range<usize>>); 10];

impl RawStep {
    pub(super) fn verbs(&self) -> Verbs {
        let delivers =
            |deliver: &Spanned<RawDeliver>| !matches!(deliver.get_ref(), RawDeliver::OfRequest(_));
        [
            ("put", self.put.is_some()),
            ("delete", self.delete.is_some()),
            ("get", self.get.is_some()),
            ("timeout", self.timeout.is_some()),
            ("deliver", self.deliver.as_ref().is_some_and(delivers)),
            ("drop", self.drop.is_some()),
            ("duplicate", self.duplicate.is_some()),
            ("partition", self.partition.is_some()),
            ("isolate", self.isolate.is_some()),
            ("heal", self.heal.is_some()),
            ("crash", self.crash.is_some()),
            ("recover", self.recover.is_some()),
            ("wipe", self.wipe.is_some()),
            ("snapshot", self.snapshot.is_some()),
            ("restore", self.restore.is_some()),
            ("set-clock", self.set_clock.is_some()),
            ("accept-loss", self.accept_loss.is_some()),
            ("fire", self.fire.is_some()),
            ("settle", self.settle.is_some()),
            ("expect-held", self.expect_held.is_some()),
            ("expect-hint", self.expect_hint.is_some()),
            ("expect-agree", self.expect_agree.is_some()),
            ("expect-differ", self.expect_differ.is_some()),
        ]
    }

    pub(super) fn companions(&self) -> Companions {
        fn at<T>(field: &Option<Spanned<T>>) -> Option<Range<usize>> {
            field.as_ref().map(Spanned::span)
        }
        let of_request =
            |deliver: &&Spanned<RawDeliver>| matches!(deliver.get_ref(), RawDeliver::OfRequest(_));
        [
            ("value", at(&self.value)),
            ("client", at(&self.client)),
            ("via", at(&self.via)),
            ("context", at(&self.context)),
            ("r", at(&self.r)),
            ("w", at(&self.w)),
            ("sloppy", at(&self.sloppy)),
            ("only", at(&self.only)),
            ("deliver", self.deliver.as_ref().filter(of_request).map(Spanned::span)),
            ("expect", at(&self.expect)),
        ]
    }

    /// Every list of names in it, each with the field that it is.
    pub(in crate::scenario::file) fn lists(
        &self,
    ) -> impl Iterator<Item = (&'static str, &[Spanned<String>])> {
        let of_step = [("step.only", &self.only), ("step.finds", &self.finds)];
        let answer = self.expect_answer.as_ref().and_then(|answer| answer.finds.as_ref());
        let held = self.expect_held.iter().flat_map(|held| &held.0);
        let hints = self.expect_hint.iter().flat_map(|hints| &hints.0);
        of_step
            .into_iter()
            .filter_map(|(field, names)| Some((field, names.as_ref()?.get_ref().as_slice())))
            .chain(answer.map(|finds| ("step.expect-answer.finds", finds.get_ref().as_slice())))
            .chain(held.map(|held| ("step.expect-held.values", held.values.as_slice())))
            .chain(hints.filter_map(|hint| {
                Some(("step.expect-hint.values", hint.values.as_ref()?.as_slice()))
            }))
    }

    /// The groups that the network splits into, if it does.
    pub(in crate::scenario::file) fn groups(&self) -> &[Vec<Spanned<String>>] {
        self.partition.as_deref().unwrap_or_default()
    }

    /// Whether the write that it makes may be sloppy, if it says so.
    pub(in crate::scenario::file) fn sloppy(&self) -> Option<&Spanned<bool>> {
        self.sloppy.as_ref()
    }

    /// Where it sets a clock, if it does.
    pub(in crate::scenario::file) fn sets_clock(&self) -> Option<Range<usize>> {
        self.set_clock.as_ref().map(|clock| clock.node.span())
    }

    pub(super) fn is_request(&self) -> bool {
        self.put.is_some() || self.delete.is_some() || self.get.is_some()
    }
}
