//! An image from a manifest and its blobs.

use std::collections::BTreeMap;

use cairn_merkle::Digest;
use zerocopy::little_endian::{I64, U16};
use zerocopy::{Immutable, IntoBytes};

use super::error::ImageError;
use super::record::{
    CHECKED_FROM, Counter, DayRange, Entry, Field, Fragment, Group, Header, Info, MAGIC,
    OverrideRecord, Param, Pity, SECTIONS, ScopeRecord, Section, SlotRecord, Span, Table, Text,
    Timer,
};
use super::{IMAGE_FORMAT, Image};
use crate::envelope::MANIFEST_DOMAIN;
use crate::ir::{EntryDef, Loot, Missed, On, Schedule, Slot, TableDef};
use crate::limits::{DIALECT, ENTRIES_MAX, PITIES_MAX, PITY_AFTER_MAX, TABLE_ROLLS_MAX};
use crate::manifest::{FragmentKind, Manifest};
use crate::meta::{
    self, FragmentMeta, LootTables, MetaError, ParamMeta, Params, Schema, Segment, Timers,
};
use crate::page::Overrides as _;
use crate::schedule::Clockwork;
use crate::whitelist;

/// Largest sum of a table's weights.
const WEIGHT_MAX: u64 = 1 << 31;

/// Builds the image of a bundle: verifies every blob against the manifest, proves every module,
/// checks that the parts agree. `blobs` answers with a blob's bytes by digest.
///
/// The manifest must have been opened through [`crate::envelope::Envelope::open`] or built here.
///
/// # Errors
/// See [`ImageError`].
pub fn build(
    manifest: &Manifest,
    blobs: &dyn Fn(&Digest) -> Option<Vec<u8>>,
) -> Result<Vec<u8>, ImageError> {
    // Before anything is decoded: a newer dialect may have segments and code that this build would
    // call malformed, and the one thing to say is who is too old.
    if !(1..=DIALECT).contains(&manifest.language) {
        return Err(ImageError::Dialect { actual: manifest.language });
    }
    let mut parts = Parts::default();
    for entry in &manifest.fragments {
        let name = entry.name.clone();
        let Some(bytes) = blobs(&entry.digest) else {
            return Err(ImageError::Missing { name, digest: entry.digest });
        };
        entry.verify(&bytes)?;
        let segment = |source: MetaError| ImageError::Segment { name: name.clone(), source };
        match entry.kind {
            FragmentKind::Schema => parts.schemas.push(Schema::decode(&bytes).map_err(segment)?),
            FragmentKind::Params => parts.params.push(Params::decode(&bytes).map_err(segment)?),
            FragmentKind::Loot => parts.loot.push(LootTables::decode(&bytes).map_err(segment)?),
            FragmentKind::Timers => parts.timers.push(Timers::decode(&bytes).map_err(segment)?),
            FragmentKind::Code => match whitelist::prove(&bytes) {
                Ok(meta) if meta.name == name => {
                    parts.code.push(Code { meta, digest: entry.digest, wasm: bytes });
                }
                Ok(meta) => {
                    let reason = format!("its module calls itself `{}`", meta.name);
                    return Err(contradiction("fragment", &name, reason));
                }
                Err(source) => return Err(ImageError::Refused { name, source }),
            },
        }
    }
    let whole = parts.whole()?;
    whole.check(manifest)?;
    let bytes = write(manifest, &whole)?;
    // The same check that every reader makes; a failure here is a bug in the writer.
    Image::open(bytes.as_slice())?;
    Ok(bytes)
}

fn contradiction(what: &'static str, name: &str, reason: impl Into<String>) -> ImageError {
    ImageError::Contradiction { what, name: name.to_owned(), reason: reason.into() }
}

struct Code {
    meta: FragmentMeta,
    digest: Digest,
    wasm: Vec<u8>,
}

