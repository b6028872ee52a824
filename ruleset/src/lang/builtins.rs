//! The functions of the language.

use super::Code;
use super::constant::{counted, shorten};
use super::index::Symbol;
use super::infer::{Checker, Keep, Ty, Val};
use super::interval::{self, Interval};
use super::literal;
use super::names::Names;
use super::session::At;
use super::tree::NodeKind;
use crate::ir::{BinaryOp, DECIMAL_ONE, Expr, INSTANT_MAX, On, Schedule, Type};

/// Name, fewest and most arguments, usage.
pub(super) const BUILTINS: [(&str, usize, usize, &str); 12] = [
    ("min", 2, 16, "min(a, b, …)"),
    ("max", 2, 16, "max(a, b, …)"),
    ("clamp", 3, 3, "clamp(value, low, high)"),
    ("abs", 1, 1, "abs(value)"),
    ("one_of", 2, 65, "one_of(value, a, b, …)"),
    ("between", 3, 3, "between(value, low, high)"),
    ("rate", 1, 1, "rate(counter)"),
    ("since", 1, 1, "since(instant)"),
    ("active", 1, 1, "active(timer)"),
    ("chance", 1, 1, "chance(probability)"),
    ("pick", 1, 1, "pick(n)"),
    ("bucket", 1, 1, "bucket(n)"),
];

/// Outcomes of `pick` and `bucket`: draws have 32 bits.
const OUTCOME_COUNT_MAX: i64 = 1 << 31;

/// What to write instead of the time.
pub(super) const NOW_HELP: &str = "write `since(instant)` for how long ago something was, or `active(timer)` for whether it is on";

/// What to write instead of a function of another language.
fn foreign_function(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "now" | "time" | "today" | "date" | "timestamp" | "current_time" => NOW_HELP,
        "floor" | "round" | "ceil" | "trunc" | "to_int" => {
            "decimals never become whole numbers: compute with whole numbers, as in `level * 3 / 2`"
        }
        "random" | "rand" | "rnd" | "roll" | "dice" => {
            "write `chance(x)` instead of a comparison with x, or `pick(6)` for a number from 0 to 5"
        }
        "in" | "contains" | "any_of" | "is_one_of" => "write `one_of(value, \"a\", \"b\")`",
        "if" | "iif" | "select" => "write `(condition ? value : other value)`",
        "and" => "write `(a && b)`",
        "or" => "write `(a || b)`",
        "not" => "write `!value`",
        _ => return None,
    })
}

impl Checker<'_, '_> {
    pub(super) fn call(&mut self, at: At, hint: Option<Type>) -> Val {
        let mut args = self.session.children(at);
        if args.is_empty() {
            return self.broken(at);
        }
        let name_at = args.remove(0);
        let name = self.session.text(name_at);
        let Some((_, least, most, usage)) = BUILTINS.iter().find(|known| known.0 == name) else {
            let foreign = foreign_function(name);
            let meant = match foreign {
                Some(_) => None,
                None => self.session.similar(name, BUILTINS.iter().map(|known| known.0)),
            };
            let all: Vec<&str> = BUILTINS.iter().map(|known| known.0).collect();
            self.error(
                Code::UnknownFunction,
                name_at,
                format!("there is no function `{}`", shorten(name)),
                format!("the functions are {}", super::shape::list(&all)),
                meant.as_ref().map_or(foreign.unwrap_or("use one of them").to_owned(), |meant| {
                    format!("did you mean `{meant}`?")
                }),
            );
            // Mistakes in the arguments count all the same, unless a bare name belongs there.
            if !matches!(meant.as_deref(), Some("rate" | "active")) {
                for arg in args {
                    self.infer(arg, None);
                }
            }
            self.session.fix(name_at, meant);
            return self.broken(at);
        };
        if args.len() < *least || args.len() > *most {
            let wanted = match (least, most) {
                (1, 1) => "one".to_owned(),
                (least, most) if least == most => least.to_string(),
                (least, most) => format!("{least} to {most}"),
            };
            self.error(
                Code::WrongArguments,
                at,
                format!(
                    "`{name}` with {}, where {wanted} belong{}",
                    counted(args.len(), "argument"),
                    if *most == 1 { "s" } else { "" }
                ),
                "each argument has its own meaning",
                match self.decimal_comma(&args).filter(|_| *most == 1) {
                    Some(decimal) => format!("a decimal has a point: write `{decimal}`"),
                    None => format!("write `{usage}`"),
                },
            );
            return self.broken(at);
        }
        match (name, &args[..]) {
            ("rate", [arg]) => self.rate(at, *arg),
            ("active", [arg]) => self.active(at, *arg),
            ("chance", [arg]) => self.chance(at, *arg),
            ("pick", [arg]) => self.pick(at, *arg),
            ("bucket", [arg]) => self.bucket(at, *arg),
            ("since", [arg]) => self.since(at, *arg),
            ("abs", [arg]) => self.abs(at, *arg, hint),
            ("one_of", args) => self.one_of(at, args),
            ("between", args) => self.between(at, args),
            ("clamp", args) => {
                let args = self.together(at, args, hint, name);
                let Some([value, low, high]) =
                    args.and_then(|args| <[Val; 3]>::try_from(args).ok())
                else {
                    return self.broken(at);
                };
                let Ty::Known(ty) = value.ty else { return self.broken(at) };
                let value = self.operate(at, BinaryOp::Max, ty, value, low);
                self.operate(at, BinaryOp::Min, ty, value, high)
            }
            (_, args) => {
                let op = if name == "min" { BinaryOp::Min } else { BinaryOp::Max };
                let Some(args) = self.together(at, args, hint, name) else {
                    return self.broken(at);
                };
                let mut args = args.into_iter();
                let Some(mut value) = args.next() else { return self.broken(at) };
                for arg in args {
                    let Ty::Known(ty) = value.ty else { return self.broken(at) };
                    value = self.operate(at, op, ty, value, arg);
                }
                value
            }
        }
    }

