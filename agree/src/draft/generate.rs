//! Random declarations and expressions, well typed and inside what interval analysis can prove.
//!
//! The ends that are tracked here are rougher than the compiler's: what it refuses all the same is
//! dropped by [`super::Draft::of`], and the tests watch that this stays rare.

use cairn_ruleset::ir::{DECIMAL_ONE, INSTANT_MAX};
use cairn_ruleset::scope::Scope;
use cairn_ruleset::value::{decimal_text, duration_text, instant_text};

use super::Draft;
use super::node::{Kind, Node, Ty};
use super::rule::{Emit, Rule};
use crate::stream::Stream;

/// Largest magnitude of an intermediate value.
const BOUND: i128 = 1 << 62;
/// A day, the longest duration of fields.
const DAY_MS: i64 = 86_400_000;
/// Names that nothing confuses.
const RULES: [&str; 6] = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot"];
const ZONES: [&str; 3] = ["meadow", "forest", "crypt"];

/// A field or parameter that expressions may read.
struct Input {
    ty: Ty,
    text: String,
    min: i64,
    max: i64,
}

/// What an expression may read and call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Trigger,
    Timer,
    /// A named condition: a trigger's, without other conditions.
    Condition,
    /// A loot entry's condition: no draws.
    Entry,
}

struct Generator {
    stream: Stream,
    fields: Vec<Input>,
    params: Vec<Input>,
    conditions: usize,
    place: Place,
}

/// A literal of a type.
fn literal(ty: Ty, raw: i64) -> String {
    match ty {
        Ty::Bool => (raw != 0).to_string(),
        Ty::Int => raw.to_string(),
        Ty::Decimal => {
            let text = decimal_text(raw);
            if text.contains('.') { text } else { format!("{text}.0") }
        }
        Ty::Duration => format!("\"{}\"", duration_text(raw)),
        Ty::Instant => format!("\"{}\"", instant_text(raw)),
        Ty::Zone => format!("\"{}\"", ZONES.get(raw as usize).unwrap_or(&"meadow")),
        Ty::Symbol => "\"text\"".to_owned(),
    }
}

/// A random range of a type, from a few that have interesting ends.
fn range(stream: &mut Stream, ty: Ty) -> (i64, i64) {
    match ty {
        Ty::Bool => (0, 1),
        Ty::Int => *stream.of(&[
            (1, 100),
            (0, 10),
            (-1_000, 1_000),
            (0, i64::MAX),
            (-i64::MAX, i64::MAX),
            (-(1 << 31), 1 << 31),
            (-3, -1),
        ]),
        Ty::Decimal => *stream.of(&[
            (0, DECIMAL_ONE),
            (-5 * DECIMAL_ONE, 5 * DECIMAL_ONE),
            (1, 100 * DECIMAL_ONE),
            (-i64::MAX, i64::MAX),
            (-3_000_000_000_000, 3_000_000_000_000),
        ]),
        Ty::Duration => *stream.of(&[(0, DAY_MS), (1_000, 7_200_000), (1, 60_000)]),
        Ty::Instant => (0, INSTANT_MAX),
        Ty::Zone => (0, 2),
        Ty::Symbol => (0, 0),
    }
}

/// A type as a field or a parameter writes it.
fn type_text(ty: Ty, min: i64, max: i64) -> String {
    let (low, high) = (literal(ty, min), literal(ty, max));
    match ty {
        Ty::Bool => "bool".to_owned(),
        Ty::Int => format!("int({low}, {high})"),
        Ty::Decimal => format!("decimal({low}, {high})"),
        Ty::Duration => format!("duration({low}, {high})"),
        Ty::Instant => "instant".to_owned(),
        Ty::Zone | Ty::Symbol => "zone".to_owned(),
    }
}

/// Streams of a seed for the overrides, and for where its games run.
const OVERRIDES: u64 = 1 << 32;
const PLACE: u64 = OVERRIDES + 1;
/// Zones and shards of the fleet; of each, one is named by no override.
const FLEET: [(&str, [&str; 3]); 2] =
    [("zone", ["eu-west", "us \"éast\"", "moon"]), ("shard", ["eu-west-7", "7", "none"])];

