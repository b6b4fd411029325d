//! What clients ask for, and of which keys.

use std::str::FromStr;

use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};
use rand_distr::Zipf;

use quorate_model::ids::{Key, Value};

/// What a kind of operation does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Writes a key that was never written.
    Put,
    /// Reads a key that was written before.
    Get,
    /// Reads such a key, and writes it with the context of that read.
    Update,
}

impl Kind {
    /// All of them, in the order in which they are reported.
    pub const ALL: [Kind; 3] = [Kind::Put, Kind::Get, Kind::Update];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Put => "put",
            Kind::Get => "get",
            Kind::Update => "update",
        }
    }
}

/// How many of each kind there are in proportion.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mix {
    /// Puts.
    pub puts: u32,
    /// Gets.
    pub gets: u32,
    /// Updates.
    pub updates: u32,
}

impl FromStr for Mix {
    type Err = WorkloadError;

    /// `PUT:GET` or `PUT:GET:UPDATE`, such as `1:9`.
    fn from_str(text: &str) -> Result<Self, WorkloadError> {
        let wrong = || WorkloadError::Mix { text: text.to_string() };
        let parts: Vec<u32> = text
            .split(':')
            .map(|part| part.parse().map_err(|_| wrong()))
            .collect::<Result<_, _>>()?;
        let (puts, gets, updates) = match parts[..] {
            [puts, gets] => (puts, gets, 0),
            [puts, gets, updates] => (puts, gets, updates),
            _ => return Err(wrong()),
        };
        let total = puts.checked_add(gets).and_then(|sum| sum.checked_add(updates));
        if total.is_none_or(|total| total == 0) {
            return Err(wrong());
        }
        Ok(Mix { puts, gets, updates })
    }
}

/// Why there is no workload.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum WorkloadError {
    /// The mix is not one.
    #[error(
        "{text:?} is no mix: say PUT:GET or PUT:GET:UPDATE with whole numbers that are not all \
         zero, such as 1:9"
    )]
    Mix {
        /// What was said.
        text: String,
    },
    /// There is nothing to read.
    #[error("no keys, but gets and updates read keys that were written before: name at least one")]
    NoKeys,
    /// The exponent of the distribution is none.
    #[error("{exponent} is no exponent of a Zipf distribution: it must be positive, such as 0.99")]
    Skew {
        /// What was said.
        exponent: f64,
    },
}

/// What a client is to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Act {
    /// Which kind.
    pub kind: Kind,
    /// Of which key.
    pub key: Key,
}

/// Chooses what to do: a random sequence that a seed determines.
#[derive(Clone, Debug)]
pub struct Workload {
    mix: Mix,
    prefix: u64,
    /// Keys with lower numbers were written before.
    keys: u64,
    /// How many keys were written anew.
    fresh: u64,
    skew: Option<Zipf<f64>>,
    value_bytes: usize,
    random: SmallRng,
}

impl Workload {
    /// Over `keys` keys, which share a prefix that `seed` determines, chosen evenly or by Zipf's law
    /// with this exponent.
    ///
    /// # Errors
    /// When there is nothing to read, or the exponent is none.
    pub fn new(
        mix: Mix,
        keys: u64,
        zipf: Option<f64>,
        value_bytes: usize,
        seed: u64,
    ) -> Result<Self, WorkloadError> {
        if keys == 0 && (mix.gets > 0 || mix.updates > 0) {
            return Err(WorkloadError::NoKeys);
        }
        let skew = match zipf {
            Some(exponent) if exponent.is_finite() && exponent > 0.0 && keys > 0 => {
                let zipf = Zipf::new(keys as f64, exponent);
                Some(zipf.map_err(|_| WorkloadError::Skew { exponent })?)
            }
            Some(exponent) if keys > 0 => return Err(WorkloadError::Skew { exponent }),
            _ => None,
        };
        let mut random = SmallRng::seed_from_u64(seed);
        let prefix = random.random();
        Ok(Workload { mix, prefix, keys, fresh: 0, skew, value_bytes, random })
    }

