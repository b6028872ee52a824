//! The table of error codes. A code never changes its meaning and a retired one is not reused.
//!
//! | range | phase |
//! |---|---|
//! | C00xx | reading files, caps |
//! | C01xx | characters and literals |
//! | C02xx | syntax |
//! | C03xx | blocks and attributes |
//! | C04xx | names |
//! | C05xx | types |
//! | C06xx | ranges |
//! | C07xx | loot tables |
//! | C08xx | timers and counters |
//! | C09xx | rules |
//! | C10xx | imports, overrides, budgets |
//! | C11xx | warnings |
//! | C12xx | tests |

use std::fmt;

macro_rules! codes {
    ($($name:ident = $number:literal, $title:literal;)*) => {
        /// What kind of mistake a diagnostic reports; displays as `C0412`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Code { $(#[doc = $title] $name = $number,)* }

        impl Code {
            /// Every code, in ascending order.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The kind of mistake in a few words, the same for every occurrence.
            pub fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }
        }
    };
}

codes! {
    SourceTooLarge = 1, "source file too large";
    RulesetTooLarge = 2, "rule set too large";
    TooManyFiles = 3, "too many source files";
    FileName = 4, "unusable file name";
    DuplicateFile = 5, "file given twice";
    TreeTooLarge = 6, "syntax tree too large";
    NestingTooDeep = 7, "nesting too deep";
    ExpressionTooLong = 8, "expression too long";
    TooManyErrors = 9, "too many errors";

    UnknownCharacter = 101, "character that the language does not have";
    NonAsciiName = 102, "name with a character outside ASCII";
    UnterminatedString = 103, "string without a closing quote";
    BadEscape = 104, "unknown escape in a string";
    Template = 105, "template in a string";
    Heredoc = 106, "heredoc";
    UnterminatedComment = 107, "comment without an end";
    BadNumber = 108, "malformed number";
    TooManyDecimals = 109, "more than six decimals";
    NumberTooLarge = 110, "number too large";
    HiddenCharacter = 111, "invisible or control character";
    DashInName = 112, "dash joined to a name";

    ExpectedExpression = 201, "value missing";
    ExpectedToken = 202, "something else expected";
    ExpectedStatement = 203, "not a declaration";
    UnclosedBlock = 204, "block without a closing brace";
    UnclosedBracket = 205, "bracket without its pair";
    UnexpectedClosing = 206, "closing brace without an opening one";
    LineBreak = 207, "line break inside an expression";
    ForExpression = 208, "for expression";
    Splat = 209, "splat";
    Indexing = 210, "indexing";
    OneLineBlock = 211, "one-line block with more than one attribute";
    SeveralOnLine = 212, "two statements on one line";
    ChainedComparison = 213, "chained comparison";

    UnknownBlock = 301, "unknown block";
    MisplacedBlock = 302, "block in the wrong place";
    Labels = 303, "wrong number of labels";
    UnknownAttribute = 304, "unknown attribute";
    DuplicateAttribute = 305, "attribute given twice";
    MissingAttribute = 306, "attribute missing";
    WrongShape = 307, "value of the wrong shape";
    NoRuleset = 308, "no ruleset block";
    SeveralRulesets = 309, "more than one ruleset block";
    Dialect = 310, "unknown dialect";
    ContextName = 311, "malformed context name";
    TooMany = 312, "too many of one thing";

    BadName = 401, "malformed name";
    NameTooLong = 402, "name too long";
    DuplicateName = 403, "name declared twice";
    ConfusableName = 404, "names that look alike";
    UnknownName = 405, "unknown name";
    UnknownField = 406, "unknown trigger field";
    FieldNotInTrigger = 407, "field that this trigger does not have";
    UnknownFunction = 408, "unknown function";
    ConditionCycle = 409, "conditions that need each other";
    TableCycle = 410, "loot tables that contain each other";
    UnknownValue = 411, "value that the enum does not have";
    MissingPrefix = 412, "reference without its prefix";

    TypeMismatch = 501, "values of different types";
    WrongArguments = 502, "wrong number of arguments";
    OperandType = 503, "operator on the wrong type";
    ExpectedBool = 504, "not a yes-or-no value";
    BadDuration = 505, "malformed duration";
    BadInstant = 506, "malformed instant";
    UntypedText = 507, "text without a type";
    NotInTimer = 508, "not available when a timer fires";
    RandomEligibility = 509, "chance in the condition of a loot entry";

    Overflow = 601, "possible overflow";
    DivisionByZero = 602, "possible division by zero";
    ChanceRange = 603, "chance outside 0 to 1";
    PickRange = 604, "number of outcomes outside 1 to 2147483648";
    CountRange = 605, "loot count outside 0 to 1000";
    AlwaysTrue = 606, "condition that is always true";
    NeverTrue = 607, "condition that is never true";
    EmptyRange = 608, "range that holds nothing";
    OutOfRange = 609, "value outside its range";
    TooCostly = 610, "too costly";

    EmptyTable = 701, "loot table without entries";
    NoUnconditionalEntry = 702, "loot table without an unconditional entry";
    ZeroWeight = 703, "weight below one";
    WeightTooLarge = 704, "weights too large";
    EntryCount = 706, "entry count out of bounds";
    TooManyRolls = 708, "too many rolls";
    ItemAndTable = 709, "entry with both an item and a table";
    RollsRange = 711, "rolls of a table out of bounds";
    GuaranteedWeight = 712, "guaranteed entry with a weight";
    RollsOfNothing = 713, "rolls of a table that draws nothing";
    PityGuaranteed = 714, "pity for a guaranteed entry";
    PityAfter = 715, "pity out of bounds";
    SoftPity = 716, "incomplete or useless soft pity";

    BadCron = 801, "malformed cron expression";
    BadZone = 802, "unknown time zone";
    ScheduleChoice = 803, "timer needs one schedule";
    PeriodRange = 804, "period out of bounds";
    WindowRange = 805, "duration out of bounds";
    JitterRange = 806, "jitter out of bounds";
    BadDate = 807, "malformed date";
    DateRange = 808, "range of dates out of bounds";
    DateWithoutInstant = 809, "exception on which the timer never fires";
    SkippedTime = 821, "time that a change of summer time skips";
    DoubledTime = 822, "time that a change of summer time repeats";
    OverlappingTimer = 823, "timer that fires again while it is active";

    NoOutcome = 901, "rule without an outcome";
    EmitFromTimer = 903, "emit without a caller";

    OverBudget = 1001, "over budget";
    ImportPath = 1002, "import that cannot name a file";
    ImportMissing = 1003, "import of a file that is not there";
    OverrideWithoutScope = 1004, "override without a zone or a shard";
    DuplicateOverride = 1005, "two overrides of one scope";
    ScopeName = 1006, "unusable name of a zone or a shard";

    Unused = 1101, "declaration that nothing uses";
    TinyWeight = 1102, "weight that rounds to nothing";
    RepeatedEntry = 1103, "entry that repeats another";
    Deprecated = 1104, "use of something deprecated";
    IdleOverride = 1105, "override that changes nothing";
    PayloadSetting = 1106, "payload value that looks like a setting";
    EitherDay = 1107, "day of the month beside day of the week";
    ConstantClause = 1108, "clause that decides nothing";

    UnknownInTest = 1201, "unknown name in a test";
    TestValueType = 1202, "test value of the wrong type";
    TestValueRange = 1203, "test value outside its range";
    NoExpectation = 1204, "test that expects nothing";
    DuplicateTest = 1205, "two tests with one name";
    NotOfThisTest = 1206, "expectation that this test cannot meet";
    ContraryTest = 1207, "expectations that contradict each other";
    NotATest = 1208, "declaration in a test file";
    TestOfTimer = 1209, "not available in the test of a timer";
    TestName = 1210, "unusable test name";
    UnclearCase = 1211, "case without one expectation to complete";
}

