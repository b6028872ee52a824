//! What a test gives: fields, parameters, counters, timers, seed, player, place, time.

use super::Reader;
use crate::cases::Given;
use crate::ir::{INSTANT_MAX, On, Slot, Type};
use crate::lang::index::Symbol;
use crate::lang::session::At;
use crate::lang::shape::Block;
use crate::lang::tree::NodeKind;
use crate::lang::{Code, constant, overrides};
use crate::limits::MISSES_MAX;
use crate::scope::Scope;

impl Reader<'_, '_> {
    /// Every input at its smallest.
    pub(super) fn blank(&self, on: On) -> Given {
        let fields: Vec<i64> = match on {
            On::Trigger(index) => self.program.triggers.get(usize::from(index)),
            On::Timer(_) => None,
        }
        .map_or(Vec::new(), |def| def.fields.iter().map(|field| field.slot.min).collect());
        Given {
            left_out: (0..).take(fields.len()).collect(),
            fields,
            params: Vec::new(),
            rates: vec![0; self.program.counters.len()],
            pity: Vec::new(),
            active: Vec::new(),
            seed: 0,
            player: 0,
            scope: Scope::default(),
            now_ms: None,
        }
    }

    /// Puts what a test or one of its rows gives over what is given already.
    pub(super) fn given(&mut self, block: &Block, on: On, given: &mut Given) {
        self.fields(block, on, given);
        let program = self.program;
        for (name_at, value_at) in self.pairs(block, "params") {
            let name = self.session.text(name_at);
            let Some(index) = program.params.iter().position(|param| param.name == name) else {
                let known = program.params.iter().map(|param| param.name.as_str());
                self.unknown(name_at, "parameter", name, known);
                continue;
            };
            self.session.refers(name_at, Symbol::Param(index));
            let (Some(param), Ok(slot)) = (program.params.get(index), u16::try_from(index)) else {
                continue;
            };
            let Some(value) = self.ranged(value_at, &param.slot, &param.name) else { continue };
            given.params.retain(|(of, _)| *of != slot);
            given.params.push((slot, value));
            given.params.sort_unstable();
        }
        for (name_at, value_at) in self.pairs(block, "rates") {
            let name = self.session.text(name_at);
            let Some(index) = program.counters.iter().position(|c| c.name == name) else {
                let known = program.counters.iter().map(|counter| counter.name.as_str());
                self.unknown(name_at, "counter", name, known);
                continue;
            };
            self.session.refers(name_at, Symbol::Counter(index));
            let max = program.counters.get(index).map_or(0, |counter| counter.max);
            let slot = Slot { ty: Type::Int, min: 0, max };
            let Some(value) = self.ranged(value_at, &slot, name) else { continue };
            if self.is_timer(on, name_at, "a counter") {
                continue;
            }
            if let Some(rate) = given.rates.get_mut(index) {
                *rate = value;
            }
        }
        for (name_at, value_at) in self.pairs(block, "active") {
            let name = self.session.text(name_at);
            let Some(index) = program.timers.iter().position(|timer| timer.name == name) else {
                let known = program.timers.iter().map(|timer| timer.name.as_str());
                self.unknown(name_at, "timer", name, known);
                continue;
            };
            self.session.refers(name_at, Symbol::Timer(index));
            let slot = Slot { ty: Type::Bool, min: 0, max: 1 };
            let (Some(value), Ok(index)) =
                (self.ranged(value_at, &slot, name), u16::try_from(index))
            else {
                continue;
            };
            given.active.retain(|(of, _)| *of != index);
            given.active.push((index, value == 1));
            given.active.sort_unstable();
        }
        if let Some(at) = block.value("seed")
            && let Some(seed) = self.bits(at, "seed")
        {
            given.seed = seed;
        }
        if let Some(at) = block.value("player")
            && let Some(player) = self.bits(at, "player")
            && !self.is_timer(on, at, "a player")
        {
            given.player = player;
        }
        for (word, name) in [("zone", &mut given.scope.zone), ("shard", &mut given.scope.shard)] {
            let Some(at) = block.value(word) else { continue };
            let text = constant::text(self.session, at, &format!("`{word}`"));
            let text = text.filter(|text| overrides::is_name(self.session, at, word, text));
            if self.is_timer(on, at, &format!("a {word}")) {
                continue;
            }
            *name = text.or_else(|| name.take());
        }
        for (slot, count, at) in self.misses(block, "pity") {
            if self.is_timer(on, at, "a player's misses") {
                continue;
            }
            given.pity.retain(|(of, _)| *of != slot);
            given.pity.push((slot, count));
            given.pity.sort_unstable();
        }
        let instant = Slot { ty: Type::Instant, min: 0, max: INSTANT_MAX };
        if let Some(at) = block.value("now") {
            given.now_ms = self.ranged(at, &instant, "now").or(given.now_ms);
        }
    }

