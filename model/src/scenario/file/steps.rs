//! The steps of a script, and the client programs that they make up.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::shapes::{OneOrMore, RawDeliver};
use super::{RawClient, RawContext, RawOperation, RawScenario, Reader, ScenarioError};
use crate::ids::{ClientId, Key, NodeId, NodeSet, Peer, Timestamp, Value};
use crate::protocol::{Message, Timer};
use crate::scenario::script::{Answer, Held, HintKept, Reach, Script, ScriptStep, Selector, Verb};
use crate::scenario::{ClientProgram, PlannedWrite};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawStep {
    put: Option<String>,
    delete: Option<String>,
    get: Option<String>,
    value: Option<Spanned<String>>,
    client: Option<Spanned<String>>,
    via: Option<Spanned<String>>,
    context: Option<Spanned<RawContext>>,
    r: Option<Spanned<usize>>,
    w: Option<Spanned<usize>>,
    sloppy: Option<Spanned<bool>>,
    only: Option<Spanned<Vec<Spanned<String>>>>,
    deliver: Option<Spanned<RawDeliver>>,
    expect: Option<Spanned<RawAnswer>>,
    finds: Option<Spanned<Vec<Spanned<String>>>>,
    timeout: Option<RawTimeout>,
    partition: Option<Vec<Vec<Spanned<String>>>>,
    isolate: Option<Spanned<String>>,
    heal: Option<Spanned<bool>>,
    crash: Option<Spanned<String>>,
    recover: Option<Spanned<String>>,
    wipe: Option<Spanned<String>>,
    snapshot: Option<Spanned<String>>,
    restore: Option<Spanned<String>>,
    set_clock: Option<RawSetClock>,
    accept_loss: Option<RawAcceptLoss>,
    drop: Option<RawMessage>,
    duplicate: Option<RawMessage>,
    fire: Option<RawFire>,
    settle: Option<Spanned<bool>>,
    expect_held: Option<OneOrMore<RawHeld>>,
    expect_hint: Option<OneOrMore<RawHint>>,
    expect_agree: Option<Spanned<String>>,
    expect_differ: Option<Spanned<String>>,
    expect_answer: Option<RawExpectAnswer>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawAnswer {
    Ok,
    Unavailable,
    Refused,
    NoAnswer,
    Pending,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawTimeout {
    node: Option<Spanned<String>>,
    client: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawAcceptLoss {
    node: Spanned<String>,
    lost: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawSetClock {
    node: Spanned<String>,
    to: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawMessage {
    kind: Spanned<String>,
    from: Option<Spanned<String>>,
    to: Option<Spanned<String>>,
    which: Option<Spanned<usize>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawFire {
    timer: Spanned<RawTimer>,
    node: Spanned<String>,
    peer: Option<Spanned<String>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawTimer {
    Handoff,
    Sync,
    CatchUp,
    Register,
    Reap,
    Settled,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawHeld {
    node: Spanned<String>,
    key: Spanned<String>,
    values: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawHint {
    node: Spanned<String>,
    home: Spanned<String>,
    key: Spanned<String>,
    values: Option<Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RawExpectAnswer {
    client: Spanned<String>,
    expect: Option<Spanned<RawAnswer>>,
    finds: Option<Spanned<Vec<Spanned<String>>>>,
}

/// The names of what a step can be, each with whether this step is it.
type Verbs = [(&'static str, bool); 23];

/// The names of what can stand beside a verb, each with where it does in this step.
type Companions = [(&'static str, Option<Range<usize>>); 10];

impl RawStep {
    fn verbs(&self) -> Verbs {
        let delivers =
            |deliver: &Spanned<RawDeliver>| !matches!(deliver.get_ref(), RawDeliver::OfRequest(_));
        [
            ("put", self.put.is_some()),
            ("delete", self.delete.is_some()),
            ("get", self.get.is_some()),
            ("timeout", self.timeout.is_some()),
            ("deliver", self.deliver.as_ref().is_some_and(delivers)),
            ("drop", self.drop.is_some()),
            ("duplicate", self.duplicate.is_some()),
            ("partition", self.partition.is_some()),
            ("isolate", self.isolate.is_some()),
            ("heal", self.heal.is_some()),
            ("crash", self.crash.is_some()),
            ("recover", self.recover.is_some()),
            ("wipe", self.wipe.is_some()),
            ("snapshot", self.snapshot.is_some()),
            ("restore", self.restore.is_some()),
            ("set-clock", self.set_clock.is_some()),
            ("accept-loss", self.accept_loss.is_some()),
            ("fire", self.fire.is_some()),
            ("settle", self.settle.is_some()),
            ("expect-held", self.expect_held.is_some()),
            ("expect-hint", self.expect_hint.is_some()),
            ("expect-agree", self.expect_agree.is_some()),
            ("expect-differ", self.expect_differ.is_some()),
        ]
    }

    fn companions(&self) -> Companions {
        fn at<T>(field: &Option<Spanned<T>>) -> Option<Range<usize>> {
            field.as_ref().map(Spanned::span)
        }
        let of_request =
            |deliver: &&Spanned<RawDeliver>| matches!(deliver.get_ref(), RawDeliver::OfRequest(_));
        [
            ("value", at(&self.value)),
            ("client", at(&self.client)),
            ("via", at(&self.via)),
            ("context", at(&self.context)),
            ("r", at(&self.r)),
            ("w", at(&self.w)),
            ("sloppy", at(&self.sloppy)),
            ("only", at(&self.only)),
            ("deliver", self.deliver.as_ref().filter(of_request).map(Spanned::span)),
            ("expect", at(&self.expect)),
        ]
    }

    /// Every list of names in it, each with the field that it is.
    pub(super) fn lists(&self) -> impl Iterator<Item = (&'static str, &[Spanned<String>])> {
        let of_step = [("step.only", &self.only), ("step.finds", &self.finds)];
        let answer = self.expect_answer.as_ref().and_then(|answer| answer.finds.as_ref());
        let held = self.expect_held.iter().flat_map(|held| &held.0);
        let hints = self.expect_hint.iter().flat_map(|hints| &hints.0);
        of_step
            .into_iter()
            .filter_map(|(field, names)| Some((field, names.as_ref()?.get_ref().as_slice())))
            .chain(answer.map(|finds| ("step.expect-answer.finds", finds.get_ref().as_slice())))
            .chain(held.map(|held| ("step.expect-held.values", held.values.as_slice())))
            .chain(hints.filter_map(|hint| {
                Some(("step.expect-hint.values", hint.values.as_ref()?.as_slice()))
            }))
    }

    /// The groups that the network splits into, if it does.
    pub(super) fn groups(&self) -> &[Vec<Spanned<String>>] {
        self.partition.as_deref().unwrap_or_default()
    }

    /// Whether the write that it makes may be sloppy, if it says so.
    pub(super) fn sloppy(&self) -> Option<&Spanned<bool>> {
        self.sloppy.as_ref()
    }

    /// Where it sets a clock, if it does.
    pub(super) fn sets_clock(&self) -> Option<Range<usize>> {
        self.set_clock.as_ref().map(|clock| clock.node.span())
    }

    fn is_request(&self) -> bool {
        self.put.is_some() || self.delete.is_some() || self.get.is_some()
    }
}

/// A field that names a node, what it holds, and the verb that it is.
type OfOneNode<'a> = (&'static str, &'a Option<Spanned<String>>, fn(NodeId) -> Verb);

/// What may stand beside a verb.
fn companions_of(verb: &str) -> &'static [&'static str] {
    match verb {
        "put" => &["value", "client", "via", "context", "w", "sloppy", "only", "deliver", "expect"],
        "delete" => &["client", "via", "context", "w", "sloppy", "only", "deliver", "expect"],
        "get" => &["client", "via", "r", "only", "deliver", "expect"],
        "timeout" => &["only", "deliver", "expect"],
        _ => &[],
    }
}

fn quoted(names: impl Iterator<Item = impl fmt::Display>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What steps refer to: the clients and what they ask for.
struct Cast<'a> {
    clients: &'a [ClientProgram],
    keys: BTreeSet<Key>,
    values: BTreeSet<Value>,
}

impl Reader<'_> {
    /// Refuses what says the same as a script would, or takes its place.
    pub(super) fn refuse_beside_steps(&self, raw: &RawScenario) -> Result<(), ScenarioError> {
        let client = raw.clients.first().map(Spanned::span);
        let present = [
            ("client", client, "each step says whose request it is"),
            (
                "turn-length",
                raw.turn_length.as_ref().map(Spanned::span),
                "steps happen in their order",
            ),
            ("faults", raw.faults.as_ref().map(Spanned::span), "a script says what goes wrong"),
            ("faulty", raw.faulty.as_ref().map(Spanned::span), "a script says what goes wrong"),
            (
                "partition",
                raw.partition.as_ref().map(Spanned::span),
                "say it in a step: partition = [...]",
            ),
            (
                "show",
                raw.show.keys().next().map(Spanned::span),
                "a script says itself what happens in its run",
            ),
            ("heals", raw.heals.as_ref().map(Spanned::span), "say it in a step: heal = true"),
            (
                "down-returns",
                raw.down_returns.as_ref().map(Spanned::span),
                "say it in a step: recover = \"...\"",
            ),
        ];
        for (field, at, instead) in present {
            if let Some(at) = at {
                let problem = format!("{field}: cannot stand in a file with steps; {instead}");
                return Err(self.error(at, problem));
            }
        }
        Ok(())
    }

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

    /// Exactly one verb, and beside it only what belongs to it.
    fn check_shape(&self, step: &Spanned<RawStep>) -> Result<(), ScenarioError> {
        let (at, step) = (step.span(), step.get_ref());
        let verbs = step.verbs();
        let is_answer = step.expect_answer.is_some();
        let present = verbs.iter().filter(|(_, is_present)| *is_present).map(|(name, _)| *name);
        let present: Vec<&str> = present.chain(is_answer.then_some("expect-answer")).collect();
        let [verb] = present[..] else {
            let known = verbs.iter().map(|(name, _)| *name).chain(["expect-answer"]);
            let found = if present.is_empty() { "none".to_owned() } else { quoted(present.iter()) };
            let problem =
                format!("step: a step is exactly one of {}; found {found}", quoted(known));
            return Err(self.error(at, problem));
        };
        let finds = ("finds", step.finds.as_ref().map(Spanned::span));
        for (name, span) in step.companions().into_iter().chain([finds]) {
            let belongs = companions_of(verb).contains(&name) || (verb, name) == ("get", "finds");
            if let Some(span) = span.filter(|_| !belongs) {
                let may = companions_of(verb);
                let may = match (verb, may.is_empty()) {
                    (_, true) => "nothing beside it".to_owned(),
                    ("get", _) => format!("{}, `finds`", quoted(may.iter())),
                    _ => quoted(may.iter()),
                };
                let problem =
                    format!("step.{name}: does not belong to `{verb}`, which takes {may}");
                return Err(self.error(span, problem));
            }
        }
        for (name, flag) in [("heal", &step.heal), ("settle", &step.settle)] {
            if let Some(flag) = flag.as_ref().filter(|flag| !*flag.get_ref()) {
                let problem = format!("step.{name}: write `{name} = true`, or leave the step out");
                return Err(self.error(flag.span(), problem));
            }
        }
        Ok(())
    }

    /// Every value names one write: refused at the step that writes it again.
    fn check_values(&self, raw: &[Spanned<RawStep>]) -> Result<(), ScenarioError> {
        let mut written = BTreeSet::new();
        for value in raw.iter().filter_map(|step| step.get_ref().value.as_ref()) {
            if !value.get_ref().is_empty() && !written.insert(value.get_ref()) {
                let problem = format!(
                    "step.value: `{}` is written twice; every value must name one write (leave \
                     `value` out to have it named)",
                    value.get_ref()
                );
                return Err(self.error(value.span(), problem));
            }
        }
        Ok(())
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

    fn verb(
        &self,
        step: &Spanned<RawStep>,
        cast: &Cast<'_>,
        asked: &mut BTreeMap<ClientId, usize>,
    ) -> Result<Verb, ScenarioError> {
        let step = step.get_ref();
        let node = |field: &'static str, name: &Option<Spanned<String>>| match name {
            Some(name) => self.node(name, field).map(Some),
            None => Ok(None),
        };
        if let (true, Some(client), Some(via)) = (step.is_request(), &step.client, &step.via) {
            let client = self.client(client, "step.client", cast)?;
            let next = asked.entry(client).or_default();
            let operation = *next;
            *next += 1;
            return Ok(Verb::Ask {
                client,
                operation,
                via: self.node(via, "step.via")?,
                reach: self.reach(step)?,
                expect: self.answer(step.expect.as_ref(), step.finds.as_ref(), cast)?,
            });
        }
        if let Some(timeout) = &step.timeout {
            return Ok(Verb::Timeout {
                node: node("step.timeout.node", &timeout.node)?,
                client: self.client(&timeout.client, "step.timeout.client", cast)?,
                reach: self.reach(step)?,
                expect: self.answer(step.expect.as_ref(), None, cast)?,
            });
        }
        if let Some(answer) = &step.expect_answer {
            let client = self.client(&answer.client, "step.expect-answer.client", cast)?;
            let expected = self.answer(answer.expect.as_ref(), answer.finds.as_ref(), cast)?;
            let Some(answer) = expected else {
                let problem = "step.expect-answer: say what, in `expect` or `finds`";
                return Err(self.error(answer.client.span(), problem));
            };
            return Ok(Verb::ExpectAnswer { client, answer });
        }
        if let Some(groups) = &step.partition {
            return self.groups(groups, "step.partition").map(Verb::Partition);
        }
        if let Some(clock) = &step.set_clock {
            let node = self.node(&clock.node, "step.set-clock.node")?;
            return Ok(Verb::SetClock { node, to: Timestamp(clock.to) });
        }
        if let Some(accepted) = &step.accept_loss {
            let node = self.node(&accepted.node, "step.accept-loss.node")?;
            let lost = self.node_list(&accepted.lost, "step.accept-loss.lost")?;
            return Ok(Verb::AcceptLoss { node, lost: lost.into_iter().collect() });
        }
        if let Some(fire) = &step.fire {
            return self.fire(fire);
        }
        if let Some(deliver) = &step.deliver {
            match deliver.get_ref() {
                RawDeliver::OfRequest(_) => {}
                RawDeliver::All => return Ok(Verb::DeliverAll),
                RawDeliver::One(message) => {
                    return self.selector(message, "deliver", cast).map(Verb::Deliver);
                }
            }
        }
        if let Some(message) = &step.drop {
            return self.selector(message, "drop", cast).map(Verb::Drop);
        }
        if let Some(message) = &step.duplicate {
            return self.selector(message, "duplicate", cast).map(Verb::Duplicate);
        }
        if let Some(held) = &step.expect_held {
            let held = held.0.iter().map(|held| self.held(held, cast)).collect::<Result<_, _>>()?;
            return Ok(Verb::ExpectHeld(held));
        }
        if let Some(hints) = &step.expect_hint {
            let hints =
                hints.0.iter().map(|hint| self.hint(hint, cast)).collect::<Result<_, _>>()?;
            return Ok(Verb::ExpectHint(hints));
        }
        if let Some(key) = &step.expect_agree {
            let key = self.key(key, "step.expect-agree", cast)?;
            return Ok(Verb::ExpectAgree { key, agree: true });
        }
        if let Some(key) = &step.expect_differ {
            let key = self.key(key, "step.expect-differ", cast)?;
            return Ok(Verb::ExpectAgree { key, agree: false });
        }
        if step.heal.is_some() {
            return Ok(Verb::Heal);
        }
        let of_one_node: [OfOneNode<'_>; 6] = [
            ("step.isolate", &step.isolate, Verb::Isolate),
            ("step.crash", &step.crash, Verb::Crash),
            ("step.recover", &step.recover, Verb::Recover),
            ("step.wipe", &step.wipe, Verb::Wipe),
            ("step.snapshot", &step.snapshot, Verb::Snapshot),
            ("step.restore", &step.restore, Verb::Restore),
        ];
        for (field, name, verb) in of_one_node {
            if let Some(node) = node(field, name)? {
                return Ok(verb(node));
            }
        }
        // What is left of the one verb that there is.
        Ok(Verb::Settle)
    }

    fn client(
        &self,
        name: &Spanned<String>,
        field: &str,
        cast: &Cast<'_>,
    ) -> Result<ClientId, ScenarioError> {
        let known = cast.clients.iter().find(|client| client.name == *name.get_ref());
        known.map(|client| client.id).ok_or_else(|| {
            let clients = cast.clients.iter().map(|client| &*client.name).collect::<Vec<_>>();
            let problem = format!(
                "{field}: unknown client `{}`; the clients of the steps are {}",
                name.get_ref(),
                clients.join(", ")
            );
            self.error(name.span(), problem)
        })
    }

    fn peer(
        &self,
        name: &Spanned<String>,
        field: &str,
        cast: &Cast<'_>,
    ) -> Result<Peer, ScenarioError> {
        match cast.clients.iter().find(|client| client.name == *name.get_ref()) {
            Some(client) => Ok(client.id.into()),
            None => self.node(name, field).map(Peer::from),
        }
    }

    fn reach(&self, step: &RawStep) -> Result<Reach, ScenarioError> {
        let delivers = step.deliver.as_ref();
        let is_silent = delivers
            .is_some_and(|deliver| matches!(deliver.get_ref(), RawDeliver::OfRequest(false)));
        match &step.only {
            Some(only) if is_silent => {
                let problem = "step.only: nothing is delivered with `deliver = false`";
                Err(self.error(only.span(), problem))
            }
            Some(only) => {
                let nodes = self.node_list(only.get_ref(), "step.only")?;
                Ok(Reach::Only(nodes.into_iter().collect()))
            }
            None if is_silent => Ok(Reach::Nobody),
            None => Ok(Reach::Everybody),
        }
    }

    fn answer(
        &self,
        expect: Option<&Spanned<RawAnswer>>,
        finds: Option<&Spanned<Vec<Spanned<String>>>>,
        cast: &Cast<'_>,
    ) -> Result<Option<Answer>, ScenarioError> {
        if let Some(finds) = finds {
            if expect.is_some_and(|expect| *expect.get_ref() != RawAnswer::Ok) {
                let problem = "finds: only a get that is answered \"ok\" finds anything";
                return Err(self.error(finds.span(), format!("step.{problem}")));
            }
            return self.values(finds.get_ref(), "step.finds", cast).map(Answer::Found).map(Some);
        }
        Ok(expect.map(|expect| match expect.get_ref() {
            RawAnswer::Ok => Answer::Ok,
            RawAnswer::Unavailable => Answer::Unavailable,
            RawAnswer::Refused => Answer::Refused,
            RawAnswer::NoAnswer => Answer::NoAnswer,
            RawAnswer::Pending => Answer::Pending,
        }))
    }

    /// Values that some step writes: another one could never be found, so it is a slip.
    fn values(
        &self,
        values: &[Spanned<String>],
        field: &str,
        cast: &Cast<'_>,
    ) -> Result<BTreeSet<Value>, ScenarioError> {
        let value = |text: &Spanned<String>| {
            let value = Value::from(&**text.get_ref());
            if cast.values.contains(&value) {
                return Ok(value);
            }
            let problem = format!(
                "{field}: no step writes `{value}`; written are {}",
                quoted(cast.values.iter())
            );
            Err(self.error(text.span(), problem))
        };
        values.iter().map(value).collect()
    }

    /// A key that some step asks about.
    fn key(
        &self,
        key: &Spanned<String>,
        field: &str,
        cast: &Cast<'_>,
    ) -> Result<Key, ScenarioError> {
        let known = Key::from(&**key.get_ref());
        if cast.keys.contains(&known) {
            return Ok(known);
        }
        let keys = quoted(cast.keys.iter());
        let problem = format!("{field}: no step asks about `{known}`; the keys are {keys}");
        Err(self.error(key.span(), problem))
    }

    fn held(&self, raw: &RawHeld, cast: &Cast<'_>) -> Result<Held, ScenarioError> {
        Ok(Held {
            node: self.node(&raw.node, "step.expect-held.node")?,
            key: self.key(&raw.key, "step.expect-held.key", cast)?,
            values: self.values(&raw.values, "step.expect-held.values", cast)?,
        })
    }

    fn hint(&self, raw: &RawHint, cast: &Cast<'_>) -> Result<HintKept, ScenarioError> {
        let values = raw.values.as_ref();
        Ok(HintKept {
            node: self.node(&raw.node, "step.expect-hint.node")?,
            home: self.node(&raw.home, "step.expect-hint.home")?,
            key: self.key(&raw.key, "step.expect-hint.key", cast)?,
            values: values
                .map(|values| self.values(values, "step.expect-hint.values", cast))
                .transpose()?,
        })
    }

    fn fire(&self, raw: &RawFire) -> Result<Verb, ScenarioError> {
        let node = self.node(&raw.node, "step.fire.node")?;
        let peer = raw.peer.as_ref().map(|peer| self.node(peer, "step.fire.peer")).transpose()?;
        let timer = match (raw.timer.get_ref(), peer) {
            (RawTimer::Sync, Some(peer)) => Timer::Sync(peer),
            (RawTimer::Sync, None) => {
                let problem = "step.fire.peer: missing; say with whom the node compares";
                return Err(self.error(raw.timer.span(), problem));
            }
            (_, Some(_)) => {
                let at = raw.peer.as_ref().map_or(0..0, Spanned::span);
                return Err(self.error(at, "step.fire.peer: belongs to the timer \"sync\" only"));
            }
            (RawTimer::Handoff, None) => Timer::Handoff,
            (RawTimer::CatchUp, None) => Timer::CatchUp,
            (RawTimer::Register, None) => Timer::Register,
            (RawTimer::Reap, None) => Timer::Reap,
            (RawTimer::Settled, None) => Timer::Settled,
        };
        Ok(Verb::Fire { node, timer })
    }

    fn selector(
        &self,
        raw: &RawMessage,
        verb: &str,
        cast: &Cast<'_>,
    ) -> Result<Selector, ScenarioError> {
        let kind = raw.kind.get_ref();
        if !Message::KINDS.contains(&&**kind) {
            let known = quoted(Message::KINDS.iter());
            let problem = format!("step.{verb}.kind: unknown kind `{kind}`; known are {known}");
            return Err(self.error(raw.kind.span(), problem));
        }
        if let Some(which) = raw.which.as_ref().filter(|which| *which.get_ref() == 0) {
            let problem = format!("step.{verb}.which: must be at least 1");
            return Err(self.error(which.span(), problem));
        }
        let peer = |field: &str, name: &Option<Spanned<String>>| {
            let field = format!("step.{verb}.{field}");
            name.as_ref().map(|name| self.peer(name, &field, cast)).transpose()
        };
        Ok(Selector {
            kind: kind.clone(),
            from: peer("from", &raw.from)?,
            to: peer("to", &raw.to)?,
            which: raw.which.as_ref().map(|which| *which.get_ref()),
        })
    }
}
