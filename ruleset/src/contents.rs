//! One version of a rule set, opened up for tools that compare or list: `plan`, `breaking`,
//! `calendar`, `codegen`.
//!
//! It is made from a bundle's parts, whoever holds them (a folder that was just compiled, a file,
//! an agent); sources bring the program and their words along.

use std::collections::BTreeMap;

use cairn_merkle::Digest;

use crate::emit::Built;
use crate::image::{self, ImageError};
use crate::ir::{On, Program, TableDef, TimerDef};
use crate::lang::Outline;
use crate::manifest::{FragmentKind, Manifest};
use crate::meta::{
    FragmentMeta, LootTables, MetaError, ParamMeta, Params, Schema, Segment, Timers,
};
use crate::schedule::Clockwork;
use crate::value::{Names, Value};
use crate::whitelist;

/// What a version holds.
#[derive(Clone, Debug)]
pub struct Contents {
    /// Name of the rule set.
    pub ruleset: String,
    /// Its semantic version.
    pub version: String,
    /// Hash of what games supply: equal hashes mean equal slots.
    pub context_hash: Digest,
    /// Names, types and ranges.
    pub schema: Schema,
    /// Parameters' values and overrides, by [`Schema::params`].
    pub params: Params,
    /// Loot tables.
    pub tables: Vec<TableDef>,
    /// Timers.
    pub timers: Vec<TimerDef>,
    /// Code, sorted by name.
    pub fragments: Vec<Code>,
    /// The local image: what an evaluator maps.
    pub image: Vec<u8>,
    /// When it was compiled from sources at hand.
    pub source: Option<Written>,
}

/// One code fragment.
#[derive(Clone, Debug)]
pub struct Code {
    /// What its bits and slots mean.
    pub meta: FragmentMeta,
    /// Equal digests mean equal decisions under equal parameters.
    pub digest: Digest,
    /// The module.
    pub wasm: Vec<u8>,
}

/// What only sources say.
#[derive(Clone, Debug)]
pub struct Written {
    /// The typed program.
    pub program: Program,
    /// Its words.
    pub outline: Outline,
}

impl Contents {
    /// Opens a bundle up, checking it as a node does before it activates it (but for signatures).
    ///
    /// # Errors
    /// What a node would refuse.
    pub fn of_bundle(
        manifest: &Manifest,
        blobs: &BTreeMap<Digest, Vec<u8>>,
    ) -> Result<Contents, ImageError> {
        let image = image::build(manifest, &|digest| blobs.get(digest).cloned())?;
        let mut fragments = Vec::new();
        let (mut schema, mut params) = (None, Params::default());
        let (mut tables, mut timers) = (Vec::new(), Vec::new());
        for entry in &manifest.fragments {
            // The image above holds every blob that the manifest names.
            let bytes = blobs.get(&entry.digest).map_or(&[][..], Vec::as_slice);
            let name = entry.name.clone();
            let segment = |source: MetaError| ImageError::Segment { name, source };
            match entry.kind {
                FragmentKind::Code => fragments.push(Code {
                    meta: whitelist::prove(bytes).map_err(|source| ImageError::Refused {
                        name: entry.name.clone(),
                        source,
                    })?,
                    digest: entry.digest,
                    wasm: bytes.to_vec(),
                }),
                FragmentKind::Schema => schema = Some(Schema::decode(bytes).map_err(segment)?),
                FragmentKind::Params => params = Params::decode(bytes).map_err(segment)?,
                FragmentKind::Loot => tables = LootTables::decode(bytes).map_err(segment)?.tables,
                FragmentKind::Timers => timers = Timers::decode(bytes).map_err(segment)?.timers,
            }
        }
        let missing = ImageError::Segments { kind: FragmentKind::Schema, count: 0 };
        Ok(Contents {
            ruleset: manifest.ruleset.clone(),
            version: manifest.version.clone(),
            context_hash: manifest.context_hash,
            schema: schema.ok_or(missing)?,
            params,
            tables,
            timers,
            fragments,
            image,
            source: None,
        })
    }

    /// The same for a program that was just compiled.
    ///
    /// # Errors
    /// As [`Contents::of_bundle`]; a program that the checker made does not fail.
    pub fn of_sources(
        program: Program,
        outline: Outline,
        built: &Built,
    ) -> Result<Contents, ImageError> {
        let mut contents = Contents::of_bundle(&built.manifest, &built.blobs)?;
        contents.source = Some(Written { program, outline });
        Ok(contents)
    }

    /// A parameter's default as people write it.
    #[must_use]
    pub fn param_value(&self, index: usize) -> Option<Value> {
        let param: &ParamMeta = self.schema.params.get(index)?;
        Some(Value::from_raw(param.slot.ty, *self.params.values.get(index)?, self))
    }

    /// What a timer follows; `None` for a schedule that this build cannot read.
    #[must_use]
    pub fn clockwork(&self, timer: &TimerDef) -> Option<Clockwork> {
        Clockwork::new(&self.ruleset, timer).ok()
    }

    /// A trigger or timer as rules name it: `boss_kill`, `timer.night_hunt`.
    #[must_use]
    pub fn on_name(&self, on: On) -> String {
        match on {
            On::Trigger(index) => {
                let def = self.schema.triggers.get(usize::from(index));
                def.map_or_else(|| format!("#{index}"), |def| def.name.clone())
            }
            On::Timer(index) => {
                let def = self.timers.get(usize::from(index));
                format!("timer.{}", def.map_or("?", |def| &def.name))
            }
        }
    }

    /// Every rule with the positions of its fragment and of itself, by name.
    #[must_use]
    pub fn rules(&self) -> BTreeMap<&str, (usize, usize)> {
        let all = self.fragments.iter().enumerate().flat_map(|(fragment, code)| {
            let rules = code.meta.rules.iter().enumerate();
            rules.map(move |(rule, meta)| (meta.name.as_str(), (fragment, rule)))
        });
        all.collect()
    }
}

impl Names for Contents {
    fn enum_value(&self, of: u16, index: u32) -> Option<&str> {
        let values = &self.schema.enums.get(usize::from(of))?.values;
        values.get(index as usize).map(String::as_str)
    }

    fn enum_index(&self, of: u16, name: &str) -> Option<u32> {
        let values = &self.schema.enums.get(usize::from(of))?.values;
        values.iter().position(|value| value == name).and_then(|at| u32::try_from(at).ok())
    }

    fn symbol(&self, index: u32) -> Option<&str> {
        self.schema.symbols.get(index as usize).map(String::as_str)
    }

    fn symbol_index(&self, name: &str) -> Option<u32> {
        let found = self.schema.symbols.iter().position(|symbol| symbol == name);
        found.and_then(|at| u32::try_from(at).ok())
    }
}
