//! Compares two embedded stores, `fjall` and `redb`, as the durable store of one node.
//!
//! ```text
//! cargo run --release -p quorate --features store-comparison --example store_comparison -- all target/store-comparison
//! ```
//!
//! The second argument is a scratch directory; it must lie on the disk to be measured, because on
//! a memory-backed file system `fsync` costs nothing. It is emptied first. The first argument may
//! also be one of the parts: `speed`, `size`, `kill`, `torn`, `lock`. Linux only: the memory and
//! I/O counters come from `/proc/self`.
//!
//! The workload is group commit by one single-threaded event loop: of every group of B steps, each
//! step reads one key and rewrites it (16-byte key, 200-byte incompressible value, uniformly among
//! 100,000 keys), and all steps of a group, with one small meta row, go into one atomic batch that
//! has reached the disk when the call returns. What each part does is said at its function; what
//! came out is in `docs/storage.md`.
//!
//! Every write is a pure function of its sequence number, and the meta row holds the next sequence
//! number. So a store's whole expected content follows from its meta row, and every check here is a
//! full comparison, in key order, rather than a sample.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fjall::{KeyspaceCreateOptions, PersistMode};
use redb::{ReadableDatabase as _, ReadableTable as _, TableDefinition};

type Error = Box<dyn std::error::Error>;
type Result<T> = std::result::Result<T, Error>;
type Key = [u8; 16];
/// What is in a directory, by path relative to it: files with their content, directories with none.
type Image = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// Keys in the store of the speed, size and kill parts.
const KEYS: u64 = 100_000;
/// Keys in the store of the torn part, whose images are checked one by one.
const TORN_KEYS: u64 = 2_000;
const VALUE_LEN: usize = 200;
/// Group sizes, each with the number of groups one run commits.
const GROUPS: [(u64, u64); 3] = [(1, 400), (16, 300), (128, 120)];
/// Interleaved runs per variant and group size; medians need an odd number.
const RUNS: usize = 21;
const SIZE_STEPS: u64 = 200_000;
const KILLS: u64 = 10;
const TORN_COMMITS: u64 = 9;
const TORN_IMAGES: u64 = 12;
const ROTTEN_IMAGES: u64 = 120;
/// Cache of either store; their defaults, 32 MiB and 1 GiB, would not compare.
const CACHE_BYTES: u32 = 64 << 20;
/// Small enough that flushes and compactions happen inside a run; the default is 64 MiB.
const MEMTABLE_BYTES: u64 = 16 << 20;

/// The least `fjall` accepts. Left at 512 MiB, the rarely flushed meta rows keep old journals alive,
/// and every open replays them.
const JOURNAL_BYTES: u64 = 64 << 20;

const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
const META: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("meta");
const REDB_FILE: &str = "store.redb";
const META_KEY: &[u8] = b"next";

/// A store together with how it is asked for durability.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Variant {
    /// `fjall`, one `fdatasync` of the journal per batch.
    Fjall,
    /// `fjall`, `fsync` instead of `fdatasync`.
    FjallAll,
    /// `redb`, its default one-phase commit: one `fdatasync`.
    Redb,
    /// The same, and every open verifies the whole file, not only an open after a crash.
    RedbChecked,
    /// `redb-checked` with two-phase commit: two `fdatasync`.
    RedbTwoPhase,
    /// `redb` with quick repair, which implies two-phase commit.
    RedbQuick,
}

impl Variant {
    const ALL: [Self; 6] = [
        Self::Fjall,
        Self::FjallAll,
        Self::Redb,
        Self::RedbChecked,
        Self::RedbTwoPhase,
        Self::RedbQuick,
    ];
    /// Those that differ in how they commit.
    const COMMITS: [Self; 5] =
        [Self::Fjall, Self::FjallAll, Self::Redb, Self::RedbTwoPhase, Self::RedbQuick];
    /// Those that differ in how they open.
    const OPENS: [Self; 5] =
        [Self::Fjall, Self::Redb, Self::RedbChecked, Self::RedbTwoPhase, Self::RedbQuick];

