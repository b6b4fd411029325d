use std::collections::BTreeMap;
use std::fmt::Display;

/// Asserts that each of these wrong declarations is noticed in the scenario that is named before it. `forget_each` makes every
/// declaration of a scenario wrong, and says of each whether that is noticed.
pub(crate) fn assert_noticed<W: Display>(
    planted: &[(&str, &str)],
    forget_each: impl Fn(&str) -> Option<BTreeMap<W, bool>>,
) {
    let mut noticed: BTreeMap<&str, BTreeMap<String, bool>> = BTreeMap::new();
    for (name, _) in planted {
        noticed.entry(name).or_insert_with(|| {
            let wrongs = forget_each(name).expect("it is small, and nobody stops it").into_iter();
            wrongs.map(|(wrong, is_noticed)| (wrong.to_string(), is_noticed)).collect()
        });
    }
    let missed: Vec<_> = planted
        .iter()
        .filter(|(name, wrong)| noticed[name].get(*wrong) != Some(&true))
        .map(|(name, wrong)| (name, wrong, noticed[name].get(*wrong)))
        .collect();
    assert!(missed.is_empty(), "{missed:#?}");
}
