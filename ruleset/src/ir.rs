//! The typed intermediate representation: names resolved to dense indices, every value an `i64`.
//!
//! The checker makes one [`Program`] from the sources; the interpreter evaluates it directly and
//! the emitters translate it. Nothing in here can fail: what could (overflow, division by zero, a
//! chance outside [0, 1]) was refused by the checker's interval analysis.
//!
//! # Values
//! | type | representation |
//! |---|---|
//! | bool | 0 or 1 |
//! | int | itself |
//! | decimal | value × 10⁶ |
//! | duration, instant | milliseconds (an instant since the Unix epoch) |
//! | enum | index of the value in its declaration |
//! | symbol | index into [`Program::symbols`] |

use serde::{Deserialize, Serialize};

use crate::bounded;
use crate::limits::{ENTRIES_MAX, ENUM_VALUES_MAX, EXCEPT_MAX, FIELDS_MAX, PITIES_MAX};
use crate::scope::Scope;

/// How many units one whole decimal has: six digits after the point.
pub const DECIMAL_ONE: i64 = 1_000_000;

/// Largest instant, the last millisecond of the year 9999; the smallest is 0. Hosts refuse a
/// context whose `now_ms` lies outside, the interval analysis relies on it.
pub const INSTANT_MAX: i64 = 253_402_300_799_999;

/// The type of an expression, a field, a parameter or a payload field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Type {
    /// 0 or 1.
    Bool,
    /// A whole number.
    Int,
    /// A number with six decimals, times 10⁶.
    Decimal,
    /// Milliseconds.
    Duration,
    /// Milliseconds since the Unix epoch.
    Instant,
    /// Index of a value of the enum with this index in [`Program::enums`].
    Enum(u16),
    /// Index into [`Program::symbols`]. Only constants, and choices between constants, have this type.
    Symbol,
}

/// A type with the inclusive range that hosts enforce before a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// What the value means.
    pub ty: Type,
    /// Smallest value allowed, in the representation of `ty`.
    pub min: i64,
    /// Largest value allowed.
    pub max: i64,
}

/// `enum "zone" { values = [...] }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnumDef {
    /// Its name.
    pub name: String,
    /// Values in declared order; at most 4,096.
    #[serde(deserialize_with = "bounded::names::<ENUM_VALUES_MAX, _>")]
    pub values: Vec<String>,
}

/// `param "drop_bonus" { ... }`. The index of a parameter is its slot in the parameter page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParamDef {
    /// Its name.
    pub name: String,
    /// Type and range.
    pub slot: Slot,
    /// The value in this version, wherever no override applies.
    pub value: i64,
    /// Other values by zone and shard, sorted by scope, each scope once; all within the range.
    pub overrides: Vec<OverrideDef>,
    /// Unit for people, when the source names one.
    pub unit: Option<String>,
    /// The designer's words.
    pub doc: String,
}

/// `override { zone = "eu-west" value = 1.5 }`: another value for games that run there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideDef {
    /// Where.
    pub scope: Scope,
    /// The value there.
    pub value: i64,
}

/// A named, typed value: a trigger's field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDef {
    /// Its name.
    pub name: String,
    /// Type and range.
    pub slot: Slot,
}

/// `trigger "boss_kill" { fields = {...} }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerDef {
    /// Its name.
    pub name: String,
    /// Fields in declared order: field `i` is context slot `i`.
    #[serde(deserialize_with = "bounded::list::<FIELDS_MAX, _, _>")]
    pub fields: Vec<FieldDef>,
}

/// `counter "claims" { on = loot_claim per = player window = "1m" }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterDef {
    /// Its name.
    pub name: String,
    /// Index of the trigger that is counted.
    pub trigger: u16,
    /// Length of the sliding window in milliseconds.
    pub window_ms: u64,
    /// Largest count a host may supply (counts saturate there).
    pub max: i64,
}

/// When a timer fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Schedule {
    /// Five-field cron in an IANA time zone.
    Cron {
        /// The expression as written.
        expression: String,
        /// IANA name, for example `Europe/Paris`.
        zone: String,
    },
    /// Every so many milliseconds, aligned to the Unix epoch.
    Every {
        /// The period.
        period_ms: u64,
    },
}

/// What happens with an instant that passed while nobody led.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Missed {
    /// Fired late, each missed instant once.
    Fire,
    /// Left out; the skip is recorded.
    Skip,
}

/// Local dates, both included, in days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Days {
    /// The first.
    pub first: u32,
    /// The last.
    pub last: u32,
}

/// `except = ["2026-12-24..2026-12-26"]`: dates on which a timer does not fire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Except {
    /// IANA name of the zone that the dates are meant in; empty when there are none.
    pub zone: String,
    /// Ascending, not overlapping.
    #[serde(deserialize_with = "bounded::list::<EXCEPT_MAX, _, _>")]
    pub days: Vec<Days>,
}