    const fn name(self) -> &'static str {
        match self {
            Self::Fjall => "fjall",
            Self::FjallAll => "fjall-syncall",
            Self::Redb => "redb",
            Self::RedbChecked => "redb-checked",
            Self::RedbTwoPhase => "redb-twophase",
            Self::RedbQuick => "redb-quickrepair",
        }
    }

    const fn checked(self) -> bool {
        matches!(self, Self::RedbChecked | Self::RedbTwoPhase)
    }

    const fn two_phase(self) -> bool {
        matches!(self, Self::RedbTwoPhase | Self::RedbQuick)
    }

    fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|v| v.name() == name);
        found.ok_or_else(|| format!("no such variant: {name}").into())
    }
}

/// A bijection on 64-bit numbers that looks random (the finaliser of SplitMix64).
const fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// Which key step `seq` touches: the first `keys` steps create them, later ones pick at random.
const fn index_of(seq: u64, keys: u64) -> u64 {
    if seq < keys { seq } else { mix(seq) % keys }
}

fn key_of(index: u64) -> Key {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&mix(index).to_be_bytes());
    key[8..].copy_from_slice(&index.to_be_bytes());
    key
}

fn value_of(seq: u64) -> [u8; VALUE_LEN] {
    let mut value = [0; VALUE_LEN];
    for (word, at) in value.chunks_exact_mut(8).zip(0..) {
        word.copy_from_slice(&mix(mix(seq) ^ at).to_be_bytes());
    }
    value
}

fn number(bytes: &[u8]) -> Result<u64> {
    Ok(u64::from_be_bytes(bytes.try_into()?))
}

/// An open store.
enum Store {
    Fjall {
        db: fjall::Database,
        records: fjall::Keyspace,
        meta: fjall::Keyspace,
        mode: PersistMode,
    },
    Redb {
        db: redb::Database,
        variant: Variant,
    },
}

impl Store {
    fn open(variant: Variant, dir: &Path) -> Result<Self> {
        match variant {
            Variant::Fjall | Variant::FjallAll => {
                let db = fjall::Database::builder(dir)
                    .cache_size(CACHE_BYTES.into())
                    .max_journaling_size(JOURNAL_BYTES)
                    .open()?;
                let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
                Ok(Self::Fjall {
                    records: db.keyspace("records", options)?,
                    meta: db.keyspace("meta", options)?,
                    mode: if variant == Variant::Fjall {
                        PersistMode::SyncData
                    } else {
                        PersistMode::SyncAll
                    },
                    db,
                })
            }
            _ => {
                fs::create_dir_all(dir)?;
                let mut builder = redb::Database::builder();
                builder.set_cache_size(usize::try_from(CACHE_BYTES)?);
                builder.set_check_integrity_on_open(variant.checked());
                let db = builder.create(dir.join(REDB_FILE))?;
                Ok(Self::Redb { db, variant })
            }
        }
    }

