//! The database: tables, one transaction for many writes, and reads that never wait for a writer.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use cairn_core::ActivationRecord;
use cairn_gossip::{
    BatchHeader, BundleHead, ChannelRecord, NodeId, Origin, SignedBatch, Stream, VersionVector,
};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use serde::de::DeserializeOwned;

use super::error::StoreError;
use super::record;

/// The layout of the directory and its tables. Another number is refused.
pub(super) const FORMAT: u16 = 1;

/// Cache of the database. The log is read from its end, so a small one serves.
const CACHE_BYTES: usize = 4 << 20;

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// (origin, incarnation, first sequence) → place in the log.
const STREAMS: TableDefinition<'_, (&[u8; 16], u32, u64), u64> = TableDefinition::new("streams");
const CHANNELS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("channels");
const HEADS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("heads");
const CURSORS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("cursors");
const ACTIVATIONS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("activations");

/// What the tables held when they were opened.
pub(super) struct Recorded {
    pub(super) node: NodeId,
    pub(super) incarnation: u32,
    pub(super) log: Vec<BatchHeader>,
    pub(super) channels: BTreeMap<String, ChannelRecord>,
    pub(super) heads: Vec<BundleHead>,
    pub(super) cursors: BTreeMap<String, VersionVector>,
    pub(super) activations: BTreeMap<String, Vec<ActivationRecord>>,
}

pub(super) struct Journal {
    db: Database,
}

impl Journal {
    /// Open or create, check the format and the owner, and make the next incarnation durable:
    /// nothing is read or given out before that.
    pub(super) fn open(dir: &Path, origin: Origin) -> Result<(Journal, Recorded), StoreError> {
        let path = dir.join("cairn.redb");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        let db = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create_file(file)
            .map_err(StoreError::database("open"))?;
        let journal = Journal { db };
        let (node, incarnation) = journal.begin_life(dir, origin)?;
        let recorded = journal.recorded(node, incarnation)?;
        Ok((journal, recorded))
    }

    fn begin_life(&self, dir: &Path, origin: Origin) -> Result<(NodeId, u32), StoreError> {
        let tx = self.db.begin_write().map_err(StoreError::database("begin a transaction"))?;
        let (node, incarnation);
        {
            let mut meta = tx.open_table(META).map_err(StoreError::database("open meta"))?;
            // A fresh directory has no format; one of ours is checked before anything else.
            let format: Option<u16> = meta_record(&meta, "format")?;
            if let Some(actual) = format.filter(|&format| format != FORMAT) {
                let (dir, expected) = (dir.to_owned(), FORMAT);
                return Err(StoreError::Format { dir, actual, expected });
            }
            let stored: Option<Origin> = meta_record(&meta, "origin")?;
            if let Some(stored) = stored.filter(|&stored| stored != origin) {
                let (stored, key) = (stored.to_string(), origin.to_string());
                return Err(StoreError::OtherOrigin { dir: dir.to_owned(), stored, key });
            }
            node = match meta_record(&meta, "node")? {
                Some(node) => node,
                None => NodeId(rand::random()),
            };
            let starts: u32 = meta_record(&meta, "incarnation")?.unwrap_or(0);
            incarnation = starts
                .checked_add(1)
                .ok_or_else(|| StoreError::Incarnations { dir: dir.to_owned(), starts })?;
            let rows = [
                ("format", encoded("meta", "format", &FORMAT)?),
                ("origin", encoded("meta", "origin", &origin)?),
                ("node", encoded("meta", "node", &node)?),
                ("incarnation", encoded("meta", "incarnation", &incarnation)?),
            ];
            for (key, value) in &rows {
                meta.insert(key, value.as_slice()).map_err(StoreError::database("write meta"))?;
            }
            // So that readers find every table.
            tx.open_table(LOG).map_err(StoreError::database("open log"))?;
            tx.open_table(STREAMS).map_err(StoreError::database("open streams"))?;
            tx.open_table(CHANNELS).map_err(StoreError::database("open channels"))?;
            tx.open_table(HEADS).map_err(StoreError::database("open heads"))?;
            tx.open_table(CURSORS).map_err(StoreError::database("open cursors"))?;
            tx.open_table(ACTIVATIONS).map_err(StoreError::database("open activations"))?;
        }
        tx.commit().map_err(StoreError::database("commit the start"))?;
        Ok((node, incarnation))
    }

