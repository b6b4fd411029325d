//! What a scenario file says to less effect than its author may think. It is no error: there are
//! reasons to write it.

use alloc::string::String;
use core::fmt;

/// Something in a file that has less effect than it seems to have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warning {
    /// The file, as it was named.
    pub file: String,
    /// The line, from one.
    pub line: usize,
    /// What.
    pub kind: WarningKind,
}

/// What has less effect than it seems to have.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WarningKind {
    /// Sloppy puts leave hints, and nodes do not hand them off.
    HintsStay,
    /// Hints are handed off, and no put is sloppy, so there are none.
    NoHints,
    /// Sloppy puts turn to fallbacks when a timer expires, and none may.
    NobodyStandsIn,
    /// Every coordinator that an operation may choose is down for the whole run.
    NobodyCoordinates {
        /// The client whose operation it is.
        client: String,
    },
    /// Tokens are looked at on the ring only.
    TokensUnused,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: warning: {}", self.file, self.line, self.kind)
    }
}

impl fmt::Display for WarningKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WarningKind::HintsStay => f.write_str(
                "sloppy: hints never leave the nodes that keep them; add `handoff = true` to \
                 `[cluster]`, unless that is what you ask about",
            ),
            WarningKind::NoHints => f.write_str(
                "cluster.handoff: no put is sloppy, so there are no hints; set `sloppy = true`, or \
                 leave it out",
            ),
            WarningKind::NobodyStandsIn => f.write_str(
                "sloppy: a fallback stands in once a timer has expired, and none may; give \
                 `[faults]` a budget of `timeouts`",
            ),
            WarningKind::NobodyCoordinates { client } => write!(
                f,
                "via: every node that `{client}` may ask is down and never starts, so nothing \
                 comes of it; name another one, or set `down-returns = true`"
            ),
            WarningKind::TokensUnused => {
                f.write_str("cluster.tokens-per-node: has no effect without `placement = \"ring\"`")
            }
        }
    }
}