/// `timer "night_hunt" { ... }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerDef {
    /// Its name.
    pub name: String,
    /// When it fires.
    pub schedule: Schedule,
    /// How long `active(timer)` stays true after an instant; 0 when it has no duration.
    pub duration_ms: u64,
    /// What happens with a missed instant.
    pub missed: Missed,
    /// Every instant is moved by less than this, see [`crate::schedule`]; 0 for not at all.
    pub jitter_ms: u64,
    /// Dates on which it does not fire.
    pub except: Except,
}

/// What an entry of a loot table gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Loot {
    /// An item, by name.
    Item(String),
    /// A roll on another table, by its index in [`Program::tables`]; the reference graph has no cycle.
    Table(u16),
}

/// One entry of a loot table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryDef {
    /// Its name, unique in the table.
    pub name: String,
    /// What it gives.
    pub loot: Loot,
    /// Its weight, at least 1; 0 for a guaranteed entry.
    pub weight: u32,
    /// Fewest and most of the item given; drawn uniformly when they differ. For a table: how often it is rolled.
    pub count: (u32, u32),
    /// Whether the entry is conditional. The conditions are compiled into each fragment that uses
    /// the table, see [`FragmentDef::masks`].
    pub conditional: bool,
    /// Given once per request for rolls of its table, in addition to what is drawn.
    pub guaranteed: bool,
}

/// `pity "lich_crown" { after = 50 }`: a bound on how long an entry stays away. How often it
/// missed is a player's state, see [`crate::pity`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PityDef {
    /// Index of the entry in its table; a weighted one.
    pub entry: u16,
    /// After so many misses the next draw gives the entry.
    pub after: u32,
    /// From so many misses on, less than `after`, the entry weighs more.
    pub soft_from: u32,
    /// By how much more, for each miss from `soft_from` on; 0 when it never does.
    pub soft_step: u32,
}

/// `loot_table "crypt_rare" { ... }`. At least one weighted entry is unconditional, unless all
/// entries are guaranteed; at most 64 entries; the sum of weights, with what pities add at most,
/// is at most 2³¹.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableDef {
    /// Its name.
    pub name: String,
    /// Entries in declared order.
    #[serde(deserialize_with = "bounded::list::<ENTRIES_MAX, _, _>")]
    pub entries: Vec<EntryDef>,
    /// Fewest and most entries drawn for each roll that is asked for; drawn uniformly when they
    /// differ.
    pub rolls: (u32, u32),
    /// In declared order, which is the order of precedence; at most one per entry.
    #[serde(deserialize_with = "bounded::list::<PITIES_MAX, _, _>")]
    pub pities: Vec<PityDef>,
}

/// What makes a fragment's rules run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum On {
    /// A trigger in a game instance, by index.
    Trigger(u16),
    /// A timer, by index, evaluated by the controller with `now` = the timer's instant.
    Timer(u16),
}

/// Two operands, both evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BinaryOp {
    /// Sum; the checker proved that it cannot overflow (as for every operator here).
    Add,
    /// Difference.
    Sub,
    /// Product of two whole numbers, or of a whole number and anything.
    Mul,
    /// Decimal product: `a * b / 10⁶`, truncated toward zero.
    MulDecimal,
    /// Quotient truncated toward zero; the divisor's interval excludes zero.
    Div,
    /// Decimal quotient: `a * 10⁶ / b`, truncated toward zero.
    DivDecimal,
    /// Remainder with the dividend's sign.
    Rem,
    /// Comparison.
    Eq,
    /// Comparison.
    Ne,
    /// Comparison.
    Lt,
    /// Comparison.
    Le,
    /// Comparison.
    Gt,
    /// Comparison.
    Ge,
    /// Both sides, each 0 or 1; no short circuit.
    And,
    /// Either side, each 0 or 1; no short circuit.
    Or,
    /// The smaller.
    Min,
    /// The larger.
    Max,
}

impl BinaryOp {
    /// Every operator, in the order above, for checks that must leave none out.
    pub const ALL: [BinaryOp; 17] = [
        BinaryOp::Add,
        BinaryOp::Sub,
        BinaryOp::Mul,
        BinaryOp::MulDecimal,
        BinaryOp::Div,
        BinaryOp::DivDecimal,
        BinaryOp::Rem,
        BinaryOp::Eq,
        BinaryOp::Ne,
        BinaryOp::Lt,
        BinaryOp::Le,
        BinaryOp::Gt,
        BinaryOp::Ge,
        BinaryOp::And,
        BinaryOp::Or,
        BinaryOp::Min,
        BinaryOp::Max,
    ];
}

