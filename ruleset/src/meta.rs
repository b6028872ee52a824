//! What a bundle carries beside code: a fragment's description and the data segments.
//!
//! A description travels inside its module, in the custom section `cairn`; it names what the
//! output's bits and slots mean. The segments hold everything that is read without running code.
//! Each is postcard behind a version byte, so a changed parameter value touches only [`Params`]
//! and a changed weight only [`LootTables`]; code digests stay.

mod params;

use cairn_merkle::Digest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use params::{Override, PARAMS_FORMAT, Params};

use crate::bounded;
use crate::ir::{
    Audience, CounterDef, EnumDef, FragmentDef, On, OnFault, Program, Slot, TableDef, TimerDef,
    TriggerDef, Type,
};
use crate::limits::{
    COUNTERS_MAX, ENUMS_MAX, PARAMS_MAX, SYMBOLS_MAX, TABLES_MAX, TIMERS_MAX, TRIGGERS_MAX,
};

/// Name of the custom section that holds a [`FragmentMeta`].
pub const SECTION: &str = "cairn";
/// Version of every encoding in this file, but for [`PARAMS_FORMAT`].
pub const FORMAT: u8 = 2;
/// Most bytes of one segment; a longer one is refused before it is decoded.
pub const SEGMENT_BYTES_MAX: usize = 16 << 20;

/// A segment or a description could not be decoded. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetaError {
    /// The first byte names another version.
    #[error("{what} has format {actual}, the newest that this build reads is {newest}")]
    Format {
        /// What was decoded.
        what: &'static str,
        /// The version found; 0 when there was no byte at all.
        actual: u8,
        /// The newest version read here.
        newest: u8,
    },
    /// Longer than [`SEGMENT_BYTES_MAX`].
    #[error("{what} is {actual_bytes} bytes, limit {SEGMENT_BYTES_MAX}")]
    TooLong {
        /// What was decoded.
        what: &'static str,
        /// Its length.
        actual_bytes: usize,
    },
    /// The bytes are not what the version says, or others follow them.
    #[error("{what} is malformed: {reason}")]
    Malformed {
        /// What was decoded.
        what: &'static str,
        /// The decoder's words.
        reason: String,
    },
}

/// One payload value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadMeta {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// The loot of one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LootMeta {
    /// Index of the table.
    pub table: u16,
    /// First draw number.
    pub draw_base: u32,
}

/// One outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeMeta {
    /// Its label.
    pub name: String,
    /// Who gets it.
    pub audience: Audience,
    /// Its loot, if any.
    pub loot: Option<LootMeta>,
    /// Its payload, in slot order.
    pub payload: Vec<PayloadMeta>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleMeta {
    /// Its name.
    pub name: String,
    /// The hash of its name, for the host's loot draws.
    pub hash: u64,
    /// What a host does when it cannot be evaluated.
    pub on_fault: OnFault,
    /// Its outcomes.
    pub outcomes: Vec<OutcomeMeta>,
}

/// What one fragment's bits and slots mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FragmentMeta {
    /// `<file stem>/<trigger>`.
    pub name: String,
    /// What makes it run.
    pub on: On,
    /// Context slots of the trigger's fields.
    pub fields: u16,
    /// Context slots of counters, after the fields.
    pub counters: u16,
    /// Context slots of timers, after the counters.
    pub timers: u16,
    /// Slots of the parameter page that the code may read: the first so many.
    pub params: u16,
    /// Rules in bit order.
    pub rules: Vec<RuleMeta>,
    /// Table of each eligibility mask.
    pub masks: Vec<u16>,
}

impl FragmentMeta {
    /// Describes a fragment of a program.
    #[must_use]
    pub fn of(program: &Program, fragment: &FragmentDef) -> FragmentMeta {
        let fields = match fragment.on {
            On::Trigger(index) => {
                program.triggers.get(usize::from(index)).map_or(0, |t| t.fields.len())
            }
            On::Timer(_) => 0,
        };
        let rules = fragment.rules.iter().map(|rule| RuleMeta {
            name: rule.name.clone(),
            hash: rule.hash,
            on_fault: rule.on_fault,
            outcomes: rule
                .outcomes
                .iter()
                .map(|outcome| OutcomeMeta {
                    name: outcome.name.clone(),
                    audience: outcome.audience,
                    loot: outcome
                        .loot
                        .as_ref()
                        .map(|loot| LootMeta { table: loot.table, draw_base: loot.draw_base }),
                    payload: outcome
                        .payload
                        .iter()
                        .map(|value| PayloadMeta { name: value.name.clone(), ty: value.ty })
                        .collect(),
                })
                .collect(),
        });
        FragmentMeta {
            name: fragment.name.clone(),
            on: fragment.on,
            fields: fields as u16,
            counters: program.counters.len() as u16,
            timers: program.timers.len() as u16,
            params: program.params.len() as u16,
            rules: rules.collect(),
            masks: fragment.masks.iter().map(|mask| mask.table).collect(),
        }
    }

    /// Context slots in all.
    #[must_use]
    pub fn slots(&self) -> usize {
        usize::from(self.fields) + usize::from(self.counters) + usize::from(self.timers)
    }

    /// Context slot of a counter.
    #[must_use]
    pub fn counter_slot(&self, counter: u16) -> usize {
        usize::from(self.fields) + usize::from(counter)
    }

