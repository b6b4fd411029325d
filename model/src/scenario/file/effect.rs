//! What a file says without effect. Whoever writes it expects something of it, so it is refused; or
//! told in a warning, where there is a reason to write it all the same.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use toml::Spanned;

use super::steps::RawStep;
use super::{RawScenario, Reader, ScenarioError};
use crate::cluster::PlacementSpec;
use crate::ids::{NodeId, NodeSet};
use crate::protocol::{FanOut, ReadRepair};
use crate::scenario::script::Verb;
use crate::scenario::{Faults, PlannedAction, PlannedOperation, Scenario, Warning, WarningKind};
use crate::versions::Versioning;

type Checked = Result<(), ScenarioError>;

impl Reader<'_> {
    /// Refuses what has no effect in this scenario, which was made of this file; gives what has
    /// less effect than it seems.
    pub(super) fn effects(
        &self,
        raw: &RawScenario,
        scenario: &Scenario,
    ) -> Result<Vec<Warning>, ScenarioError> {
        self.check_lists(raw)?;
        self.check_clocks(raw, scenario)?;
        self.check_hints(raw, scenario)?;
        self.check_speculation(raw, scenario)?;
        self.check_identities(raw)?;
        if scenario.script.is_some() {
            self.check_steps(raw, scenario)?;
        } else {
            self.check_attempts(raw, scenario)?;
            self.check_network(raw, scenario)?;
            self.check_disks(raw, scenario)?;
        }
        let mut warnings = self.hint_warnings(raw, scenario);
        warnings.extend(self.coordinator_warnings(raw, scenario));
        let tokens = raw.cluster.tokens_per_node.as_ref();
        if let Some(tokens) = tokens.filter(|_| scenario.spec.placement != PlacementSpec::Ring) {
            warnings.push(self.warning(tokens.span(), WarningKind::TokensUnused));
        }
        Ok(warnings)
    }

    fn warning(&self, at: Range<usize>, kind: WarningKind) -> Warning {
        Warning { file: self.file.to_owned(), line: self.line(at.start), kind }
    }

    /// Refuses what stands in a list of names twice.
    fn each_once(&self, names: &[Spanned<String>], field: &str) -> Checked {
        for (position, name) in names.iter().enumerate() {
            if names[..position].iter().any(|other| other.get_ref() == name.get_ref()) {
                let problem = format!("{field}: `{}` is named twice", name.get_ref());
                return Err(self.error(name.span(), problem));
            }
        }
        Ok(())
    }

    fn check_lists(&self, raw: &RawScenario) -> Checked {
        self.each_once(&raw.down, "down")?;
        self.each_once(&raw.cluster.left, "cluster.left")?;
        for client in &raw.clients {
            let client = client.get_ref();
            self.each_once(client.via.as_deref().unwrap_or_default(), "via")?;
            for operation in client.program.get_ref() {
                let via = operation.get_ref().via.as_deref();
                self.each_once(via.unwrap_or_default(), "via")?;
            }
        }
        let deviations = &raw.cluster.deviations;
        for (position, deviation) in deviations.iter().enumerate() {
            let mut before = deviations[..position].iter();
            if before.any(|other| other.get_ref() == deviation.get_ref()) {
                let name = deviation.get_ref();
                let problem = format!("cluster.deviations: `{name}` is named twice");
                return Err(self.error(deviation.span(), problem));
            }
        }
        if let Some(groups) = &raw.partition {
            self.check_groups(groups.get_ref(), groups.span(), "partition")?;
        }
        Ok(())
    }

    /// Groups say which nodes reach each other. Nodes in several connect these, so groups may
    /// overlap; but each must connect nodes that no other one does, or cut one off.
    fn check_groups(
        &self,
        groups: &[Vec<Spanned<String>>],
        at: Range<usize>,
        field: &str,
    ) -> Checked {
        let mut sets: Vec<NodeSet> = Vec::new();
        for names in groups {
            self.each_once(names, field)?;
            let set: NodeSet = self.node_list(names, field)?.into_iter().collect();
            let at = names.first().map_or(at.clone(), Spanned::span);
            if set.is_empty() {
                return Err(self.error(at, format!("{field}: a group has no node")));
            }
            sets.push(set);
        }
        for (position, set) in sets.iter().enumerate() {
            let others = sets.iter().enumerate().filter(|(other, _)| *other != position);
            if others
                .map(|(_, other)| other)
                .any(|other| set.iter().all(|node| other.contains(node)))
            {
                let names = names_of(&groups[position]);
                let at = groups[position].first().map_or(at, Spanned::span);
                let problem =
                    format!("{field}: the group of {names} lies within another; leave it out");
                return Err(self.error(at, problem));
            }
        }
        let count = self.nodes.len() as u16;
        let pairs = (0..count).flat_map(|one| (0..one).map(move |other| (one, other)));
        let mut nodes = pairs.map(|(one, other)| (NodeId(one), NodeId(other)));
        let reach = |(one, other)| sets.iter().any(|set| set.contains(one) && set.contains(other));
        if sets.is_empty() || nodes.all(reach) {
            let problem = format!("{field}: splits nothing: all nodes reach each other");
            return Err(self.error(at, problem));
        }
        Ok(())
    }

    fn check_clocks(&self, raw: &RawScenario, scenario: &Scenario) -> Checked {
        if scenario.spec.versioning == Versioning::LastWriteWins {
            return Ok(());
        }
        let problem = "only `versioning = \"last-write-wins\"` looks at clocks";
        if let Some((node, _)) = raw.clocks_ahead.iter().next() {
            return Err(self.error(node.span(), format!("clocks-ahead: {problem}")));
        }
        for step in &raw.steps {
            if let Some(at) = step.get_ref().sets_clock() {
                return Err(self.error(at, format!("step.set-clock: {problem}")));
            }
        }
        Ok(())
    }

    /// Where the file first says that puts may be sloppy, if it does.
    fn sloppy(&self, raw: &RawScenario) -> Option<Range<usize>> {
        let of_cluster = raw.cluster.sloppy.as_ref().filter(|sloppy| *sloppy.get_ref());
        let of_operations = raw
            .clients
            .iter()
            .flat_map(|client| client.get_ref().program.get_ref())
            .filter_map(|operation| operation.get_ref().sloppy.as_ref());
        let of_steps = raw.steps.iter().filter_map(|step| step.get_ref().sloppy());
        let mut of_puts = of_operations.chain(of_steps).filter(|sloppy| *sloppy.get_ref());
        of_cluster.or_else(|| of_puts.next()).map(Spanned::span)
    }

    fn check_hints(&self, raw: &RawScenario, scenario: &Scenario) -> Checked {
        let sloppy = self.sloppy(raw);
        let present = self.nodes.len() - raw.cluster.left.len();
        if let Some(at) = sloppy.clone().filter(|_| present <= self.n) {
            let problem = format!(
                "sloppy: no node can stand in: all {present} are homes of each key; add a node, or \
                 lower cluster.n"
            );
            return Err(self.error(at, problem));
        }
        // The steps of a script may show that nothing comes of it.
        let idle = self.idle_handoff(raw).filter(|_| scenario.script.is_none());
        match idle {
            Some(at) => Err(self.error(at, format!("{}", WarningKind::NoHints))),
            None => Ok(()),
        }
    }

    /// Where the file says that hints are handed off, if there are none.
    fn idle_handoff(&self, raw: &RawScenario) -> Option<Range<usize>> {
        let handoff = raw.cluster.handoff.as_ref().filter(|handoff| *handoff.get_ref())?;
        self.sloppy(raw).is_none().then(|| handoff.span())
    }

    fn hint_warnings(&self, raw: &RawScenario, scenario: &Scenario) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if let Some(at) = self.idle_handoff(raw) {
            warnings.push(self.warning(at, WarningKind::NoHints));
        }
        let Some(at) = self.sloppy(raw) else { return warnings };
        // Where nobody reads and no home is to come to agree, nobody misses what hints hold.
        let mut operations = scenario.clients.iter().flat_map(|client| &client.operations);
        let is_missed = operations.any(|operation| operation.action == PlannedAction::Get)
            || scenario.expect.contains_key("convergence");
        if is_missed && !scenario.cluster.background().handoff {
            warnings.push(self.warning(at.clone(), WarningKind::HintsStay));
        }
        // A client that asks the homes itself has no fallbacks: its coordinator does.
        if scenario.faults.timeouts == 0 && scenario.fan_out == FanOut::NodeDriven {
            warnings.push(self.warning(at, WarningKind::NobodyStandsIn));
        }
        warnings
    }

    fn check_identities(&self, raw: &RawScenario) -> Checked {
        let mut sharing: Vec<&String> = Vec::new();
        for group in &raw.shared_identity {
            self.each_once(group, "shared-identity")?;
            for name in group {
                if sharing.contains(&name.get_ref()) {
                    let problem = format!(
                        "shared-identity: `{}` is in two groups; a node has one identity, so make \
                         them one group",
                        name.get_ref()
                    );
                    return Err(self.error(name.span(), problem));
                }
            }
            if let [alone] = &group[..] {
                let problem = format!("shared-identity: `{}` shares with nobody", alone.get_ref());
                return Err(self.error(alone.span(), problem));
            }
            sharing.extend(group.iter().map(Spanned::get_ref));
        }
        Ok(())
    }

    /// Some get must leave a home for later.
    fn check_speculation(&self, raw: &RawScenario, scenario: &Scenario) -> Checked {
        let Some(speculative_retry) =
            raw.cluster.speculative_retry.as_ref().filter(|is_on| *is_on.get_ref())
        else {
            return Ok(());
        };
        let quorum = scenario.cluster.quorum();
        let holders_needed = match scenario.cluster.read_repair() {
            ReadRepair::Off | ReadRepair::Async => 0,
            ReadRepair::Blocking => quorum.n() + 1 - quorum.r(),
        };
        let leaves_some = |planned: &PlannedOperation| {
            let needed = planned.quorum.unwrap_or(quorum.r()).max(holders_needed);
            planned.action == PlannedAction::Get && needed < quorum.n()
        };
        let mut operations = scenario.clients.iter().flat_map(|client| &client.operations);
        if scenario.fan_out == FanOut::ClientDriven || !operations.any(leaves_some) {
            let problem = "cluster.speculative-retry: every get asks all homes at once; lower R, have nodes fan \
                           out, or leave it out";
            return Err(self.error(speculative_retry.span(), problem));
        }
        Ok(())
    }

    fn check_attempts(&self, raw: &RawScenario, scenario: &Scenario) -> Checked {
        for client in raw.clients.iter().map(Spanned::get_ref) {
            let attempts = client.attempts.as_ref().filter(|attempts| *attempts.get_ref() > 1);
            if let Some(attempts) = attempts.filter(|_| scenario.faults.timeouts == 0) {
                let problem = "client.attempts: nothing is tried again unless a timer expires; give \
                               `[faults]` a budget of `timeouts`, or leave it out";
                return Err(self.error(attempts.span(), problem));
            }
        }
        Ok(())
    }

    fn check_network(&self, raw: &RawScenario, scenario: &Scenario) -> Checked {
        let without = scenario.partition.is_empty();
        if let Some(heals) = raw.heals.as_ref().filter(|heals| *heals.get_ref() && without) {
            let problem =
                "heals: the network never splits; say how in `partition`, or leave it out";
            return Err(self.error(heals.span(), problem));
        }
        if let Some(faults) = raw.faults.as_ref().filter(|_| without)
            && scenario.faults.partitions > 0
        {
            let problem = "faults.partitions: there are no groups to split into; name them in \
                           `partition`";
            return Err(self.error(faults.span(), problem));
        }
        let is_put =
            |planned: &PlannedOperation| matches!(planned.action, PlannedAction::Put { .. });
        let mut operations = scenario.clients.iter().flat_map(|client| &client.operations);
        if let Some(faults) = raw.faults.as_ref().filter(|faults| faults.get_ref().lies > 0)
            && !operations.any(is_put)
        {
            let problem = "faults.lies: only puts carry what a client could lie about, and no client \
                           puts anything";
            return Err(self.error(faults.span(), problem));
        }
        let returns = raw.down_returns.as_ref().filter(|returns| *returns.get_ref());
        if let Some(returns) = returns.filter(|_| scenario.down.is_empty()) {
            let problem = "down-returns: no node is down at the beginning; name it in `down`, or \
                           leave it out";
            return Err(self.error(returns.span(), problem));
        }
        Ok(())
    }

    /// Whom crashes, lost and older disks strike.
    fn check_disks(&self, raw: &RawScenario, scenario: &Scenario) -> Checked {
        let Faults { crashes, wipes, rollbacks, .. } = scenario.faults;
        if let Some(faulty) = &raw.faulty {
            self.each_once(faulty.get_ref(), "faulty")?;
            if faulty.get_ref().is_empty() {
                let problem = "faulty: names no node, so nothing could strike any; leave it out, or \
                               leave the budgets out";
                return Err(self.error(faulty.span(), problem));
            }
            if crashes == 0 && wipes == 0 && rollbacks == 0 {
                let problem = "faulty: only `crashes`, `wipes` and `rollbacks` look at it, and \
                               `[faults]` has none of them";
                return Err(self.error(faulty.span(), problem));
            }
        }
        let may_be_down =
            crashes > 0 || scenario.down.iter().any(|node| scenario.faulty.contains(node));
        for (field, budget) in [("wipes", wipes), ("rollbacks", rollbacks)] {
            if let Some(faults) = raw.faults.as_ref().filter(|_| budget > 0 && !may_be_down) {
                let problem = format!(
                    "faults.{field}: only disks of nodes that are down are struck, and none is; \
                     give `[faults]` a budget of `crashes`, or name a node in `down`"
                );
                return Err(self.error(faults.span(), problem));
            }
        }
        Ok(())
    }

    fn coordinator_warnings(&self, raw: &RawScenario, scenario: &Scenario) -> Vec<Warning> {
        if scenario.down_returns || scenario.script.is_some() {
            return Vec::new();
        }
        let is_down = |via: &[NodeId]| via.iter().all(|node| scenario.down.contains(*node));
        let programs = raw.clients.iter().zip(&scenario.clients);
        let affected = programs.filter_map(|(raw, client)| {
            let first = client.operations.iter().position(|operation| is_down(&operation.via))?;
            let program = raw.get_ref().program.get_ref();
            let operation = program.get(first % program.len().max(1))?;
            let kind = WarningKind::NobodyCoordinates { client: client.name.clone() };
            Some(self.warning(operation.span(), kind))
        });
        affected.collect()
    }

    /// Steps of a script that do nothing, or look at nothing.
    fn check_steps(&self, raw: &RawScenario, scenario: &Scenario) -> Checked {
        let steps = scenario.script.iter().flat_map(|script| &script.steps);
        let mut down = scenario.down;
        for (raw, step) in raw.steps.iter().zip(steps) {
            self.check_step(raw, &step.verb, down)?;
            match &step.verb {
                Verb::Crash(node) => down.insert(*node),
                Verb::Recover(node) => {
                    down = down.without(*node);
                    true
                }
                _ => true,
            };
        }
        Ok(())
    }

    fn check_step(&self, raw: &Spanned<RawStep>, verb: &Verb, down: NodeSet) -> Checked {
        let (at, raw) = (raw.span(), raw.get_ref());
        for (field, names) in raw.lists() {
            self.each_once(names, field)?;
        }
        match verb {
            Verb::Ask { via, expect: None, .. } if down.contains(*via) => {
                let node = &self.nodes[via.index()];
                let problem = format!(
                    "step.via: `{node}` is down here, so nothing comes of it; if that is what you \
                     mean, say `expect = \"pending\"`"
                );
                Err(self.error(at, problem))
            }
            Verb::Partition(_) => self.check_groups(raw.groups(), at, "step.partition"),
            Verb::ExpectHeld(held) if held.is_empty() => {
                Err(self.error(at, "step.expect-held: the list is empty, so nothing is looked at"))
            }
            Verb::ExpectHint(hints) if hints.is_empty() => {
                Err(self.error(at, "step.expect-hint: the list is empty, so nothing is looked at"))
            }
            _ => Ok(()),
        }
    }
}

/// `A, B`
fn names_of(names: &[Spanned<String>]) -> String {
    names.iter().map(|name| name.get_ref().as_str()).collect::<Vec<_>>().join(", ")
}
