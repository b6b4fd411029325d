//! Ways in which the protocol can be made wrong on purpose, to see whether the checks notice.
//!
//! The *comparisons* are designs that other systems had, or still have; scenarios show what they
//! lose, and they are always compiled in, though only a scenario can choose one. The *planted
//! faults* are slips that an implementation could make; they exist only with the cargo feature
//! `planted-faults`, so no released node contains them.

use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! deviations {
    ($($(#[$attribute:meta])* $name:ident: $statement:literal,)*) => {
        /// One way to be wrong.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Deviation {
            $($(#[$attribute])* #[doc = $statement] $name,)*
        }

        impl Deviation {
            /// All there are in this build.
            pub const ALL: &[Deviation] = &[$($(#[$attribute])* Deviation::$name,)*];

            /// What is done wrongly, in words.
            #[must_use]
            pub fn statement(self) -> &'static str {
                match self {
                    $($(#[$attribute])* Deviation::$name => $statement,)*
                }
            }
        }
    };
}

deviations! {
    OneActorPerNode: "a node names its writes by itself alone: no incarnation, no epoch",
    RebuildFromOne: "a node that lost its disk serves once it has caught up from one other home",
    ServeUncaught: "a node that lost its disk serves at once",
    ValuesOnlyTree: "hash trees cover keys and values, not contexts and dots",
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// A set of deviations: empty for every cluster that is meant to work.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct Deviations(u64);

impl Deviations {
    /// Whether this one is among them.
    #[must_use]
    pub fn contains(self, deviation: Deviation) -> bool {
        self.0 >> deviation as u32 & 1 == 1
    }
}

impl FromIterator<Deviation> for Deviations {
    fn from_iter<I: IntoIterator<Item = Deviation>>(deviations: I) -> Self {
        Deviations(deviations.into_iter().fold(0, |all, one| all | 1 << one as u32))
    }
}

/// Whether a planted fault is to happen: never, unless they are compiled in.
#[cfg(feature = "planted-faults")]
macro_rules! planted {
    ($cluster:expr, $name:ident) => {
        $cluster.deviates($crate::deviation::Deviation::$name)
    };
}

/// Whether a planted fault is to happen: never, since they are not compiled in.
#[cfg(not(feature = "planted-faults"))]
macro_rules! planted {
    ($cluster:expr, $name:ident) => {{
        let _ = &$cluster;
        false
    }};
}
