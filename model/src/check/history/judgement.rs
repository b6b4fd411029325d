//! How what happened was judged.

/// What a judgement came to.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub enum Judgement {
    /// Nothing obliged this: the property says nothing about it.
    #[default]
    NotObliged,
    /// It was obliged and met the obligation: a witness against vacuity.
    Met,
    /// It broke the obligation.
    Broken,
}

impl Judgement {
    /// Of something that was obliged or not, and then met its obligation or not.
    #[must_use]
    pub fn of(obliged: bool, met: bool) -> Self {
        match (obliged, met) {
            (false, _) => Judgement::NotObliged,
            (true, true) => Judgement::Met,
            (true, false) => Judgement::Broken,
        }
    }

    /// Whether whatever breaks a promise after the other judgement breaks it after this one: what was
    /// met may be broken, and what was not put to the test may be either.
    #[must_use]
    pub(crate) fn is_no_better_than(self, other: Judgement) -> bool {
        self == other || self == Judgement::Broken || other == Judgement::NotObliged
    }
}
