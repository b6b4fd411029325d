//! The built-in scenarios by name.

use quorate_model::scenario::Scenario;
use quorate_model::scenario::builtin::Builtin;

pub(crate) fn builtin(name: &str) -> Scenario {
    let builtin = Builtin::named(name).unwrap_or_else(|| panic!("no scenario {name}"));
    builtin.parse().unwrap_or_else(|error| panic!("{error}"))
}
