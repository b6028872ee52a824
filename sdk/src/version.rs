//! One version of a rule set, as a game holds it.

use std::sync::OnceLock;

use cairn_merkle::Digest;
use cairn_ruleset::image::{Image, ImageError};
use cairn_ruleset::ir::On;
use cairn_ruleset::loot::{self, Drop, Roll};
use cairn_ruleset::meta::FragmentMeta;
use cairn_ruleset::page::Page;
use cairn_ruleset::rng;
use cairn_ruleset::schema_hash::schema_hash;
use cairn_ruleset::scope::Scope;
use cairn_ruleset::value::Value;

use crate::{Error, ImageBytes, LootRequest, Pity, Result};

/// One generation of a channel: immutable, complete, readable without a system call.
#[derive(Debug)]
pub struct Version {
    /// Position in the channel's history.
    pub generation: u64,
    /// The bundle.
    pub digest: Digest,
    /// Its semantic version.
    pub version: String,
    /// The rule set.
    pub ruleset: String,
    image: Image<ImageBytes>,
    scope: Scope,
    /// The parameters there, resolved once.
    page: Page,
    fragments: Vec<FragmentMeta>,
    /// By loot table.
    tables: Vec<TableDraw>,
    schema: OnceLock<Digest>,
}

/// How a table is rolled outside any rule.
#[derive(Clone, Copy, Debug)]
struct TableDraw {
    /// Of its name.
    hash: u64,
    /// Entries that need no condition, bit by entry.
    unconditional: u64,
}

impl TableDraw {
    fn of(image: &Image<ImageBytes>, index: u16) -> TableDraw {
        let entries = image.entries(index).take(64).enumerate();
        TableDraw {
            hash: rng::name_hash(image.table(index).map_or("", |table| table.name)),
            unconditional: entries
                .filter(|(_, entry)| !entry.conditional)
                .fold(0, |mask, (at, _)| mask | 1 << at),
        }
    }
}

impl Version {
    /// Checks an image once; everything after that is reads. For games that run nowhere in
    /// particular: parameters have their defaults.
    ///
    /// # Errors
    /// `Image` says what is wrong with it.
    pub fn open(generation: u64, bytes: impl Into<ImageBytes>) -> Result<Version> {
        Version::open_at(generation, bytes, Scope::default())
    }

    /// The same for games that run in a zone or a shard: parameters have the values that hold
    /// there.
    ///
    /// # Errors
    /// As [`Version::open`].
    pub fn open_at(generation: u64, bytes: impl Into<ImageBytes>, scope: Scope) -> Result<Version> {
        let unusable = |source| Error::Image { source: Box::new(source) };
        let image = Image::open(bytes.into()).map_err(unusable)?;
        let digest = image.bundle();
        let mut fragments = Vec::with_capacity(image.fragment_count());
        for fragment in image.fragments() {
            let index = usize::from(fragment.index);
            let what = "fragment description";
            let malformed = |_| unusable(ImageError::Malformed { what, index });
            fragments.push(fragment.meta().map_err(malformed)?);
        }
        let (version, ruleset) = (image.version().to_owned(), image.ruleset().to_owned());
        let tables =
            (0..image.table_count() as u16).map(|index| TableDraw::of(&image, index)).collect();
        let page = image.page(&scope);
        let schema = OnceLock::new();
        Ok(Version {
            generation,
            digest,
            version,
            ruleset,
            image,
            scope,
            page,
            fragments,
            tables,
            schema,
        })
    }

    /// The image: triggers, enums, tables, timers and so on.
    #[must_use]
    pub fn image(&self) -> &Image<ImageBytes> {
        &self.image
    }

    /// The hash of what generated code relies on: the constant that `cairn codegen` wrote is equal
    /// to it, or the code was generated from another schema. The first call is linear in the rule
    /// set.
    #[must_use]
    pub fn schema_hash(&self) -> Digest {
        *self.schema.get_or_init(|| {
            let params = self.image.params().map(|param| (param.name, param.slot, param.unit));
            schema_hash(self.image.context_hash(), params, &self.fragments)
        })
    }

    /// Descriptions of the code fragments, by index.
    #[must_use]
    pub fn fragments(&self) -> &[FragmentMeta] {
        &self.fragments
    }

    /// Indices of the fragments that run on a trigger or timer.
    pub fn fragments_on(&self, on: On) -> impl Iterator<Item = u16> {
        let all = self.fragments.iter().zip(0u16..);
        all.filter(move |(meta, _)| meta.on == on).map(|(_, index)| index)
    }

