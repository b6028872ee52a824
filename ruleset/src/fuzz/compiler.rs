//! Sources → program → fragments → proof → image, and evaluations that agree.

use crate::context::{self, ContextView};
use crate::emit::{self, BuildError};
use crate::image::{self, Image};
use crate::interp;
use crate::ir::{FragmentDef, INSTANT_MAX, On, Program, Slot};
use crate::lang::{self, Checked, Severity, Source};
use crate::manifest::{FragmentKind, Manifest, Provenance};
use crate::meta::FragmentMeta;
use crate::{rng, whitelist};

use super::exact::Exact;

/// A line that starts so begins another file.
const NEXT_FILE: &str = "//// ";
/// Files of one input; the rest of the text belongs to the last.
const FILES_MAX: usize = 4;
/// Evaluations of each fragment.
const CONTEXTS: u64 = 4;

pub(super) fn run(text: &str) {
    let sources = sources(text);
    let checked = lang::check(&sources);
    let texts: Vec<&str> = sources.iter().map(|source| source.text.as_str()).collect();
    lang::fuzz::diagnostics(&checked.diagnostics, &texts);
    let failed = checked.diagnostics.iter().any(|found| found.severity == Severity::Error);
    assert_eq!(checked.program.is_none(), failed, "a program or an error, never both");
    cases(&sources, &checked, &texts);
    let Some(program) = &checked.program else { return };

    if sources.len() > 1 {
        let reversed: Vec<Source> = sources.iter().rev().cloned().collect();
        assert_eq!(lang::check(&reversed), checked, "the order of the sources matters");
    }
    build(program);
    for def in &program.fragments {
        evaluate(program, def, rng::name_hash(text));
    }
}

/// Tests say more about a rule set, and change nothing in it.
fn cases(sources: &[Source], checked: &Checked, texts: &[&str]) {
    if !texts.iter().any(|text| text.contains("test")) {
        return;
    }
    let tested = lang::check_with_cases(sources);
    lang::fuzz::diagnostics(&tested.checked.diagnostics, texts);
    assert!(tested.checked.diagnostics.len() >= checked.diagnostics.len(), "tests hide a mistake");
    if tested.checked.program.is_some() {
        assert_eq!(tested.checked.program, checked.program, "tests change the program");
    }
}

fn sources(text: &str) -> Vec<Source> {
    let mut texts = vec![String::new()];
    for line in text.split_inclusive('\n') {
        if line.starts_with(NEXT_FILE) && texts.len() < FILES_MAX {
            texts.push(String::new());
        } else if let Some(last) = texts.last_mut() {
            last.push_str(line);
        }
    }
    let name = |index| format!("f{index}{}", lang::SUFFIX);
    texts.into_iter().enumerate().map(|(i, text)| Source { name: name(i), text }).collect()
}

/// The bundle, its encoding and its image hold what the program says.
fn build(program: &Program) {
    let provenance = Provenance { revision: String::new(), builder: "fuzz".to_owned() };
    let built = match emit::bundle(program, "1.0.0", provenance) {
        Ok(built) => built,
        // The emitter's limits are errors of their own; a module that our own loader refuses for
        // anything but a limit is a bug.
        Err(BuildError::Refused { name, source }) => {
            let limit = matches!(source, whitelist::WhitelistError::Limit { .. });
            assert!(limit, "`{name}` is refused: {source}");
            return;
        }
        Err(BuildError::FragmentTooLarge { .. } | BuildError::Bundle(_)) => return,
    };
    let decoded = Manifest::decode(&built.manifest.encode());
    assert_eq!(decoded.as_ref(), Ok(&built.manifest), "a manifest survives its encoding");
    let bytes = image::build(&built.manifest, &|digest| built.blobs.get(digest).cloned());
    let bytes = bytes.unwrap_or_else(|error| panic!("what we build makes an image: {error}"));
    let image = Image::open(bytes.as_slice()).unwrap_or_else(|error| panic!("it opens: {error}"));
    let code = built.manifest.fragments.iter().filter(|e| e.kind == FragmentKind::Code).count();
    assert_eq!(image.fragment_count(), code);
    assert_eq!(image.param_count(), program.params.len());
    assert_eq!(image.table_count(), program.tables.len());
}