    /// The sequence number after the last durable one; zero in a new store.
    fn next(&self) -> Result<u64> {
        match self {
            Self::Fjall { meta, .. } => meta.get(META_KEY)?.map_or(Ok(0), |v| number(&v)),
            Self::Redb { db, .. } => match db.begin_read()?.open_table(META) {
                Ok(table) => table.get(META_KEY)?.map_or(Ok(0), |v| number(v.value())),
                Err(redb::TableError::TableDoesNotExist(_)) => Ok(0),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// Point-reads the key of every step, and returns how many bytes were found.
    fn read(&self, steps: Range<u64>, keys: u64) -> Result<usize> {
        let mut found = 0;
        match self {
            Self::Fjall { records, .. } => {
                for seq in steps {
                    let value = records.get(key_of(index_of(seq, keys)))?;
                    found += value.map_or(0, |v| v.len());
                }
            }
            Self::Redb { db, .. } => {
                let table = db.begin_read()?.open_table(RECORDS)?;
                for seq in steps {
                    let value = table.get(key_of(index_of(seq, keys)).as_slice())?;
                    found += value.map_or(0, |v| v.value().len());
                }
            }
        }
        Ok(found)
    }

    /// Writes every step's record and the meta row in one batch, and waits until it is on disk.
    fn commit(&self, steps: Range<u64>, keys: u64) -> Result<()> {
        let next = steps.end.to_be_bytes();
        match self {
            Self::Fjall { db, records, meta, mode } => {
                let mut batch = db.batch().durability(Some(*mode));
                for seq in steps {
                    batch.insert(records, key_of(index_of(seq, keys)), value_of(seq));
                }
                batch.insert(meta, META_KEY, next);
                batch.commit()?;
            }
            Self::Redb { db, variant } => {
                let mut txn = db.begin_write()?;
                txn.set_durability(redb::Durability::Immediate)?;
                txn.set_two_phase_commit(variant.two_phase());
                txn.set_quick_repair(*variant == Variant::RedbQuick);
                {
                    let mut table = txn.open_table(RECORDS)?;
                    for seq in steps {
                        let key = key_of(index_of(seq, keys));
                        table.insert(key.as_slice(), value_of(seq).as_slice())?;
                    }
                    let mut table = txn.open_table(META)?;
                    table.insert(META_KEY, next.as_slice())?;
                }
                txn.commit()?;
            }
        }
        Ok(())
    }

    /// Visits every record in key order.
    fn scan(&self, mut visit: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()> {
        match self {
            Self::Fjall { records, .. } => {
                for entry in records.iter() {
                    let (key, value) = entry.into_inner()?;
                    visit(&key, &value)?;
                }
            }
            Self::Redb { db, .. } => {
                let table = db.begin_read()?.open_table(RECORDS)?;
                for entry in table.iter()? {
                    let (key, value) = entry?;
                    visit(key.value(), value.value())?;
                }
            }
        }
        Ok(())
    }

    /// Creates the keys, a thousand to a batch.
    fn preload(&self, keys: u64) -> Result<()> {
        let mut seq = 0;
        while seq < keys {
            let end = keys.min(seq + 1_000);
            self.commit(seq..end, keys)?;
            seq = end;
        }
        Ok(())
    }

    /// Checks the whole content against the meta row, and returns the meta row.
    fn verify(&self, keys: u64) -> Result<u64> {
        let next = self.next()?;
        let mut expected = BTreeMap::new();
        for seq in 0..next {
            expected.insert(key_of(index_of(seq, keys)), seq);
        }
        let mut expected = expected.into_iter();
        self.scan(|key, value| match expected.next() {
            Some((k, seq)) if k == *key && value_of(seq) == *value => Ok(()),
            _ => Err("content differs from what was acknowledged".into()),
        })?;
        match expected.next() {
            None => Ok(next),
            Some(_) => Err("records are missing".into()),
        }
    }
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (part, dir) = match args[..] {
        // What this program starts itself as, to have a fresh process to measure or to kill.
        ["child-run", variant, dir, group, groups] => {
            return child_run(variant, dir, group.parse()?, groups.parse()?);
        }
        ["child-load", variant, dir] => return child_load(variant, dir),
        ["child-verify", variant, dir, keys] => return child_verify(variant, dir, keys.parse()?),
        [part, dir] => (part, Path::new(dir)),
        _ => return Err("usage: store_comparison all|speed|size|kill|torn|lock DIRECTORY".into()),
    };
    let known = ["all", "speed", "size", "kill", "torn", "lock"];
    if !known.contains(&part) {
        return Err(format!("no such part: {part}").into());
    }
    let wanted = |name| part == "all" || part == name;
    if wanted("speed") {
        speed(dir)?;
    }
    if wanted("size") {
        size(dir)?;
    }
    if wanted("kill") {
        kill(dir)?;
    }
    if wanted("torn") {
        torn(dir)?;
    }
    if wanted("lock") {
        lock(dir)?;
    }
    empty(dir)
}

fn empty(dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    Ok(fs::create_dir_all(dir)?)
}

fn child(args: &[&str]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(args);
    Ok(command)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| "path is not UTF-8".into())
}

fn quantile(sorted: &[f64], per_cent: usize) -> f64 {
    sorted[(sorted.len() - 1) * per_cent / 100]
}

fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn to_f64(n: u64) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

/// The number after `label` in a file of `/proc/self`.
fn counter(file: &str, label: &str) -> Result<u64> {
    let content = fs::read_to_string(file)?;
    let line = content.lines().find_map(|line| line.strip_prefix(label));
    let word = line.and_then(|rest| rest.split_whitespace().next());
    Ok(word.ok_or("no such counter")?.parse()?)
}

/// One measured run, in a process of its own.
#[derive(Clone)]
struct Run {
    open_ms: f64,
    steps_per_s: f64,
    p50_us: f64,
    p99_us: f64,
    max_us: f64,
    peak_mib: f64,
    written_per_step: f64,
}

impl Run {
    fn start(variant: Variant, dir: &Path, group: u64, groups: u64) -> Result<Self> {
        let (group, groups) = (group.to_string(), groups.to_string());
        let output = child(&["child-run", variant.name(), text(dir)?, &group, &groups])?
            .stderr(Stdio::inherit())
            .output()?;
        let fields = String::from_utf8(output.stdout)?;
        let fields = fields.split_whitespace().map(str::parse);
        let fields = fields.collect::<std::result::Result<Vec<f64>, _>>()?;
        let [open_ms, steps_per_s, p50_us, p99_us, max_us, peak_mib, written_per_step] = fields[..]
        else {
            return Err("a run ended early".into());
        };
        Ok(Self { open_ms, steps_per_s, p50_us, p99_us, max_us, peak_mib, written_per_step })
    }
}

fn child_run(variant: &str, dir: &str, group: u64, groups: u64) -> Result<()> {
    let start = Instant::now();
    let store = Store::open(Variant::parse(variant)?, Path::new(dir))?;
    let mut seq = store.next()?;
    let open = start.elapsed();

    let mut latencies = Vec::new();
    let warm_up = groups / 4;
    let mut start = Instant::now();
    let mut written = 0;
    for round in 0..warm_up + groups {
        if round == warm_up {
            written = counter("/proc/self/io", "write_bytes:")?;
            start = Instant::now();
        }
        let steps = seq..seq + group;
        seq = steps.end;
        let found = store.read(steps.clone(), KEYS)?;
        if found != usize::try_from(group)? * VALUE_LEN {
            return Err("a key was not found".into());
        }
        let before = Instant::now();
        store.commit(steps, KEYS)?;
        if round >= warm_up {
            latencies.push(micros(before.elapsed()));
        }
    }
    let steps = to_f64(group * groups);
    let rate = steps / start.elapsed().as_secs_f64();
    let written = counter("/proc/self/io", "write_bytes:")? - written;
    let peak = counter("/proc/self/status", "VmHWM:")?;
    drop(store);

    let latencies = sorted(latencies);
    println!(
        "{} {rate} {} {} {} {} {}",
        open.as_secs_f64() * 1e3,
        quantile(&latencies, 50),
        quantile(&latencies, 99),
        quantile(&latencies, 100),
        to_f64(peak) / 1024.0,
        to_f64(written) / steps,
    );
    Ok(())
}

/// What the disk allows: appending 512 bytes and waiting for `fdatasync`, nothing else.
fn floor(dir: &Path) -> Result<f64> {
    let mut file = File::create(dir.join("floor"))?;
    let mut latencies = Vec::new();
    for _ in 0..100 {
        let before = Instant::now();
        file.write_all(&[1; 512])?;
        file.sync_data()?;
        latencies.push(micros(before.elapsed()));
    }
    Ok(quantile(&sorted(latencies), 50))
}

/// Interleaved runs: every round runs each variant once, starting with another one each time. Each
/// group size starts from a freshly loaded store, which then lives on through the rounds, so flush
/// and compaction debts are paid inside the measurement.
fn speed(root: &Path) -> Result<()> {
    empty(root)?;
    let mut floors = Vec::new();
    let mut report = String::from(
        "| B | variant | steps/s | min-max | commit p50 us | p99 us | max us | open ms | \
         peak MiB | B written/step | x fjall, min-max |\n\
         |--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for (group, groups) in GROUPS {
        let mut runs: [Vec<Run>; Variant::COMMITS.len()] = Default::default();
        let dirs = Variant::COMMITS.map(|v| root.join(format!("{}-{group}", v.name())));
        for (variant, dir) in Variant::COMMITS.into_iter().zip(&dirs) {
            Store::open(variant, dir)?.preload(KEYS)?;
        }
        for round in 0..RUNS {
            floors.push(floor(root)?);
            for turn in 0..Variant::COMMITS.len() {
                let i = (round + turn) % Variant::COMMITS.len();
                let run = Run::start(Variant::COMMITS[i], &dirs[i], group, groups)?;
                runs[i].push(run);
            }
        }
        let baseline: Vec<f64> = runs[0].iter().map(|run| run.steps_per_s).collect();
        for (variant, runs) in Variant::COMMITS.into_iter().zip(&runs) {
            let all = |field: fn(&Run) -> f64| sorted(runs.iter().map(field));
            let rate = all(|run| run.steps_per_s);
            let pairs = runs.iter().zip(&baseline);
            let ratio = sorted(pairs.map(|(run, base)| run.steps_per_s / base));
            writeln!(
                report,
                "| {group} | {} | {:.0} | {:.0}-{:.0} | {:.0} | {:.0} | {:.0} | {:.1} | {:.0} \
                 | {:.0} | {:.2}, {:.2}-{:.2} |",
                variant.name(),
                quantile(&rate, 50),
                quantile(&rate, 0),
                quantile(&rate, 100),
                quantile(&all(|run| run.p50_us), 50),
                quantile(&all(|run| run.p99_us), 50),
                quantile(&all(|run| run.max_us), 100),
                quantile(&all(|run| run.open_ms), 50),
                quantile(&all(|run| run.peak_mib), 100),
                quantile(&all(|run| run.written_per_step), 50),
                quantile(&ratio, 50),
                quantile(&ratio, 0),
                quantile(&ratio, 100),
            )?;
        }
    }
    let floors = sorted(floors);
    println!(
        "## speed\n\nThe disk alone, p50 of append and fdatasync, once per round: \
         median {:.0} us, min-max {:.0}-{:.0} us.\n\n{report}",
        quantile(&floors, 50),
        quantile(&floors, 0),
        quantile(&floors, 100)
    );
    Ok(())
}

/// The files and directories below `dir`.
fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![dir.to_path_buf()];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path.is_dir() {
                pending.push(path.clone());
            }
            found.push(path);
        }
    }
    Ok(found)
}

