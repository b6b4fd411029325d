//! What a trace's lines must look like one after the other, before anything is replayed: a line
//! that is missing, moved or repeated shows here, and at itself rather than at what it led to.

use super::parse::{ClientTrace, Life, Place};
use super::refusal::{Reason, StepName};
use super::traced::{Reaches, Traced};
use quorate_ids::Peer;

/// What is wrong, where, and in which step.
pub(super) type Disorder<P> = (Place, Option<StepName>, Reason<P>);

/// The number and the clock of the step before.
struct Before {
    number: u64,
    at_us: u64,
}

impl Before {
    fn follow<P: Traced>(&mut self, number: u64, at_us: u64) -> Result<(), Reason<P>> {
        let expected = self.number + 1;
        if number != expected {
            return Err(Reason::Number { expected });
        }
        if at_us < self.at_us {
            return Err(Reason::ClockWentBack { before_us: self.at_us });
        }
        *self = Before { number, at_us };
        Ok(())
    }
}

/// Whether the lives of a node follow each other as those of one data directory do. A life may be
/// without steps: it ended while its start was being written down.
pub(super) fn check_lives<P: Traced>(lives: &[Life<P>]) -> Result<(), Disorder<P>> {
    let (mut durable_before, mut recorded) = (0, 0);
    for (position, life) in lives.iter().enumerate() {
        let header = &life.header;
        let durable_step = header.line.durable_step;
        let reason = if position == 0 && durable_step > 0 {
            Some(Reason::BeginsLate { durable_step })
        } else if durable_step < durable_before {
            Some(Reason::OlderStore { durable_step, before: durable_before })
        } else if durable_step > recorded {
            Some(Reason::MissingSteps { durable_step, recorded })
        } else {
            None
        };
        if let Some(reason) = reason {
            return Err((header.place.clone(), None, reason));
        }
        let mut before = Before { number: durable_step, at_us: 0 };
        for (position, step) in life.steps.iter().enumerate() {
            let line = &step.line;
            let peer = Peer::Node(header.line.node);
            let disorder =
                |reason| (step.place.clone(), Some(StepName { peer, number: line.number }), reason);
            before.follow(line.number, line.at_us).map_err(disorder)?;
            match (position, P::reaches_node(&line.input)) {
                (0, Reaches::Start) => {}
                (0, _) => return Err(disorder(Reason::NotStarted)),
                (_, Reaches::Start) => return Err(disorder(Reason::StartedAgain)),
                _ => {}
            }
        }
        (durable_before, recorded) = (durable_step, before.number);
    }
    Ok(())
}

/// Whether the steps of a client follow each other.
pub(super) fn check_client<P: Traced>(trace: &ClientTrace<P>) -> Result<(), Disorder<P>> {
    let mut before = Before { number: 0, at_us: 0 };
    for step in &trace.steps {
        let line = &step.line;
        let name = StepName { peer: Peer::Client(line.client), number: line.number };
        let followed = before.follow(line.number, line.at_us);
        followed.map_err(|reason| (step.place.clone(), Some(name), reason))?;
    }
    Ok(())
}