/// Some overrides of a parameter, each of a scope of its own.
fn overrides(stream: &mut Stream, ty: Ty, min: i64, max: i64) -> String {
    let mut text = String::new();
    for at in 1..9 {
        if !stream.one_in(3) {
            continue;
        }
        text.push_str("  override {\n");
        // Nothing or one of two names, for the zone and for the shard.
        for ((word, names), index) in FLEET.iter().zip([at % 3, at / 3]) {
            if let Some(name) = names.iter().take(index).next_back() {
                text.push_str(&format!("    {word} = {name:?}\n"));
            }
        }
        text.push_str(&format!("    value = {}\n  }}\n", literal(ty, stream.within(min, max))));
    }
    text
}

/// Where the games of a seed run.
pub(super) fn place(seed: u64) -> Scope {
    let mut stream = Stream::new(seed, PLACE);
    let [zone, shard] =
        FLEET.map(|(_, names)| (!stream.one_in(4)).then(|| (*stream.of(&names)).to_owned()));
    Scope { zone, shard }
}

/// The draft of a seed, not yet compiled.
pub(super) fn draft(seed: u64) -> Draft {
    let mut stream = Stream::new(seed, 1);
    let mut blocks = vec![
        "ruleset \"random\" {\n  dialect = 1\n  context = \"random@1\"\n}".to_owned(),
        format!("enum \"zone\" {{ values = {ZONES:?} }}"),
    ];
    let mut fields = Vec::new();
    let mut lines = String::new();
    for (name, ty) in [
        ("level", Ty::Int),
        ("gold", Ty::Int),
        ("share", Ty::Decimal),
        ("ratio", Ty::Decimal),
        ("fight", Ty::Duration),
        ("born", Ty::Instant),
        ("zone", Ty::Zone),
        ("elite", Ty::Bool),
    ] {
        let (min, max) = range(&mut stream, ty);
        lines.push_str(&format!("    {name} = {}\n", type_text(ty, min, max)));
        fields.push(Input { ty, text: format!("trigger.{name}"), min, max });
    }
    blocks.push(format!("trigger \"kill\" {{\n  fields = {{\n{lines}  }}\n}}"));
    let mut params = Vec::new();
    // Of their own stream: what was generated before there were overrides stays what it was.
    let mut places = Stream::new(seed, OVERRIDES);
    for (name, ty) in [
        ("least", Ty::Int),
        ("most", Ty::Int),
        ("bonus", Ty::Decimal),
        ("pause", Ty::Duration),
        ("since_when", Ty::Instant),
        ("home", Ty::Zone),
        ("open", Ty::Bool),
    ] {
        let (min, max) = range(&mut stream, ty);
        let default = literal(ty, stream.within(min, max));
        let ty_text = type_text(ty, min, max);
        let overrides = overrides(&mut places, ty, min, max);
        blocks.push(format!(
            "param \"{name}\" {{\n  type = {ty_text}\n  default = {default}\n{overrides}}}"
        ));
        params.push(Input { ty, text: format!("param.{name}"), min, max });
    }
    blocks.extend([
        "counter \"claims\" {\n  on = kill\n  per = player\n  window = \"1m\"\n}".to_owned(),
        "timer \"night\" {\n  cron = \"0 20 * * FRI\"\n  zone = \"UTC\"\n  duration = \"2h\"\n}"
            .to_owned(),
        "timer \"pulse\" {\n  every = \"30s\"\n  duration = \"10s\"\n}".to_owned(),
        "loot_table \"common\" {\n  entry \"ruby\" { weight = 1 }\n  entry \"opal\" { weight = 3 }\n}"
            .to_owned(),
    ]);
    let mut generator =
        Generator { stream, fields, params, conditions: 0, place: Place::Condition };
    let depth = 1 + generator.stream.below(4) as u32;
    let mut conditions = Vec::new();
    for name in ["veteran", "worthy"] {
        if generator.stream.below(3) > 0 {
            conditions.push((name, generator.bool(depth)));
        }
    }
    generator.place = Place::Entry;
    let entries = (0..generator.stream.below(4)).map(|_| generator.bool(depth.min(2))).collect();
    generator.conditions = conditions.len();
    let count = 1 + generator.stream.below(RULES.len());
    let rules = RULES.iter().take(count).map(|name| generator.rule(name, depth)).collect();
    Draft { blocks, conditions, entries, style: seed, rules }
}