    /// Arguments that share one ordered type; `None` when they do not, which is reported.
    fn together(
        &mut self,
        at: At,
        args: &[At],
        hint: Option<Type>,
        name: &str,
    ) -> Option<Vec<Val>> {
        let hint = hint.filter(|ty| matches!(ty, Type::Duration | Type::Instant));
        // A text beside a value is of the value's type; the hint is what it would be alone.
        let mut values: Vec<(usize, Val)> = Vec::with_capacity(args.len());
        let (texts, others): (Vec<_>, Vec<_>) =
            args.iter().enumerate().partition(|(_, arg)| self.is_only_text(**arg));
        for (number, arg) in others {
            values.push((number, self.infer(*arg, hint)));
        }
        let beside = values.iter().find_map(|(_, value)| match value.ty {
            Ty::Known(ty) if !value.literal => Some(ty),
            _ => None,
        });
        for (number, arg) in texts {
            values.push((number, self.infer(*arg, beside.or(hint))));
        }
        values.sort_by_key(|(number, _)| *number);
        let mut values: Vec<Val> = values.into_iter().map(|(_, value)| value).collect();
        if values.iter().any(|value| value.ty == Ty::Error) {
            return None;
        }
        let known = values.iter().find_map(|value| match value.ty {
            Ty::Known(ty) if !value.literal => Some(ty),
            _ => None,
        });
        // Texts alone can only be durations: nothing else written as text has an order.
        let ty = known.or(hint).unwrap_or(Type::Duration);
        for (value, arg) in values.iter_mut().zip(args) {
            if value.literal && value.ty != Ty::Known(ty) {
                *value = self.infer(*arg, Some(ty));
            }
        }
        let decimal = values.iter().any(|value| value.ty == Ty::Known(Type::Decimal));
        let mut result = Vec::with_capacity(values.len());
        for value in values {
            let value = match value.ty {
                Ty::Known(Type::Int) if decimal => self.widen(value),
                _ => value,
            };
            result.push(value);
        }
        if result.iter().any(|value| value.ty == Ty::Error) {
            return None;
        }
        let first = result.first()?;
        if let Some(other) = result.iter().find(|value| value.ty != first.ty) {
            self.mismatch(at, name, first, other);
            return None;
        }
        if !matches!(
            first.ty,
            Ty::Known(Type::Int | Type::Decimal | Type::Duration | Type::Instant)
        ) {
            let found = self.type_text(first);
            self.error(
                Code::OperandType,
                at,
                format!("`{name}` of {found}"),
                "only numbers, durations and instants have an order",
                "use `one_of` or `?:`",
            );
            return None;
        }
        Some(result)
    }

