//! Whether a message came before.
//!
//! A sender numbers what it sends in a session, and a receiver remembers of each session the highest number and
//! which of the numbers shortly below it came. It remembers a bounded number of sessions. Of one that it has
//! forgotten it knows this much: everything that it took in was sent no later than a time that it remembers. So what
//! a session that it does not know sent by then is not taken in.

use std::num::NonZeroUsize;

use lru::LruCache;

use super::Refused;

const WORDS: usize = 16;

/// How far a message may be overtaken by others of its session.
pub(super) const WINDOW: u64 = WORDS as u64 * u64::BITS as u64;

/// Which of the last numbers came.
#[derive(Clone, Debug)]
struct Window {
    highest: u64,
    came: [u64; WORDS],
}

impl Window {
    fn new() -> Self {
        Window { highest: 0, came: [0; WORDS] }
    }

    /// Whether this number comes for the first time. Numbers begin with one.
    fn admit(&mut self, number: u64) -> bool {
        if number > self.highest {
            // Places of numbers that were skipped are those of older ones, and free now.
            let skipped = (number - self.highest).min(WINDOW);
            for free in 0..skipped {
                let (word, bit) = Self::place(number - free);
                self.came[word] &= !bit;
            }
            self.highest = number;
        } else if number == 0 || self.highest - number >= WINDOW {
            return false;
        }
        let (word, bit) = Self::place(number);
        let is_new = self.came[word] & bit == 0;
        self.came[word] |= bit;
        is_new
    }

    fn place(number: u64) -> (usize, u64) {
        let place = number % WINDOW;
        ((place / u64::from(u64::BITS)) as usize, 1 << (place % u64::from(u64::BITS)))
    }
}

/// Whose a session is, and its number: somebody else may choose the same.
pub(super) type SessionName = (u64, u64);

/// What is remembered of a session.
#[derive(Debug)]
struct Session {
    /// What it sent until then may have come before: it is remembered since then only.
    forgotten_until_ms: u64,
    /// When the latest was sent that was taken in.
    sent_ms: u64,
    datagrams: Window,
    /// Few sessions have any.
    large: Option<Box<Window>>,
}

/// What is remembered of the sessions of one sender, or of all clients.
#[derive(Debug)]
pub(super) struct Sessions {
    sessions: LruCache<SessionName, Session>,
    /// What sessions that are not remembered sent until then may have come before.
    forgotten_until_ms: u64,
}

impl Sessions {
    /// Remembers up to so many sessions, and takes nothing in that was sent until then.
    pub(super) fn new(sessions_max: NonZeroUsize, forgotten_until_ms: u64) -> Self {
        Sessions { sessions: LruCache::new(sessions_max), forgotten_until_ms }
    }

    /// Takes note of a message; refuses one that came before, or may have.
    pub(super) fn admit(
        &mut self,
        session: SessionName,
        number: u64,
        is_large: bool,
        sent_ms: u64,
    ) -> Result<(), Refused> {
        let known = self.sessions.peek(&session);
        if sent_ms <= known.map_or(self.forgotten_until_ms, |known| known.forgotten_until_ms) {
            return Err(Refused::TooOld);
        }
        if known.is_none() {
            let forgotten_until_ms = self.forgotten_until_ms;
            let (datagrams, large) = (Window::new(), None);
            let fresh = Session { forgotten_until_ms, sent_ms, datagrams, large };
            if let Some((_, forgotten)) = self.sessions.push(session, fresh) {
                self.forgotten_until_ms = self.forgotten_until_ms.max(forgotten.sent_ms);
            }
        }
        let known = self.sessions.get_mut(&session).expect("it is remembered");
        let window = match is_large {
            true => known.large.get_or_insert_with(|| Box::new(Window::new())),
            false => &mut known.datagrams,
        };
        if !window.admit(number) {
            return Err(Refused::Replayed);
        }
        known.sent_ms = known.sent_ms.max(sent_ms);
        Ok(())
    }

    /// Whether this number of a session that is remembered came, or one that is far beyond it.
    pub(super) fn has_come(&self, session: SessionName, number: u64, is_large: bool) -> bool {
        let Some(known) = self.sessions.peek(&session) else { return false };
        let window = if is_large { known.large.as_deref() } else { Some(&known.datagrams) };
        window.is_some_and(|window| !window.clone().admit(number))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn sessions(max: usize) -> Sessions {
        Sessions::new(NonZeroUsize::new(max).unwrap(), 0)
    }

    #[test]
    fn a_number_is_admitted_once_and_one_that_was_overtaken_by_too_many_never() {
        let mut window = Window::new();
        for (number, admitted) in [
            (0, false),
            (1, true),
            (1, false),
            (3, true),
            (2, true),
            (2, false),
            (WINDOW + 2, true),
            (2, false),
            (3, false),
            (4, true),
            (4, false),
            (u64::MAX, true),
            (u64::MAX, false),
            (u64::MAX - WINDOW, false),
            (u64::MAX - WINDOW + 1, true),
        ] {
            assert_eq!(window.admit(number), admitted, "{number}");
        }
    }

    #[test]
    fn large_messages_are_counted_apart() {
        let mut sessions = sessions(1);
        assert_eq!(sessions.admit((0, 7), 1, false, 5), Ok(()));
        assert_eq!(sessions.admit((0, 7), 1, true, 5), Ok(()));
        assert_eq!(sessions.admit((0, 7), 1, true, 5), Err(Refused::Replayed));
    }

    #[test]
    fn a_forgotten_session_goes_on_with_what_it_sends_later_only() {
        let mut sessions = sessions(2);
        for session in [1, 2, 3] {
            assert_eq!(sessions.admit((0, session), 1, false, 10 * session), Ok(()));
        }
        assert_eq!(sessions.admit((0, 1), 1, false, 10), Err(Refused::TooOld));
        assert_eq!(sessions.admit((0, 1), 2, false, 11), Ok(()));
        // It is remembered again, and what came before that still counts for it.
        assert_eq!(sessions.admit((0, 1), 1, false, 10), Err(Refused::TooOld));
    }

    proptest! {
        #[test]
        fn nothing_is_admitted_twice_however_few_sessions_are_remembered(
            max in 1_usize..5,
            sent in prop::collection::vec((0_u64..8, 1_u64..6, any::<bool>(), 1_u64..30), 0..200),
        ) {
            let mut sessions = sessions(max);
            let mut admitted = BTreeSet::new();
            for (session, number, is_large, sent_ms) in sent {
                // A message has one time, whenever it comes.
                let sent_ms = sent_ms / 10 * 100 + session * 10 + number;
                if sessions.admit((0, session), number, is_large, sent_ms).is_ok() {
                    prop_assert!(admitted.insert((session, number, is_large, sent_ms)));
                }
                prop_assert!(sessions.len() <= max);
            }
        }

        #[test]
        fn a_window_agrees_with_a_set_of_all_numbers(
            numbers in prop::collection::vec(1_u64..3_000, 0..400),
        ) {
            let (mut window, mut came, mut highest) = (Window::new(), BTreeSet::new(), 0);
            for number in numbers {
                highest = highest.max(number);
                let expected = number + WINDOW > highest && came.insert(number);
                prop_assert_eq!(window.admit(number), expected);
            }
        }
    }
}
