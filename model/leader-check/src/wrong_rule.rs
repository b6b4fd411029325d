//! Reductions made wrong on purpose, to see whether the comparison with the unreduced search notices.
//!
//! Each forgets one of the conditions under which something takes no time, or is dead. They exist only with the cargo
//! feature `planted-faults`.

use quorate_checker::wrong_rules;
use serde::Serialize;

use crate::kinds::Rule;

wrong_rules! {
    HopsDespiteLoss of ClientHops: "what clients ask and are answered takes no time though it may be lost or doubled",
    HopsDespiteRetries of ClientHops: "it takes no time though its client may give up by mistake, and would ask again",
    HopsOfRedirections of ClientHops: "a redirection takes no time",
    HopsWithoutGivingUp of ClientHops: "no client gives up before its first request arrives",
    HopsThoughOthersAnswer of ClientHops: "an answer takes no time though another is under way",
    DeadWhileDown of DeadMessages: "a message for a node that is down is dead though the node may start",
    DeadThoughForgetting of DeadMessages: "what only grows is taken to do so though disks may yet be lost",
    DeadThoughNotVoted of DeadMessages: "a request for a vote that does not count is dead though its receiver may yet give it",
    DeadThoughEpochsMayCome of DeadMessages: "a message of an old epoch is dead though its sender may yet be told of a later one",
    DeadThoughFollowersStop of DeadMessages: "a piece of log that its receiver has is dead though the receiver may follow nobody by then",
    DeadThoughStanding of DeadMessages: "an acknowledgement is dead though its receiver may lead in its epoch, having lost its disk",
    DeadThoughReadsWait of DeadMessages: "an acknowledgement of nothing new is dead though a read waits for it",
    DeadThoughAPlaceIsFree of DeadMessages: "an acknowledgement of nothing new is dead though its sender may become the synchronous follower",
}

/// Whether a rule is to forget this: never, unless wrong rules are compiled in.
#[cfg(feature = "planted-faults")]
macro_rules! forgets {
    ($protocol:expr, $name:ident) => {
        $protocol.setting().wrong == Some($crate::wrong_rule::WrongRule::$name)
    };
}

/// Whether a rule is to forget this: never, since wrong rules are not compiled in.
#[cfg(not(feature = "planted-faults"))]
macro_rules! forgets {
    ($protocol:expr, $name:ident) => {{
        let _ = &$protocol;
        false
    }};
}