/// Codes offered for a number that is none.
const NEAREST_COUNT: usize = 3;

impl Code {
    /// Whether it is about reading the text alone: files, characters, syntax.
    pub(crate) fn is_syntax(self) -> bool {
        (self as u16) < 300 && self != Code::TooManyErrors
    }

    /// Reads `C0412`, `c412` or `412`.
    ///
    /// # Errors
    /// The codes nearest to the number that was meant, or none when the text is no number at all.
    pub fn parse(text: &str) -> Result<Code, Vec<Code>> {
        let digits = text.strip_prefix(['C', 'c']).unwrap_or(text);
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let Some(number) = digits.parse::<u16>().ok().filter(|_| plain) else {
            return Err(Vec::new());
        };
        if let Some(code) = Code::ALL.iter().find(|code| **code as u16 == number) {
            return Ok(*code);
        }
        let mut near = Code::ALL.to_vec();
        near.sort_by_key(|code| (*code as u16).abs_diff(number));
        near.truncate(NEAREST_COUNT);
        near.sort();
        Err(near)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "C{:04}", *self as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn codes_ascend_and_display_with_four_digits() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(Code::SourceTooLarge.to_string(), "C0001");
        assert_eq!(Code::UnknownName.to_string(), "C0405");
    }

    #[test]
    fn codes_are_read_as_people_write_them() {
        for text in ["C0412", "c412", "412", "0412", "C412"] {
            assert_eq!(Code::parse(text), Ok(Code::MissingPrefix), "{text}");
        }
        let near = [Code::WeightTooLarge, Code::EntryCount];
        assert_eq!(Code::parse("C0705").map_err(|near| near[1..].to_vec()), Err(near.to_vec()));
        for text in ["", "C", "E412", "+412", "4_12", "99999999", "überall"] {
            assert_eq!(Code::parse(text), Err(Vec::new()), "{text}");
        }
    }
}
