//! Kinds of things, as they are counted and listed.

use core::fmt::Debug;
use core::hash::Hash;

/// A type of few values, all of which are known.
pub trait Enumerated: Copy + Ord + Hash + Debug + Send + Sync + 'static {
    /// All of them, in the order in which they are shown.
    const ALL: &'static [Self];

    /// Its position in [`Enumerated::ALL`].
    fn index(self) -> usize;

    /// Its name for people.
    fn name(self) -> &'static str;
}

/// The kinds of another type.
pub trait KindOf<T>: Enumerated {
    /// Of which kind this is.
    fn of(what: &T) -> Self;
}

/// Where there is nothing to tell apart.
impl Enumerated for () {
    const ALL: &'static [()] = &[()];

    fn index(self) -> usize {
        0
    }

    fn name(self) -> &'static str {
        "step"
    }
}

impl<T> KindOf<T> for () {
    fn of(_: &T) -> Self {}
}

/// Writes an enum of the kinds of another enum, each with its name: one of every variant, or the compiler
/// refuses.
///
/// ```
/// use quorate_ids::{Enumerated, KindOf, kinds};
///
/// enum Shape {
///     Circle { radius: u32 },
///     Point,
/// }
///
/// kinds! {
///     /// The kinds of shape.
///     pub enum ShapeKind of Shape { Circle: "circle", Point: "point" }
/// }
///
/// assert_eq!(ShapeKind::of(&Shape::Circle { radius: 1 }), ShapeKind::Circle);
/// assert_eq!(ShapeKind::ALL, [ShapeKind::Circle, ShapeKind::Point]);
/// assert_eq!(ShapeKind::Point.name(), "point");
/// # let _ = Shape::Point;
/// ```
#[macro_export]
macro_rules! kinds {
    ($(#[$attribute:meta])* pub enum $kinds:ident of $type:ident {
        $($variant:ident: $name:expr),* $(,)?
    }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $kinds {
            $(#[doc = $name] $variant,)*
        }

        impl $crate::KindOf<$type> for $kinds {
            fn of(what: &$type) -> Self {
                match what {
                    $($type::$variant { .. } => $kinds::$variant,)*
                }
            }
        }

        impl $crate::Enumerated for $kinds {
            const ALL: &'static [Self] = &[$($kinds::$variant,)*];

            fn index(self) -> usize {
                self as usize
            }

            fn name(self) -> &'static str {
                match self {
                    $($kinds::$variant => $name,)*
                }
            }
        }
    };
}
