//! Every cap of the front end. They are enforced while reading, before memory is spent; one more
//! than the cap is an error that names the cap. Unless a line says otherwise, the numbers come
//! from the language's design or are guesses that leave a factor of ten over what real rule sets
//! hold. What a bundle's data holds is capped by the same numbers wherever it is read.

use crate::limits;

/// Bytes of one source file.
pub const SOURCE_BYTES_MAX: usize = 1 << 20;
/// Bytes of all source files together.
pub const RULESET_BYTES_MAX: usize = 16 << 20;
/// Source files of a rule set.
pub const FILE_COUNT_MAX: usize = 1_024;
/// Bytes of the syntax tree of one file: exactly what the arena holds.
pub const TREE_BYTES_MAX: usize = 128 << 10;
/// Blocks, brackets, unary operators and choices inside one another.
pub const NESTING_MAX: u32 = 32;
/// Height of one expression's tree; a chain such as `a && b && …` is one higher per operator.
pub const EXPRESSION_HEIGHT_MAX: u8 = 128;
/// Binary operators on any way from the root of an expression to a leaf, those of its chains counted
/// whole: as strict as the HCL tools that read our files.
pub const OPERATOR_COUNT_MAX: u32 = 127;
/// Height of an expression once the conditions that it names are put in their places.
pub const EXPANDED_HEIGHT_MAX: u32 = 192;
/// Bytes of a name.
pub const NAME_BYTES_MAX: usize = 128;
/// Bytes of a string literal.
pub const STRING_BYTES_MAX: usize = 4_096;
/// Errors reported for one run; more are counted, not listed.
pub const ERROR_COUNT_MAX: usize = 500;
/// Values of one enum.
pub const ENUM_VALUE_COUNT_MAX: usize = limits::ENUM_VALUES_MAX;
/// Enums of a rule set.
pub const ENUM_COUNT_MAX: usize = limits::ENUMS_MAX;
/// Fields of one trigger.
pub const FIELD_COUNT_MAX: usize = limits::FIELDS_MAX;
/// Triggers of a rule set.
pub const TRIGGER_COUNT_MAX: usize = limits::TRIGGERS_MAX;
/// Parameters of a rule set; the parameter page holds 8,192.
pub const PARAM_COUNT_MAX: usize = limits::PARAMS_MAX;
/// Overrides of one parameter.
pub const OVERRIDE_COUNT_MAX: usize = limits::OVERRIDES_MAX;
/// Zones, shards, and shards of a zone that overrides name.
pub const SCOPE_COUNT_MAX: usize = limits::SCOPES_MAX;
/// Bytes of the name of a zone or a shard.
pub const SCOPE_NAME_BYTES_MAX: usize = limits::SCOPE_NAME_BYTES_MAX;
/// Counters of a rule set; each takes a context slot.
pub const COUNTER_COUNT_MAX: usize = limits::COUNTERS_MAX;
/// Timers of a rule set; each takes a context slot.
pub const TIMER_COUNT_MAX: usize = limits::TIMERS_MAX;
/// Loot tables of a rule set.
pub const TABLE_COUNT_MAX: usize = limits::TABLES_MAX;
/// Entries of one loot table: one bit each of an eligibility mask.
pub const ENTRY_COUNT_MAX: usize = limits::ENTRIES_MAX;
/// Sum of the weights of one loot table.
pub const WEIGHT_SUM_MAX: u64 = 1 << 31;
/// Items that one entry may give, and rolls that it may ask of another table.
pub const ENTRY_ITEMS_MAX: u32 = 1_000;
/// Draws of a table for each roll of it that is asked for.
pub const TABLE_ROLLS_MAX: u32 = limits::TABLE_ROLLS_MAX;
/// Pities of one loot table.
pub const PITY_COUNT_MAX: usize = limits::PITIES_MAX;
/// Misses after which a pity gives its entry.
pub const PITY_AFTER_MAX: u32 = limits::PITY_AFTER_MAX;
/// Rolls that one outcome may ask for.
pub const LOOT_COUNT_MAX: i64 = 1_000;
/// Entries drawn by one outcome in the worst case, nested tables included.
pub const OUTCOME_DRAWS_MAX: u64 = 100_000;
/// Loot tables inside one another.
pub const TABLE_DEPTH_MAX: u32 = 16;
/// Conditions of a rule set.
pub const CONDITION_COUNT_MAX: usize = 16_384;
/// Rules of a rule set.
pub const RULE_COUNT_MAX: usize = 16_384;
/// Rules of one fragment. The syntax tree of a file has room for some 700 at most.
pub const FRAGMENT_RULE_COUNT_MAX: usize = 512;
/// Outcomes of one rule.
pub const OUTCOME_COUNT_MAX: usize = 8;
/// Payload values of one outcome.
pub const PAYLOAD_COUNT_MAX: usize = 32;
/// Distinct symbols of a rule set.
pub const SYMBOL_COUNT_MAX: usize = limits::SYMBOLS_MAX;
/// Operators, literals and references of one rule once conditions are put in their places.
pub const RULE_NODE_COUNT_MAX: u32 = 4_096;
/// The same for one fragment: with about six bytes each it stays near 64 KiB compiled.
pub const FRAGMENT_NODE_COUNT_MAX: u32 = 16_384;
/// The same for the whole rule set; bounds the time of one run.
pub const RULESET_NODE_COUNT_MAX: u32 = 1 << 20;
/// Largest count that a host may supply for a counter; counts saturate there.
pub const COUNTER_MAX: i64 = 1_000_000;
/// Longest window of a counter, seven days.
pub const WINDOW_MS_MAX: i64 = 7 * 86_400_000;
/// Shortest period of a timer, one second.
pub const PERIOD_MS_MIN: i64 = 1_000;
/// Longest period of a timer, 366 days.
pub const PERIOD_MS_MAX: i64 = 366 * 86_400_000;
/// Longest duration of a timer, 366 days.
pub const ACTIVE_MS_MAX: i64 = 366 * 86_400_000;
/// Longest jitter of a timer, one day.
pub const JITTER_MS_MAX: i64 = limits::JITTER_MS_MAX as i64;
/// Exceptions of a timer, each a date or a range of dates.
pub const EXCEPT_COUNT_MAX: usize = limits::EXCEPT_MAX;
/// Days of one exception.
pub const EXCEPT_DAYS_MAX: u32 = limits::EXCEPT_DAYS_MAX;
/// Version of the language that this compiler reads.
pub const DIALECT: i64 = limits::DIALECT as i64;