#[derive(Default)]
struct Parts {
    schemas: Vec<Schema>,
    params: Vec<Params>,
    loot: Vec<LootTables>,
    timers: Vec<Timers>,
    code: Vec<Code>,
}

struct Whole {
    schema: Schema,
    params: Params,
    loot: LootTables,
    timers: Timers,
    code: Vec<Code>,
}

impl Parts {
    fn whole(self) -> Result<Whole, ImageError> {
        fn one<T>(kind: FragmentKind, mut parts: Vec<T>) -> Result<T, ImageError> {
            let count = parts.len();
            match parts.pop() {
                Some(part) if count == 1 => Ok(part),
                _ => Err(ImageError::Segments { kind, count }),
            }
        }
        Ok(Whole {
            schema: one(FragmentKind::Schema, self.schemas)?,
            params: one(FragmentKind::Params, self.params)?,
            loot: one(FragmentKind::Loot, self.loot)?,
            timers: one(FragmentKind::Timers, self.timers)?,
            code: self.code,
        })
    }
}

impl Whole {
    /// What [`Image::open`] cannot see, or would name less clearly.
    fn check(&self, manifest: &Manifest) -> Result<(), ImageError> {
        let dialect = self.schema.dialect;
        if !(1..=DIALECT).contains(&dialect) {
            return Err(ImageError::Dialect { actual: dialect });
        }
        if dialect != manifest.language {
            let reason = format!("its schema has dialect {dialect}, not {}", manifest.language);
            return Err(contradiction("language of", &manifest.ruleset, reason));
        }
        // Games that were built for a context believe its name and its hash.
        if self.schema.context != manifest.context {
            let reason = format!("its schema belongs to `{}`", self.schema.context);
            return Err(contradiction("context", &manifest.context, reason));
        }
        if meta::context_hash(&self.schema, &self.timers) != manifest.context_hash {
            let reason = "its hash is not that of the schema";
            return Err(contradiction("context", &manifest.context, reason));
        }
        if let Some(counter) = self.schema.counters.iter().find(|counter| counter.max < 0) {
            let reason = format!("its largest count is {}", counter.max);
            return Err(contradiction("counter", &counter.name, reason));
        }
        if self.schema.ruleset != manifest.ruleset {
            let reason = format!("its schema belongs to `{}`", self.schema.ruleset);
            return Err(contradiction("rule set", &manifest.ruleset, reason));
        }
        let (values, definitions) = (self.params.values.len(), self.schema.params.len());
        if values != definitions {
            let reason = format!("{values} values for {definitions} definitions");
            return Err(contradiction("parameters", &manifest.ruleset, reason));
        }
        let outside = |param: &ParamMeta, value: i64, place: String| {
            let Slot { min, max, .. } = param.slot;
            if (min..=max).contains(&value) {
                return Ok(());
            }
            let reason = format!("{value}{place} is outside {min} to {max}");
            Err(contradiction("parameter", &param.name, reason))
        };
        for (param, value) in self.schema.params.iter().zip(&self.params.values) {
            outside(param, *value, String::new())?;
        }
        // The decoder saw to their order and to their indices.
        for known in &self.params.overrides {
            let param = self.schema.params.get(usize::from(known.param));
            let scope = self.params.scopes.get(usize::from(known.scope));
            if let (Some(param), Some(scope)) = (param, scope) {
                outside(param, known.value, format!(" in {scope}"))?;
            }
        }
        for table in &self.loot.tables {
            check_table(table)?;
        }
        for timer in &self.timers.timers {
            Clockwork::new(&manifest.ruleset, timer)
                .map_err(|error| contradiction("timer", &timer.name, error.to_string()))?;
        }
        Ok(())
    }
}

