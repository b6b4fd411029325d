//! Work on many things that have nothing to do with each other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How many things a thread takes at a time.
const PIECE: usize = 64;

/// What comes of each of these, in their order, worked out on so many threads.
pub fn each<T: Sync, R: Send>(
    things: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let pieces = || {
        let mut done = Vec::new();
        loop {
            let piece = next.fetch_add(1, Ordering::Relaxed);
            let Some(first) = piece.checked_mul(PIECE).filter(|first| *first < things.len()) else {
                return done;
            };
            let end = things.len().min(first + PIECE);
            done.push((piece, things[first..end].iter().map(&work).collect::<Vec<R>>()));
        }
    };
    let mut done: Vec<(usize, Vec<R>)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(pieces)).collect();
        let done = workers.into_iter().map(|worker| worker.join().expect("work does not panic"));
        done.flatten().collect()
    });
    done.sort_by_key(|(piece, _)| *piece);
    done.into_iter().flat_map(|(_, results)| results).collect()
}

#[cfg(test)]
mod tests {
    use quickcheck::quickcheck;

    use super::each;

    quickcheck! {
        fn each_thing_is_worked_on_once_in_order(things: Vec<u8>, threads: u8) -> bool {
            let doubled: Vec<u16> = things.iter().map(|thing| u16::from(*thing) * 2).collect();
            each(&things, usize::from(threads % 4), |thing| u16::from(*thing) * 2) == doubled
        }
    }
}