/// Size of a fresh store after 200,000 rewrites of 100,000 keys, closed; then one clean open. Blocks
/// are what the file system gave; lengths count the holes of preallocated files too.
fn size(root: &Path) -> Result<()> {
    println!(
        "## size\n\n| variant | allocated MiB | length MiB | clean open ms |\n|---|--:|--:|--:|"
    );
    for variant in [Variant::Fjall, Variant::Redb, Variant::RedbChecked] {
        empty(root)?;
        let dir = root.join(variant.name());
        let store = Store::open(variant, &dir)?;
        store.preload(KEYS)?;
        for seq in (KEYS..KEYS + SIZE_STEPS).step_by(128) {
            store.commit(seq..seq + 128, KEYS)?;
        }
        drop(store);
        let (mut blocks, mut length) = (0, 0);
        for path in entries(&dir)? {
            let data = fs::metadata(path)?;
            if data.is_file() {
                blocks += data.blocks() * 512;
                length += data.len();
            }
        }
        let mib = |bytes| to_f64(bytes) / f64::from(1 << 20);
        let start = Instant::now();
        let store = Store::open(variant, &dir)?;
        store.next()?;
        let open = start.elapsed();
        store.verify(KEYS)?;
        println!(
            "| {} | {:.1} | {:.1} | {:.1} |",
            variant.name(),
            mib(blocks),
            mib(length),
            open.as_secs_f64() * 1e3
        );
    }
    println!();
    Ok(())
}

