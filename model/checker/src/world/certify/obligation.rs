//! What is to be shown of a state, and how it was.

/// What is to be shown of a state.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Obligation {
    /// What every step leads to is visited.
    OneStep,
    /// So is what it leads to if another step comes before what it causes has arrived.
    Delay,
    /// A state and its canonical form do the same.
    CanonicalForm,
    /// So do a state and the same under other names of clients, under other names.
    Symmetry,
    /// What is put off comes to the same after what is chosen as before it, and nobody sees what is chosen.
    Independence,
}

impl Obligation {
    /// All there are.
    pub const ALL: [Obligation; 5] = [
        Obligation::OneStep,
        Obligation::Delay,
        Obligation::CanonicalForm,
        Obligation::Symmetry,
        Obligation::Independence,
    ];

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Obligation::OneStep => "one step",
            Obligation::Delay => "delay",
            Obligation::CanonicalForm => "canonical form",
            Obligation::Symmetry => "symmetry",
            Obligation::Independence => "independence",
        }
    }
}

/// How an obligation was met.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Discharge {
    /// By the very state that is asked for.
    Exactly,
    /// By a state that is the same with more left of the fault budgets.
    WithMoreFaultsLeft,
    /// By a state in which reads are obliged to more, and no judgement is better.
    WithMoreObliged,
    /// What was lost may as well be late for ever.
    AsDelay,
}

impl Discharge {
    /// All there are.
    pub const ALL: [Discharge; 4] = [
        Discharge::Exactly,
        Discharge::WithMoreFaultsLeft,
        Discharge::WithMoreObliged,
        Discharge::AsDelay,
    ];

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Discharge::Exactly => "exactly",
            Discharge::WithMoreFaultsLeft => "with more faults left",
            Discharge::WithMoreObliged => "with more obliged",
            Discharge::AsDelay => "as a delay",
        }
    }
}

/// An obligation that was not met.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Failure {
    /// Which one.
    pub obligation: Obligation,
    /// The name of the visited state in which it was looked at.
    pub state: u64,
    /// The step that was taken there, in words, if one was.
    pub step: Option<String>,
    /// The step that came next, if one did.
    pub then: Option<String>,
}
