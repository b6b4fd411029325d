//! Parts of the state of a protocol, as steps declare which of them they touch.

/// Writes an enum of the named parts of a protocol's state, `Component`; `Family`, their sorts, each with its words; and `Area`,
/// one component or all of a sort. The crate that writes them needs `core` alone.
///
/// ```
/// quorate_ids::components! {
///     /// A part of the state of a shop.
///     pub enum Component {
///         "the till" Till,
///         "a shelf" Shelf(u32),
///         "how much of an article is on a shelf" Stock(u32, u64),
///     }
/// }
///
/// assert_eq!(Component::Shelf(3).family(), Family::Shelf);
/// assert_eq!(Family::Stock.words(), "how much of an article is on a shelf");
/// assert_eq!(Area::from(Component::Till), Area::One(Component::Till));
/// assert_eq!(Area::from(Family::Shelf), Area::All(Family::Shelf));
/// ```
#[macro_export]
macro_rules! components {
    (
        $(#[$attribute:meta])*
        pub enum Component { $($words:literal $name:ident $(($of:ty $(, $and:ty)?))?,)* }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Component {
            $(#[doc = $words] $name $(($of $(, $and)?))?,)*
        }

        /// Components of one sort.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Family {
            $(#[doc = $words] $name,)*
        }

        impl Component {
            /// What sort it is of.
            #[must_use]
            pub fn family(&self) -> Family {
                match self {
                    $(Component::$name { .. } => Family::$name,)*
                }
            }
        }

        impl Family {
            /// What they are, in words.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self {
                    $(Family::$name => $words,)*
                }
            }
        }

        /// One component, or all of one sort.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Area {
            /// This one.
            One(Component),
            /// Whichever there are.
            All(Family),
        }

        impl ::core::convert::From<Component> for Area {
            fn from(component: Component) -> Self {
                Area::One(component)
            }
        }

        impl ::core::convert::From<Family> for Area {
            fn from(family: Family) -> Self {
                Area::All(family)
            }
        }
    };
}