fn check_table(table: &TableDef) -> Result<(), ImageError> {
    let fail = |reason: String| Err(contradiction("loot table", &table.name, reason));
    if table.entries.len() > ENTRIES_MAX {
        return fail(format!("{} entries, limit {ENTRIES_MAX}", table.entries.len()));
    }
    if let Some(entry) = table.entries.iter().find(|e| e.guaranteed != (e.weight == 0)) {
        let kind = if entry.guaranteed { "guaranteed" } else { "weighted" };
        return fail(format!("{kind} entry `{}` has weight {}", entry.name, entry.weight));
    }
    let (few, many) = table.rolls;
    if few > many || !(1..=TABLE_ROLLS_MAX).contains(&many) {
        return fail(format!("{few} to {many} rolls, limit 1 to {TABLE_ROLLS_MAX}"));
    }
    let pities = table.pities.len();
    if pities > PITIES_MAX {
        return fail(format!("{pities} pities, limit {PITIES_MAX}"));
    }
    let mut total: u64 = table.entries.iter().map(|entry| u64::from(entry.weight)).sum();
    let mut seen = 0u64;
    for pity in &table.pities {
        let entry = table.entries.get(usize::from(pity.entry)).filter(|e| !e.guaranteed);
        let bit = 1u64.checked_shl(pity.entry.into()).unwrap_or(0);
        if entry.is_none() || seen & bit != 0 {
            return fail(format!("a pity for entry {}", pity.entry));
        }
        seen |= bit;
        if !(pities.max(1) as u32..=PITY_AFTER_MAX).contains(&pity.after)
            || pity.soft_from >= pity.after
        {
            let (after, from) = (pity.after, pity.soft_from);
            return fail(format!("a pity after {after} misses, soft from {from}"));
        }
        total += u64::from(pity.soft_step) * u64::from(pity.after - pity.soft_from);
    }
    if total > WEIGHT_MAX {
        return fail(format!("weights sum to {total}, limit {WEIGHT_MAX}"));
    }
    // What is drawn needs an entry that can always be; where nothing is drawn, what is given does.
    let weighted = table.entries.iter().any(|entry| !entry.guaranteed);
    let can = |entry: &EntryDef| !entry.conditional && entry.guaranteed != weighted;
    if !table.entries.iter().any(can) {
        return fail("no entry is unconditional".to_owned());
    }
    Ok(())
}

/// Collects sections; equal texts are stored once.
struct Writer {
    sections: [Vec<u8>; SECTIONS],
    texts: BTreeMap<String, u32>,
}

impl Writer {
    fn push<R: IntoBytes + Immutable>(&mut self, section: Section, record: &R) {
        if let Some(bytes) = self.sections.get_mut(section as usize) {
            bytes.extend_from_slice(record.as_bytes());
        }
    }

    /// How many records of a size a section holds.
    fn count<R>(&self, section: Section) -> u32 {
        let bytes = self.sections.get(section as usize).map_or(0, Vec::len);
        (bytes / size_of::<R>()) as u32
    }

    fn text(&mut self, text: &str) -> Text {
        let length = (text.len() as u32).into();
        if let Some(offset) = self.texts.get(text) {
            return Text { offset: (*offset).into(), length };
        }
        let offset = self.count::<u8>(Section::Texts);
        self.texts.insert(text.to_owned(), offset);
        if let Some(bytes) = self.sections.get_mut(Section::Texts as usize) {
            bytes.extend_from_slice(text.as_bytes());
        }
        Text { offset: offset.into(), length }
    }

    fn blob(&mut self, blob: &[u8]) -> Span {
        let offset = self.count::<u8>(Section::Blobs);
        if let Some(bytes) = self.sections.get_mut(Section::Blobs as usize) {
            bytes.extend_from_slice(blob);
        }
        Span { offset: offset.into(), length: (blob.len() as u32).into() }
    }

    fn group<R>(&mut self, section: Section, of: Section, name: &str, count: usize) {
        let name = self.text(name);
        let first = self.count::<R>(of);
        let group = Group { name, first: first.into(), count: (count as u32).into() };
        self.push(section, &group);
    }
}

