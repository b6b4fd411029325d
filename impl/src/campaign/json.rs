//! A campaign for programs.

use std::collections::BTreeMap;

use quorate_checker::world::campaign::{Draft, Origin};
use serde::Serialize;

use super::run::{Different, Outcome};

/// What `quorate check --compare-reductions --json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    as_expected: bool,
    protocol: &'static str,
    seed: u64,
    from: u64,
    cases: u64,
    shard: String,
    size: usize,
    max_states: usize,
    floor: u64,
    seconds: f64,
    small_scope: u64,
    same: u64,
    different: u64,
    too_large: u64,
    refused: u64,
    unreduced_states: u64,
    reduced_states: u64,
    steps: BTreeMap<String, u64>,
    modes: BTreeMap<&'static str, u64>,
    rules: BTreeMap<&'static str, u64>,
    promises: BTreeMap<&'static str, u64>,
    too_few: Vec<TooFew>,
    differences: Vec<JsonDifference>,
}

#[derive(Clone, Debug, Serialize)]
struct TooFew {
    what: String,
    cases: u64,
}

#[derive(Clone, Debug, Serialize)]
struct JsonDifference {
    case: u64,
    /// Which random scenario of the seed, if it is one.
    random: Option<u64>,
    difference: String,
    /// The scenario file, as small as it got.
    scenario: String,
    /// How that differs.
    scenario_difference: String,
    saved: Option<String>,
}

impl Document {
    /// The document of a campaign. `saved` gives the file that holds a difference.
    #[must_use]
    pub fn new<D: Draft>(
        protocol: &'static str,
        outcome: &Outcome<D>,
        saved: impl Fn(&Different<D>) -> Option<String>,
    ) -> Self {
        let Outcome { plan, tally, .. } = outcome;
        let difference = |different: &Different<D>| {
            let (draft, how) = match &different.small {
                Some((draft, how)) => (draft, how),
                None => (&different.case.draft, &different.difference),
            };
            JsonDifference {
                case: different.case.number,
                random: match different.case.origin {
                    Origin::Random(random) => Some(random),
                    Origin::SmallScope => None,
                },
                difference: different.difference.to_string(),
                scenario: draft.toml(),
                scenario_difference: how.to_string(),
                saved: saved(different),
            }
        };
        let too_few = outcome.shortages.iter();
        Document {
            protocol,
            as_expected: outcome.is_as_expected(),
            seed: plan.seed,
            from: plan.from,
            cases: plan.cases,
            shard: plan.shard.to_string(),
            size: plan.size,
            max_states: plan.states_max,
            floor: outcome.floor,
            seconds: outcome.took.as_secs_f64(),
            small_scope: outcome.small_scope,
            same: tally.same,
            different: tally.different,
            too_large: tally.too_large,
            refused: tally.refused,
            unreduced_states: tally.states,
            reduced_states: tally.reduced_states,
            steps: tally.kinds().collect(),
            modes: tally.modes().collect(),
            rules: tally.rules().collect(),
            promises: tally.promises().collect(),
            too_few: too_few
                .map(|shortage| TooFew { what: shortage.name.clone(), cases: shortage.cases })
                .collect(),
            differences: outcome.differences.iter().map(difference).collect(),
        }
    }
}