    fn recorded(&self, node: NodeId, incarnation: u32) -> Result<Recorded, StoreError> {
        let tx = self.db.begin_read().map_err(StoreError::database("begin a read"))?;
        let mut log = Vec::new();
        let table = tx.open_table(LOG).map_err(StoreError::database("open log"))?;
        for row in table.iter().map_err(StoreError::database("read log"))? {
            let (key, value) = row.map_err(StoreError::database("read log"))?;
            let damaged =
                |reason| StoreError::Damaged { table: "log", key: key.value().to_string(), reason };
            // A gap is a lost record: everything after it would stand in another order.
            if key.value() != log.len() as u64 {
                return Err(damaged(format!("expected {} here", log.len())));
            }
            let batch: SignedBatch = record::decode(value.value()).map_err(damaged)?;
            log.push(BatchHeader::read(&batch).map_err(|fault| damaged(fault.to_string()))?);
        }
        let texts = |name: &'static str, table| -> Result<_, StoreError> {
            tx.open_table::<&str, &[u8]>(table).map_err(StoreError::database(name))
        };
        let heads = tx.open_table(HEADS).map_err(StoreError::database("open heads"))?;
        let heads = heads
            .iter()
            .map_err(StoreError::database("read heads"))?
            .map(|row| {
                let (key, value) = row.map_err(StoreError::database("read heads"))?;
                decoded("heads", &cairn_merkle::Digest(*key.value()).to_string(), value.value())
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(Recorded {
            node,
            incarnation,
            log,
            channels: all("channels", &texts("open channels", CHANNELS)?)?,
            heads,
            cursors: all("cursors", &texts("open cursors", CURSORS)?)?,
            activations: all("activations", &texts("open activations", ACTIVATIONS)?)?,
        })
    }

    /// One durable transaction.
    pub(super) fn commit(
        &self,
        write: impl FnOnce(&mut Writing<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let tx = self.db.begin_write().map_err(StoreError::database("begin a transaction"))?;
        write(&mut Writing { tx: &tx })?;
        tx.commit().map_err(StoreError::database("commit"))
    }

    /// A batch by its place in the local order.
    pub(super) fn batch(&self, local: u64) -> Result<Option<SignedBatch>, StoreError> {
        let tx = self.db.begin_read().map_err(StoreError::database("begin a read"))?;
        let log = tx.open_table(LOG).map_err(StoreError::database("open log"))?;
        let Some(value) = log.get(local).map_err(StoreError::database("read log"))? else {
            return Ok(None);
        };
        decoded("log", &local.to_string(), value.value()).map(Some)
    }

    /// The batches of a stream whose first sequence is in `first..=last`, in order.
    pub(super) fn batches(
        &self,
        stream: Stream,
        first: u64,
        last: u64,
    ) -> Result<Vec<SignedBatch>, StoreError> {
        let tx = self.db.begin_read().map_err(StoreError::database("begin a read"))?;
        let streams = tx.open_table(STREAMS).map_err(StoreError::database("open streams"))?;
        let log = tx.open_table(LOG).map_err(StoreError::database("open log"))?;
        let Stream { origin, incarnation } = stream;
        let range = (&origin.0, incarnation, first)..=(&origin.0, incarnation, last);
        let mut batches = Vec::new();
        for row in streams.range(range).map_err(StoreError::database("read streams"))? {
            let (_, local) = row.map_err(StoreError::database("read streams"))?;
            let local = local.value();
            if let Some(value) = log.get(local).map_err(StoreError::database("read log"))? {
                batches.push(decoded("log", &local.to_string(), value.value())?);
            }
        }
        Ok(batches)
    }
}

/// An open transaction.
pub(super) struct Writing<'a> {
    tx: &'a WriteTransaction,
}

impl Writing<'_> {
    pub(super) fn batch(&mut self, local: u64, batch: &SignedBatch) -> Result<(), StoreError> {
        let header = BatchHeader::read(batch).map_err(|fault| StoreError::Damaged {
            table: "log",
            key: local.to_string(),
            reason: fault.to_string(),
        })?;
        let value = encoded("log", &local.to_string(), batch)?;
        let mut log = self.tx.open_table(LOG).map_err(StoreError::database("open log"))?;
        log.insert(local, value.as_slice()).map_err(StoreError::database("write log"))?;
        let mut streams =
            self.tx.open_table(STREAMS).map_err(StoreError::database("open streams"))?;
        let Stream { origin, incarnation } = header.stream;
        streams
            .insert((&origin.0, incarnation, header.first_seq), local)
            .map_err(StoreError::database("write streams"))?;
        Ok(())
    }