fn write(manifest: &Manifest, whole: &Whole) -> Result<Vec<u8>, ImageError> {
    let mut writer = Writer { sections: Default::default(), texts: BTreeMap::new() };
    let schema = &whole.schema;
    let info = Info {
        ruleset: writer.text(&manifest.ruleset),
        version: writer.text(&manifest.version),
        context: writer.text(&manifest.context),
        context_hash: manifest.context_hash.0,
        dialect: schema.dialect.into(),
    };
    writer.push(Section::Info, &info);
    for symbol in &schema.symbols {
        let text = writer.text(symbol);
        writer.push(Section::Symbols, &text);
    }
    for def in &schema.enums {
        writer.group::<Text>(Section::Enums, Section::EnumValues, &def.name, def.values.len());
        for value in &def.values {
            let text = writer.text(value);
            writer.push(Section::EnumValues, &text);
        }
    }
    write_params(&mut writer, whole);
    for def in &schema.triggers {
        writer.group::<Field>(Section::Triggers, Section::Fields, &def.name, def.fields.len());
        for field in &def.fields {
            let name = writer.text(&field.name);
            writer.push(Section::Fields, &Field { name, slot: SlotRecord::new(&field.slot) });
        }
    }
    for def in &schema.counters {
        let counter = Counter {
            name: writer.text(&def.name),
            trigger: def.trigger.into(),
            window_ms: def.window_ms.into(),
            max: def.max.into(),
        };
        writer.push(Section::Counters, &counter);
    }
    for def in &whole.timers.timers {
        let (expression, zone, period_ms) = match &def.schedule {
            Schedule::Cron { expression, zone } => (expression.as_str(), zone.as_str(), 0),
            Schedule::Every { period_ms } => ("", "", *period_ms),
        };
        let timer = Timer {
            name: writer.text(&def.name),
            expression: writer.text(expression),
            zone: writer.text(zone),
            period_ms: period_ms.into(),
            duration_ms: def.duration_ms.into(),
            missed: u16::from(def.missed == Missed::Skip).into(),
            jitter_ms: def.jitter_ms.into(),
            except_zone: writer.text(&def.except.zone),
            except_first: writer.count::<DayRange>(Section::Days).into(),
            except_count: (def.except.days.len() as u32).into(),
        };
        writer.push(Section::Timers, &timer);
        for days in &def.except.days {
            let range = DayRange { first: days.first.into(), last: days.last.into() };
            writer.push(Section::Days, &range);
        }
    }
    write_tables(&mut writer, &whole.loot.tables);
    for code in &whole.code {
        let (on_kind, on) = match code.meta.on {
            On::Trigger(index) => (0u16, index),
            On::Timer(index) => (1, index),
        };
        let fragment = Fragment {
            name: writer.text(&code.meta.name),
            digest: code.digest.0,
            wasm: writer.blob(&code.wasm),
            meta: writer.blob(&code.meta.encode()),
            on: on.into(),
            on_kind: on_kind.into(),
        };
        writer.push(Section::Fragments, &fragment);
    }
    finish(manifest, &writer)
}

fn write_params(writer: &mut Writer, whole: &Whole) {
    let params = &whole.schema.params;
    for (def, value) in params.iter().zip(&whole.params.values) {
        let param = Param {
            name: writer.text(&def.name),
            unit: writer.text(def.unit.as_deref().unwrap_or("")),
            doc: writer.text(&def.doc),
            slot: SlotRecord::new(&def.slot),
            has_unit: u16::from(def.unit.is_some()).into(),
        };
        writer.push(Section::Params, &param);
        writer.push(Section::Values, &I64::from(*value));
    }
    for (index, scope) in whole.params.scopes.iter().enumerate() {
        let own: Vec<(u16, i64)> = whole.params.of_scope(index as u16).collect();
        let record = ScopeRecord {
            zone: writer.text(scope.zone.as_deref().unwrap_or("")),
            shard: writer.text(scope.shard.as_deref().unwrap_or("")),
            first: writer.count::<OverrideRecord>(Section::Overrides).into(),
            count: (own.len() as u32).into(),
        };
        writer.push(Section::Scopes, &record);
        for (param, value) in own {
            let record = OverrideRecord { param: param.into(), value: value.into() };
            writer.push(Section::Overrides, &record);
        }
    }
    let mut order: Vec<u16> = (0..params.len() as u16).collect();
    order.sort_by_key(|index| params.get(usize::from(*index)).map(|param| param.name.as_str()));
    for index in order {
        writer.push(Section::ParamsByName, &U16::from(index));
    }
}