    /// Where the games run that this version was opened for.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Every parameter there, in slot order, with what decided it.
    #[must_use]
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// A parameter's value by name; `None` when there is no such parameter.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Value> {
        let param = self.image.param(self.image.param_index(name)?)?;
        Some(Value::from_raw(param.slot.ty, self.param_raw(param.index)?, &self.image))
    }

    /// Index of a parameter, to be looked up once per version.
    #[must_use]
    pub fn param_index(&self, name: &str) -> Option<u16> {
        self.image.param_index(name)
    }

    /// A parameter's value in its representation (a decimal times 10⁶, milliseconds, an index).
    /// A bounds check and a load.
    #[must_use]
    #[inline]
    pub fn param_raw(&self, index: u16) -> Option<i64> {
        self.page.values.get(usize::from(index)).copied()
    }

    /// Index of a trigger or of a timer by name.
    ///
    /// # Errors
    /// `Unknown`.
    pub fn trigger(&self, name: &str) -> Result<On> {
        let trigger = self.image.trigger_named(name).map(|trigger| On::Trigger(trigger.index));
        trigger.ok_or_else(|| self.unknown("trigger", name))
    }

    /// Index of a timer by name.
    ///
    /// # Errors
    /// `Unknown`.
    pub fn timer(&self, name: &str) -> Result<On> {
        (0..self.image.timer_count() as u16)
            .find(|index| self.image.timer_name(*index) == Some(name))
            .map(On::Timer)
            .ok_or_else(|| self.unknown("timer", name))
    }

    /// Rolls a table outside any rule: entries with conditions are left out, draws follow the
    /// table's own name. The player is nobody: every pity begins at 0 and is forgotten after.
    ///
    /// # Errors
    /// `Unknown` table, or `Loot`.
    pub fn roll(&self, table: &str, seed: u64, count: u32) -> Result<Vec<Drop<'_>>> {
        let index = self
            .image
            .table_named(table)
            .map(|table| table.index)
            .ok_or_else(|| self.unknown("loot table", table))?;
        let mut drops = Vec::new();
        self.roll_table(index, seed, count, &mut Pity::new(self), &mut drops)?;
        Ok(drops)
    }

    /// The same for a table by index and for a player, appending to `out`: the way to roll very
    /// often. Allocates nothing once `out` has grown.
    ///
    /// # Errors
    /// `OtherPity`, or `Loot`; then `pity` and `out` hold what was rolled until then.
    pub fn roll_table<'a>(
        &'a self,
        table: u16,
        seed: u64,
        count: u32,
        pity: &mut Pity,
        out: &mut Vec<Drop<'a>>,
    ) -> Result<()> {
        let roll = Roll {
            table,
            count,
            seed,
            rule_hash: self.tables.get(usize::from(table)).map_or(0, |table| table.hash),
            draw_base: 0,
            masks: &|table| self.unconditional(table),
        };
        self.roll_with(&roll, pity, out)
    }

    /// Rolls what a rule asked for, for the player that it asked about, appending to `out`. Several
    /// requests of one evaluation are rolled in order, with the same `pity`.
    ///
    /// # Errors
    /// `OtherPity`, or `Loot`; then `pity` and `out` hold what was rolled until then.
    pub fn roll_request<'a>(
        &'a self,
        request: &LootRequest<'_>,
        pity: &mut Pity,
        out: &mut Vec<Drop<'a>>,
    ) -> Result<()> {
        let masks = |table: u16| {
            let known = request.masks.iter().find(|(of, _)| *of == table);
            known.map_or(u64::MAX, |(_, mask)| *mask)
        };
        let roll = Roll {
            table: request.table,
            count: request.count,
            seed: request.seed,
            rule_hash: request.rule_hash,
            draw_base: request.draw_base,
            masks: &masks,
        };
        self.roll_with(&roll, pity, out)
    }

    /// Rolls with eligible entries of the caller's choice, appending to `out`. Allocates nothing
    /// once `out` has grown.
    ///
    /// # Errors
    /// `OtherPity`, or `Loot`; then `pity` and `out` hold what was rolled until then.
    pub fn roll_with<'a>(
        &'a self,
        roll: &Roll<'_>,
        pity: &mut Pity,
        out: &mut Vec<Drop<'a>>,
    ) -> Result<()> {
        pity.check(self)?;
        Ok(loot::roll(&self.image, roll, pity.misses.counts_mut(), out)?)
    }

    /// The entries of a table that need no condition, bit by entry.
    #[must_use]
    pub fn unconditional(&self, table: u16) -> u64 {
        self.tables.get(usize::from(table)).map_or(0, |table| table.unconditional)
    }

    pub(crate) fn unknown(&self, what: &'static str, name: &str) -> Error {
        Error::Unknown {
            what,
            name: name.chars().take(128).collect(),
            ruleset: self.ruleset.clone(),
            version: self.version.clone(),
        }
    }
}
