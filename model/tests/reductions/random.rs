//! Reduced against unreduced on small scenarios that nobody chose: what was forgotten when arguing
//! for a rule.

use proptest::prelude::*;
use quorate_model::scenario::file;

use crate::differ::{Compared, compare};
use crate::tape::{TAPE_LENGTH, scenario_text};

/// Unreduced runs larger than this are left out.
const DISTINCT_MAX: usize = 15_000;

proptest! {
    #![proptest_config(ProptestConfig::default())]

    #[test]
    fn reductions_change_no_verdict_of_scenarios_that_nobody_chose(
        tape in prop::collection::vec(any::<u8>(), 0..TAPE_LENGTH)
    ) {
        let text = scenario_text(&tape);
        let scenario = file::parse("random.toml", "random", &text)
            .unwrap_or_else(|problem| panic!("{problem}\n{text}"));
        if let Compared::Different(how) = compare(&scenario, DISTINCT_MAX) {
            prop_assert!(false, "{how}\n{text}");
        }
    }
}
