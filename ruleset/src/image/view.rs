//! What an image answers. No accessor allocates unless it says so.

use cairn_merkle::Digest;
use zerocopy::little_endian::{I64, U16};

use super::Image;
use super::record::{
    Counter, DayRange, Entry, Field, Fragment, Group, OverrideRecord, Param, Pity, ScopeRecord,
    Section, Span, Table, Text, Timer,
};
use crate::ir::{CounterDef, Days, Except, Missed, On, Schedule, Slot, TimerDef, Type};
use crate::loot::{self, Gives, Head, Tables};
use crate::meta::{FragmentMeta, MetaError, Segment};
use crate::page::{self, Key, Overrides, Page};
use crate::scope::Scope;
use crate::value::Names;

/// A slot that cannot be read; never seen in a checked image.
const NO_SLOT: Slot = Slot { ty: Type::Int, min: 0, max: 0 };

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamView<'a> {
    /// Its slot in the parameter page.
    pub index: u16,
    /// Its name.
    pub name: &'a str,
    /// Type and range.
    pub slot: Slot,
    /// Its value in this version, wherever no override applies.
    pub default: i64,
    /// Unit for people.
    pub unit: Option<&'a str>,
    /// The designer's words.
    pub doc: &'a str,
}

/// One override of a parameter. It names a zone, a shard, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverrideView<'a> {
    /// The zone.
    pub zone: Option<&'a str>,
    /// The shard.
    pub shard: Option<&'a str>,
    /// Index of the parameter.
    pub param: u16,
    /// Its value there.
    pub value: i64,
}

/// One field of a trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldView<'a> {
    /// Its name.
    pub name: &'a str,
    /// Type and range.
    pub slot: Slot,
}

/// One trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TriggerView<'a> {
    /// Its index.
    pub index: u16,
    /// Its name.
    pub name: &'a str,
    /// How many fields it has.
    pub field_count: usize,
}

/// One loot table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableView<'a> {
    /// Its index.
    pub index: u16,
    /// Its name.
    pub name: &'a str,
    /// How many entries it has.
    pub entry_count: usize,
    /// Fewest and most entries drawn for each roll asked.
    pub rolls: (u32, u32),
}

/// One entry of a loot table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryView<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it gives, its weight and count.
    pub entry: loot::Entry<'a>,
    /// Whether it has a condition.
    pub conditional: bool,
    /// Whether each request gives it once.
    pub guaranteed: bool,
}

/// One code fragment.
#[derive(Clone, Copy, Debug)]
pub struct FragmentView<'a> {
    /// Its index.
    pub index: u16,
    /// Its name.
    pub name: &'a str,
    /// What makes it run.
    pub on: On,
    /// Digest of the module.
    pub digest: Digest,
    /// The module.
    pub wasm: &'a [u8],
    pub(super) meta: &'a [u8],
}

impl FragmentView<'_> {
    /// Decodes the description. Allocates.
    ///
    /// # Errors
    /// Never for a checked image.
    pub fn meta(&self) -> Result<FragmentMeta, MetaError> {
        FragmentMeta::decode(self.meta)
    }
}

impl<B: AsRef<[u8]>> Image<B> {
    /// How many parameters there are.
    #[must_use]
    pub fn param_count(&self) -> usize {
        self.section(Section::Values).len() / 8
    }

    /// The parameters at a place. Allocates the page; costs a copy of the defaults, three binary
    /// searches and a store for each override that applies.
    #[must_use]
    pub fn page(&self, scope: &Scope) -> Page {
        let values = self.records::<I64>(Section::Values).iter().map(|value| value.get());
        Page::resolve(values.collect(), self, scope.zone.as_deref(), scope.shard.as_deref())
    }

    /// Which of this version's overrides apply at a place: equal keys, equal pages.
    #[must_use]
    pub fn page_key(&self, scope: &Scope) -> Key {
        page::key(self, scope.zone.as_deref(), scope.shard.as_deref())
    }

