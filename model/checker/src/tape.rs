//! Choices that something is made from: a few bytes decide all of it.

/// What is left of the choices. Something made from a tape changes little where the tape does, and the tape can be made
/// simpler without knowing what it decides.
#[derive(Debug)]
pub struct Tape<'a>(pub &'a [u8]);

impl Tape<'_> {
    /// A choice among this many; the first one when the tape has ended.
    ///
    /// # Panics
    /// If there is nothing to choose from.
    pub fn choose(&mut self, among: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % among
    }

    /// Yes once in so many times.
    pub fn rarely(&mut self, once_in: usize) -> bool {
        self.choose(once_in) == once_in - 1
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.choose(from.len())]
    }
}
