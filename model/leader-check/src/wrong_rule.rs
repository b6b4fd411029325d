//! Reductions made wrong on purpose, to see whether the comparison with the unreduced search notices.
//!
//! Each forgets one of the conditions under which something takes no time, or is dead. They exist only with the cargo
//! feature `planted-faults`.

use std::fmt;

use serde::Serialize;

use crate::kinds::Rule;

macro_rules! wrong_rules {
    ($($name:ident of $rule:ident: $statement:literal,)*) => {
        /// One way for a reduction to be wrong.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum WrongRule {
            $(#[cfg(feature = "planted-faults")] #[doc = $statement] $name,)*
        }

        impl WrongRule {
            /// All there are in this build.
            pub const ALL: &[WrongRule] =
                &[$(#[cfg(feature = "planted-faults")] WrongRule::$name,)*];

            /// The rule that it makes wrong.
            #[must_use]
            pub fn rule(self) -> Rule {
                match self {
                    $(#[cfg(feature = "planted-faults")] WrongRule::$name => Rule::$rule,)*
                }
            }

            /// What is done wrongly, in words.
            #[must_use]
            pub fn statement(self) -> &'static str {
                match self {
                    $(#[cfg(feature = "planted-faults")] WrongRule::$name => $statement,)*
                }
            }
        }
    };
}

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

impl fmt::Display for WrongRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
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
