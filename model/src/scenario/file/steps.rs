//! The steps of a script, and the client programs that they make up.

mod names;
mod raw;
mod shape;
mod verb;

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use toml::Spanned;

use super::{RawClient, RawOperation, Reader, ScenarioError};
use crate::ids::{ClientId, NodeSet};
use crate::scenario::script::{Script, ScriptStep};
use crate::scenario::{ClientProgram, PlannedWrite};
use names::Cast;
pub(super) use raw::{RawMessage, RawStep};

fn quoted(names: impl Iterator<Item = impl fmt::Display>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Reader<'_> {
    /// The script, with the programs and writes of the clients that it names.
    pub(super) fn script(
        &self,
        raw: &[Spanned<RawStep>],
        down: NodeSet,
    ) -> Result<(Vec<ClientProgram>, Vec<PlannedWrite>, Script), ScenarioError> {
        for step in raw {
            self.check_shape(step)?;
        }
        self.check_values(raw)?;
        let (clients, writes) = self.clients(&self.programs(raw)?, down)?;
        let operations = clients.iter().flat_map(|client| &client.operations);
        let cast = Cast {
            keys: operations.map(|operation| operation.key.clone()).collect(),
            values: writes.iter().filter_map(|write| write.value.clone()).collect(),
            clients: &clients,
        };
        let mut asked: BTreeMap<ClientId, usize> = BTreeMap::new();
        let mut steps = Vec::new();
        for step in raw {
            let verb = self.verb(step, &cast, &mut asked)?;
            steps.push(ScriptStep { line: self.line(step.span().start), verb });
        }
        let script = Script { file: self.file.to_owned(), steps };
        Ok((clients, writes, script))
    }

    /// What the clients do, as if the file had told it client by client.
    fn programs(&self, raw: &[Spanned<RawStep>]) -> Result<Vec<Spanned<RawClient>>, ScenarioError> {
        struct Declared {
            name: String,
            at: Range<usize>,
            program: Vec<Spanned<RawOperation>>,
        }
        let mut clients: Vec<Declared> = Vec::new();
        for step in raw.iter().filter(|step| step.get_ref().is_request()) {
            let (at, step) = (step.span(), step.get_ref());
            let missing = |field: &str, what: &str| {
                self.error(at.clone(), format!("step.{field}: missing; say {what}"))
            };
            let name =
                step.client.as_ref().ok_or_else(|| missing("client", "whose request it is"))?;
            let via = step.via.as_ref().ok_or_else(|| missing("via", "which node is asked"))?;
            self.node(via, "step.via")?;
            if self.nodes.contains(name.get_ref()) {
                let problem = format!("step.client: `{}` is a node", name.get_ref());
                return Err(self.error(name.span(), problem));
            }
            let operation = RawOperation {
                get: step.get.clone(),
                put: step.put.clone(),
                delete: step.delete.clone(),
                value: step.value.clone(),
                context: step.context.clone(),
                r: step.r.clone(),
                w: step.w.clone(),
                sloppy: step.sloppy.clone(),
                via: Some(Vec::from([via.clone()])),
            };
            let operation = Spanned::new(at.clone(), operation);
            match clients.iter_mut().find(|client| client.name == *name.get_ref()) {
                Some(client) => client.program.push(operation),
                None => clients.push(Declared {
                    name: name.get_ref().clone(),
                    at,
                    program: Vec::from([operation]),
                }),
            }
        }
        let client = |Declared { name, at, program }: Declared| {
            let program = Spanned::new(at.clone(), program);
            let client = RawClient { name, via: None, attempts: None, repeat: None, program };
            Spanned::new(at, client)
        };
        Ok(clients.into_iter().map(client).collect())
    }
}