    /// Context slot of a timer.
    #[must_use]
    pub fn timer_slot(&self, timer: u16) -> usize {
        usize::from(self.fields) + usize::from(self.counters) + usize::from(timer)
    }
}

/// A parameter's definition, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParamMeta {
    /// Its name.
    pub name: String,
    /// Type and range.
    pub slot: Slot,
    /// Unit for people.
    pub unit: Option<String>,
    /// The designer's words.
    pub doc: String,
}

/// Names, types and ranges: what changes when the shape of a rule set does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Name of the rule set.
    pub ruleset: String,
    /// Version of the language.
    pub dialect: u32,
    /// Name of the context schema.
    pub context: String,
    /// Interned symbols.
    #[serde(deserialize_with = "bounded::names::<SYMBOLS_MAX, _>")]
    pub symbols: Vec<String>,
    /// Enums.
    #[serde(deserialize_with = "bounded::list::<ENUMS_MAX, _, _>")]
    pub enums: Vec<EnumDef>,
    /// Parameters, in slot order.
    #[serde(deserialize_with = "bounded::list::<PARAMS_MAX, _, _>")]
    pub params: Vec<ParamMeta>,
    /// Triggers.
    #[serde(deserialize_with = "bounded::list::<TRIGGERS_MAX, _, _>")]
    pub triggers: Vec<TriggerDef>,
    /// Counters.
    #[serde(deserialize_with = "bounded::list::<COUNTERS_MAX, _, _>")]
    pub counters: Vec<CounterDef>,
}

/// The loot tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LootTables {
    /// In index order.
    #[serde(deserialize_with = "bounded::list::<TABLES_MAX, _, _>")]
    pub tables: Vec<TableDef>,
}

/// The timers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timers {
    /// In index order.
    #[serde(deserialize_with = "bounded::list::<TIMERS_MAX, _, _>")]
    pub timers: Vec<TimerDef>,
}

/// The data of one program, before or after it travelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segments {
    /// Names, types and ranges.
    pub schema: Schema,
    /// Values.
    pub params: Params,
    /// Tables.
    pub loot: LootTables,
    /// Timers.
    pub timers: Timers,
}

impl Segments {
    /// The data of a program.
    #[must_use]
    pub fn of(program: &Program) -> Segments {
        let params = program.params.iter().map(|param| ParamMeta {
            name: param.name.clone(),
            slot: param.slot,
            unit: param.unit.clone(),
            doc: param.doc.clone(),
        });
        Segments {
            schema: Schema {
                ruleset: program.ruleset.clone(),
                dialect: program.dialect,
                context: program.context.clone(),
                symbols: program.symbols.clone(),
                enums: program.enums.clone(),
                params: params.collect(),
                triggers: program.triggers.clone(),
                counters: program.counters.clone(),
            },
            params: program.params(),
            loot: LootTables { tables: program.tables.clone() },
            timers: Timers { timers: program.timers.clone() },
        }
    }
}

/// Hash of what games supply: the triggers with their fields, the enums those use, the counters
/// and the timers' names, in slot order.
#[must_use]
pub fn context_hash(schema: &Schema, timers: &Timers) -> Digest {
    let timers: Vec<&str> = timers.timers.iter().map(|timer| timer.name.as_str()).collect();
    let shape = (&schema.context, &schema.enums, &schema.triggers, &schema.counters, timers);
    let bytes = postcard::to_stdvec(&shape).unwrap_or_default();
    Digest::derive("cairn 2026 context schema v1", &[&bytes])
}

/// Something that travels as a version byte and postcard.
pub trait Segment: Serialize + DeserializeOwned {
    /// What errors call it.
    const WHAT: &'static str;

    /// The canonical bytes.
    #[must_use]
    fn encode(&self) -> Vec<u8> {
        // Plain data in a growing vector: postcard's only failures are a full buffer and
        // sequences of unknown length, and neither exists here.
        postcard::to_extend(self, vec![FORMAT]).unwrap_or_default()
    }

    /// Reads the canonical bytes, all of them.
    ///
    /// # Errors
    /// Another version, too many bytes, or bytes that do not decode to exactly one value.
    fn decode(bytes: &[u8]) -> Result<Self, MetaError> {
        let what = Self::WHAT;
        let actual = bytes.first().copied().unwrap_or(0);
        if actual != FORMAT {
            return Err(MetaError::Format { what, actual, newest: FORMAT });
        }
        body(what, bytes)
    }
}

/// What follows the version byte, all of it.
fn body<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, MetaError> {
    let rest = bytes.get(1..).unwrap_or(&[]);
    if rest.len() > SEGMENT_BYTES_MAX {
        return Err(MetaError::TooLong { what, actual_bytes: bytes.len() });
    }
    match postcard::take_from_bytes(rest) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => {
            let reason = format!("{} bytes follow its end", rest.len());
            Err(MetaError::Malformed { what, reason })
        }
        Err(error) => Err(MetaError::Malformed { what, reason: error.to_string() }),
    }
}

impl Segment for FragmentMeta {
    const WHAT: &'static str = "fragment description";
}
impl Segment for Schema {
    const WHAT: &'static str = "schema segment";
}
impl Segment for LootTables {
    const WHAT: &'static str = "loot segment";
}
impl Segment for Timers {
    const WHAT: &'static str = "timer segment";
}
