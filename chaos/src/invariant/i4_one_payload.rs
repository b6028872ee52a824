//! I4: one id stands for one payload, everywhere and always.

use std::collections::BTreeMap;

use cairn_gossip::Dot;

use super::Violation;
use crate::history::{Happened, History};

/// Adds a violation for every id that was seen with a second payload.
pub fn check(history: &History, found: &mut Vec<Violation>) {
    let mut payloads: BTreeMap<Dot, u64> = BTreeMap::new();
    for entry in history.entries() {
        let (dot, payload) = match &entry.happened {
            Happened::Published { dot, payload, .. } | Happened::Delivered { dot, payload, .. } => {
                (*dot, *payload)
            }
            _ => continue,
        };
        let first = *payloads.entry(dot).or_insert(payload);
        if first != payload {
            found.push(Violation {
                invariant: "I4",
                at: entry.at,
                message: format!("{dot} stood for payload {first:016x}, now for {payload:016x}"),
            });
        }
    }
}
