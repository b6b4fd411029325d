//! Ways in which a protocol can be made wrong on purpose.

/// Writes an enum of the ways in which a protocol can be made wrong on purpose, each with what is done wrongly in
/// words, and `Deviations`, a set of them. The *comparisons* are in every build; the *planted faults* exist only
/// with the feature `planted-faults` of the crate that writes the enum, which must have `serde` as well. There may be
/// 64 in all.
///
/// ```
/// quorate_ids::deviations! {
///     comparisons { KeepsAll: "nothing is ever forgotten", }
///     planted { ForgetsAll: "a restart forgets everything", }
/// }
///
/// let wrong = Deviations::default().with(Deviation::KeepsAll);
/// assert!(wrong.contains(Deviation::KeepsAll));
/// assert_eq!(Deviation::KeepsAll.to_string(), "keeps-all");
/// assert_eq!(Deviation::KeepsAll.statement(), "nothing is ever forgotten");
/// assert_eq!(Deviation::PLANTED, []);
/// ```
#[macro_export]
macro_rules! deviations {
    (
        comparisons { $($comparison:ident: $compared:literal,)* }
        planted { $($planted:ident: $slip:literal,)* }
    ) => {
        /// One way to be wrong.
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug,
            ::serde::Serialize, ::serde::Deserialize,
        )]
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

            /// Those that are in every build.
            pub const COMPARISONS: &[Deviation] = &[$(Deviation::$comparison,)*];

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

        impl ::core::fmt::Display for Deviation {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::serde::Serialize::serialize(self, f)
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
    };
}
