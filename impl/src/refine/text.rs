//! What accepted traces showed, for people.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use quorate_checker::refine::Report;
use quorate_checker::refine::report::{ActionCount, NodeReport, PropertyReport};

use crate::styled::wrapped;

/// The most keys that were not judged to be listed one by one.
const KEYS_LISTED_MAX: usize = 10;

/// One line that says it all.
#[must_use]
pub fn summary(report: &Report) -> String {
    let traced = report.nodes.iter().filter(|node| node.traced).count();
    let judged = if report.is_vacuous() {
        "NOTHING WAS JUDGED"
    } else {
        "every promise that was put to the test held"
    };
    let lost = match report.lost_disks() {
        0 => String::new(),
        1 => ", with 1 lost disk,".to_owned(),
        lost => format!(", with {lost} lost disks,"),
    };
    format!(
        "accepted: {} steps of {traced} nodes and {} clients{lost} are what the protocol gives; {judged}",
        report.events, report.clients.clients
    )
}

/// Everything, in a few small tables.
#[must_use]
pub fn report(report: &Report) -> String {
    let clients = &report.clients;
    let messages = &report.messages;
    let mut text = format!(
        "{}\n\n{}\n\n{}\n\noperations: {} of {} writes acknowledged, {} of {} reads answered, {} \
         unavailable, {} refused\nmessages: {} sent, {} received, {} lost, {} duplicated, {} \
         reordered",
        nodes(&report.nodes),
        actions(&report.actions),
        properties(&report.properties, report.keys_judged + report.keys_not_judged.len()),
        clients.writes_acknowledged,
        clients.writes,
        clients.reads_answered,
        clients.reads,
        clients.unavailable,
        clients.refused,
        messages.sent,
        messages.received,
        messages.lost,
        messages.duplicated,
        messages.reordered,
    );
    if messages.trusted + messages.unobserved > 0 {
        text.push_str(&format!(
            "\nclients without a trace: {} messages from them taken on trust, {} to them not \
             followed",
            messages.trusted, messages.unobserved
        ));
    }
    for unjudged in report.keys_not_judged.iter().take(KEYS_LISTED_MAX) {
        text.push_str(&format!("\nkey {}: {}", unjudged.key, unjudged.reason));
    }
    if let Some(more) = report.keys_not_judged.len().checked_sub(KEYS_LISTED_MAX + 1) {
        text.push_str(&format!("\nand {} more keys not judged to the end", more + 1));
    }
    for file in &report.torn {
        text.push_str(&format!("\n{file}: ends in half a line, which was left out"));
    }
    format!("{text}\n\n{}\n", summary(report))
}

fn table(header: &[&str]) -> Table {
    // Without a width to fit into, no word is broken; without lines, it fits into most anyway.
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header);
    table
}

fn nodes(nodes: &[NodeReport]) -> String {
    let mut table = table(&["node", "steps", "restarts", "lost disks", "cut off by a crash"]);
    for node in nodes {
        if node.traced {
            let counts = [node.steps, node.restarts, node.lost_disks, node.cut_off];
            let counts = counts.map(|count| count.to_string());
            table.add_row(std::iter::once(node.name.clone()).chain(counts));
        } else {
            table.add_row([&node.name, "no trace"]);
        }
    }
    align_right(&mut table, 1..5);
    table.trim_fmt()
}

/// What happened how often, several kinds beside each other, and below what never did.
fn actions(actions: &[ActionCount]) -> String {
    const BESIDE: usize = 3;
    let happened: Vec<&ActionCount> = actions.iter().filter(|action| action.count > 0).collect();
    let mut table = table(&["step", "times", "step", "times", "step", "times"]);
    for row in happened.chunks(BESIDE) {
        let cell = |action: &&ActionCount| [action.name.to_owned(), action.count.to_string()];
        table.add_row(row.iter().flat_map(cell));
    }
    for column in 0..BESIDE {
        align_right(&mut table, 2 * column + 1..2 * column + 2);
    }
    let never: Vec<&str> =
        actions.iter().filter(|action| action.count == 0).map(|action| &*action.name).collect();
    let never = if never.is_empty() { "nothing".to_owned() } else { never.join(", ") };
    format!("{}\n{}", table.trim_fmt(), wrapped("never happened: ", &never))
}

/// `keys` is how many there are, those among them that were judged only in part.
fn properties(properties: &[PropertyReport], keys: usize) -> String {
    let mut table = table(&["property", "promised of", "put to the test by", "broken"]);
    for property in properties {
        let noun = if keys == 1 { "key" } else { "keys" };
        let promised = format!("{} of {keys} {noun}", property.keys_promised);
        let mut occasions = format!("{} {}", property.occasions, property.occasion);
        if property.occasions_promised < property.occasions {
            let promised = property.occasions_promised;
            occasions.push_str(&format!(", {promised} where promised"));
        }
        table.add_row([
            property.name.to_string(),
            promised,
            occasions,
            property.broken.to_string(),
        ]);
    }
    align_right(&mut table, 3..4);
    let untested: Vec<&str> = properties
        .iter()
        .filter(|property| property.keys_promised > 0 && property.occasions_promised == 0)
        .map(|property| property.name)
        .collect();
    let mut text = table.trim_fmt();
    if !untested.is_empty() {
        let untested = wrapped("promised, but never put to the test: ", &untested.join(", "));
        text.push_str(&format!("\n{untested}"));
    }
    text
}

fn align_right(table: &mut Table, columns: std::ops::Range<usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}
