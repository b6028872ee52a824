//! The one check of an image: every reference lies inside. Linear; allocates only while it decodes
//! the fragments' descriptions.

use zerocopy::little_endian::{I64, U16};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::record::{
    Counter, DayRange, Entry, Field, Fragment, Group, Info, OverrideRecord, Param, Pity,
    ScopeRecord, Section, SlotRecord, Span, Table, Text, Timer,
};
use super::{Image, ImageError};
use crate::ir::Type;
use crate::layout::{CTX_SLOTS_MAX, PARAMS_MAX};
use crate::limits::{PITIES_MAX, TABLE_ROLLS_MAX};

fn bad<T>(what: &'static str, index: usize) -> Result<T, ImageError> {
    Err(ImageError::Malformed { what, index })
}

/// Most records of a kind that is referred to by a `u16`.
const INDEX_MAX: usize = u16::MAX as usize;

struct Checker<'a, B> {
    image: &'a Image<B>,
    texts: &'a str,
}

impl<'a, B: AsRef<[u8]>> Checker<'a, B> {
    fn records<R>(&self, section: Section, what: &'static str) -> Result<&'a [R], ImageError>
    where
        R: FromBytes + KnownLayout + Immutable + Unaligned,
    {
        match <[R]>::ref_from_bytes(self.image.section(section)) {
            Ok(records) => Ok(records),
            Err(_) => bad(what, 0),
        }
    }

    fn few<R>(&self, section: Section, what: &'static str) -> Result<&'a [R], ImageError>
    where
        R: FromBytes + KnownLayout + Immutable + Unaligned,
    {
        let records = self.records(section, what)?;
        if records.len() > INDEX_MAX { bad(what, records.len()) } else { Ok(records) }
    }

    fn text(&self, text: Text, what: &'static str, index: usize) -> Result<&'a str, ImageError> {
        let start = text.offset.get() as usize;
        let end = start.saturating_add(text.length.get() as usize);
        self.texts.get(start..end).map_or_else(|| bad(what, index), Ok)
    }

    fn groups(
        &self,
        section: Section,
        members: usize,
        what: &'static str,
    ) -> Result<&'a [Group], ImageError> {
        let groups = self.few::<Group>(section, what)?;
        for (index, group) in groups.iter().enumerate() {
            self.text(group.name, what, index)?;
            let end = group.first.get() as usize + group.count.get() as usize;
            if end > members {
                return bad(what, index);
            }
        }
        Ok(groups)
    }

    fn slot(
        &self,
        slot: &SlotRecord,
        enums: &[Group],
        what: &'static str,
        index: usize,
    ) -> Result<(i64, i64), ImageError> {
        let Some(slot) = slot.read() else { return bad(what, index) };
        let values = match slot.ty {
            Type::Enum(of) => match enums.get(usize::from(of)) {
                Some(group) => i64::from(group.count.get()),
                None => return bad(what, index),
            },
            Type::Bool => 2,
            _ => i64::MAX,
        };
        let bounded = matches!(slot.ty, Type::Enum(_) | Type::Bool);
        if slot.min > slot.max || (bounded && (slot.min < 0 || slot.max >= values)) {
            return bad(what, index);
        }
        Ok((slot.min, slot.max))
    }

    fn span(&self, span: Span, what: &'static str, index: usize) -> Result<(), ImageError> {
        let end = span.offset.get() as usize + span.length.get() as usize;
        if end > self.image.section(Section::Blobs).len() { bad(what, index) } else { Ok(()) }
    }

    fn params(&self, enums: &[Group]) -> Result<usize, ImageError> {
        let params = self.few::<Param>(Section::Params, "parameter")?;
        let values = self.records::<I64>(Section::Values, "parameter value")?;
        let order = self.records::<U16>(Section::ParamsByName, "parameter order")?;
        let count = params.len();
        if values.len() != count || order.len() != count || count > PARAMS_MAX {
            return bad("parameter count", count);
        }
        for (index, (param, value)) in params.iter().zip(values).enumerate() {
            for text in [param.name, param.unit, param.doc] {
                self.text(text, "parameter", index)?;
            }
            let (min, max) = self.slot(&param.slot, enums, "parameter", index)?;
            if value.get() < min || value.get() > max {
                return bad("parameter value", index);
            }
        }
        let mut previous = None;
        for (index, at) in order.iter().enumerate() {
            let Some(param) = params.get(usize::from(at.get())) else {
                return bad("parameter order", index);
            };
            let name = self.text(param.name, "parameter", index)?;
            if previous.is_some_and(|previous| previous >= name) {
                return bad("parameter order", index);
            }
            previous = Some(name);
        }
        self.overrides(params, enums)?;
        Ok(count)
    }

    /// Scopes ascend, their runs follow one another without gaps, and every value is in its range.
    fn overrides(&self, params: &[Param], enums: &[Group]) -> Result<(), ImageError> {
        let scopes = self.few::<ScopeRecord>(Section::Scopes, "scope")?;
        let overrides = self.records::<OverrideRecord>(Section::Overrides, "override")?;
        let mut previous = None;
        let mut end = 0;
        for (index, scope) in scopes.iter().enumerate() {
            let names =
                (self.text(scope.zone, "scope", index)?, self.text(scope.shard, "scope", index)?);
            let first = scope.first.get() as usize;
            if names == ("", "") || first != end || previous.is_some_and(|known| known >= names) {
                return bad("scope", index);
            }
            previous = Some(names);
            end = first + scope.count.get() as usize;
            let Some(own) = overrides.get(first..end) else { return bad("scope", index) };
            let mut before = None;
            for (at, known) in (first..).zip(own) {
                let param = known.param.get();
                let Some(def) = params.get(usize::from(param)) else { return bad("override", at) };
                let (min, max) = self.slot(&def.slot, enums, "parameter", usize::from(param))?;
                let value = known.value.get();
                if value < min || value > max || before >= Some(param) {
                    return bad("override", at);
                }
                before = Some(param);
            }
        }
        if end != overrides.len() { bad("override", end) } else { Ok(()) }
    }

    fn tables(&self) -> Result<usize, ImageError> {
        let entries = self.records::<Entry>(Section::Entries, "loot entry")?;
        let pities = self.records::<Pity>(Section::Pities, "pity")?;
        let tables = self.few::<Table>(Section::Tables, "loot table")?;
        let mut pity_end = 0;
        for (index, table) in tables.iter().enumerate() {
            self.text(table.name, "loot table", index)?;
            let entry_end = table.entry_first.get() as usize + table.entry_count.get() as usize;
            // A player's state has one count per pity: they follow one another without gaps.
            let pity_first = table.pity_first.get() as usize;
            let rolls = table.rolls_many.get();
            if entry_end > entries.len()
                || pity_first != pity_end
                || rolls == 0
                || rolls > TABLE_ROLLS_MAX
            {
                return bad("loot table", index);
            }
            pity_end = pity_first + table.pity_count.get() as usize;
            let own = pities.get(pity_first..pity_end);
            let fits = |pity: &Pity| {
                usize::from(pity.table.get()) == index
                    && u32::from(pity.entry.get()) < table.entry_count.get()
            };
            if !own.is_some_and(|own| own.len() <= PITIES_MAX && own.iter().all(fits)) {
                return bad("pity", pity_first);
            }
        }
        if pity_end != pities.len() {
            return bad("pity", pity_end);
        }
        for (index, entry) in entries.iter().enumerate() {
            self.text(entry.name, "loot entry", index)?;
            self.text(entry.item, "loot entry", index)?;
            let table = usize::from(entry.table.get());
            if entry.gives.get() > 1 || (entry.gives.get() == 1 && table >= tables.len()) {
                return bad("loot entry", index);
            }
        }
        Ok(tables.len())
    }
}

pub(super) fn check<B: AsRef<[u8]>>(image: &Image<B>) -> Result<(), ImageError> {
    let Ok(texts) = std::str::from_utf8(image.section(Section::Texts)) else {
        return bad("text section", 0);
    };
    let checker = Checker { image, texts };
    let [info] = checker.records::<Info>(Section::Info, "head")? else { return bad("head", 0) };
    for text in [info.ruleset, info.version, info.context] {
        checker.text(text, "head", 0)?;
    }
    for section in [Section::Symbols, Section::EnumValues] {
        for (index, text) in checker.records::<Text>(section, "name")?.iter().enumerate() {
            checker.text(*text, "name", index)?;
        }
    }
    let values = checker.records::<Text>(Section::EnumValues, "enum value")?.len();
    let enums = checker.groups(Section::Enums, values, "enum")?;

    let fields = checker.records::<Field>(Section::Fields, "field")?;
    for (index, field) in fields.iter().enumerate() {
        checker.text(field.name, "field", index)?;
        checker.slot(&field.slot, enums, "field", index)?;
    }
    let triggers = checker.groups(Section::Triggers, fields.len(), "trigger")?;

    let counters = checker.few::<Counter>(Section::Counters, "counter")?;
    for (index, counter) in counters.iter().enumerate() {
        checker.text(counter.name, "counter", index)?;
        if usize::from(counter.trigger.get()) >= triggers.len() {
            return bad("counter", index);
        }
    }
    let days = checker.records::<DayRange>(Section::Days, "exception")?.len();
    let timers = checker.few::<Timer>(Section::Timers, "timer")?;
    for (index, timer) in timers.iter().enumerate() {
        for text in [timer.name, timer.expression, timer.zone, timer.except_zone] {
            checker.text(text, "timer", index)?;
        }
        let end = timer.except_first.get() as usize + timer.except_count.get() as usize;
        if end > days {
            return bad("timer", index);
        }
    }
    let params = checker.params(enums)?;
    let tables = checker.tables()?;

    for (index, fragment) in
        checker.few::<Fragment>(Section::Fragments, "fragment")?.iter().enumerate()
    {
        checker.text(fragment.name, "fragment", index)?;
        checker.span(fragment.wasm, "fragment", index)?;
        checker.span(fragment.meta, "fragment", index)?;
        let on = usize::from(fragment.on.get());
        let own_fields = match fragment.on_kind.get() {
            0 => match triggers.get(on) {
                Some(trigger) => trigger.count.get() as usize,
                None => return bad("fragment", index),
            },
            1 if on < timers.len() => 0,
            _ => return bad("fragment", index),
        };
        let view = u16::try_from(index).ok().and_then(|index| image.fragment(index));
        let Some(Ok(meta)) = view.map(|view| view.meta()) else {
            return bad("fragment description", index);
        };
        let shape = [
            (usize::from(meta.fields), own_fields),
            (usize::from(meta.counters), counters.len()),
            (usize::from(meta.timers), timers.len()),
            (usize::from(meta.params), params),
        ];
        let loot = meta.rules.iter().flat_map(|rule| &rule.outcomes).filter_map(|o| o.loot);
        let in_range = |table: u16| usize::from(table) < tables;
        let agrees = shape.iter().all(|(stated, actual)| stated == actual)
            && meta.slots() <= CTX_SLOTS_MAX
            && meta.masks.iter().all(|table| in_range(*table))
            && loot.into_iter().all(|loot| in_range(loot.table))
            && view.is_some_and(|view| view.on == meta.on && view.name == meta.name);
        if !agrees {
            return bad("fragment description", index);
        }
    }
    Ok(())
}
