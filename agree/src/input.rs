//! Random inputs of a fragment: ends of ranges, and the constants of its own code with their
//! neighbours, because that is where a wrong comparison shows.

use std::collections::BTreeSet;

use cairn_ruleset::context;
use cairn_ruleset::ir::{Expr, FragmentDef, INSTANT_MAX, On, Program};

use crate::stream::Stream;

/// One evaluation's input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// Seed of the draws.
    pub seed: u64,
    /// The player.
    pub player: u64,
    /// Fields, rates, activities.
    pub slots: Vec<i64>,
}

impl Input {
    /// As the bytes that a fragment reads.
    #[must_use]
    pub fn context(&self, on: On) -> Vec<u8> {
        let (On::Trigger(index) | On::Timer(index)) = on;
        let mut bytes = Vec::new();
        context::write(&mut bytes, index.into(), self.now_ms, self.seed, self.player, &self.slots);
        bytes
    }
}

/// So many inputs of one fragment of a seed's program.
#[must_use]
pub fn inputs(program: &Program, fragment: usize, count: usize, seed: u64) -> Vec<Input> {
    let Some(def) = program.fragments.get(fragment) else { return Vec::new() };
    let mut ranges: Vec<(i64, i64)> = match def.on {
        On::Trigger(index) => program
            .triggers
            .get(usize::from(index))
            .map(|t| t.fields.iter().map(|field| (field.slot.min, field.slot.max)).collect())
            .unwrap_or_default(),
        On::Timer(_) => Vec::new(),
    };
    ranges.extend(program.counters.iter().map(|counter| (0, counter.max)));
    ranges.extend(program.timers.iter().map(|_| (0, 1)));
    let constants: Vec<i64> = constants(program, def).into_iter().collect();
    let mut stream = Stream::new(seed, 2 + fragment as u64);
    (0..count)
        .map(|_| {
            let mut value = |min: i64, max: i64| {
                if !constants.is_empty() && stream.one_in(3) {
                    let near = stream.of(&constants).saturating_add(stream.below(3) as i64 - 1);
                    if (min..=max).contains(&near) {
                        return near;
                    }
                }
                stream.within(min, max)
            };
            let slots = ranges.iter().map(|(min, max)| value(*min, *max)).collect();
            let now_ms = value(0, INSTANT_MAX);
            let mut word = || match stream.below(8) {
                0 => 0,
                1 => u64::MAX,
                2 => 1 << 63,
                _ => stream.word(),
            };
            Input { now_ms, seed: word(), player: word(), slots }
        })
        .collect()
}

/// The constants of a fragment's code and the parameters' values.
fn constants(program: &Program, def: &FragmentDef) -> BTreeSet<i64> {
    let overrides = program.params.iter().flat_map(|param| &param.overrides);
    let mut found: BTreeSet<i64> = overrides.map(|known| known.value).collect();
    found.extend(program.params.iter().map(|param| param.value));
    for rule in &def.rules {
        collect(&rule.when, &mut found);
        for outcome in &rule.outcomes {
            outcome.loot.iter().for_each(|loot| collect(&loot.count, &mut found));
            outcome.payload.iter().for_each(|value| collect(&value.value, &mut found));
        }
    }
    def.masks.iter().flat_map(|mask| &mask.entries).for_each(|entry| collect(entry, &mut found));
    found
}

fn collect(expr: &Expr, found: &mut BTreeSet<i64>) {
    match expr {
        Expr::Const(value) => {
            found.insert(*value);
        }
        Expr::Not(a) | Expr::Neg(a) | Expr::Abs(a) => collect(a, found),
        Expr::Chance { p: a, .. } | Expr::Pick { n: a, .. } | Expr::Bucket { n: a, .. } => {
            collect(a, found);
        }
        Expr::Binary(_, a, b) => {
            collect(a, found);
            collect(b, found);
        }
        Expr::Select(c, a, b) => {
            collect(c, found);
            collect(a, found);
            collect(b, found);
        }
        _ => {}
    }
}