    /// `pity` or `misses` by the slots that rolls count in: `{ table = { entry = misses } }`.
    pub(super) fn misses(&mut self, block: &Block, name: &str) -> Vec<(usize, u32, At)> {
        let program = self.program;
        let (mut found, mut firsts) = (Vec::new(), Vec::new());
        let mut first = 0;
        for table in &program.tables {
            firsts.push(first);
            first += table.pities.len();
        }
        for (table_at, entries_at) in self.pairs(block, name) {
            let text = self.session.text(table_at);
            let table = program.tables.iter().position(|table| table.name == text);
            let def = table.and_then(|table| program.tables.get(table));
            let def = def.filter(|def| !def.pities.is_empty());
            let (Some(table), Some(def)) = (table, def) else {
                let known = program.tables.iter().filter(|table| !table.pities.is_empty());
                let known = known.map(|table| table.name.as_str());
                self.unknown(table_at, "loot table with a pity", text, known);
                continue;
            };
            self.session.refers(table_at, Symbol::Table(table));
            let entry_name = |entry: u16| {
                def.entries.get(usize::from(entry)).map_or("?", |entry| entry.name.as_str())
            };
            for (entry_at, value_at) in self.pairs_of(entries_at, text) {
                let text = self.session.text(entry_at);
                let pity = def.pities.iter().position(|pity| entry_name(pity.entry) == text);
                let Some(index) = pity else {
                    let known = def.pities.iter().map(|pity| entry_name(pity.entry));
                    let what = format!("pity of the loot table {} for an entry", def.name);
                    self.unknown(entry_at, &what, text, known);
                    continue;
                };
                let entry = def.pities.get(index).map_or(0, |pity| usize::from(pity.entry));
                self.session.refers(entry_at, Symbol::Entry(table, entry));
                let slot = Slot { ty: Type::Int, min: 0, max: MISSES_MAX.into() };
                let Some(count) = self.ranged(value_at, &slot, text) else { continue };
                let slot = firsts.get(table).copied().unwrap_or(0) + index;
                found.push((slot, u32::try_from(count).unwrap_or(MISSES_MAX), value_at));
            }
        }
        found
    }

    fn fields(&mut self, block: &Block, on: On, given: &mut Given) {
        let program = self.program;
        let On::Trigger(trigger) = on else {
            if let Some(at) = block.value("trigger") {
                self.is_timer(on, at, "a trigger");
            }
            return;
        };
        let Some(def) = program.triggers.get(usize::from(trigger)) else { return };
        for (name_at, value_at) in self.pairs(block, "trigger") {
            let name = self.session.text(name_at);
            let Some(index) = def.fields.iter().position(|field| field.name == name) else {
                let known = def.fields.iter().map(|field| field.name.as_str());
                self.unknown(name_at, &format!("field of {}", def.name), name, known);
                continue;
            };
            self.session.refers(name_at, Symbol::Field(trigger.into(), index));
            let Some(field) = def.fields.get(index) else { continue };
            let Some(value) = self.ranged(value_at, &field.slot, name) else { continue };
            if let Some(slot) = given.fields.get_mut(index) {
                *slot = value;
            }
            given.left_out.retain(|slot| usize::from(*slot) != index);
        }
    }