    /// How many keys must be written before anything is read.
    #[must_use]
    pub fn keys(&self) -> u64 {
        if self.mix.gets > 0 || self.mix.updates > 0 { self.keys } else { 0 }
    }

    /// The key of this number.
    #[must_use]
    pub fn key(&self, number: u64) -> Key {
        // Spread over all values: neighbours in number are none in any order of keys.
        let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(self.prefix);
        Key::from(&*format!("{spread:016x}"))
    }

    /// A value nobody wrote before, for all one can tell, and that cannot be compressed.
    pub fn value(&mut self) -> Value {
        let mut bytes = vec![0; self.value_bytes];
        self.random.fill_bytes(&mut bytes);
        Value(bytes.into())
    }

    /// What to do next.
    pub fn next_act(&mut self) -> Act {
        let Mix { puts, gets, updates } = self.mix;
        let at = self.random.random_range(0..puts + gets + updates);
        let kind = match at {
            at if at < puts => Kind::Put,
            at if at < puts + gets => Kind::Get,
            _ => Kind::Update,
        };
        let number = match kind {
            Kind::Put => {
                self.fresh += 1;
                self.keys + self.fresh - 1
            }
            Kind::Get | Kind::Update => self.known(),
        };
        Act { kind, key: self.key(number) }
    }

    /// The number of a key that was written before.
    fn known(&mut self) -> u64 {
        match self.skew {
            // Ranks count from one.
            Some(zipf) => (self.random.sample(zipf) as u64).clamp(1, self.keys) - 1,
            None => self.random.random_range(0..self.keys),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn mix(text: &str) -> Mix {
        text.parse().unwrap()
    }

    #[test]
    fn a_mix_is_two_or_three_numbers_that_are_not_all_zero() {
        assert_eq!(mix("1:9"), Mix { puts: 1, gets: 9, updates: 0 });
        assert_eq!(mix("0:0:1"), Mix { puts: 0, gets: 0, updates: 1 });
        for text in ["", "1", "0:0", "1:2:3:4", "a:b", "1:-1", "4294967295:1"] {
            let parsed: Result<Mix, _> = text.parse();
            assert!(parsed.unwrap_err().to_string().contains(&format!("{text:?}")));
        }
    }

    #[test]
    fn puts_are_of_keys_that_nobody_wrote_and_all_else_of_those_that_somebody_did() {
        let mut workload = Workload::new(mix("2:1:1"), 50, None, 8, 7).unwrap();
        let written: BTreeSet<Key> = (0..50).map(|number| workload.key(number)).collect();
        assert_eq!(written.len(), 50);
        let (mut put, mut counts) = (BTreeSet::new(), BTreeMap::new());
        for _ in 0..4_000 {
            let Act { kind, key } = workload.next_act();
            *counts.entry(kind).or_insert(0) += 1;
            assert_eq!(written.contains(&key), kind != Kind::Put);
            assert!(kind != Kind::Put || put.insert(key));
        }
        assert!((1_800..2_200).contains(&counts[&Kind::Put]), "{counts:?}");
        assert!((800..1_200).contains(&counts[&Kind::Get]), "{counts:?}");
    }

    #[test]
    fn with_an_exponent_a_few_keys_are_read_most_of_the_time() {
        let hottest = |zipf| {
            let mut workload = Workload::new(mix("0:1"), 1_000, zipf, 8, 7).unwrap();
            let first = workload.key(0);
            (0..10_000).filter(|_| workload.next_act().key == first).count()
        };
        assert!(hottest(None) < 50, "{}", hottest(None));
        assert!(hottest(Some(0.99)) > 1_000, "{}", hottest(Some(0.99)));
        for exponent in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Workload::new(mix("0:1"), 10, Some(exponent), 8, 7).is_err());
        }
        assert_eq!(Workload::new(mix("1:1"), 0, None, 8, 7).unwrap_err(), WorkloadError::NoKeys);
    }
}