impl Generator {
    fn rule(&mut self, name: &str, depth: u32) -> Rule {
        let timed = self.stream.one_in(5);
        self.place = if timed { Place::Timer } else { Place::Trigger };
        let on = if timed { "timer.night" } else { "kill" };
        let when = (!self.stream.one_in(6)).then(|| self.bool(depth));
        let mut outcomes = Vec::new();
        for _ in 0..1 + self.stream.below(2) {
            let loot = (!timed && self.stream.one_in(3)).then(|| {
                let count = self.number(Ty::Int, 1);
                let table = *self.stream.of(&["rare", "common"]);
                (table, clamp(count, Ty::Int, 0, 9))
            });
            let values = (0..self.stream.below(4)).map(|_| self.any(depth)).collect();
            let broadcast = timed || self.stream.one_in(3);
            outcomes.push(Emit { broadcast, loot, values });
        }
        Rule { name: name.into(), on, when, outcomes, strict: self.stream.one_in(4) }
    }

    fn any(&mut self, depth: u32) -> Node {
        match self.stream.below(9) {
            0 => self.bool(depth),
            1 | 2 => self.number(Ty::Int, depth),
            3 | 4 => self.number(Ty::Decimal, depth),
            5 => self.number(Ty::Duration, depth),
            6 => self.number(Ty::Instant, depth),
            7 => self.reference(Ty::Zone),
            _ => self.symbol(depth),
        }
    }

    fn symbol(&mut self, depth: u32) -> Node {
        let plain = Node::leaf(Ty::Symbol, "\"plain\"", 0, 0);
        if depth == 0 {
            return plain;
        }
        let heroic = Node::leaf(Ty::Symbol, "\"heroic\"", 0, 0);
        let kind = Kind::Choice(boxed(self.bool(depth - 1)), boxed(plain), boxed(heroic));
        Node { ty: Ty::Symbol, min: 0, max: 0, kind }
    }

    /// A reference of a type; there is a parameter of every type.
    fn reference(&mut self, ty: Ty) -> Node {
        let fields = if self.place == Place::Timer { &[][..] } else { &self.fields };
        let fitting: Vec<_> =
            fields.iter().chain(&self.params).filter(|input| input.ty == ty).collect();
        let input = self.stream.of(&fitting);
        Node::leaf(ty, input.text.clone(), input.min.into(), input.max.into())
    }

    fn constant(&mut self, ty: Ty) -> Node {
        let raw = match ty {
            Ty::Bool => self.stream.below(2) as i64,
            Ty::Zone => self.stream.below(3) as i64,
            Ty::Symbol => 0,
            Ty::Duration => match self.stream.below(4) {
                0 => *self.stream.of(&[0, 1, 1_000, DAY_MS]),
                _ => self.stream.within(0, DAY_MS),
            },
            Ty::Instant => self.stream.within(0, INSTANT_MAX),
            Ty::Int | Ty::Decimal => match self.stream.below(10) {
                0 => 0,
                1 => 1,
                2 => -1,
                3 => i64::MAX,
                4 => -i64::MAX,
                5 => 1 << 32,
                6 => -(1 << 31),
                7 => DECIMAL_ONE,
                _ => self.stream.within(-2_000, 2_000),
            },
        };
        Node::leaf(ty, literal(ty, raw), raw.into(), raw.into())
    }

    fn leaf(&mut self, ty: Ty) -> Node {
        match self.stream.below(5) {
            // A text needs something to take its type from.
            0 | 1 if matches!(ty, Ty::Int | Ty::Decimal) => self.constant(ty),
            2 if ty == Ty::Int && self.place != Place::Timer => {
                call(ty, "rate", vec![Node::leaf(ty, "claims", 0, 0)], 0, 1_000_000)
            }
            3 if ty == Ty::Duration => {
                let max = i128::from(INSTANT_MAX);
                let from = self.reference(Ty::Instant);
                call(ty, "since", vec![from], -max, max)
            }
            _ => self.reference(ty),
        }
    }