    /// Every override, by scope, then by parameter.
    pub fn overrides(&self) -> impl Iterator<Item = OverrideView<'_>> {
        self.records::<ScopeRecord>(Section::Scopes).iter().flat_map(|scope| {
            let (zone, shard) = self.scope_names(scope);
            let (first, count) = (scope.first.get(), scope.count.get());
            let own = self.group::<OverrideRecord>(Section::Overrides, first, count).iter();
            own.map(move |known| OverrideView {
                zone,
                shard,
                param: known.param.get(),
                value: known.value.get(),
            })
        })
    }

    fn scope_names(&self, scope: &ScopeRecord) -> (Option<&str>, Option<&str>) {
        let name = |text| Some(self.text(text)).filter(|name| !name.is_empty());
        (name(scope.zone), name(scope.shard))
    }

    /// A parameter by index.
    #[must_use]
    pub fn param(&self, index: u16) -> Option<ParamView<'_>> {
        let param = self.records::<Param>(Section::Params).get(usize::from(index))?;
        Some(ParamView {
            index,
            name: self.text(param.name),
            slot: param.slot.read().unwrap_or(NO_SLOT),
            default: self.records::<I64>(Section::Values).get(usize::from(index))?.get(),
            unit: (param.has_unit.get() == 1).then(|| self.text(param.unit)),
            doc: self.text(param.doc),
        })
    }

    /// Index of a parameter by name. A binary search.
    #[must_use]
    pub fn param_index(&self, name: &str) -> Option<u16> {
        let order = self.records::<U16>(Section::ParamsByName);
        let params = self.records::<Param>(Section::Params);
        let texts = self.section(Section::Texts);
        let found = order.binary_search_by(|index| {
            // Bytes order as their strings do, and need no check for UTF-8 here.
            let param = params.get(usize::from(index.get())).map(|param| param.name);
            bytes_of(texts, param.unwrap_or_default()).cmp(name.as_bytes())
        });
        order.get(found.ok()?).map(|index| index.get())
    }

    /// Every parameter, in slot order.
    pub fn params(&self) -> impl Iterator<Item = ParamView<'_>> {
        (0..self.param_count() as u16).filter_map(|index| self.param(index))
    }

    /// How many triggers there are.
    #[must_use]
    pub fn trigger_count(&self) -> usize {
        self.records::<Group>(Section::Triggers).len()
    }

    /// A trigger by index.
    #[must_use]
    pub fn trigger(&self, index: u16) -> Option<TriggerView<'_>> {
        let group = self.records::<Group>(Section::Triggers).get(usize::from(index))?;
        let field_count = group.count.get() as usize;
        Some(TriggerView { index, name: self.text(group.name), field_count })
    }

    /// A trigger by name. Linear.
    #[must_use]
    pub fn trigger_named(&self, name: &str) -> Option<TriggerView<'_>> {
        (0..self.trigger_count() as u16)
            .filter_map(|index| self.trigger(index))
            .find(|trigger| trigger.name == name)
    }

    /// The fields of a trigger, in slot order; none when there is no such trigger.
    pub fn fields(&self, trigger: u16) -> impl Iterator<Item = FieldView<'_>> {
        let group = self.records::<Group>(Section::Triggers).get(usize::from(trigger));
        let (first, count) = group.map_or((0, 0), |group| (group.first.get(), group.count.get()));
        self.group::<Field>(Section::Fields, first, count).iter().map(|field| FieldView {
            name: self.text(field.name),
            slot: field.slot.read().unwrap_or(NO_SLOT),
        })
    }

    /// How many counters there are.
    #[must_use]
    pub fn counter_count(&self) -> usize {
        self.records::<Counter>(Section::Counters).len()
    }

    /// Name and largest value of a counter, without allocating.
    #[must_use]
    pub fn counter_limit(&self, index: u16) -> Option<(&str, i64)> {
        let counter = self.records::<Counter>(Section::Counters).get(usize::from(index))?;
        Some((self.text(counter.name), counter.max.get()))
    }

    /// Every counter, in slot order. Allocates.
    pub fn counters(&self) -> impl Iterator<Item = CounterDef> {
        self.records::<Counter>(Section::Counters).iter().map(|counter| CounterDef {
            name: self.text(counter.name).to_owned(),
            trigger: counter.trigger.get(),
            window_ms: counter.window_ms.get(),
            max: counter.max.get(),
        })
    }

    /// How many timers there are.
    #[must_use]
    pub fn timer_count(&self) -> usize {
        self.records::<Timer>(Section::Timers).len()
    }

    /// Name of a timer.
    #[must_use]
    pub fn timer_name(&self, index: u16) -> Option<&str> {
        let timer = self.records::<Timer>(Section::Timers).get(usize::from(index))?;
        Some(self.text(timer.name))
    }

    /// Every timer, in slot order. Allocates.
    pub fn timers(&self) -> impl Iterator<Item = TimerDef> {
        self.records::<Timer>(Section::Timers).iter().map(|timer| TimerDef {
            name: self.text(timer.name).to_owned(),
            schedule: match timer.period_ms.get() {
                0 => Schedule::Cron {
                    expression: self.text(timer.expression).to_owned(),
                    zone: self.text(timer.zone).to_owned(),
                },
                period_ms => Schedule::Every { period_ms },
            },
            duration_ms: timer.duration_ms.get(),
            missed: if timer.missed.get() == 0 { Missed::Fire } else { Missed::Skip },
            jitter_ms: timer.jitter_ms.get(),
            except: self.except(timer),
        })
    }

    fn except(&self, timer: &Timer) -> Except {
        let (first, count) = (timer.except_first.get(), timer.except_count.get());
        let days = self.group::<DayRange>(Section::Days, first, count).iter();
        Except {
            zone: self.text(timer.except_zone).to_owned(),
            days: days.map(|d| Days { first: d.first.get(), last: d.last.get() }).collect(),
        }
    }

    /// How many loot tables there are.
    #[must_use]
    pub fn table_count(&self) -> usize {
        self.tables().len()
    }

    fn tables(&self) -> &[Table] {
        self.records(Section::Tables)
    }

    /// A loot table by index.
    #[must_use]
    pub fn table(&self, index: u16) -> Option<TableView<'_>> {
        let table = self.tables().get(usize::from(index))?;
        Some(TableView {
            index,
            name: self.text(table.name),
            entry_count: table.entry_count.get() as usize,
            rolls: (table.rolls_few.get(), table.rolls_many.get()),
        })
    }

    /// A loot table by name. Linear.
    #[must_use]
    pub fn table_named(&self, name: &str) -> Option<TableView<'_>> {
        (0..self.table_count() as u16)
            .filter_map(|index| self.table(index))
            .find(|table| table.name == name)
    }

    /// The entries of a loot table, in declared order; none when there is no such table.
    pub fn entries(&self, table: u16) -> impl Iterator<Item = EntryView<'_>> {
        self.entry_records(table).iter().map(|entry| EntryView {
            name: self.text(entry.name),
            entry: self.entry_view(entry),
            conditional: entry.conditional.get() == 1,
            guaranteed: entry.weight.get() == 0,
        })
    }

    /// The pities of a loot table, in order of precedence; none when there is no such table.
    pub fn pities(&self, table: u16) -> impl Iterator<Item = loot::Pity> {
        let slots = self
            .head(table)
            .map_or(0..0, |head| head.pity_first..head.pity_first.saturating_add(head.pity_count));
        slots.filter_map(|slot| self.pity(slot))
    }

    fn entry_records(&self, table: u16) -> &[Entry] {
        let table = self.tables().get(usize::from(table));
        let (first, count) =
            table.map_or((0, 0), |table| (table.entry_first.get(), table.entry_count.get()));
        self.group(Section::Entries, first, count)
    }

    fn entry_view(&self, entry: &Entry) -> loot::Entry<'_> {
        let gives = match entry.gives.get() {
            0 => Gives::Item(self.text(entry.item)),
            _ => Gives::Table(entry.table.get()),
        };
        let count = (entry.few.get(), entry.many.get());
        loot::Entry { gives, weight: entry.weight.get(), count }
    }

    /// How many enums there are.
    #[must_use]
    pub fn enum_count(&self) -> usize {
        self.records::<Group>(Section::Enums).len()
    }

    /// Name of an enum.
    #[must_use]
    pub fn enum_name(&self, index: u16) -> Option<&str> {
        let group = self.records::<Group>(Section::Enums).get(usize::from(index))?;
        Some(self.text(group.name))
    }

    /// The values of an enum, in declared order; none when there is no such enum.
    pub fn enum_values(&self, index: u16) -> impl Iterator<Item = &str> {
        let group = self.records::<Group>(Section::Enums).get(usize::from(index));
        let (first, count) = group.map_or((0, 0), |group| (group.first.get(), group.count.get()));
        self.group::<Text>(Section::EnumValues, first, count).iter().map(|text| self.text(*text))
    }

    /// How many code fragments there are.
    #[must_use]
    pub fn fragment_count(&self) -> usize {
        self.records::<Fragment>(Section::Fragments).len()
    }

    /// A code fragment by index.
    #[must_use]
    pub fn fragment(&self, index: u16) -> Option<FragmentView<'_>> {
        let fragment = self.records::<Fragment>(Section::Fragments).get(usize::from(index))?;
        let on = fragment.on.get();
        Some(FragmentView {
            index,
            name: self.text(fragment.name),
            on: if fragment.on_kind.get() == 0 { On::Trigger(on) } else { On::Timer(on) },
            digest: Digest(fragment.digest),
            wasm: self.blob(fragment.wasm),
            meta: self.blob(fragment.meta),
        })
    }

    /// Every code fragment, sorted by name.
    pub fn fragments(&self) -> impl Iterator<Item = FragmentView<'_>> {
        (0..self.fragment_count() as u16).filter_map(|index| self.fragment(index))
    }

    fn blob(&self, span: Span) -> &[u8] {
        let start = span.offset.get() as usize;
        let end = start.saturating_add(span.length.get() as usize);
        self.section(Section::Blobs).get(start..end).unwrap_or(&[])
    }
}

