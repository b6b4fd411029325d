//! Which reductions a file switches on and off.

use serde::Deserialize;
use toml::Spanned;

use super::{Reader, ScenarioError};
use crate::scenario::Reductions;

/// The table of a file. What it leaves out is as everywhere.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawReductions {
    client_hops: Option<bool>,
    replies: Option<bool>,
    answers: Option<bool>,
    sync_walks: Option<bool>,
    late_exchanges: Option<Spanned<bool>>,
    client_symmetry: Option<bool>,
    node_symmetry: Option<bool>,
    dead_messages: Option<bool>,
    finished_requests: Option<bool>,
    stubborn_sets: Option<Spanned<bool>>,
}

impl RawReductions {
    /// Whether it says that some other one is on.
    fn says_another_is_on(&self) -> bool {
        let late = self.late_exchanges.as_ref().map(|late| *late.get_ref());
        let others = [
            self.client_hops,
            self.replies,
            self.answers,
            self.sync_walks,
            late,
            self.client_symmetry,
            self.node_symmetry,
            self.dead_messages,
            self.finished_requests,
        ];
        others.contains(&Some(true))
    }
}

impl Reader<'_> {
    /// The reductions that a file asks for.
    pub(super) fn reductions(
        &self,
        raw: &RawReductions,
        is_script: bool,
    ) -> Result<Reductions, ScenarioError> {
        let stubborn = raw.stubborn_sets.as_ref().filter(|stubborn| *stubborn.get_ref());
        if let Some(stubborn) = stubborn.filter(|_| raw.says_another_is_on()) {
            let problem = "reductions.stubborn-sets: applies where no other rule is on; leave it out, or the \
                           others";
            return Err(self.error(stubborn.span(), problem));
        }
        let usual = if stubborn.is_some() { Reductions::STUBBORN } else { Reductions::default() };
        let asked = Reductions {
            client_hops: raw.client_hops.unwrap_or(usual.client_hops),
            replies: raw.replies.unwrap_or(usual.replies),
            answers: raw.answers.unwrap_or(usual.answers),
            sync_walks: raw.sync_walks.unwrap_or(usual.sync_walks),
            late_exchanges: raw
                .late_exchanges
                .as_ref()
                .map_or(usual.late_exchanges, |on| *on.get_ref()),
            client_symmetry: raw.client_symmetry.unwrap_or(usual.client_symmetry),
            node_symmetry: raw.node_symmetry.unwrap_or(usual.node_symmetry),
            dead_messages: raw.dead_messages.unwrap_or(usual.dead_messages),
            finished_requests: raw.finished_requests.unwrap_or(usual.finished_requests),
            ..usual
        };
        if is_script {
            return Ok(Reductions::of_script(asked.client_hops));
        }
        if let Some(late) = raw.late_exchanges.as_ref().filter(|late| *late.get_ref())
            && !asked.dead_messages
        {
            let problem = "reductions.late-exchanges: rests on `dead-messages`, which is off; leave it out, or \
                           switch `dead-messages` on";
            return Err(self.error(late.span(), problem));
        }
        Ok(asked)
    }
}
