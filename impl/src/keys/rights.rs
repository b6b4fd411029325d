//! What a client may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One thing that a client may be allowed to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Right {
    /// To get values, and to ask nodes how they are.
    Read,
    /// To put and delete values.
    Write,
    /// To tell nodes what only an operator may.
    Admin,
}

impl Right {
    /// All there are.
    pub const ALL: [Right; 3] = [Right::Read, Right::Write, Right::Admin];

    /// Its name in key files and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Right::Read => "read",
            Right::Write => "write",
            Right::Admin => "admin",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no such right.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is no right: there are read, write and admin")]
pub struct NoSuchRight(String);

impl FromStr for Right {
    type Err = NoSuchRight;

    fn from_str(text: &str) -> Result<Self, NoSuchRight> {
        let named = Right::ALL.into_iter().find(|right| right.name() == text);
        named.ok_or_else(|| NoSuchRight(text.to_owned()))
    }
}

/// A set of rights.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Rights(u8);

impl Rights {
    /// Every right.
    pub const ALL: Rights = Rights(0b111);

    /// Whether this right is among them.
    #[must_use]
    pub fn contains(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        Right::ALL.into_iter().all(|right| !self.contains(right))
    }

    /// Those there are, in order.
    pub fn iter(self) -> impl Iterator<Item = Right> {
        Right::ALL.into_iter().filter(move |right| self.contains(*right))
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        Rights(rights.into_iter().fold(0, |bits, right| bits | right.bit()))
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Right::name).collect();
        f.write_str(&names.join(","))
    }
}

impl FromStr for Rights {
    type Err = NoSuchRight;

    fn from_str(text: &str) -> Result<Self, NoSuchRight> {
        text.split(',').map(|name| name.trim().parse()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_written_as_they_are_read() {
        for rights in [Rights::ALL, [Right::Read].into_iter().collect(), Rights(0b110)] {
            assert_eq!(rights.to_string().parse(), Ok(rights));
        }
        assert_eq!("read, write".parse::<Rights>().unwrap().to_string(), "read,write");
        assert!("read,fly".parse::<Rights>().unwrap_err().to_string().contains("\"fly\""));
        assert!(Rights::default().is_empty() && !Rights::ALL.is_empty());
    }
}
