//! A step as its file says it.

use serde::Deserialize;

use crate::setting::Written;

/// A step: exactly one verb, and beside it what belongs to it.
#[derive(Clone, Default, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawStep {
    /// A client starts an operation, as programs write them: `k = red`, `read k`.
    pub ask: Option<Written>,
    /// Who asks.
    pub client: Option<String>,
    /// Which node; whom it believes to lead, or else the first, if none is named.
    pub via: Option<String>,
    /// How it stands at the end of the step.
    pub expect: Option<RawAnswer>,
    /// What it found at the end of the step; empty for nothing.
    pub finds: Option<String>,
    /// How a client's last operation stands.
    pub expect_answer: Option<RawExpectAnswer>,
    /// One message arrives, or all.
    pub deliver: Option<RawDeliver>,
    /// One message is lost.
    pub drop: Option<RawMessage>,
    /// One message will arrive once more.
    pub duplicate: Option<RawMessage>,
    /// Everything is lost that this node sent and that has not arrived.
    pub lose_from: Option<String>,
    /// A timer of a node expires: because what it concludes is so, or else wrongly.
    pub fire: Option<RawFire>,
    /// A client has waited long enough.
    pub timeout: Option<String>,
    /// An operator promotes a node.
    pub promote: Option<String>,
    /// A node stops.
    pub crash: Option<String>,
    /// A node that stopped starts again.
    pub recover: Option<String>,
    /// The disk of a node that is down is lost.
    pub wipe: Option<String>,
    /// A node is cut off from all others.
    pub isolate: Option<String>,
    /// The network splits into these groups.
    pub partition: Option<Vec<Vec<String>>>,
    /// The network is whole again.
    pub heal: Option<bool>,
    /// The cluster is left to itself until nothing changes any more.
    pub settle: Option<bool>,
    /// Who takes itself for the leader: all of them.
    pub expect_leaders: Option<Vec<String>>,
    /// What nodes hold.
    pub expect_held: Option<Vec<RawHeld>>,
}

/// How an operation stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RawAnswer {
    /// It is done.
    Ok,
    /// It has no answer yet.
    Pending,
    /// Its client has given up, and does not know what became of it.
    Unknown,
}

/// How a client's last operation stands.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawExpectAnswer {
    /// Whose.
    pub client: String,
    /// How.
    pub expect: Option<RawAnswer>,
    /// What it found; empty for nothing.
    pub finds: Option<String>,
}

/// What arrives.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "step.deliver: expected \"all\" or a message such as { kind = \"append\", to = \"B\" }"
)]
pub enum RawDeliver {
    /// Everything, and all that follows.
    All(All),
    /// One message.
    One(RawMessage),
}

/// The word `all`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum All {
    /// `all`
    All,
}

/// Which message.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawMessage {
    /// Its kind.
    pub kind: String,
    /// Who sent it; anybody if absent.
    pub from: Option<String>,
    /// Whom it is for; anybody if absent.
    pub to: Option<String>,
    /// Which of those that match, from one.
    pub which: Option<usize>,
}

/// Which timer.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawFire {
    /// Whose.
    pub node: String,
    /// Which.
    pub timer: RawTimer,
    /// For which follower, of a heartbeat.
    pub to: Option<String>,
    /// About which log, from one; the first if absent.
    pub log: Option<u16>,
}

/// The timers of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RawTimer {
    /// It takes its leader for gone; or its own election, which it begins again.
    Election,
    /// A heartbeat.
    Heartbeat,
    /// It takes its synchronous follower for gone.
    Synchronous,
    /// It asks again what others hold.
    CatchUp,
}

/// What a node holds of a key.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawHeld {
    /// Which node.
    pub node: String,
    /// Which key.
    pub key: String,
    /// What; nothing if absent.
    pub value: Option<String>,
}