/// Commits groups of 16 for ever and prints each acknowledged sequence number.
fn child_load(variant: &str, dir: &str) -> Result<()> {
    let store = Store::open(Variant::parse(variant)?, Path::new(dir))?;
    let mut seq = store.next()?;
    let mut out = std::io::stdout();
    loop {
        store.commit(seq..seq + 16, KEYS)?;
        seq += 16;
        writeln!(out, "{seq}")?;
        out.flush()?;
    }
}

/// Kills a loading process with SIGKILL, again and again on one store. After each, everything
/// acknowledged must be there and the whole content must be that of a group boundary.
fn kill(root: &Path) -> Result<()> {
    println!(
        "## kill\n\n| variant | kills | acknowledged steps lost | groups torn | open ms, median, max |\n\
         |---|--:|--:|--:|--:|"
    );
    for variant in Variant::OPENS {
        empty(root)?;
        let dir = root.join(variant.name());
        Store::open(variant, &dir)?.preload(KEYS)?;
        let mut opens = Vec::new();
        for round in 0..KILLS {
            let mut loader = child(&["child-load", variant.name(), text(&dir)?])?
                .stdout(Stdio::piped())
                .spawn()?;
            let mut lines = BufReader::new(loader.stdout.take().ok_or("no pipe")?);
            let mut first = String::new();
            lines.read_line(&mut first)?;
            std::thread::sleep(Duration::from_millis(200 + mix(round) % 800));
            loader.kill()?;
            loader.wait()?;
            let mut rest = String::new();
            lines.read_to_string(&mut rest)?;
            let whole = rest.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let acknowledged = whole.lines().last().unwrap_or(first.trim());
            let acknowledged: u64 = acknowledged.parse()?;

            let start = Instant::now();
            let store = Store::open(variant, &dir)?;
            let next = store.next()?;
            opens.push(start.elapsed().as_secs_f64() * 1e3);
            if next < acknowledged {
                return Err(format!("{} lost acknowledged steps", variant.name()).into());
            }
            store.verify(KEYS)?;
        }
        let opens = sorted(opens);
        println!(
            "| {} | {KILLS} | 0 | 0 | {:.1}, {:.1} |",
            variant.name(),
            quantile(&opens, 50),
            quantile(&opens, 100)
        );
    }
    println!();
    Ok(())
}

