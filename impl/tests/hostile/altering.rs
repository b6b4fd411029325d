//! What somebody does to the bytes of a message.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

/// Alters bytes once or twice; `other` is another message, a part of which may take the place of a part of this one.
pub fn alter<'a>(
    bytes: &mut Vec<u8>,
    random: &mut StdRng,
    other: impl Fn(&mut StdRng) -> Option<&'a [u8]>,
) {
    for _ in 0..random.random_range(1..3) {
        let length = bytes.len();
        let at = random.random_range(0..length.max(1));
        match random.random_range(0..7) {
            _ if bytes.is_empty() => bytes.push(random.random()),
            0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes[at] = random.random(),
            2 => bytes[at] = *[0, 1, 0x7f, 0x80, 0xff].choose(random).unwrap(),
            3 => {
                bytes.remove(at);
            }
            4 => bytes.insert(at, random.random()),
            // The largest number that there is, in the place of some other.
            5 => {
                let largest: &[u8] = if random.random() {
                    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]
                } else {
                    &[0xff, 0xff, 0xff, 0xff, 0x0f]
                };
                bytes.splice(at..=at, largest.iter().copied());
            }
            _ => {
                let Some(other) = other(random) else { return };
                let from = random.random_range(0..other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
}