fn write_tables(writer: &mut Writer, tables: &[TableDef]) {
    for (index, def) in tables.iter().enumerate() {
        let guaranteed = (def.entries.iter().take(ENTRIES_MAX).enumerate())
            .fold(0, |mask: u64, (at, entry)| mask | u64::from(entry.guaranteed) << at);
        let table = Table {
            name: writer.text(&def.name),
            entry_first: writer.count::<Entry>(Section::Entries).into(),
            entry_count: (def.entries.len() as u32).into(),
            guaranteed: guaranteed.into(),
            rolls_few: def.rolls.0.into(),
            rolls_many: def.rolls.1.into(),
            pity_first: writer.count::<Pity>(Section::Pities).into(),
            pity_count: (def.pities.len() as u32).into(),
        };
        writer.push(Section::Tables, &table);
        for pity in &def.pities {
            let record = Pity {
                table: (index as u16).into(),
                entry: pity.entry.into(),
                after: pity.after.into(),
                soft_from: pity.soft_from.into(),
                soft_step: pity.soft_step.into(),
            };
            writer.push(Section::Pities, &record);
        }
        for entry in &def.entries {
            let (item, table, gives) = match &entry.loot {
                Loot::Item(item) => (item.as_str(), 0, 0u16),
                Loot::Table(table) => ("", *table, 1),
            };
            let record = Entry {
                name: writer.text(&entry.name),
                item: writer.text(item),
                weight: entry.weight.into(),
                few: entry.count.0.into(),
                many: entry.count.1.into(),
                table: table.into(),
                gives: gives.into(),
                conditional: u16::from(entry.conditional).into(),
            };
            writer.push(Section::Entries, &record);
        }
    }
}

fn finish(manifest: &Manifest, writer: &Writer) -> Result<Vec<u8>, ImageError> {
    let head = size_of::<Header>();
    let total = writer.sections.iter().map(Vec::len).sum::<usize>() + head;
    if u32::try_from(total).is_err() {
        return Err(ImageError::TooLarge { bytes: total as u64 });
    }
    let bundle = Digest::derive(MANIFEST_DOMAIN, &[&manifest.encode()]);
    let mut header = Header {
        magic: MAGIC,
        format: IMAGE_FORMAT.into(),
        sections: (SECTIONS as u32).into(),
        length: (total as u64).into(),
        checksum: [0; 32],
        bundle: bundle.0,
        table: [Span::default(); SECTIONS],
    };
    let mut offset = head as u32;
    for (span, section) in header.table.iter_mut().zip(&writer.sections) {
        let length = section.len() as u32;
        *span = Span { offset: offset.into(), length: length.into() };
        offset = offset.saturating_add(length);
    }
    let mut bytes = Vec::with_capacity(total);
    bytes.extend_from_slice(header.as_bytes());
    for section in &writer.sections {
        bytes.extend_from_slice(section);
    }
    let checksum = Digest::of(bytes.get(CHECKED_FROM..).unwrap_or(&[]));
    header.checksum = checksum.0;
    if let Some(front) = bytes.get_mut(..head) {
        front.copy_from_slice(header.as_bytes());
    }
    Ok(bytes)
}
