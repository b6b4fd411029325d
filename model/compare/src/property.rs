//! What is compared: each property by its name, its statement and what a cell says of it.

/// A property of what clients observe. See `docs/comparison.md` for what each means.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Property {
    /// In the end nobody has an acknowledged write, nor one that is not older.
    LostWrite,
    /// A read that began after a write was acknowledged shows neither it nor one that is not older.
    StaleRead,
    /// The same of a client's own writes.
    ReadYourWrites,
    /// What a client reads of a key goes back.
    MonotonicReads,
    /// A client sees a write, and later does not see what that write's author had seen.
    ConsistentPrefix,
    /// No order of reads and writes explains what clients were told.
    Linearizable,
    /// A read finds several values.
    SeveralValues,
    /// A write is replaced for good by one whose author had not seen it.
    Overwritten,
    /// Nodes hold different values for ever.
    Divergence,
}

impl Property {
    /// All of them, in the order in which they are told.
    pub const ALL: [Property; 9] = [
        Property::LostWrite,
        Property::StaleRead,
        Property::ReadYourWrites,
        Property::MonotonicReads,
        Property::ConsistentPrefix,
        Property::Linearizable,
        Property::SeveralValues,
        Property::Overwritten,
        Property::Divergence,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Property::LostWrite => "lost-write",
            Property::StaleRead => "stale-read",
            Property::ReadYourWrites => "own-write-missed",
            Property::MonotonicReads => "read-goes-back",
            Property::ConsistentPrefix => "effect-before-cause",
            Property::Linearizable => "not-linearizable",
            Property::SeveralValues => "several-values",
            Property::Overwritten => "overwritten-unseen",
            Property::Divergence => "divergence",
        }
    }

    /// The property of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Property> {
        Property::ALL.into_iter().find(|property| property.name() == name)
    }

    /// What happens where it is possible.
    #[must_use]
    pub fn statement(self) -> &'static str {
        match self {
            Property::LostWrite => {
                "in the end no node has an acknowledged write, nor one that is not older"
            }
            Property::StaleRead => {
                "a read that began after a write was acknowledged finds older values alone, or nothing"
            }
            Property::ReadYourWrites => {
                "a client reads after its own write was acknowledged, and finds older values alone, or nothing"
            }
            Property::MonotonicReads => {
                "a client reads a key again and finds less, or older values, than before"
            }
            Property::ConsistentPrefix => {
                "a client has read a write, and does not find what that write's author had seen before"
            }
            Property::Linearizable => {
                "no order of all reads and writes of a key, each between its beginning and its end, explains the answers"
            }
            Property::SeveralValues => "a read finds several values, and its client has to choose",
            Property::Overwritten => {
                "an acknowledged write is replaced for good by writes whose authors had not seen it"
            }
            Property::Divergence => "once faults have ended, nodes hold different values for ever",
        }
    }

    /// Whether it is about how runs end, which no single state shows.
    #[must_use]
    pub fn is_of_endings(self) -> bool {
        matches!(self, Property::LostWrite | Property::Overwritten | Property::Divergence)
    }
}

/// Some of the properties.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct Marks(u16);

impl Marks {
    /// Whether it is among them.
    #[must_use]
    pub fn has(self, property: Property) -> bool {
        self.0 >> property as u16 & 1 == 1
    }

    /// Adds one.
    pub fn add(&mut self, property: Property) {
        self.0 |= 1 << property as u16;
    }

    /// Adds some.
    pub fn add_all(&mut self, others: Marks) {
        self.0 |= others.0;
    }
}