    fn bool(&mut self, depth: u32) -> Node {
        let ty = Ty::Bool;
        if depth == 0 {
            return match self.stream.below(4) {
                0 => {
                    let timer = *self.stream.of(&["night", "pulse"]);
                    call(ty, "active", vec![Node::leaf(ty, timer, 0, 1)], 0, 1)
                }
                1 if self.conditions > 0 && self.place == Place::Trigger => {
                    let name = *self.stream.of(&["veteran", "worthy"][..self.conditions]);
                    Node::leaf(ty, format!("condition.{name}"), 0, 1)
                }
                _ => self.reference(ty),
            };
        }
        let next = depth - 1;
        let binary =
            |op, a, b| Node { ty, min: 0, max: 1, kind: Kind::Binary(op, boxed(a), boxed(b)) };
        match self.stream.below(16) {
            0 => {
                let kind = Kind::Unary("!", boxed(self.bool(next)));
                Node { ty, min: 0, max: 1, kind }
            }
            1 | 2 => binary("&&", self.bool(next), self.bool(next)),
            3 | 4 => binary("||", self.bool(next), self.bool(next)),
            5 => {
                let op = *self.stream.of(&["==", "!="]);
                binary(op, self.bool(next), self.bool(next))
            }
            6 => {
                let (c, a, b) = (self.bool(next), self.bool(next), self.bool(next));
                choice(c, a, b)
            }
            7 if self.place != Place::Entry => {
                let p = self.number(Ty::Decimal, next);
                call(ty, "chance", vec![clamp(p, Ty::Decimal, 0, DECIMAL_ONE)], 0, 1)
            }
            8 => {
                let op = *self.stream.of(&["==", "!="]);
                let right = if self.stream.one_in(2) {
                    self.reference(Ty::Zone)
                } else {
                    self.constant(Ty::Zone)
                };
                binary(op, self.reference(Ty::Zone), right)
            }
            9 => {
                let mut operands = vec![self.reference(Ty::Zone)];
                let first = self.stream.below(3);
                operands.extend((0..2).map(|at| {
                    let raw = (first + at) as i64 % 3;
                    Node::leaf(Ty::Zone, literal(Ty::Zone, raw), raw.into(), raw.into())
                }));
                call(ty, "one_of", operands, 0, 1)
            }
            10 => {
                let of = *self.stream.of(&[Ty::Int, Ty::Decimal, Ty::Duration, Ty::Instant]);
                let value = self.number(of, next);
                let (low, high) = (self.constant(of), self.constant(of));
                let (low, high) = if low.min <= high.min { (low, high) } else { (high, low) };
                call(ty, "between", vec![value, low, high], 0, 1)
            }
            _ => {
                let of =
                    *self.stream.of(&[Ty::Int, Ty::Int, Ty::Decimal, Ty::Duration, Ty::Instant]);
                let op = *self.stream.of(&["<", "<=", ">", ">=", "==", "!="]);
                let left = self.number(of, next);
                let right =
                    if self.stream.one_in(2) { self.constant(of) } else { self.number(of, next) };
                binary(op, left, right)
            }
        }
    }

    /// An expression of a type that is counted, never a bare text.
    fn number(&mut self, ty: Ty, depth: u32) -> Node {
        if depth == 0 {
            return self.leaf(ty);
        }
        let made = self.compound(ty, depth - 1);
        if made.min < -BOUND || made.max > BOUND { self.leaf(ty) } else { made }
    }

    fn compound(&mut self, ty: Ty, depth: u32) -> Node {
        match self.stream.below(12) {
            0 => {
                let (c, a, b) = (self.bool(depth), self.number(ty, depth), self.number(ty, depth));
                choice(c, a, b)
            }
            1 => {
                let function = *self.stream.of(&["min", "max"]);
                let mut operands: Vec<_> =
                    (0..2 + self.stream.below(2)).map(|_| self.number(ty, depth)).collect();
                if self.stream.one_in(3) {
                    operands.push(self.constant(ty));
                }
                let min = operands.iter().map(|node| node.min).min().unwrap_or(0);
                let max = operands.iter().map(|node| node.max).max().unwrap_or(0);
                call(ty, function, operands, min, max)
            }
            2 => {
                let value = self.number(ty, depth);
                let (low, high) = (self.constant(ty), self.constant(ty));
                let (low, high) = if low.min <= high.min { (low, high) } else { (high, low) };
                let (min, max) = (low.min, high.max);
                call(ty, "clamp", vec![value, low, high], min, max)
            }
            3 if ty != Ty::Instant => {
                let value = self.number(ty, depth);
                let max = value.min.abs().max(value.max.abs());
                call(ty, "abs", vec![value], 0, max)
            }
            4 if ty != Ty::Instant => {
                let value = self.number(ty, depth);
                let (min, max) = (-value.max, -value.min);
                Node { ty, min, max, kind: Kind::Unary("-", boxed(value)) }
            }
            5 if ty == Ty::Int && self.place != Place::Entry => {
                let bucket = self.place != Place::Timer && self.stream.one_in(2);
                let most = *self.stream.of(&[1 << 31, 100, 7]);
                let n = clamp(self.number(ty, depth), ty, 1, most);
                let function = if bucket { "bucket" } else { "pick" };
                call(ty, function, vec![n], 0, i128::from(most) - 1)
            }
            6 => self.leaf(ty),
            _ => self.arithmetic(ty, depth),
        }
    }

