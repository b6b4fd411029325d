//! What a trace's lines must look like one after the other, before anything is replayed: a line
//! that is missing, moved or repeated shows here, and at itself rather than at what it led to.

use std::collections::BTreeSet;

use quorate_ids::Peer;

use super::parse::{ClientTrace, Life, Place};
use super::refusal::{Reason, StepName};
use super::trace::NodeHeader;
use super::traced::{Reaches, Traced};

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

/// Whether the lives of a node follow each other as those of one data directory do, or of another one where the node
/// says that the one before was lost. A life may be without steps: it ended while its start was being written down.
pub(super) fn check_lives<P: Traced>(lives: &[Life<P>]) -> Result<(), Disorder<P>> {
    let (mut durable_before, mut recorded) = (0, 0);
    let mut names = BTreeSet::new();
    // Whether the disk was lost, and nothing is on the new one yet.
    let mut is_bare = false;
    for (position, life) in lives.iter().enumerate() {
        let header = &life.header;
        let NodeHeader { durable_step, lost_disk, .. } = header.line;
        if lost_disk {
            (durable_before, recorded) = (0, 0);
        }
        let is_bare_before = std::mem::replace(&mut is_bare, lost_disk);
        let reason = if position == 0 && durable_step > 0 {
            Some(Reason::BeginsLate { durable_step })
        } else if is_bare_before && durable_step == 0 && !lost_disk {
            Some(Reason::LossForgotten)
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
                (0, Reaches::Start { is_founding, name }) => {
                    if lost_disk != (durable_step == 0 && !is_founding) {
                        let reason = Reason::LossDisputed { lost_disk, durable_step, is_founding };
                        return Err(disorder(reason));
                    }
                    if !names.insert(name) && lost_disk {
                        return Err(disorder(Reason::NameReused { name }));
                    }
                }
                (0, _) => return Err(disorder(Reason::NotStarted)),
                (_, Reaches::Start { .. }) => return Err(disorder(Reason::StartedAgain)),
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
