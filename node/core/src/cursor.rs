//! Where each named consumer is, durably.
//!
//! A cursor moves on acks only, and an ack is answered after the fsync of the cursor that covers
//! it. One write per consumer is in flight; what comes meanwhile is joined into the next one.

use std::collections::BTreeMap;

use cairn_gossip::VersionVector;

use crate::config::Defects;
use crate::error::ConsumerError;
use crate::input::SessionId;
use crate::output::{Output, Ticket, Write};

/// Whoever waits for a cursor to be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// An ack, to be answered.
    Ack(u64),
    /// A new consumer's session, to be opened.
    Open(SessionId),
}

#[derive(Debug, Default)]
struct Cursor {
    /// What is durable or on its way there.
    at: VersionVector,
    in_flight: Option<Ticket>,
    /// Waiting for the write in flight.
    written: Vec<Waiting>,
    /// Waiting for the write after it.
    next: Vec<Waiting>,
}

/// All cursors of this node.
#[derive(Debug)]
pub(crate) struct Cursors {
    known: BTreeMap<String, Cursor>,
    /// By transaction in flight: whose cursor it carries.
    writes: BTreeMap<Ticket, String>,
    consumers_max: usize,
    acks_waiting_max: usize,
    defects: Defects,
}

impl Cursors {
    pub(crate) fn new(
        stored: BTreeMap<String, VersionVector>,
        consumers_max: usize,
        acks_waiting_max: usize,
        defects: Defects,
    ) -> Cursors {
        let known = stored.into_iter().map(|(name, at)| {
            let cursor = Cursor { at, ..Cursor::default() };
            (name, cursor)
        });
        Cursors {
            known: known.collect(),
            writes: BTreeMap::new(),
            consumers_max,
            acks_waiting_max,
            defects,
        }
    }

    /// Where a consumer is; `None` for one that never was here.
    pub(crate) fn get(&self, name: &str) -> Option<&VersionVector> {
        self.known.get(name).map(|cursor| &cursor.at)
    }

    /// Every name and cursor, in order of names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &VersionVector)> {
        self.known.iter().map(|(name, cursor)| (name.as_str(), &cursor.at))
    }

    /// Moves a consumer to `at` and makes that durable; `waiting` is told afterwards.
    ///
    /// # Errors
    /// When a limit is reached; the cursor is unchanged.
    pub(crate) fn advance(
        &mut self,
        name: &str,
        at: VersionVector,
        waiting: Waiting,
        tickets: &mut u64,
        out: &mut Vec<Output>,
    ) -> Result<(), ConsumerError> {
        if !self.known.contains_key(name) && self.known.len() >= self.consumers_max {
            return Err(ConsumerError::TooManyConsumers { max: self.consumers_max });
        }
        let cursor = self.known.entry(name.to_owned()).or_default();
        if cursor.next.len() >= self.acks_waiting_max {
            return Err(ConsumerError::TooManyAcks {
                name: name.to_owned(),
                max: self.acks_waiting_max,
            });
        }
        cursor.at = at;
        cursor.next.push(waiting);
        if cursor.in_flight.is_none() {
            self.write(name, tickets, out);
        }
        Ok(())
    }

    /// Hands over one write of the consumer's newest cursor.
    fn write(&mut self, name: &str, tickets: &mut u64, out: &mut Vec<Output>) {
        let Some(cursor) = self.known.get_mut(name) else {
            return;
        };
        *tickets += 1;
        let ticket = Ticket(*tickets);
        cursor.in_flight = Some(ticket);
        cursor.written = std::mem::take(&mut cursor.next);
        let mut writes = vec![Write::Cursor { name: name.to_owned(), cursor: cursor.at.clone() }];
        if self.defects.cursor_in_memory {
            writes.clear();
        }
        self.writes.insert(ticket, name.to_owned());
        if self.defects.ack_before_fsync {
            let early = cursor.written.extract_if(.., |waiting| matches!(waiting, Waiting::Ack(_)));
            out.extend(early.filter_map(|waiting| match waiting {
                Waiting::Ack(request) => Some(Output::Acked { request, result: Ok(()) }),
                Waiting::Open(_) => None,
            }));
        }
        out.push(Output::Persist { ticket, writes });
    }

    /// A transaction is durable. Returns who waited for it, `None` when it was not a cursor's.
    pub(crate) fn persisted(
        &mut self,
        ticket: Ticket,
        tickets: &mut u64,
        out: &mut Vec<Output>,
    ) -> Option<Vec<Waiting>> {
        let name = self.writes.remove(&ticket)?;
        let cursor = self.known.get_mut(&name)?;
        cursor.in_flight = None;
        let told = std::mem::take(&mut cursor.written);
        if !cursor.next.is_empty() {
            self.write(&name, tickets, out);
        }
        Some(told)
    }
}
