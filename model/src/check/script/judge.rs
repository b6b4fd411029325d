//! The properties of a script, judged over all states that its run passed.

use alloc::vec::Vec;

use quorate_checker::world::{Property, Verdict};

use super::Run;
use crate::check::leaderless::Leaderless;
use crate::check::model::ClusterModel;
use crate::check::property::{Expected, PropertySpec};

/// What became of one property.
#[derive(Clone, Copy, Debug)]
pub struct Finding {
    /// Which.
    pub property: &'static PropertySpec,
    /// What the run shows of it.
    pub found: Expected,
    /// After how many transitions the run had come to a state that violates the property, or is
    /// of the kind that is to be reached.
    pub shown_after: Option<usize>,
    /// After how many transitions the property had been put to the test: met, or asked for what could
    /// lead to what is to be reached.
    pub tested_after: Option<usize>,
}

/// Judges the properties of the model over the states that a run of its script passed, the first
/// and the last among them.
#[must_use]
pub fn judge(model: &ClusterModel, run: &Run) -> Vec<Finding> {
    let properties: Vec<_> =
        model.judged().iter().map(|property| property.of_world(model.scenario())).collect();
    let finding = |(property, verdict): (Property<Leaderless>, Verdict<Leaderless>)| Finding {
        property: PropertySpec::named(property.name).expect("it is one of those that are judged"),
        found: verdict.found.expect("a run shows whether it does"),
        shown_after: verdict.run.map(|run| run.len()),
        tested_after: verdict.witness.map(|run| run.len()),
    };
    run.in_words(model).verdicts(model, &properties).into_iter().map(finding).collect()
}
