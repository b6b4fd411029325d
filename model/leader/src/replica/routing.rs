//! Routing: writes go to the leader, and each is made once however often it is asked for.

use super::{Replica, Role, Turn, Waiting};
use crate::deviation::Deviation;
use crate::limits::{self, Refusal};
use crate::log::{self, Content};
use crate::message::Outcome;
use crate::names::{Index, Key, Position, RequestId};
use crate::statement::Statement;
use crate::store::Store;

impl Replica {
    /// A client writes. The log remembers requests, so a retry is answered from what was done, or waits for
    /// it.
    pub(super) fn write<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        request: RequestId,
        key: Key,
        statement: Statement,
        since: Option<Position>,
    ) -> Result<(), S::Error> {
        if !matches!(self.role, Role::Leader(_)) {
            self.redirect(turn, request);
            return Ok(());
        }
        let bytes = limits::request_bytes(&key, Some(&statement));
        if !turn.deviates(Deviation::ForgetsRequests)
            && (self.has_seen(turn, request, &statement, bytes)?
                || self.lacks_session(turn, request, since)?)
        {
            return Ok(());
        }
        if let Err(refusal) = self.admit(turn, bytes)? {
            turn.reply(request, Outcome::Refused(refusal));
            return Ok(());
        }
        let kind = turn.config.cluster.log;
        let effect = log::effect_of(&turn.draft, kind, &key, &statement, turn.around)?;
        // Who waits is noted first: what an asynchronous leader appends, it acknowledges at once.
        let index = turn.draft.last()?.index.next();
        if let Role::Leader(leadership) = &mut self.role {
            leadership.waiting.insert(request, Waiting { index, bytes });
        }
        self.append_and_ship(turn, Content::Write { key, effect, request }, false)?;
        Ok(())
    }

    /// Whether the log holds this request already, or a later one of its client. If it is applied, the client is told;
    /// if not, it waits.
    fn has_seen<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        request: RequestId,
        statement: &Statement,
        bytes: usize,
    ) -> Result<bool, S::Error> {
        if let Some(remembered) = turn.draft.remembered(request.client)?
            && remembered.number >= request.number
        {
            // A client goes on to its next request only once it waits for the one before no longer.
            if remembered.number == request.number
                && let Some(value) = remembered.value(statement)
            {
                let position = remembered.position;
                turn.reply(request, Outcome::Written { position, value });
            }
            return Ok(true);
        }
        let latest = log::waiting_of(&turn.draft, request.client)?;
        let Some((latest, index)) = latest.filter(|(latest, _)| latest.number >= request.number)
        else {
            return Ok(false);
        };
        // One that comes after its client's next request has been given up. To do it now would make the log
        // remember it in the place of the next one, which would be done again if it is asked for again.
        if latest == request
            && let Role::Leader(leadership) = &mut self.role
        {
            leadership.waiting.insert(request, Waiting { index, bytes });
        }
        Ok(true)
    }

    /// Whether the log may have held this request, and has forgotten its client since; or its client has seen nothing of the
    /// log and has to be told first how far it is. Then the client is told. A leader whose log does not reach what its client has
    /// seen was deposed, or has lost it: it sends its client on, since what it took now would come before that.
    fn lacks_session<S: Store>(
        &self,
        turn: &mut Turn<'_, S>,
        request: RequestId,
        since: Option<Position>,
    ) -> Result<bool, S::Error> {
        if turn.config.cluster.sessions.is_none() {
            return Ok(false);
        }
        let reaches = Position { epoch: turn.draft.epoch()?, index: turn.draft.last()?.index };
        let outcome = match since {
            Some(since) if since > reaches => Outcome::Redirect { leader: None },
            Some(since) if !turn.draft.sessions()?.may_have_forgotten(since) => return Ok(false),
            _ => Outcome::NoSession { position: turn.committed_position()? },
        };
        turn.reply(request, outcome);
        Ok(true)
    }

    /// Refuses a write that is one too many: of those that wait, or of those that a log can have.
    fn admit<S: Store>(
        &self,
        turn: &Turn<'_, S>,
        bytes: usize,
    ) -> Result<Result<(), Refusal>, S::Error> {
        if turn.draft.last()?.index >= Index::LAST {
            return Ok(Err(Refusal::LogFull));
        }
        let limits = &turn.config.cluster.limits;
        Ok(self.leadership().map_or(Ok(()), |leadership| leadership.admit(limits, bytes)))
    }

    /// Sends a client on to whom this node believes to lead.
    pub(super) fn redirect<S: Store>(&self, turn: &mut Turn<'_, S>, request: RequestId) {
        turn.reply(request, Outcome::Redirect { leader: self.leader(turn.config.node) });
    }
}
