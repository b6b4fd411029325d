//! What clients do, whatever the protocol.

use std::fmt;

/// At most so many operations in a program: a history keeps a bit for each.
pub const OPERATIONS_MAX: usize = 16;

/// What a client does once.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Operation {
    /// It reads a key.
    Read {
        /// Which.
        key: String,
    },
    /// It writes a key.
    Write {
        /// Which.
        key: String,
        /// What it writes: no other write of the program writes the same, so that the value names the write.
        value: String,
    },
}

impl Operation {
    /// The key that it is about.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Operation::Read { key } | Operation::Write { key, .. } => key,
        }
    }

    /// Reads `read x` or `x = red`.
    ///
    /// # Errors
    /// When it is neither: what would be right.
    pub fn parse(text: &str) -> Result<Operation, String> {
        let is_name = |name: &str| {
            let is_fit = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
            // What begins so is shown as bytes by the leaderless protocol.
            !name.is_empty() && !name.starts_with("0x") && name.chars().all(is_fit)
        };
        let parsed = match (text.strip_prefix("read "), text.split_once('=')) {
            (Some(key), _) => Operation::Read { key: key.trim().to_owned() },
            (None, Some((key, value))) => {
                Operation::Write { key: key.trim().to_owned(), value: value.trim().to_owned() }
            }
            (None, None) => return Err(format!("`{text}` is neither `read x` nor `x = red`")),
        };
        let misnamed = match &parsed {
            Operation::Read { key } => (!is_name(key)).then_some(key),
            Operation::Write { key, value } => [key, value].into_iter().find(|name| !is_name(name)),
        };
        if let Some(name) = misnamed {
            return Err(format!(
                "`{text}`: `{name}` is no name: keys and values consist of letters, digits, - and _"
            ));
        }
        Ok(parsed)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operation::Read { key } => write!(f, "read {key}"),
            Operation::Write { key, value } => write!(f, "{key} = {value}"),
        }
    }
}

/// A client, and what it does, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Client {
    /// Its name.
    pub name: String,
    /// Its operations.
    pub operations: Vec<Operation>,
}

/// What clients do in one comparison.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// The clients, in order.
    pub clients: Vec<Client>,
}

/// Some of the writes of a program, by their places.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct Writes(pub u32);

impl Writes {
    /// This one alone.
    #[must_use]
    pub fn only(write: usize) -> Writes {
        Writes(1 << write)
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn contains(self, write: usize) -> bool {
        self.0 >> write & 1 == 1
    }

    /// These and those.
    #[must_use]
    pub fn and(self, others: Writes) -> Writes {
        Writes(self.0 | others.0)
    }

    /// How many.
    #[must_use]
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..u32::BITS as usize).filter(move |write| self.contains(*write))
    }
}

/// A write of a program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Write {
    /// Whose.
    pub client: usize,
    /// Which of its operations.
    pub operation: usize,
    /// Of which key.
    pub key: String,
    /// What it writes.
    pub value: String,
}

impl Program {
    /// All writes, in the order of clients.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        let mut writes = Vec::new();
        for (client, of) in self.clients.iter().enumerate() {
            for (operation, what) in of.operations.iter().enumerate() {
                if let Operation::Write { key, value } = what {
                    let (key, value) = (key.clone(), value.clone());
                    writes.push(Write { client, operation, key, value });
                }
            }
        }
        writes
    }

    /// Every key that somebody reads or writes, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let operations = self.clients.iter().flat_map(|client| &client.operations);
        let mut keys: Vec<String> = operations.map(|what| what.key().to_owned()).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// Whether it can be carried out, and judged.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn examine(&self) -> Result<(), String> {
        let all: usize = self.clients.iter().map(|client| client.operations.len()).sum();
        if all == 0 || all > OPERATIONS_MAX {
            return Err(format!("has {all} operations: between 1 and {OPERATIONS_MAX} can be"));
        }
        let writes = self.writes();
        for (at, write) in writes.iter().enumerate() {
            let is_same = |other: &&Write| (&other.key, &other.value) == (&write.key, &write.value);
            if writes[..at].iter().any(|other| is_same(&other)) {
                return Err(format!(
                    "`{} = {}` is there twice: what a read finds names the write",
                    write.key, write.value
                ));
            }
        }
        Ok(())
    }
}

/// A program as it is told: `ann: x = red, read x; bob: read x`.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |client: &Client| {
            let operations: Vec<_> = client.operations.iter().map(ToString::to_string).collect();
            format!("{}: {}", client.name, operations.join(", "))
        };
        let clients: Vec<_> = self.clients.iter().map(told).collect();
        f.write_str(&clients.join("; "))
    }
}