    fn arithmetic(&mut self, ty: Ty, depth: u32) -> Node {
        let one = i128::from(DECIMAL_ONE);
        let binary = |op, a: Node, b: Node, min, max| Node {
            ty,
            min,
            max,
            kind: Kind::Binary(op, boxed(a), boxed(b)),
        };
        if ty == Ty::Instant {
            let (at, by) = (self.number(Ty::Instant, depth), self.number(Ty::Duration, depth));
            let op = *self.stream.of(&["+", "-"]);
            let most = by.min.abs().max(by.max.abs());
            let (min, max) = (at.min - most, at.max + most);
            return binary(op, at, by, min, max);
        }
        if ty == Ty::Duration && self.stream.one_in(4) {
            let (a, b) = (self.number(Ty::Instant, depth), self.number(Ty::Instant, depth));
            let (min, max) = (a.min - b.max, a.max - b.min);
            return binary("-", a, b, min, max);
        }
        if ty == Ty::Int && self.stream.one_in(8) {
            let (a, b) = (self.number(Ty::Duration, depth), self.divisor(Ty::Duration, depth));
            let most = a.min.abs().max(a.max.abs());
            return binary("/", a, b, -most, most);
        }
        let a = self.number(ty, depth);
        let op = *self.stream.of(&["+", "-", "*", "*", "/", "/", "%"]);
        // What a product or a quotient is taken with.
        let other = match (ty, op) {
            (Ty::Duration, "*" | "/") | (Ty::Decimal, "*") => {
                *self.stream.of(&[Ty::Int, Ty::Decimal])
            }
            _ => ty,
        };
        let b = if matches!(op, "/" | "%") {
            self.divisor(other, depth)
        } else {
            self.number(other, depth)
        };
        let most = a.min.abs().max(a.max.abs());
        let products = [a.min * b.min, a.min * b.max, a.max * b.min, a.max * b.max];
        let product_min = products.into_iter().min().unwrap_or(0);
        let product_max = products.into_iter().max().unwrap_or(0);
        let (min, max) = match op {
            "+" => (a.min + b.min, a.max + b.max),
            "-" => (a.min - b.max, a.max - b.min),
            // Before it is rescaled a product must fit too.
            "*" => (product_min, product_max),
            "/" if other == Ty::Decimal => (-most * one, most * one),
            _ => (-most, most),
        };
        let made = binary(op, a, b, min, max);
        if made.min < -BOUND || made.max > BOUND {
            return made;
        }
        let rescaled = op == "*" && other == Ty::Decimal;
        if rescaled { Node { min: min / one - 1, max: max / one + 1, ..made } } else { made }
    }

    /// A number that is never zero.
    fn divisor(&mut self, ty: Ty, depth: u32) -> Node {
        let value = self.number(ty, depth);
        if value.min > 0 || value.max < 0 {
            return value;
        }
        let least = *self.stream.of(&[1, 7, DECIMAL_ONE]);
        let (function, raw) = match ty {
            Ty::Int | Ty::Decimal if self.stream.one_in(3) => ("min", -least),
            _ => ("max", least),
        };
        let bound = Node::leaf(ty, literal(ty, raw), raw.into(), raw.into());
        let raw = i128::from(raw);
        let (min, max) =
            if raw < 0 { (value.min.min(raw), raw) } else { (raw, value.max.max(raw)) };
        call(ty, function, vec![value, bound], min, max)
    }
}

fn boxed(node: Node) -> Box<Node> {
    Box::new(node)
}

fn call(ty: Ty, function: &'static str, operands: Vec<Node>, min: i128, max: i128) -> Node {
    Node { ty, min, max, kind: Kind::Call(function, operands) }
}

fn choice(condition: Node, then: Node, otherwise: Node) -> Node {
    let (min, max) = (then.min.min(otherwise.min), then.max.max(otherwise.max));
    let ty = then.ty;
    Node { ty, min, max, kind: Kind::Choice(boxed(condition), boxed(then), boxed(otherwise)) }
}

fn clamp(value: Node, ty: Ty, min: i64, max: i64) -> Node {
    let end = |raw: i64| Node::leaf(ty, literal(ty, raw), raw.into(), raw.into());
    call(ty, "clamp", vec![value, end(min), end(max)], min.into(), max.into())
}