    pub(super) fn channel(&mut self, name: &str, row: &ChannelRecord) -> Result<(), StoreError> {
        self.text(CHANNELS, "channels", name, row)
    }

    pub(super) fn cursor(&mut self, name: &str, row: &VersionVector) -> Result<(), StoreError> {
        self.text(CURSORS, "cursors", name, row)
    }

    pub(super) fn activations(
        &mut self,
        channel: &str,
        rows: &[ActivationRecord],
    ) -> Result<(), StoreError> {
        self.text(ACTIVATIONS, "activations", channel, &rows)
    }

    pub(super) fn head(&mut self, head: &BundleHead) -> Result<(), StoreError> {
        let digest = &head.bundle.digest;
        let value = encoded("heads", &digest.to_string(), head)?;
        let mut heads = self.tx.open_table(HEADS).map_err(StoreError::database("open heads"))?;
        heads.insert(&digest.0, value.as_slice()).map_err(StoreError::database("write heads"))?;
        Ok(())
    }

    pub(super) fn remove_head(&mut self, digest: &cairn_merkle::Digest) -> Result<(), StoreError> {
        let mut heads = self.tx.open_table(HEADS).map_err(StoreError::database("open heads"))?;
        heads.remove(&digest.0).map_err(StoreError::database("write heads"))?;
        Ok(())
    }

    pub(super) fn forget_origin(&mut self) -> Result<(), StoreError> {
        let mut meta = self.tx.open_table(META).map_err(StoreError::database("open meta"))?;
        meta.remove("origin").map_err(StoreError::database("write meta"))?;
        Ok(())
    }

    fn text<T: serde::Serialize>(
        &mut self,
        table: TableDefinition<'_, &'static str, &'static [u8]>,
        name: &'static str,
        key: &str,
        row: &T,
    ) -> Result<(), StoreError> {
        let value = encoded(name, key, row)?;
        let mut table = self.tx.open_table(table).map_err(StoreError::database("open a table"))?;
        table.insert(key, value.as_slice()).map_err(StoreError::database("write a table"))?;
        Ok(())
    }
}

fn meta_record<T: DeserializeOwned>(
    meta: &impl ReadableTable<&'static str, &'static [u8]>,
    key: &str,
) -> Result<Option<T>, StoreError> {
    let value = meta.get(key).map_err(StoreError::database("read meta"))?;
    value.map(|value| decoded("meta", key, value.value())).transpose()
}

fn all<T: DeserializeOwned>(
    name: &'static str,
    table: &impl ReadableTable<&'static str, &'static [u8]>,
) -> Result<BTreeMap<String, T>, StoreError> {
    let mut rows = BTreeMap::new();
    for row in table.iter().map_err(StoreError::database("read a table"))? {
        let (key, value) = row.map_err(StoreError::database("read a table"))?;
        rows.insert(key.value().to_owned(), decoded(name, key.value(), value.value())?);
    }
    Ok(rows)
}

fn encoded<T: serde::Serialize>(
    table: &'static str,
    key: &str,
    row: &T,
) -> Result<Vec<u8>, StoreError> {
    record::encode(row).map_err(|reason| StoreError::Damaged { table, key: key.to_owned(), reason })
}

fn decoded<T: DeserializeOwned>(
    table: &'static str,
    key: &str,
    value: &[u8],
) -> Result<T, StoreError> {
    record::decode(value).map_err(|reason| StoreError::Damaged {
        table,
        key: key.to_owned(),
        reason,
    })
}