/// In-range inputs, edges first, give values that every promise of the checker holds for.
fn evaluate(program: &Program, def: &FragmentDef, seed: u64) {
    let meta = FragmentMeta::of(program, def);
    let mut bytes = Vec::new();
    for round in 0..CONTEXTS {
        let mut stream = Stream { state: rng::mix(seed ^ round), round };
        let slots = slots(program, def, &mut stream);
        let trigger = match def.on {
            On::Trigger(index) | On::Timer(index) => u32::from(index),
        };
        let now_ms = stream.within(0, INSTANT_MAX);
        let (random, player) = (stream.next(), stream.next());
        context::write(&mut bytes, trigger, now_ms, random, player, &slots);
        let view = ContextView::new(&bytes, meta.slots()).expect("every slot is written");
        let params: Vec<i64> =
            program.params.iter().map(|p| stream.within(p.slot.min, p.slot.max)).collect();
        let out = interp::run(def, &meta, &view, &params);
        let out = out.unwrap_or_else(|fault| panic!("`{}`: {fault}", def.name));
        let exact = Exact { meta: &meta, context: &view, params: &params };
        assert_eq!(out, expected(def, &meta, &exact), "`{}` computes something else", def.name);
    }
}

/// The output slots, from exact values.
fn expected(def: &FragmentDef, meta: &FragmentMeta, exact: &Exact<'_>) -> Vec<i64> {
    let mut slots = vec![0; def.rules.len().div_ceil(64)];
    for mask in &def.masks {
        let entries = mask.entries.iter().enumerate();
        let bits = entries.fold(0_u64, |bits, (at, entry)| bits | (exact.bool(entry) as u64) << at);
        slots.push(bits as i64);
    }
    let masks: Vec<i64> = slots[def.rules.len().div_ceil(64)..].to_vec();
    for (index, rule) in def.rules.iter().enumerate() {
        if exact.bool(&rule.when) == 1 {
            slots[index / 64] |= 1 << (index % 64);
        }
        for outcome in &rule.outcomes {
            if let Some(loot) = &outcome.loot {
                let count = exact.value(&loot.count);
                assert!((0..=1_000).contains(&count), "{count} rolls in `{}`", rule.name);
                let mask = meta.masks.iter().position(|table| *table == loot.table);
                let mask = mask.map_or(-1, |at| masks[at]);
                let (table, base) = (loot.table.into(), loot.draw_base.into());
                slots.extend([index as i64, table, count as i64, mask, base]);
            }
            for value in &outcome.payload {
                slots.push(exact.value(&value.value) as i64);
            }
        }
    }
    slots
}

/// Fields, rates and activities within what hosts allow.
fn slots(program: &Program, def: &FragmentDef, stream: &mut Stream) -> Vec<i64> {
    let fields: Vec<Slot> = match def.on {
        On::Trigger(index) => {
            let trigger = program.triggers.get(usize::from(index)).expect("a declared trigger");
            trigger.fields.iter().map(|field| field.slot).collect()
        }
        On::Timer(_) => Vec::new(),
    };
    let mut slots: Vec<i64> = fields.iter().map(|s| stream.within(s.min, s.max)).collect();
    slots.extend(program.counters.iter().map(|counter| stream.within(0, counter.max)));
    slots.extend(program.timers.iter().map(|_| stream.within(0, 1)));
    slots
}

/// Numbers from a seed; the first two rounds are all smallest and all largest.
struct Stream {
    state: u64,
    round: u64,
}

impl Stream {
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(rng::GAMMA);
        rng::mix(self.state)
    }

    fn within(&mut self, min: i64, max: i64) -> i64 {
        let bits = self.next();
        let width = (i128::from(max) - i128::from(min)) as u64;
        match (self.round, bits % 8) {
            (0, _) | (2.., 0) => min,
            (1, _) | (2.., 1) => max,
            (2.., 2) => 0.clamp(min, max),
            (2.., 3) => min.saturating_add((bits >> 8) as i64 & 1).min(max),
            _ if width == u64::MAX => bits as i64,
            _ => min.wrapping_add((bits % (width + 1)) as i64),
        }
    }
}