    /// A seed or a player: any 64 bits. Half of them are larger than numbers of the language and
    /// stand in quotes.
    fn bits(&mut self, at: At, name: &str) -> Option<u64> {
        if self.session.kind(at) != NodeKind::Text {
            let whole = Slot { ty: Type::Int, min: 0, max: i64::MAX };
            return self.ranged(at, &whole, name).map(i64::unsigned_abs);
        }
        let text = self.session.string(at);
        // One way to write each: no sign, no zero before it.
        let bits = text.parse::<u64>().ok().filter(|bits| bits.to_string() == text);
        if bits.is_none() && !self.session.is_flawed(at) {
            let shown = constant::shorten(&text);
            self.session.error(
                Code::TestValueRange,
                at,
                format!("`{name}` is \"{shown}\", its range is 0 to {}", u64::MAX),
                "a seed and a player are 64 bits, read as a whole number that is not negative",
                "write digits alone; up to 9223372036854775807 no quotes are needed",
            );
        }
        bits
    }

    /// Reports what the test of a timer cannot have.
    fn is_timer(&mut self, on: On, at: At, what: &str) -> bool {
        let timer = matches!(on, On::Timer(_));
        if timer {
            self.session.error(
                Code::TestOfTimer,
                at,
                format!("{what} in the test of a timer"),
                "a timer happens to nobody and nowhere: it has no fields, no player, no counters and no place",
                "remove it, or test a rule on a trigger",
            );
        }
        timer
    }

    /// A literal of a type; reported when it is another.
    pub(super) fn literal(&mut self, at: At, ty: Type, name: &str) -> Option<i64> {
        if self.session.is_flawed(at) {
            return None;
        }
        let kind = self.session.kind(at);
        let text = matches!(ty, Type::Duration | Type::Instant | Type::Enum(_) | Type::Symbol);
        let fits = match (ty, kind) {
            (Type::Bool, NodeKind::True | NodeKind::False) => true,
            (Type::Int, NodeKind::Number) => !self.session.text(at).contains('.'),
            (Type::Int, NodeKind::Unary(_)) => !self.session.text(at).contains('.'),
            (Type::Decimal, NodeKind::Number | NodeKind::Unary(_)) => true,
            (_, NodeKind::Text) => text,
            _ => false,
        };
        if fits {
            if ty == Type::Symbol {
                return self.symbol(at);
            }
            return constant::value(self.session, self.scope, at, ty);
        }
        let shown = constant::shorten(self.session.text(at));
        let wants = self.scope.type_name(ty);
        self.session.error(
            Code::TestValueType,
            at,
            format!("`{name}` is {wants}, and `{shown}` is not"),
            "a test gives and expects values of the declared type, as literals",
            constant::in_quotes(self.session, at, ty)
                .unwrap_or_else(|| constant::literal_help(ty).to_owned()),
        );
        None
    }

    /// The index of a text that some outcome sends.
    fn symbol(&mut self, at: At) -> Option<i64> {
        let text = self.session.string(at);
        let program = self.program;
        let found = program.symbols.iter().position(|symbol| *symbol == text);
        if found.is_none() {
            let known = program.symbols.iter().map(String::as_str);
            self.unknown(at, "outcome that sends the text", &text, known);
        }
        found.and_then(|at| i64::try_from(at).ok())
    }

    /// A literal within a range.
    pub(super) fn ranged(&mut self, at: At, slot: &Slot, name: &str) -> Option<i64> {
        let value = self.literal(at, slot.ty, name)?;
        if (slot.min..=slot.max).contains(&value) {
            return Some(value);
        }
        let say = |raw: i64| self.scope.value_text(slot.ty, raw.into());
        let (value, min, max) = (say(value), say(slot.min), say(slot.max));
        self.session.error(
            Code::TestValueRange,
            at,
            format!("`{name}` is {value}, its range is {min} to {max}"),
            "hosts refuse such a value before any rule sees it",
            "give a value of the range, both ends included",
        );
        None
    }
}