fn child_verify(variant: &str, dir: &str, keys: u64) -> Result<()> {
    let store = Store::open(Variant::parse(variant)?, Path::new(dir))
        .map_err(|error| format!("refused: {error}"))?;
    println!("{}", store.verify(keys)?);
    Ok(())
}

fn snapshot(dir: &Path) -> Result<Image> {
    let mut image = Image::new();
    for path in entries(dir)? {
        let content = path.is_file().then(|| fs::read(&path)).transpose()?;
        image.insert(path.strip_prefix(dir)?.to_path_buf(), content);
    }
    Ok(image)
}

/// Writes an image out, leaving holes for pages of zeros.
fn restore(image: &Image, dir: &Path) -> Result<()> {
    empty(dir)?;
    for (name, content) in image {
        let path = dir.join(name);
        // A directory sorts before what is in it.
        let Some(content) = content else {
            fs::create_dir(path)?;
            continue;
        };
        let file = File::create(path)?;
        file.set_len(content.len().try_into()?)?;
        for (page, at) in content.chunks(4096).zip((0..).step_by(4096)) {
            if page.iter().any(|&byte| byte != 0) {
                file.write_all_at(page, at)?;
            }
        }
    }
    Ok(())
}

/// Opens an image in a process of its own (a store may panic) and says what became of it.
fn judge(variant: Variant, dir: &Path, before: u64, after: u64) -> Result<String> {
    let keys = TORN_KEYS.to_string();
    let output = child(&["child-verify", variant.name(), text(dir)?, &keys])?.output()?;
    if output.status.success() {
        let next: u64 = String::from_utf8(output.stdout)?.trim().parse()?;
        return Ok(match next {
            n if n == after => "new state".into(),
            n if n == before => "old state".into(),
            n if n < before => "SILENT LOSS of several acknowledged groups".into(),
            n => return Err(format!("impossible state {n}").into()),
        });
    }
    let message = String::from_utf8(output.stderr)?;
    Ok(if message.contains("panicked") {
        "panicked".into()
    } else if message.contains("refused") {
        "refused to open".into()
    } else if message.contains("acknowledged") || message.contains("missing") {
        "SILENT wrong content".into()
    } else {
        "error on read".into()
    })
}

