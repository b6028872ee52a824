//! What an evaluation decided.

use cairn_ruleset::ir::Audience;
use cairn_ruleset::layout::OutShape;
use cairn_ruleset::meta::FragmentMeta;
use cairn_ruleset::value::Value;

use crate::Version;

/// The rules that fired and what they emit. Made once and filled again and again; after the first
/// few evaluations it allocates nothing more.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    seed: u64,
    fired: Vec<(u16, u16)>,
    records: Vec<RecordRef>,
    values: Vec<i64>,
    masks: Vec<(u16, u64)>,
    faults: Vec<u16>,
}

#[derive(Clone, Copy, Debug)]
struct RecordRef {
    fragment: u16,
    rule: u16,
    outcome: u8,
    /// Table and count.
    loot: Option<(u16, u32, u32)>,
    /// First payload value and their number.
    payload: (u32, u32),
    /// First mask of the fragment and their number.
    masks: (u32, u32),
}

/// One outcome of a rule that fired.
#[derive(Clone, Debug)]
pub struct Emitted<'a> {
    /// Name of the rule.
    pub rule: &'a str,
    /// Label of the outcome.
    pub name: &'a str,
    /// Who gets it.
    pub audience: Audience,
    /// Loot to be rolled with [`Version::roll_request`].
    pub loot: Option<LootRequest<'a>>,
    names: &'a [cairn_ruleset::meta::PayloadMeta],
    values: &'a [i64],
    version: &'a Version,
}

/// Loot that a rule asks the host to roll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LootRequest<'a> {
    /// Index of the table.
    pub table: u16,
    /// How often.
    pub count: u32,
    /// Seed of the evaluation.
    pub seed: u64,
    /// Hash of the rule's name.
    pub rule_hash: u64,
    /// First draw number.
    pub draw_base: u32,
    /// Eligible entries of each table with conditions.
    pub masks: &'a [(u16, u64)],
}

impl<'a> Emitted<'a> {
    /// The payload, in declared order.
    pub fn payload(&self) -> impl Iterator<Item = (&'a str, Value)> {
        let image = self.version.image();
        self.names
            .iter()
            .zip(self.values)
            .map(move |(meta, raw)| (meta.name.as_str(), Value::from_raw(meta.ty, *raw, image)))
    }

    /// The payload's values in their representation.
    #[must_use]
    pub fn raw(&self) -> &'a [i64] {
        self.values
    }
}

impl Outcome {
    /// Nothing decided yet.
    #[must_use]
    pub fn new() -> Outcome {
        Outcome::default()
    }

    pub(crate) fn clear(&mut self, seed: u64) {
        self.seed = seed;
        self.fired.clear();
        self.records.clear();
        self.values.clear();
        self.masks.clear();
        self.faults.clear();
    }

    pub(crate) fn fault(&mut self, fragment: u16) {
        self.faults.push(fragment);
    }

    /// Takes over the records of one fragment's output whose rules fired.
    pub(crate) fn take(
        &mut self,
        fragment: u16,
        meta: &FragmentMeta,
        shape: &OutShape,
        out: &[u8],
    ) {
        let slot = |at: usize| -> i64 {
            out.get(at * 8..at * 8 + 8)
                .and_then(|bytes| bytes.try_into().ok())
                .map_or(0, i64::from_le_bytes)
        };
        let first_mask = self.masks.len() as u32;
        for (index, table) in meta.masks.iter().enumerate() {
            self.masks.push((*table, slot(shape.mask_slot(index)) as u64));
        }
        let masks = (first_mask, meta.masks.len() as u32);
        let fired = |rule: u16| slot(usize::from(rule) / 64) as u64 >> (rule % 64) & 1 == 1;
        for rule in 0..meta.rules.len() as u16 {
            if fired(rule) {
                self.fired.push((fragment, rule));
            }
        }
        for record in shape.records.iter().filter(|record| fired(record.rule)) {
            let at = record.slot as usize;
            let loot = record.loot.then(|| {
                let table = slot(at + 1) as u16;
                // A negative count cannot come out of the compiler.
                let count = u32::try_from(slot(at + 2)).unwrap_or(0);
                (table, count, slot(at + 4) as u32)
            });
            let first_value = self.values.len() as u32;
            let payload = meta
                .rules
                .get(usize::from(record.rule))
                .and_then(|rule| rule.outcomes.get(usize::from(record.outcome)))
                .map_or(0, |outcome| outcome.payload.len());
            self.values.extend((0..payload).map(|index| slot(record.payload_slot() + index)));
            self.records.push(RecordRef {
                fragment,
                rule: record.rule,
                outcome: record.outcome,
                loot,
                payload: (first_value, payload as u32),
                masks,
            });
        }
    }

    /// Names of the rules that fired, in order of fragments and rules.
    pub fn fired<'a>(&'a self, version: &'a Version) -> impl Iterator<Item = &'a str> {
        self.fired.iter().filter_map(|(fragment, rule)| {
            let meta = version.fragments().get(usize::from(*fragment))?;
            meta.rules.get(usize::from(*rule)).map(|rule| rule.name.as_str())
        })
    }

    /// (fragment, rule) of the rules that fired.
    #[must_use]
    pub fn fired_raw(&self) -> &[(u16, u16)] {
        &self.fired
    }

    /// Fragments that failed and whose rules all say `on_fault = "skip"`.
    #[must_use]
    pub fn faults(&self) -> &[u16] {
        &self.faults
    }

    /// What the rules that fired emit.
    pub fn emitted<'a>(&'a self, version: &'a Version) -> impl Iterator<Item = Emitted<'a>> {
        self.records.iter().filter_map(move |record| {
            let meta = version.fragments().get(usize::from(record.fragment))?;
            let rule = meta.rules.get(usize::from(record.rule))?;
            let outcome = rule.outcomes.get(usize::from(record.outcome))?;
            let masks = run(&self.masks, record.masks);
            let loot = record.loot.map(|(table, count, draw_base)| LootRequest {
                table,
                count,
                seed: self.seed,
                rule_hash: rule.hash,
                draw_base,
                masks,
            });
            Some(Emitted {
                rule: &rule.name,
                name: &outcome.name,
                audience: outcome.audience,
                loot,
                names: &outcome.payload,
                values: run(&self.values, record.payload),
                version,
            })
        })
    }
}

fn run<T>(all: &[T], (first, count): (u32, u32)) -> &[T] {
    all.get(first as usize..(first + count) as usize).unwrap_or(&[])
}
