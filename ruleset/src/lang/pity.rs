//! `pity` blocks: bounds on how long an entry of a loot table stays away.

use super::constant;
use super::index::Symbol;
use super::limits::*;
use super::scope::Entry;
use super::session::{At, Session};
use super::shape::{self, Block, Schema};
use super::{Code, Diagnostic, Span};
use crate::ir::PityDef;

pub(super) const PITY: Schema = Schema {
    kind: "pity",
    labels: 1,
    required: &["after"],
    optional: &["soft_from", "soft_step"],
    open: false,
    blocks: &[],
};

/// Reads the pities of one table, in declared order.
pub(super) fn pities(
    session: &mut Session<'_>,
    table: usize,
    block: &Block,
    entries: &[Entry],
) -> Vec<PityDef> {
    let blocks: Vec<At> =
        block.blocks.iter().filter(|(kind, _)| *kind == "pity").map(|(_, at)| *at).collect();
    if let Some(over) = blocks.get(PITY_COUNT_MAX) {
        session.error(
            Code::TooMany,
            *over,
            format!("pity {} of this loot table, limit {PITY_COUNT_MAX}", PITY_COUNT_MAX + 1),
            "every draw looks at every pity, and every player carries a count for each",
            "keep those of the rarest entries",
        );
    }
    // Of two that are due together one waits: with fewer misses than pities it might wait forever.
    let least = blocks.len().clamp(1, PITY_COUNT_MAX) as u32;
    let mut found: Vec<(PityDef, Span)> = Vec::new();
    for at in blocks.into_iter().take(PITY_COUNT_MAX) {
        let inner = shape::read(session, at, &PITY);
        let label = inner.labels.first().copied();
        let entry = label.and_then(|label| entry(session, table, label, entries, &found));
        let after = inner.value("after").and_then(|at| after(session, at, least));
        let soft = match after {
            Some(after) => soft(session, &inner, after),
            None => None,
        };
        if let (Some((entry, span)), Some(after), Some((soft_from, soft_step))) =
            (entry, after, soft)
        {
            found.push((PityDef { entry, after, soft_from, soft_step }, span));
        }
    }
    weights(session, block, entries, &found);
    found.into_iter().map(|(pity, _)| pity).collect()
}

/// The entry that a label names.
fn entry(
    session: &mut Session<'_>,
    table: usize,
    label: At,
    entries: &[Entry],
    found: &[(PityDef, Span)],
) -> Option<(u16, Span)> {
    let (name, span) = (session.string(label), session.span(label));
    let index = entries.iter().position(|entry| entry.name == name);
    let Some((index, entry)) = index.and_then(|index| Some((index, entries.get(index)?))) else {
        let meant = session.similar(&name, entries.iter().map(|entry| entry.name.as_str()));
        let name = constant::shorten(&name);
        session.error(
            Code::UnknownName,
            label,
            format!("this loot table has no entry `{name}`"),
            "a `pity` belongs to one of the entries beside it",
            match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("add `entry \"{name}\"`, or name another entry"),
            },
        );
        return None;
    };
    session.refers(label, Symbol::Entry(table, index));
    if entry.guaranteed {
        session.error(
            Code::PityGuaranteed,
            label,
            format!("a pity for the guaranteed entry {name}"),
            "it is given with every request: nobody ever waits for it",
            "remove the `pity`",
        );
        return None;
    }
    let index = u16::try_from(index).ok()?;
    if let Some((_, first)) = found.iter().find(|(known, _)| known.entry == index) {
        session.report(
            Diagnostic::error(
                Code::DuplicateName,
                span,
                format!("a second pity for the entry {name}"),
            )
            .label(*first, "the first one is here")
            .cause("one count of misses is kept for each entry")
            .help("remove one of them"),
        );
        return None;
    }
    Some((index, span))
}

fn after(session: &mut Session<'_>, at: At, least: u32) -> Option<u32> {
    let value = constant::integer(session, at, "`after`")?;
    let fits = u32::try_from(value).ok().filter(|n| (least..=PITY_AFTER_MAX).contains(n));
    if fits.is_none() {
        session.error(
            Code::PityAfter,
            at,
            format!("a pity after {value} misses, allowed are {least} to {PITY_AFTER_MAX} here"),
            match least {
                1 => "after so many draws without the entry, the next one gives it".to_owned(),
                _ => format!(
                    "of {least} pities one may wait for all others, so none can be shorter than that"
                ),
            },
            "change `after`",
        );
    }
    fits
}

/// `soft_from` and `soft_step`, or zeros where there is neither.
fn soft(session: &mut Session<'_>, block: &Block, after: u32) -> Option<(u32, u32)> {
    let (from_at, step_at) = match (block.value("soft_from"), block.value("soft_step")) {
        (None, None) => return Some((0, 0)),
        (Some(from), Some(step)) => (from, step),
        (Some(alone), None) | (None, Some(alone)) => {
            if !block.damaged {
                session.error(
                    Code::SoftPity,
                    alone,
                    "only one of `soft_from` and `soft_step`",
                    "from so many misses on, each adds one step to the entry's weight",
                    "give both, for example `soft_from = 40` and `soft_step = 10`",
                );
            }
            return None;
        }
    };
    let from = constant::integer(session, from_at, "`soft_from`")?;
    let step = constant::integer(session, step_at, "`soft_step`")?;
    let from_fits = u32::try_from(from).ok().filter(|from| *from < after);
    if from_fits.is_none() {
        session.error(
            Code::SoftPity,
            from_at,
            format!("`soft_from` is {from}, allowed are 0 to {}", after - 1),
            format!("after {after} misses the entry is given anyway"),
            "choose a smaller `soft_from`, or a larger `after`",
        );
    }
    let step_fits = u32::try_from(step).ok().filter(|s| *s > 0 && u64::from(*s) <= WEIGHT_SUM_MAX);
    if step_fits.is_none() {
        session.error(
            Code::SoftPity,
            step_at,
            format!("`soft_step` is {step}, allowed are 1 to {WEIGHT_SUM_MAX}"),
            "each miss adds so much to the entry's weight",
            "choose a value between them",
        );
    }
    Some((from_fits?, step_fits?))
}

/// The sum of weights, with what the pities add at most, is one number of 32 bits.
fn weights(session: &mut Session<'_>, block: &Block, entries: &[Entry], found: &[(PityDef, Span)]) {
    let weights: u64 = entries.iter().map(|entry| u64::from(entry.weight)).sum();
    if weights > WEIGHT_SUM_MAX || block.damaged {
        return;
    }
    let mut sum = weights;
    for (pity, span) in found {
        sum += u64::from(pity.soft_step) * u64::from(pity.after - pity.soft_from);
        if sum > WEIGHT_SUM_MAX {
            session.report(
                Diagnostic::error(
                    Code::WeightTooLarge,
                    *span,
                    format!(
                        "with what this pity adds the weights grow to {sum}, limit {WEIGHT_SUM_MAX}"
                    ),
                )
                .cause("a roll is one number of 32 bits")
                .help("choose a smaller `soft_step`, or divide all weights by the same number"),
            );
            return;
        }
    }
}
