//! One version of a rule set, as a game holds it.

use cairn_merkle::Digest;
use cairn_ruleset::image::{Image, ImageError};
use cairn_ruleset::ir::On;
use cairn_ruleset::loot::{self, Drop, Roll};
use cairn_ruleset::meta::FragmentMeta;
use cairn_ruleset::rng;
use cairn_ruleset::value::Value;

use crate::{Error, ImageBytes, LootRequest, Result};

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
    fragments: Vec<FragmentMeta>,
}

impl Version {
    /// Checks an image once; everything after that is reads.
    ///
    /// # Errors
    /// `Image` says what is wrong with it.
    pub fn open(generation: u64, bytes: impl Into<ImageBytes>) -> Result<Version> {
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
        Ok(Version { generation, digest, version, ruleset, image, fragments })
    }

    /// The image: triggers, enums, tables, timers and so on.
    #[must_use]
    pub fn image(&self) -> &Image<ImageBytes> {
        &self.image
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

    /// A parameter's value by name; `None` when there is no such parameter.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Value> {
        let param = self.image.param(self.image.param_index(name)?)?;
        Some(Value::from_raw(param.slot.ty, param.value, &self.image))
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
        self.image.param_raw(index)
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
    /// table's own name.
    ///
    /// # Errors
    /// `Unknown` table, or `Loot`.
    pub fn roll(&self, table: &str, seed: u64, count: u32) -> Result<Vec<Drop<'_>>> {
        let index = self
            .image
            .table_named(table)
            .map(|table| table.index)
            .ok_or_else(|| self.unknown("loot table", table))?;
        let request = Roll {
            table: index,
            count,
            seed,
            rule_hash: rng::name_hash(table),
            draw_base: 0,
            masks: &|table| self.unconditional(table),
        };
        let mut drops = Vec::new();
        loot::roll(&self.image, &request, &mut drops)?;
        Ok(drops)
    }

    /// Rolls what a rule asked for, appending to `out`.
    ///
    /// # Errors
    /// `Loot`.
    pub fn roll_request<'a>(
        &'a self,
        request: &LootRequest<'_>,
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
        Ok(loot::roll(&self.image, &roll, out)?)
    }

    /// The entries of a table that need no condition.
    fn unconditional(&self, table: u16) -> u64 {
        let entries = self.image.entries(table).take(64).enumerate();
        entries.filter(|(_, entry)| !entry.conditional).fold(0, |mask, (at, _)| mask | 1 << at)
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