fn bytes_of(texts: &[u8], text: Text) -> &[u8] {
    let start = text.offset.get() as usize;
    texts.get(start..start.saturating_add(text.length.get() as usize)).unwrap_or(&[])
}

impl<B: AsRef<[u8]>> Tables for Image<B> {
    fn head(&self, table: u16) -> Option<Head> {
        let table = self.tables().get(usize::from(table))?;
        Some(Head {
            entry_count: table.entry_count.get() as usize,
            guaranteed: table.guaranteed.get(),
            rolls: (table.rolls_few.get(), table.rolls_many.get()),
            pity_first: table.pity_first.get() as usize,
            pity_count: table.pity_count.get() as usize,
        })
    }

    fn weight(&self, table: u16, index: usize) -> u32 {
        self.entry_records(table).get(index).map_or(0, |entry| entry.weight.get())
    }

    fn entry(&self, table: u16, index: usize) -> Option<loot::Entry<'_>> {
        self.entry_records(table).get(index).map(|entry| self.entry_view(entry))
    }

    fn pity_count(&self) -> usize {
        self.records::<Pity>(Section::Pities).len()
    }

    fn pity(&self, slot: usize) -> Option<loot::Pity> {
        let pity = self.records::<Pity>(Section::Pities).get(slot)?;
        Some(loot::Pity {
            entry: pity.entry.get(),
            after: pity.after.get(),
            soft_from: pity.soft_from.get(),
            soft_step: pity.soft_step.get(),
        })
    }

    fn pity_name(&self, slot: usize) -> Option<(&str, &str)> {
        let pity = self.records::<Pity>(Section::Pities).get(slot)?;
        let table = pity.table.get();
        let entry = self.entry_records(table).get(usize::from(pity.entry.get()))?;
        Some((self.table(table)?.name, self.text(entry.name)))
    }
}

