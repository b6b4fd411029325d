//! The store of a node with a leader is damaged as that of any other.

use std::sync::Arc;

use quorate_leader::log::{Content, Entry, RowEffect};
use quorate_leader::names::{Epoch, Position, RequestId};
use quorate_leader::sessions::Sessions;
use quorate_leader::store::{Change, Store};

use super::*;
use crate::storage::damage::{
    Trial, makes_good_what_went_back, notices_what_is_gone, random_bytes, survives_power_loss,
    survives_random_damage,
};

const EPOCH: Epoch = Epoch::of(1);

/// Every so many steps the log is compacted, up to so many entries before the last.
const COMPACTED_EVERY: u32 = 15;
const KEPT: u32 = 10;

fn index(step: u64) -> Index {
    Index(u32::try_from(step).unwrap())
}

fn key(step: u64) -> Key {
    Key::from(&*format!("key {step}"))
}

fn value(step: u64, bytes: usize) -> Value {
    let text: String =
        random_bytes(step, bytes).into_iter().map(|byte| (byte % 64) as char).collect();
    Value::Text(Arc::from(text))
}

fn entry(step: u64, bytes: usize) -> Entry {
    let request = RequestId { client: ClientId(step), number: 1 };
    let effect = RowEffect::Row(value(step, bytes));
    Entry { epoch: EPOCH, content: Content::Write { key: key(step), effect, request } }
}

fn remembered(step: u64) -> Remembered {
    let position = Position { epoch: EPOCH, index: index(step) };
    Remembered { number: 1, position, counted: Some(step) }
}

fn undo(step: u64) -> Undo {
    Undo {
        key: key(step),
        value: None,
        client: ClientId(step),
        remembered: None,
        sessions: Sessions::default(),
        expired: Vec::new(),
    }
}

/// An entry is appended and applied.
fn changes(step: u64, bytes: usize) -> Vec<Change> {
    let (at, client) = (index(step), ClientId(step));
    let mut changes = vec![
        Change::Append { index: at, entry: entry(step, bytes) },
        Change::Undo { index: at, undo: Some(undo(step)) },
        Change::Row { key: key(step), value: Some(value(step, bytes)) },
        Change::Remember { client, remembered: Some(remembered(step)) },
        Change::Committed(at),
    ];
    if at.0.is_multiple_of(COMPACTED_EVERY) {
        let base = Position { epoch: EPOCH, index: Index(at.0 - KEPT) };
        changes.push(Change::Compact(base));
    }
    changes
}

fn staged(store: &LogStore, step: u64, bytes: usize) -> StagedLog {
    let mut staged = StagedLog::default();
    for change in changes(step, bytes) {
        staged.stage(store, change).unwrap();
    }
    staged
}

impl Trial for LogStore {
    const DATABASE: &'static str = "leader.redb";

    fn open(directory: &Path) -> Result<Self, StorageError> {
        LogStore::open(directory, "n1", 1 << 20)
    }

    fn group(&self, step: u64, bytes: usize) -> Vec<u8> {
        postcard::to_allocvec(&staged(self, step, bytes)).unwrap()
    }

    fn commit(&mut self, step: u64, bytes: usize) -> Result<(), StorageError> {
        let staged = staged(self, step, bytes);
        self.begin(&staged, step)?;
        self.settle().map(drop)
    }

    fn checkpoint(&mut self) -> Result<(), StorageError> {
        LogStore::checkpoint(self)
    }

    fn durable_step(&self) -> u64 {
        LogStore::durable_step(self)
    }

    fn holds(&self, step: u64, bytes: usize) -> Result<bool, StorageError> {
        let (reading, at) = (Reading(self), index(step));
        let Some(row) = reading.row(&key(step))? else { return Ok(false) };
        assert_eq!(row, value(step, bytes), "step {step}");
        let held = Store::remembered(&reading, ClientId(step))?;
        assert_eq!(held, Some(remembered(step)), "step {step}");
        if at > reading.base()?.index {
            assert_eq!(reading.entry(at)?, Some(entry(step, bytes)), "step {step}");
            assert_eq!(Store::undo(&reading, at)?, Some(undo(step)), "step {step}");
        }
        Ok(true)
    }

    fn check(&self) -> Result<(), StorageError> {
        let (head, last) = (self.head(), index(self.durable_step()));
        assert_eq!((head.last, head.committed), (Position { epoch: EPOCH, index: last }, last));
        assert_eq!(self.row_count(), self.durable_step());
        Ok(())
    }
}

#[test]
fn after_random_damage_all_that_was_acknowledged_is_there_or_the_store_does_not_open() {
    survives_random_damage::<LogStore>();
}

#[test]
fn a_file_that_is_gone_is_noticed() {
    notices_what_is_gone::<LogStore>();
}

#[test]
fn a_database_that_went_back_to_its_last_checkpoint_but_one_is_brought_up_from_the_log() {
    makes_good_what_went_back::<LogStore>();
}

#[test]
fn a_log_that_lost_power_gives_at_least_what_was_acknowledged_and_nothing_out_of_order() {
    survives_power_loss::<LogStore>();
}