    fn abs(&mut self, at: At, arg: At, hint: Option<Type>) -> Val {
        let Some(values) = self.together(at, &[arg], hint, "abs") else { return self.broken(at) };
        let Some(value) = values.into_iter().next() else { return self.broken(at) };
        let Ty::Known(ty) = value.ty else { return self.broken(at) };
        let range = value.range.abs();
        self.known(at, ty, range, Expr::Abs(Box::new(value.ir)), value.size + 1)
    }

    fn one_of(&mut self, at: At, args: &[At]) -> Val {
        let Some((&subject, options)) = args.split_first() else { return self.broken(at) };
        let mut tests = Vec::new();
        for &option in options {
            let (value, other) = self.pair(subject, option, None);
            let test = self.compare(option, BinaryOp::Eq, value, other);
            if test.ty == Ty::Error {
                return self.broken(at);
            }
            tests.push(test);
        }
        // A balanced tree, so that many options stay shallow.
        while tests.len() > 1 {
            let mut joined = Vec::with_capacity(tests.len().div_ceil(2));
            let mut rest = tests.into_iter();
            while let Some(left) = rest.next() {
                joined.push(match rest.next() {
                    Some(right) => self.logic(at, BinaryOp::Or, left, right),
                    None => left,
                });
            }
            tests = joined;
        }
        match tests.pop() {
            Some(value) => Val { at, ..value },
            None => self.broken(at),
        }
    }

    fn between(&mut self, at: At, args: &[At]) -> Val {
        let Some([value, low, high]) = self
            .together(at, args, None, "between")
            .and_then(|args| <[Val; 3]>::try_from(args).ok())
        else {
            return self.broken(at);
        };
        if low.range.min > high.range.max {
            // That an input has fewer values may be all that keeps the bounds apart.
            let fixed = args.iter().skip(1).all(|bound| self.reads_nothing(*bound));
            if self.keep == Keep::Nothing && !fixed {
                return self.broken(at);
            }
            self.error(
                Code::NeverTrue,
                at,
                "nothing lies between these bounds",
                "the low bound is always above the high one",
                "swap the bounds",
            );
            return self.broken(at);
        }
        let above = self.operate(at, BinaryOp::Ge, Type::Bool, value.clone(), low);
        let below = self.operate(at, BinaryOp::Le, Type::Bool, value, high);
        self.logic(at, BinaryOp::And, above, below)
    }

    /// Whether the value at `at` is the same whatever the inputs are. Recursion is bounded by the
    /// height of one expression.
    fn reads_nothing(&self, at: At) -> bool {
        let kind = self.session.kind(at);
        // The first part of a call is its name.
        let parts = self.session.children(at).into_iter().skip(usize::from(kind == NodeKind::Call));
        kind != NodeKind::Path && parts.into_iter().all(|part| self.reads_nothing(part))
    }

    /// The index of a declaration that an argument names, bare or with its prefix.
    fn named(&mut self, arg: At, kind: &str, names: &Names) -> Option<u16> {
        let text = self.session.text(arg);
        let name = text.strip_prefix(kind).and_then(|rest| rest.strip_prefix('.')).unwrap_or(text);
        if self.session.kind(arg) != NodeKind::Path {
            self.error(
                Code::WrongShape,
                arg,
                format!("`{}` does not name a `{kind}`", shorten(text)),
                "references are bare names; strings are values",
                format!("write the name of a `{kind}` without quotes"),
            );
            return None;
        }
        let Some(index) = names.find(name) else {
            self.unknown(arg, kind, name, names);
            return None;
        };
        self.session.refers(arg, Symbol::block(kind, index));
        u16::try_from(index).ok()
    }

    fn rate(&mut self, at: At, arg: At) -> Val {
        let scope = self.scope;
        let Some(index) = self.named(arg, "counter", &scope.counter_names) else {
            return self.broken(at);
        };
        if self.in_timer(at, "rate", "a player's counter") {
            return self.broken(at);
        }
        let max = scope.counters.get(usize::from(index)).map_or(0, |counter| counter.max);
        self.known(at, Type::Int, Interval::new(0, max), Expr::Rate(index), 1)
    }

