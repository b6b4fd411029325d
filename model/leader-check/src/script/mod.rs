//! Scripts: what happens in a scenario, step by step, in the place of everything that could.
//!
//! A [`RawStep`] is a step as its file says it, a [`Verb`] what it means; [`play`](play()) carries all of them out on a
//! [`Stage`](quorate_checker::world::Stage), which lets nothing happen that the world does not allow.

mod play;
mod raw;
mod verb;
mod words;

use quorate_checker::world::ScenarioFileError;

use crate::setting::{ClientSetting, LeaderFile};

pub use play::play;
pub use raw::RawStep;
pub use verb::{Answer, Held, Verb};

/// What a script's steps mean, with the line of each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Script {
    /// The steps, in order.
    pub steps: Vec<(usize, Verb)>,
}

/// What the clients of a script do: the steps of each are its program. Beside steps a file only says what else is to be
/// known of a client, and gives it no program.
///
/// # Errors
/// When it gives one, or says something of a client that no step names.
pub(crate) fn programs(file: &mut LeaderFile) -> Result<(), ScenarioFileError> {
    let error =
        |line: usize, problem: String| ScenarioFileError { file: file.file.clone(), line, problem };
    let line_of = |named: &str| {
        let at = file.text.lines().position(|line| line.contains(named));
        at.map_or(1, |at| at + 1)
    };
    if let Some(client) = file.protocol.clients.iter().find(|client| !client.operations.is_empty())
    {
        let name = &client.name;
        let problem = format!("protocol.clients.operations: the steps of {name} are its program");
        return Err(error(line_of("operations"), problem));
    }
    let mut clients = file.protocol.clients.clone();
    for step in &file.steps {
        let Some(task) = &step.step.ask else { continue };
        let Some(name) = &step.step.client else {
            return Err(error(step.line, "step.client: missing; say who asks".to_owned()));
        };
        if file.nodes.contains(name) {
            return Err(error(step.line, format!("step.client: `{name}` is a node")));
        }
        match clients.iter_mut().find(|client| client.name == *name) {
            Some(client) => client.operations.push(task.clone()),
            None => clients.push(ClientSetting {
                name: name.clone(),
                operations: vec![task.clone()],
                after: None,
                asks: None,
            }),
        }
    }
    if let Some(idle) = clients.iter().find(|client| client.operations.is_empty()) {
        let problem = format!("protocol.clients: no step is of {}", idle.name);
        return Err(error(line_of(&idle.name), problem));
    }
    file.protocol.clients = clients;
    Ok(())
}

/// What the steps of a file mean.
///
/// # Errors
/// When one means nothing: in which line, which field, and what would be right.
pub fn read(file: &LeaderFile) -> Result<Script, ScenarioFileError> {
    let read = |step: &quorate_checker::world::FileStep<RawStep>| {
        let verb = verb::of(file, &step.step).map_err(|problem| ScenarioFileError {
            file: file.file.clone(),
            line: step.line,
            problem,
        })?;
        Ok((step.line, verb))
    };
    Ok(Script { steps: file.steps.iter().map(read).collect::<Result<_, _>>()? })
}