/// An expression. Evaluating one has no effect and cannot fail; both arms of `Select` are evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// A literal, or what the checker folded.
    Const(i64),
    /// Context slot: a field of the trigger.
    Field(u16),
    /// Parameter page slot.
    Param(u16),
    /// `rate(counter)`: the count in the window, supplied by the host.
    Rate(u16),
    /// `active(timer)`: 0 or 1, supplied by the host.
    Active(u16),
    /// The context's `now_ms`.
    Now,
    /// 0 ↔ 1.
    Not(Box<Expr>),
    /// Negation.
    Neg(Box<Expr>),
    /// Absolute value.
    Abs(Box<Expr>),
    /// Two operands.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `condition ? then : otherwise`.
    Select(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `chance(p)`: 1 when draw number `draw` of the rule falls under `p` (a decimal in [0, 1]).
    Chance {
        /// Probability × 10⁶.
        p: Box<Expr>,
        /// The rule's name hash, mixed into the seed (see [`crate::rng`]).
        rule_hash: u64,
        /// Number of the draw within the rule.
        draw: u32,
    },
    /// `bucket(n)`: the player's place in `0..n`, `1 ≤ n ≤ 2³¹`: `pick` with the context's player
    /// for the seed, `salt` for the rule's hash and draw number 0, so it is the same at every call.
    Bucket {
        /// Number of buckets.
        n: Box<Expr>,
        /// Name hash of the rule, condition or table that holds the call, so that a condition
        /// splits players in the same way in every rule.
        salt: u64,
    },
    /// `pick(n)`: a uniform whole number in `0..n`, `1 ≤ n ≤ 2³¹`.
    Pick {
        /// Number of outcomes.
        n: Box<Expr>,
        /// As in `Chance`.
        rule_hash: u64,
        /// As in `Chance`.
        draw: u32,
    },
}

/// A named value of an outcome's payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadDef {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Its value.
    pub value: Expr,
}

/// Whether an outcome goes back to the caller or to the whole fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Audience {
    /// `emit`: returned to whoever evaluated.
    Caller,
    /// `broadcast`: a cluster event.
    Cluster,
}

/// The loot that an outcome asks the host to roll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LootDef {
    /// Index of the table.
    pub table: u16,
    /// How often it is rolled; the checker keeps it within 0..=1,000.
    pub count: Expr,
    /// First draw number of the rolls; the rule's expressions use the numbers below.
    pub draw_base: u32,
}

/// One `emit` or `broadcast` of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeDef {
    /// Its label, for example `drop` or `dragon.spawn`.
    pub name: String,
    /// Who gets it.
    pub audience: Audience,
    /// Loot, when the outcome names a table.
    pub loot: Option<LootDef>,
    /// Everything else, in declared order.
    pub payload: Vec<PayloadDef>,
}

/// What a host does when a rule's fragment fails to run. A value outside its range is refused before
/// that, and a fragment that was switched off is not a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnFault {
    /// The rule counts as not fired.
    Skip,
    /// The whole evaluation is an error.
    Fail,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleDef {
    /// Its name, unique in the rule set.
    pub name: String,
    /// [`crate::rng::name_hash`] of the name.
    pub hash: u64,
    /// Whether it fires.
    pub when: Expr,
    /// What happens when it does; at least one, at most 8.
    pub outcomes: Vec<OutcomeDef>,
    /// What happens when it cannot be evaluated.
    pub on_fault: OnFault,
}

/// Which entries of a table are eligible, as computed by one fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskDef {
    /// Index of the table.
    pub table: u16,
    /// One expression per entry in declared order; `Const(1)` for the unconditional ones.
    pub entries: Vec<Expr>,
}

/// The rules of one source file for one trigger or timer: one WebAssembly module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FragmentDef {
    /// `<file stem>/<trigger>` or `<file stem>/timer.<timer>`.
    pub name: String,
    /// What makes it run.
    pub on: On,
    /// Rules in declared order: rule `i` is bit `i` of the result.
    pub rules: Vec<RuleDef>,
    /// Masks of every table with conditional entries that an outcome of this fragment can reach.
    pub masks: Vec<MaskDef>,
}

/// A whole checked rule set. All vectors are in an order that depends on the sources' text and
/// names alone (files sorted by name), so equal sources make equal programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Name of the rule set.
    pub ruleset: String,
    /// Version of the language.
    pub dialect: u32,
    /// Name of the context schema, for example `hunt@3`.
    pub context: String,
    /// Interned symbols.
    pub symbols: Vec<String>,
    /// Enums.
    pub enums: Vec<EnumDef>,
    /// Parameters.
    pub params: Vec<ParamDef>,
    /// Triggers.
    pub triggers: Vec<TriggerDef>,
    /// Counters.
    pub counters: Vec<CounterDef>,
    /// Timers.
    pub timers: Vec<TimerDef>,
    /// Loot tables.
    pub tables: Vec<TableDef>,
    /// Fragments, sorted by name.
    pub fragments: Vec<FragmentDef>,
}
