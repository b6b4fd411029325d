//! A scenario of some protocol, as it is checked, told, saved, browsed and replayed.

use std::collections::BTreeMap;
use std::fmt;

use quorate_checker::world::{
    Action, Expected, Kind, Property, Protocol, ScriptRun, ShownWith, State, Words, World,
};
use serde_json::{Map, Value};

/// A scenario of a protocol: what is searched in it, and what people are told of it. Everything that checks is
/// written for any case; what a protocol alone knows is asked here.
pub trait Case: Clone + Send + Sync + 'static {
    /// Whose scenario it is.
    type Protocol: Protocol;
    /// How people call what is in it.
    type Words: Words<Self::Protocol> + Clone + Send + Sync + 'static;
    /// A way in which the protocol can be made wrong on purpose.
    type Fault: Copy + PartialEq + fmt::Display + Send + Sync + 'static;

    /// What the protocol is called.
    const PROTOCOL: &'static str;

    // What people are told.

    /// Its name.
    fn name(&self) -> &str;
    /// One line: what question it answers.
    fn title(&self) -> &str;
    /// Where the verdict comes from, and why it is what it is.
    fn notes(&self) -> &str;
    /// Whether it is checked when no scenario is named.
    fn is_default(&self) -> bool;
    /// How many nodes there are.
    fn nodes(&self) -> usize;
    /// The cluster in one line.
    fn cluster(&self) -> String;
    /// What the cluster promises, in a few words or figures, for a table.
    fn setting(&self) -> String;
    /// The same for programs, with the largest figure that the protocol counted in a check.
    fn figures(&self, largest: usize) -> Map<String, Value>;
    /// What each client does, in a line.
    fn clients(&self) -> Vec<String>;
    /// Within which bounds it is checked.
    fn bounds(&self) -> String;
    /// Which faults may happen.
    fn faults(&self) -> String;
    /// Which reductions apply.
    fn reductions(&self) -> String;
    /// What its file says to less effect than it seems: with file and line.
    fn warnings(&self) -> Vec<String>;
    /// The same without file and line.
    fn problems(&self) -> Vec<String>;

    // What is checked.

    /// Everything that may happen.
    fn world(&self) -> World<Self::Protocol>;
    /// The same, whose history keeps what explanations need: for walking single runs.
    fn explaining(&self) -> World<Self::Protocol> {
        self.world()
    }
    /// How people call what is in it.
    fn words(&self) -> Self::Words;
    /// Every property of the protocol, in the order in which they are shown.
    fn properties(&self) -> Vec<Property<Self::Protocol>>;
    /// What must come out, by property name.
    fn expectations(&self) -> &BTreeMap<String, Expected>;
    /// What else must happen in the run that is shown of a property.
    fn show(&self, property: &str) -> Option<ShownWith<Self::Protocol>>;
    /// The kinds that it gives occasion for, so that one of them which never happens is worth a word.
    fn applicable(&self) -> Vec<Kind<Self::Protocol>>;
    /// Whether it is a script.
    fn is_script(&self) -> bool;
    /// Its one run, if it is a script.
    fn played(&self) -> Option<ScriptRun<Self::Protocol>>;
    /// The scenario as Stateright searches it as well.
    fn comparable(&self) -> Self;

    // What is made wrong on purpose.

    /// Every way that is compiled in.
    fn all_faults() -> &'static [Self::Fault];
    /// What is done wrongly, in words.
    fn statement(fault: Self::Fault) -> &'static str;
    /// Whether nothing is wrong in it by itself.
    fn is_right(&self) -> bool;
    /// The same, wrong in this way more. The shortest runs will do, whatever happens in them.
    fn with_fault(&self, fault: Self::Fault) -> Self;
    /// Which faults make any step different among so many states, and whether there are more states.
    fn what_matters(&self, states_max: usize) -> Mattering<Self::Fault>;

    // What follows from these.

    /// The properties of which it expects something, in order.
    fn judged(&self) -> Vec<Property<Self::Protocol>> {
        let is_judged = |property: &Property<Self::Protocol>| self.is_judged(property.name);
        self.properties().into_iter().filter(is_judged).collect()
    }

    /// Whether it expects something of this property.
    fn is_judged(&self, property: &str) -> bool {
        self.expectations().contains_key(property)
    }

    /// Whether an action is one of those that make up its runs. A script makes its own choices, among all that is
    /// possible.
    fn allows(
        &self,
        world: &World<Self::Protocol>,
        state: &State<Self::Protocol>,
        action: &Action<Self::Protocol>,
    ) -> bool {
        self.is_script() || world.is_offered(state, action)
    }
}

/// The faults that matter in a scenario: those that make some step different.
#[derive(Clone, Debug)]
pub struct Mattering<F> {
    /// Which.
    pub faults: Vec<F>,
    /// Whether there are more states than were looked at.
    pub is_cut: bool,
}