    fn active(&mut self, at: At, arg: At) -> Val {
        let scope = self.scope;
        let Some(index) = self.named(arg, "timer", &scope.timer_names) else {
            return self.broken(at);
        };
        let Some(timer) = scope.timers.get(usize::from(index)) else { return self.broken(at) };
        if timer.duration_ms == 0 {
            let span = self.session.span(at);
            let mut diagnostic = super::Diagnostic::error(
                Code::NeverTrue,
                span,
                format!("`active({})` is never true", timer.name),
            )
            .cause("the timer has no duration: it fires and is over")
            .help(match timer.schedule {
                Schedule::Every { period_ms } => format!(
                    "add a `duration` of less than {} to `timer \"{}\"`",
                    literal::duration_text(period_ms.into()),
                    timer.name
                ),
                Schedule::Cron { .. } => {
                    format!("add `duration = \"2h\"` to `timer \"{}\"`", timer.name)
                }
            });
            if let Some(span) = scope.timer_names.span(&timer.name) {
                diagnostic = diagnostic.label(span, "the timer is declared here");
            }
            self.session.report(diagnostic);
            return self.broken(at);
        }
        self.known(at, Type::Bool, interval::BOOL, Expr::Active(index), 1)
    }

    fn in_timer(&mut self, at: At, name: &str, what: &str) -> bool {
        let timer = matches!(self.on, Some(On::Timer(_)));
        if timer {
            self.error(
                Code::NotInTimer,
                at,
                format!("`{name}` when a timer fires"),
                format!(
                    "{what} is not there: a timer's outcome is a function of its instant alone"
                ),
                "use parameters and draws, or put the rule on a trigger",
            );
        }
        timer
    }

    fn since(&mut self, at: At, arg: At) -> Val {
        let instant = self.infer(arg, Some(Type::Instant));
        match instant.ty {
            Ty::Error => self.broken(at),
            Ty::Known(Type::Instant) => {
                let range = Interval::new(0, INSTANT_MAX);
                let now = self.known(at, Type::Instant, range, Expr::Now, 1);
                self.operate(at, BinaryOp::Sub, Type::Duration, now, instant)
            }
            _ => self.argument(at, "since", &instant, "an instant"),
        }
    }

    fn argument(&mut self, at: At, name: &str, found: &Val, wanted: &str) -> Val {
        let shown = self.type_text(found);
        self.error(
            Code::TypeMismatch,
            found.at,
            format!("`{name}` of {shown}"),
            format!("`{name}` takes {wanted}"),
            format!("pass {wanted}"),
        );
        self.broken(at)
    }

    /// The hash that separates this rule's draws; reported where nothing may be drawn.
    fn hash(&mut self, at: At, name: &str) -> Option<u64> {
        if self.rule_hash.is_none() {
            self.error(
                Code::RandomEligibility,
                at,
                format!("`{name}` in the `when` of a loot entry"),
                "which entries are eligible is a fact, how likely each is stands in its weight",
                "change the weight, or move the chance to the rule",
            );
        }
        self.rule_hash
    }

    /// `0,2` as the decimal that it is elsewhere.
    fn decimal_comma(&self, args: &[At]) -> Option<String> {
        let [whole, part] = args else { return None };
        let (first, second) = (self.session.span(*whole), self.session.span(*part));
        let (whole, part) = (self.session.text(*whole), self.session.text(*part));
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let number = whole.bytes().all(|byte| byte.is_ascii_digit()) && digits > 0;
        let joined = first.end + 1 == second.start;
        (number && joined).then(|| format!("{whole}.{}", part.get(..digits).unwrap_or("")))
    }

    fn chance(&mut self, at: At, arg: At) -> Val {
        let mut p = self.infer(arg, None);
        if p.ty == Ty::Known(Type::Int) {
            p = self.widen(p);
        }
        match p.ty {
            Ty::Error => return self.broken(at),
            Ty::Known(Type::Decimal) => {}
            Ty::Text if self.percent(&p) => return self.broken(at),
            _ => return self.argument(at, "chance", &p, "a decimal from 0 to 1"),
        }
        if !p.range.within(0, DECIMAL_ONE) {
            if !self.percent(&p) {
                let one = i128::from(DECIMAL_ONE);
                let ends = ("0.0", "1.0");
                self.out_of(Code::ChanceRange, &p, "0 to 1", ends, |value| {
                    !(0..=one).contains(&value)
                });
            }
            return self.broken(at);
        }
        let draw = self.draw(at);
        let Some(rule_hash) = self.hash(at, "chance") else { return self.broken(at) };
        let range = match p.range.single() {
            Some(0) => Interval::point(0),
            Some(DECIMAL_ONE) => Interval::point(1),
            _ => interval::BOOL,
        };
        let (ir, size) = (Expr::Chance { p: Box::new(p.ir), rule_hash, draw }, p.size + 4);
        self.known(at, Type::Bool, range, ir, size)
    }