impl<B: AsRef<[u8]>> Overrides for Image<B> {
    fn scope_index(&self, zone: Option<&str>, shard: Option<&str>) -> Option<u16> {
        let scopes = self.records::<ScopeRecord>(Section::Scopes);
        let found = scopes.binary_search_by(|scope| self.scope_names(scope).cmp(&(zone, shard)));
        u16::try_from(found.ok()?).ok()
    }

    fn of_scope(&self, scope: u16) -> impl Iterator<Item = (u16, i64)> {
        let scope = self.records::<ScopeRecord>(Section::Scopes).get(usize::from(scope));
        let (first, count) = scope.map_or((0, 0), |scope| (scope.first.get(), scope.count.get()));
        let own = self.group::<OverrideRecord>(Section::Overrides, first, count).iter();
        own.map(|known| (known.param.get(), known.value.get()))
    }
}

impl<B: AsRef<[u8]>> Names for Image<B> {
    fn enum_value(&self, of: u16, index: u32) -> Option<&str> {
        self.enum_values(of).nth(index as usize)
    }

    fn enum_index(&self, of: u16, name: &str) -> Option<u32> {
        self.enum_values(of).position(|value| value == name).map(|index| index as u32)
    }

    fn symbol(&self, index: u32) -> Option<&str> {
        let symbols = self.records::<Text>(Section::Symbols);
        symbols.get(index as usize).map(|text| self.text(*text))
    }

    fn symbol_index(&self, name: &str) -> Option<u32> {
        let symbols = self.records::<Text>(Section::Symbols);
        symbols.iter().position(|text| self.text(*text) == name).map(|index| index as u32)
    }
}