/// What SIGKILL cannot show, since the page cache outlives a process: the disk after a power loss.
///
/// Torn: of the pages (or sectors) that one more commit changed, only a random part has reached the
/// disk. The store must open in the state before or after that commit. A two-phase commit waits for
/// the disk between its pages and the byte that makes them current, so that byte stays old then.
/// Zeroed, flipped: every commit has reached the disk, and since then one page that is not all zeros
/// has turned to zeros, or one bit of it has changed, in a store that was open when the power went or
/// that had been closed. The store should say so.
fn torn(root: &Path) -> Result<()> {
    println!("## torn\n\n| variant | images | outcome | count |\n|---|---|---|--:|");
    for variant in Variant::OPENS {
        empty(root)?;
        let (dir, image_dir) = (root.join("live"), root.join("image"));
        let store = Store::open(variant, &dir)?;
        store.preload(TORN_KEYS)?;
        let mut outcomes: BTreeMap<(&str, String), u64> = BTreeMap::new();
        let mut dice = 0;
        let mut roll = |sides: u64| {
            dice += 1;
            mix(dice) % sides
        };
        let mut seq = TORN_KEYS;
        for _ in 0..50 {
            store.commit(seq..seq + 16, TORN_KEYS)?;
            seq += 16;
        }
        for commit in 0..TORN_COMMITS {
            let old = snapshot(&dir)?;
            let group = [1, 16, 128][usize::try_from(commit % 3)?];
            store.commit(seq..seq + group, TORN_KEYS)?;
            let new = snapshot(&dir)?;
            for i in 0..TORN_IMAGES {
                let unit = if i % 2 == 0 { 4096 } else { 512 };
                let eighths = [1, 4, 7][usize::try_from(i / 2 % 3)?];
                let mut image = tear(&old, &new, unit, || roll(8) < eighths);
                if variant.two_phase() {
                    const CURRENT: usize = 9; // Its place in the header, after the magic number.
                    let was = bytes(&mut old.clone(), REDB_FILE)?[CURRENT];
                    bytes(&mut image, REDB_FILE)?[CURRENT] = was;
                }
                restore(&image, &image_dir)?;
                let outcome = judge(variant, &image_dir, seq, seq + group)?;
                *outcomes.entry(("torn", outcome)).or_default() += 1;
            }
            seq += group;
        }
        store.commit(seq..seq + 16, TORN_KEYS)?;
        let (before, after) = (seq, seq + 16);
        let open = snapshot(&dir)?;
        drop(store);
        let closed = snapshot(&dir)?;
        for (image, kinds) in [
            (open, ["open, page zeroed", "open, bit flipped"]),
            (closed, ["closed, page zeroed", "closed, bit flipped"]),
        ] {
            let mut used = Vec::new();
            for (name, content) in &image {
                for (i, page) in content.iter().flat_map(|c| c.chunks(4096)).enumerate() {
                    if page.iter().any(|&byte| byte != 0) {
                        used.push((name, i * 4096));
                    }
                }
            }
            for i in 0..ROTTEN_IMAGES {
                let (name, at) = used[usize::try_from(roll(used.len().try_into()?))?];
                let mut image = image.clone();
                let content = bytes(&mut image, name)?;
                let end = content.len().min(at + 4096);
                let kind = usize::try_from(i % 2)?;
                if kind == 0 {
                    content[at..end].fill(0);
                } else {
                    let bit = usize::try_from(roll(((end - at) * 8).try_into()?))?;
                    content[at + bit / 8] ^= 1 << (bit % 8);
                }
                restore(&image, &image_dir)?;
                let outcome = match judge(variant, &image_dir, before, after)?.as_str() {
                    "old state" => "SILENT LOSS of the last acknowledged group",
                    "new state" => "harmless",
                    other => other,
                }
                .to_owned();
                *outcomes.entry((kinds[kind], outcome)).or_default() += 1;
            }
        }
        for ((kind, outcome), count) in outcomes {
            println!("| {} | {kind} | {outcome} | {count} |", variant.name());
        }
    }
    println!();
    Ok(())
}

fn bytes(image: &mut Image, name: impl AsRef<Path>) -> Result<&mut Vec<u8>> {
    let content = image.get_mut(name.as_ref()).and_then(Option::as_mut);
    content.ok_or_else(|| "no such file".into())
}

/// `old`, with those changed units of `new` that `arrived` picks.
fn tear(old: &Image, new: &Image, unit: usize, mut arrived: impl FnMut() -> bool) -> Image {
    let mut image = old.clone();
    for (name, content) in new {
        let target = image.entry(name.clone()).or_default();
        let Some(content) = content else { continue };
        let target = target.get_or_insert_default();
        if target.len() < content.len() {
            target.resize(content.len(), 0);
        }
        for (to, from) in target.chunks_mut(unit).zip(content.chunks(unit)) {
            if from != to && arrived() {
                to.copy_from_slice(from);
            }
        }
    }
    image
}

/// Whether a second open is refused, from another process and from the same one.
fn lock(root: &Path) -> Result<()> {
    println!("## lock\n\n| variant | second process | same process |\n|---|---|---|");
    for variant in [Variant::Fjall, Variant::Redb] {
        empty(root)?;
        let dir = root.join(variant.name());
        let store = Store::open(variant, &dir)?;
        let output = child(&["child-verify", variant.name(), text(&dir)?, "0"])?.output()?;
        let other = String::from_utf8(output.stderr)?;
        let same = match Store::open(variant, &dir) {
            Ok(_) => "OPENED TWICE".into(),
            Err(error) => error.to_string(),
        };
        println!("| {} | {} | {same} |", variant.name(), other.trim());
        drop(store);
    }
    println!();
    Ok(())
}