    /// Reports a chance that is written as a percentage: `15`, `"15%"`.
    fn percent(&mut self, value: &Val) -> bool {
        let at = value.at;
        let text = match self.session.kind(at) {
            NodeKind::Text => self.session.string(at),
            NodeKind::Number => self.session.text(at).to_owned(),
            _ => return false,
        };
        let number = text.strip_suffix('%').unwrap_or(&text).trim();
        let Some(share) = literal::percent(number) else { return false };
        self.error(
            Code::ChanceRange,
            at,
            format!("`{}` is no chance from 0 to 1", shorten(self.session.text(at))),
            "a chance is a share of 1: never is 0.0, always is 1.0",
            format!("{number} % is {share}: write {share}"),
        );
        self.session.fix(at, Some(share));
        true
    }

    /// The number of outcomes of `pick` or `bucket`.
    fn outcomes(&mut self, at: At, arg: At, name: &str) -> Option<Val> {
        let n = self.infer(arg, None);
        match n.ty {
            Ty::Error => return None,
            Ty::Known(Type::Int) => {}
            _ => {
                self.argument(at, name, &n, "a whole number from 1 to 2147483648");
                return None;
            }
        }
        if !n.range.within(1, OUTCOME_COUNT_MAX) {
            let ends = ("1", "2147483648");
            self.out_of(Code::PickRange, &n, "1 to 2147483648", ends, |value| {
                !(1..=i128::from(OUTCOME_COUNT_MAX)).contains(&value)
            });
            return None;
        }
        Some(n)
    }

    fn pick(&mut self, at: At, arg: At) -> Val {
        let Some(n) = self.outcomes(at, arg, "pick") else { return self.broken(at) };
        let draw = self.draw(at);
        let Some(rule_hash) = self.hash(at, "pick") else { return self.broken(at) };
        let range = Interval::new(0, n.range.max - 1);
        let size = n.size + 4;
        self.known(at, Type::Int, range, Expr::Pick { n: Box::new(n.ir), rule_hash, draw }, size)
    }

    fn bucket(&mut self, at: At, arg: At) -> Val {
        let Some(n) = self.outcomes(at, arg, "bucket") else { return self.broken(at) };
        if self.in_timer(at, "bucket", "a player") {
            return self.broken(at);
        }
        let range = Interval::new(0, n.range.max - 1);
        let (salt, size) = (self.salt, n.size + 4);
        self.known(at, Type::Int, range, Expr::Bucket { n: Box::new(n.ir), salt }, size)
    }

    /// Reports a value that may leave its bounds, with an input for which it does.
    pub(super) fn out_of(
        &mut self,
        code: Code,
        value: &Val,
        bounds: &str,
        (least, most): (&str, &str),
        outside: impl Fn(i128) -> bool,
    ) {
        let scope = self.scope;
        let ty = match value.ty {
            Ty::Known(ty) => ty,
            _ => Type::Int,
        };
        let when = self
            .witness(&[&value.ir], |values| values.first().is_some_and(|value| outside(*value)));
        let when = if when.is_empty() { when } else { format!(", when {when}") };
        let shown = shorten(self.session.text(value.at));
        let (low, high) = (value.range.min, value.range.max);
        let (low, high) = (scope.value_text(ty, low.into()), scope.value_text(ty, high.into()));
        let reach = if low == high { low } else { format!("{low} to {high}") };
        let whole = self.session.text(value.at);
        let bounded = format!("clamp({whole}, {least}, {most})");
        let (help, fix) = match value.range.single() {
            Some(_) => (format!("write a value from {bounds}"), None),
            // What is cut off at 1 may be a percentage that was meant.
            None if code == Code::ChanceRange && whole == shown => (
                format!(
                    "20 % is 0.2 of 1: if it is a percentage, divide by 100; else write `{bounded}`, or narrow the ranges of its inputs"
                ),
                Some(bounded),
            ),
            None if whole == shown => {
                (format!("write `{bounded}`, or narrow the ranges of its inputs"), Some(bounded))
            }
            None => (
                format!(
                    "put it into `clamp(…, {least}, {most})`, or narrow the ranges of its inputs"
                ),
                None,
            ),
        };
        self.error(
            code,
            value.at,
            format!("`{shown}` is {reach}, allowed are {bounds}{when}"),
            "a rule must hold for every input that hosts may supply",
            help,
        );
        self.session.fix(value.at, fix);
    }
}
