//! A whole comparison: every setting with every program under every budget of faults, on several threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde::Serialize;

use crate::availability::{Availability, availability};
use crate::file::Plan;
use crate::latency::{Latency, latency};
use crate::program::Program;
use crate::property::Property;
use crate::search::{Extent, Searched, search};
use crate::setting::Case;

/// What a comparison says of a property in one setting.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Cell {
    /// Some run shows it.
    Possible {
        /// The steps of the run that was found: no search visits a shorter one before it.
        steps: usize,
        /// The program in which it was found.
        program: String,
        /// The budget of faults under which it was found.
        faults: String,
    },
    /// No run within the bounds shows it, and some run put it to the test.
    Never,
    /// No run within the bounds shows it, and none put it to the test: the programs do not ask.
    NotAsked,
    /// No run that was looked at shows it, but not all were looked at.
    Cut {
        /// How many of the searches were cut.
        searches: usize,
    },
}

/// What a comparison says of one setting.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Row {
    /// The setting.
    pub setting: String,
    /// Of each property, in the order of [`Property::ALL`].
    pub cells: Vec<Cell>,
    /// How many states were visited in all searches.
    pub states: usize,
    /// Which failures leave it available.
    pub availability: Availability,
    /// How long operations take.
    pub latency: Latency,
}

/// A program, and under what it runs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ToldProgram {
    /// Its name.
    pub name: String,
    /// What clients do.
    pub clients: String,
    /// Under which budgets of faults.
    pub faults: Vec<String>,
}

fn told(plan: &Plan, at: usize, program: &Program) -> ToldProgram {
    let under = plan.faults.iter().enumerate().filter(|(faults, _)| plan.runs(at, *faults));
    ToldProgram {
        name: program.name.clone(),
        clients: program.to_string(),
        faults: under.map(|(_, faults)| faults.name.clone()).collect(),
    }
}

/// What a comparison found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Comparison {
    /// The programs.
    pub programs: Vec<ToldProgram>,
    /// The budgets of faults, by their names.
    pub faults: Vec<String>,
    /// The most states of one search.
    pub states_max: usize,
    /// A row per setting.
    pub rows: Vec<Row>,
}

/// One piece of the work.
enum Piece {
    Search { setting: usize, program: usize, faults: usize },
    Availability { setting: usize },
    Latency { setting: usize },
}

enum Done {
    Searched(Searched),
    Availability(Availability),
    Latency(Latency),
}

/// Compares everything; `on_progress` is told how many pieces of the work are done, and of how many.
pub fn compare(
    plan: &Plan,
    extent: Extent,
    threads: usize,
    on_progress: &(dyn Fn(usize, usize) + Sync),
) -> Comparison {
    let pieces = pieces(plan);
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results: Vec<Mutex<Option<Done>>> = pieces.iter().map(|_| Mutex::new(None)).collect();
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let position = next_position(&pieces, piece);
                    let result = carry_out(plan, piece, extent);
                    *results[position].lock().expect("nobody panics with it") = Some(result);
                    on_progress(done.fetch_add(1, Ordering::Relaxed) + 1, pieces.len());
                }
            });
        }
    });
    let results = results.into_iter().map(|result| result.into_inner().expect("all have ended"));
    let results: Vec<(Piece, Done)> =
        pieces.into_iter().zip(results.map(|result| result.expect("each was done"))).collect();
    let rows = (0..plan.settings.len()).map(|setting| row(plan, setting, &results));
    Comparison {
        programs: plan
            .programs
            .iter()
            .enumerate()
            .map(|(at, program)| told(plan, at, program))
            .collect(),
        faults: plan.faults.iter().map(|it| it.name.clone()).collect(),
        states_max: extent.states_max,
        rows: rows.collect(),
    }
}

fn next_position(pieces: &[Piece], piece: &Piece) -> usize {
    let is_it = |other: &Piece| std::ptr::eq(other, piece);
    pieces.iter().position(is_it).unwrap_or_default()
}

fn pieces(plan: &Plan) -> Vec<Piece> {
    let mut pieces = Vec::new();
    // The largest searches are those with the most faults: they come first, so that no thread is left with one.
    for faults in (0..plan.faults.len()).rev() {
        for setting in 0..plan.settings.len() {
            for program in 0..plan.programs.len() {
                if !plan.runs(program, faults) {
                    continue;
                }
                pieces.push(Piece::Search { setting, program, faults });
            }
        }
    }
    for setting in 0..plan.settings.len() {
        pieces.push(Piece::Availability { setting });
        pieces.push(Piece::Latency { setting });
    }
    pieces
}

fn carry_out(plan: &Plan, piece: &Piece, extent: Extent) -> Done {
    match *piece {
        Piece::Search { setting, program, faults } => {
            let case = Case::searched(
                &plan.settings[setting],
                &plan.programs[program],
                &plan.faults[faults],
            );
            Done::Searched(search(&case, extent))
        }
        Piece::Availability { setting } => {
            Done::Availability(availability(&plan.settings[setting], extent))
        }
        Piece::Latency { setting } => Done::Latency(latency(&plan.settings[setting])),
    }
}

fn row(plan: &Plan, setting: usize, results: &[(Piece, Done)]) -> Row {
    let mut searched = Vec::new();
    let (mut available, mut fast) = (None, None);
    for (piece, done) in results {
        match (piece, done) {
            (Piece::Search { setting: of, program, faults }, Done::Searched(found))
                if *of == setting =>
            {
                searched.push((*program, *faults, found));
            }
            (Piece::Availability { setting: of }, Done::Availability(found)) if *of == setting => {
                available = Some(found.clone());
            }
            (Piece::Latency { setting: of }, Done::Latency(found)) if *of == setting => {
                fast = Some(found.clone());
            }
            _ => {}
        }
    }
    // Of runs that are equally long, the one with fewer faults is told, and then that of the first program.
    searched.sort_by_key(|(program, faults, _)| (*faults, *program));
    let cells = Property::ALL.into_iter().map(|property| cell(plan, &searched, property));
    Row {
        setting: plan.settings[setting].name.clone(),
        cells: cells.collect(),
        states: searched.iter().map(|(_, _, found)| found.states).sum(),
        availability: available.expect("each setting has one"),
        latency: fast.expect("each setting has one"),
    }
}

/// What all searches of a setting say of a property.
fn cell(plan: &Plan, searched: &[(usize, usize, &Searched)], property: Property) -> Cell {
    let of = |found: &Searched| found.found[property as usize];
    let shown = searched.iter().filter_map(|it| Some((of(it.2).steps?, it)));
    let shortest = shown.min_by_key(|(steps, _)| *steps);
    let cut = searched.iter().filter(|it| it.2.cut_at.is_some()).count();
    match shortest {
        Some((steps, (program, faults, _))) => Cell::Possible {
            steps,
            program: plan.programs[*program].name.clone(),
            faults: plan.faults[*faults].name.clone(),
        },
        None if cut > 0 => Cell::Cut { searches: cut },
        None if searched.iter().any(|it| of(it.2).tested) => Cell::Never,
        None => Cell::NotAsked,
    }
}
