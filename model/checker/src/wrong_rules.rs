//! Reductions made wrong on purpose: the list of a protocol's.

/// Defines `WrongRule`, the ways for the reductions of a protocol to be wrong, from a list of `Name of Rule: "statement",`. They exist only
/// where the crate that lists them has its cargo feature `planted-faults` on. Where it is used, `Rule` and serde's `Serialize` are in scope.
#[macro_export]
macro_rules! wrong_rules {
    ($($name:ident of $rule:ident: $statement:literal,)*) => {
        /// One way for a reduction to be wrong.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum WrongRule {
            $(#[cfg(feature = "planted-faults")] #[doc = $statement] $name,)*
        }

        impl WrongRule {
            /// All there are in this build.
            pub const ALL: &[WrongRule] =
                &[$(#[cfg(feature = "planted-faults")] WrongRule::$name,)*];

            /// The rule that it makes wrong.
            #[must_use]
            pub fn rule(self) -> Rule {
                match self {
                    $(#[cfg(feature = "planted-faults")] WrongRule::$name => Rule::$rule,)*
                }
            }

            /// What is done wrongly, in words.
            #[must_use]
            pub fn statement(self) -> &'static str {
                match self {
                    $(#[cfg(feature = "planted-faults")] WrongRule::$name => $statement,)*
                }
            }
        }

        impl $crate::world::campaign::Wrong for WrongRule {
            type Rule = Rule;

            fn all() -> &'static [WrongRule] {
                WrongRule::ALL
            }

            fn rule(self) -> Rule {
                WrongRule::rule(self)
            }

            fn statement(self) -> &'static str {
                WrongRule::statement(self)
            }
        }

        impl core::fmt::Display for WrongRule {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.serialize(f)
            }
        }
    };
}
