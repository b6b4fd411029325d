//! Why a key is not judged.

use core::fmt;

use crate::ids::{ClientId, RequestId, Value};
use crate::scenario::WRITES_MAX;

/// Why a key's properties cannot be judged, or not from some point on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum NotJudged {
    /// A value was written twice, and so does not name its write.
    RepeatedValue(Value),
    /// There are more writes than ghost history can tell apart.
    TooManyWrites,
    /// A client without a trace wrote, and nobody knows what it had seen.
    UntracedClient(ClientId),
    /// A write carries a context that no recorded read of the key returned before.
    UnknownContext(RequestId),
}

impl fmt::Display for NotJudged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotJudged::RepeatedValue(value) => {
                write!(f, "not judged: value `{value}` is written twice and names no write")
            }
            NotJudged::TooManyWrites => {
                write!(f, "judged up to its first {WRITES_MAX} writes only")
            }
            NotJudged::UntracedClient(client) => {
                write!(f, "not judged once {client} wrote, of which there is no trace")
            }
            NotJudged::UnknownContext(request) => {
                write!(f, "not judged from {request} on: no recorded read returned its context")
            }
        }
    }
}
