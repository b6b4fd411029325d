//! Ways in which the protocol can be made wrong on purpose, to see whether the checks notice.
//!
//! The *comparisons* are what other systems do, or did; scenarios show what they lose. The *planted faults* are slips
//! that an implementation could make; they exist only with the cargo feature `planted-faults`, and the text of the
//! protocol knows nothing of them: each is done from outside, to a step of a node.

use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! deviations {
    (
        comparisons { $($comparison:ident: $compared:literal,)* }
        planted { $($planted:ident: $slip:literal,)* }
    ) => {
        /// One way to be wrong.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Deviation {
            $(#[doc = $compared] $comparison,)*
            $(#[cfg(feature = "planted-faults")] #[doc = $slip] $planted,)*
        }

        impl Deviation {
            /// All there are in this build.
            pub const ALL: &[Deviation] = &[
                $(Deviation::$comparison,)*
                $(#[cfg(feature = "planted-faults")] Deviation::$planted,)*
            ];

            /// The planted faults in this build.
            pub const PLANTED: &[Deviation] = &[
                $(#[cfg(feature = "planted-faults")] Deviation::$planted,)*
            ];

            /// What is done wrongly, in words.
            #[must_use]
            pub fn statement(self) -> &'static str {
                match self {
                    $(Deviation::$comparison => $compared,)*
                    $(#[cfg(feature = "planted-faults")] Deviation::$planted => $slip,)*
                }
            }
        }
    };
}

deviations! {
    comparisons {
        KeepsSuffix: "a deposed leader keeps the rows of writes that the new leader does not have",
        FallsBackToAsync: "a leader whose synchronous follower is suspected goes on without one",
        ForgetsRequests: "a retry is a new write, whatever the log remembers",
        CommitsOlderEpochs: "a new leader commits entries of older epochs by counting who has them",
        VotesUncaught: "a node that lost its disk votes at once",
    }
    planted {
    }
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
    /// These and this one.
    #[must_use]
    pub fn with(self, deviation: Deviation) -> Self {
        Deviations(self.0 | 1 << deviation as u32)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn contains(self, deviation: Deviation) -> bool {
        self.0 >> deviation as u32 & 1 == 1
    }
}

impl FromIterator<Deviation> for Deviations {
    fn from_iter<I: IntoIterator<Item = Deviation>>(deviations: I) -> Self {
        deviations.into_iter().fold(Deviations::default(), Deviations::with)
    }
}
