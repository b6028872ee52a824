//! Random well-typed programs, with the intervals that the checker would prove.

use cairn_ruleset::ir::{
    Audience, BinaryOp, CounterDef, EntryDef, EnumDef, Except, Expr, FieldDef, FragmentDef,
    INSTANT_MAX, Loot, LootDef, MaskDef, Missed, On, OnFault, OutcomeDef, OverrideDef, ParamDef,
    PayloadDef, PityDef, Program, RuleDef, Schedule, Slot, TableDef, TimerDef, TriggerDef, Type,
};
use cairn_ruleset::rng;
use cairn_ruleset::scope::Scope;

use super::Stream;

/// Zones and shards of the fleet, and none.
pub(crate) const ZONES: [Option<&str>; 3] = [None, Some("eu"), Some("us")];
pub(crate) const SHARDS: [Option<&str>; 3] = [None, Some("7"), Some("8")];

/// Largest magnitude of any intermediate value.
const BOUND: i128 = 1 << 62;

/// An expression with the ends of its values.
struct Ranged {
    expr: Expr,
    min: i128,
    max: i128,
}

struct Generator<'a> {
    stream: &'a mut Stream,
    program: &'a Program,
    fields: Vec<Slot>,
    rule_hash: u64,
    draws: u32,
}

fn boxed(expr: Expr) -> Box<Expr> {
    Box::new(expr)
}

fn slot(ty: Type, min: i64, max: i64) -> Slot {
    Slot { ty, min, max }
}

impl Generator<'_> {
    fn constant(&mut self) -> Ranged {
        let value = match self.stream.below(12) {
            0 => 0,
            1 => 1,
            2 => -1,
            3 => 1_000_000,
            4 => i64::MAX >> 2,
            5 => i64::MIN >> 2,
            6 => 1 << 31,
            7 => -(1 << 32),
            _ => self.stream.below(2_001) as i64 - 1_000,
        };
        Ranged { expr: Expr::Const(value), min: value.into(), max: value.into() }
    }

    fn leaf(&mut self) -> Ranged {
        let ranged =
            |expr, slot: &Slot| Ranged { expr, min: slot.min.into(), max: slot.max.into() };
        match self.stream.below(6) {
            0 if !self.fields.is_empty() => {
                let index = self.stream.below(self.fields.len() as u64) as usize;
                ranged(Expr::Field(index as u16), &self.fields[index])
            }
            1 => {
                let index = self.stream.below(self.program.params.len() as u64) as usize;
                ranged(Expr::Param(index as u16), &self.program.params[index].slot)
            }
            2 => {
                let index = self.stream.below(self.program.counters.len() as u64) as usize;
                let max = self.program.counters[index].max;
                ranged(Expr::Rate(index as u16), &slot(Type::Int, 0, max))
            }
            3 => ranged(Expr::Now, &slot(Type::Instant, 0, INSTANT_MAX)),
            _ => self.constant(),
        }
    }

    /// At least 1 and at most 2³¹.
    fn count(&mut self, depth: u32) -> Expr {
        let inner = self.number(depth);
        let low = Expr::Binary(BinaryOp::Max, boxed(Expr::Const(1)), boxed(inner.expr));
        Expr::Binary(BinaryOp::Min, boxed(Expr::Const(1 << 31)), boxed(low))
    }

    fn number(&mut self, depth: u32) -> Ranged {
        if depth == 0 {
            return self.leaf();
        }
        let next = depth - 1;
        let made = match self.stream.below(16) {
            0 => {
                let inner = self.number(next);
                let expr = Expr::Neg(boxed(inner.expr));
                Ranged { expr, min: -inner.max, max: -inner.min }
            }
            1 => {
                let inner = self.number(next);
                let max = inner.min.abs().max(inner.max.abs());
                Ranged { expr: Expr::Abs(boxed(inner.expr)), min: 0, max }
            }
            2 => {
                let condition = self.bool(next);
                let (a, b) = (self.number(next), self.number(next));
                let (min, max) = (a.min.min(b.min), a.max.max(b.max));
                let expr = Expr::Select(boxed(condition), boxed(a.expr), boxed(b.expr));
                Ranged { expr, min, max }
            }
            3 => {
                let n = boxed(self.count(next));
                self.draws += 1;
                let (rule_hash, draw) = (self.rule_hash, self.draws - 1);
                Ranged { expr: Expr::Pick { n, rule_hash, draw }, min: 0, max: (1 << 31) - 1 }
            }
            4 => {
                let n = boxed(self.count(next));
                let salt = self.stream.next();
                Ranged { expr: Expr::Bucket { n, salt }, min: 0, max: (1 << 31) - 1 }
            }
            5 => {
                // A bool where a number stands: compared values do that.
                let (a, b) = (self.bool(next), self.bool(next));
                let expr = Expr::Binary(BinaryOp::Eq, boxed(a), boxed(b));
                Ranged { expr, min: 0, max: 1 }
            }
            6 | 7 => return self.leaf(),
            _ => self.arithmetic(next),
        };
        if made.min < -BOUND || made.max > BOUND { self.leaf() } else { made }
    }

    fn arithmetic(&mut self, depth: u32) -> Ranged {
        let (a, b) = (self.number(depth), self.number(depth));
        let op = [
            BinaryOp::Add,
            BinaryOp::Sub,
            BinaryOp::Mul,
            BinaryOp::MulDecimal,
            BinaryOp::Div,
            BinaryOp::DivDecimal,
            BinaryOp::Rem,
            BinaryOp::Min,
            BinaryOp::Max,
        ][self.stream.below(9) as usize];
        let products = [a.min * b.min, a.min * b.max, a.max * b.min, a.max * b.max];
        let low = products.iter().copied().min().unwrap_or(0);
        let high = products.iter().copied().max().unwrap_or(0);
        let largest = a.min.abs().max(a.max.abs());
        let mut right = b.expr;
        let (min, max) = match op {
            BinaryOp::Add => (a.min + b.min, a.max + b.max),
            BinaryOp::Sub => (a.min - b.max, a.max - b.min),
            // The product before rescaling is what must fit.
            BinaryOp::Mul | BinaryOp::MulDecimal => (low, high),
            BinaryOp::Min => (a.min.min(b.min), a.max.min(b.max)),
            BinaryOp::Max => (a.min.max(b.min), a.max.max(b.max)),
            _ => {
                if b.min <= 0 && b.max >= 0 {
                    right = Expr::Binary(BinaryOp::Max, boxed(Expr::Const(1)), boxed(right));
                }
                match op {
                    BinaryOp::DivDecimal => (-largest * 1_000_000, largest * 1_000_000),
                    _ => (-largest, largest),
                }
            }
        };
        Ranged { expr: Expr::Binary(op, boxed(a.expr), boxed(right)), min, max }
    }

    fn bool(&mut self, depth: u32) -> Expr {
        if depth == 0 {
            return match self.stream.below(3) {
                0 => Expr::Const(self.stream.below(2) as i64),
                _ => {
                    let timers = self.program.timers.len() as u64;
                    Expr::Active(self.stream.below(timers) as u16)
                }
            };
        }
        let next = depth - 1;
        match self.stream.below(10) {
            0 => Expr::Not(boxed(self.bool(next))),
            1 => Expr::Binary(BinaryOp::And, boxed(self.bool(next)), boxed(self.bool(next))),
            2 => Expr::Binary(BinaryOp::Or, boxed(self.bool(next)), boxed(self.bool(next))),
            3 => {
                let p = self.number(next).expr;
                self.draws += 1;
                let (rule_hash, draw) = (self.rule_hash, self.draws - 1);
                Expr::Chance { p: boxed(p), rule_hash, draw }
            }
            4 => {
                let (c, a, b) = (self.bool(next), self.bool(next), self.bool(next));
                Expr::Select(boxed(c), boxed(a), boxed(b))
            }
            _ => {
                let op = [
                    BinaryOp::Eq,
                    BinaryOp::Ne,
                    BinaryOp::Lt,
                    BinaryOp::Le,
                    BinaryOp::Gt,
                    BinaryOp::Ge,
                ][self.stream.below(6) as usize];
                let (a, b) = (self.number(next).expr, self.number(next).expr);
                Expr::Binary(op, boxed(a), boxed(b))
            }
        }
    }
}

fn item(name: &str, weight: u32, conditional: bool) -> EntryDef {
    EntryDef {
        name: name.into(),
        loot: Loot::Item(name.into()),
        weight,
        count: (1, 1),
        conditional,
        guaranteed: weight == 0,
    }
}

/// Everything but the fragments.
pub(crate) fn frame(stream: &mut Stream) -> Program {
    let fields = vec![
        FieldDef { name: "level".into(), slot: slot(Type::Int, 1, 100) },
        FieldDef { name: "zone".into(), slot: slot(Type::Enum(0), 0, 2) },
        FieldDef { name: "elite".into(), slot: slot(Type::Bool, 0, 1) },
        FieldDef { name: "wide".into(), slot: slot(Type::Int, -(1 << 40), 1 << 40) },
        FieldDef { name: "ratio".into(), slot: slot(Type::Decimal, -5_000_000, 5_000_000) },
    ];
    let params = (0..5)
        .map(|index| {
            let slot = slot(Type::Decimal, -4_000_000, 9_000_000);
            let value = stream.within(slot.min, slot.max);
            let (name, doc) = (format!("param_{index}"), "a number".to_owned());
            let mut overrides = Vec::new();
            for zone in ZONES {
                for shard in SHARDS {
                    if (zone.is_some() || shard.is_some()) && stream.flip() {
                        let scope = Scope::new(zone, shard).expect("two names");
                        let value = stream.within(slot.min, slot.max);
                        overrides.push(OverrideDef { scope, value });
                    }
                }
            }
            overrides.sort_by(|a, b| a.scope.cmp(&b.scope));
            let unit = (index == 1).then(|| "gold".into());
            ParamDef { name, slot, value, overrides, unit, doc }
        })
        .collect();
    let timer = |name: &str, duration_ms| TimerDef {
        name: name.into(),
        schedule: Schedule::Cron { expression: "0 20 * * FRI".into(), zone: "UTC".into() },
        duration_ms,
        missed: Missed::Fire,
        jitter_ms: 0,
        except: Except::default(),
    };
    let counter =
        |name: &str| CounterDef { name: name.into(), trigger: 0, window_ms: 60_000, max: 1_000 };
    let rare = vec![
        item("gold", 900, false),
        item("crown", 5, true),
        EntryDef { loot: Loot::Table(1), count: (1, 2), ..item("gems", 95, true) },
        item("key", 0, true),
    ];
    let pity = |entry, after| PityDef { entry, after, soft_from: 2, soft_step: 7 };
    Program {
        ruleset: "random".into(),
        dialect: 1,
        context: "random@1".into(),
        symbols: vec!["red".into(), "blue".into()],
        enums: vec![EnumDef {
            name: "zone".into(),
            values: vec!["meadow".into(), "forest".into(), "crypt".into()],
        }],
        params,
        triggers: vec![TriggerDef { name: "kill".into(), fields }],
        counters: vec![counter("claims"), counter("kills")],
        timers: vec![timer("night", 7_200_000), timer("dawn", 0)],
        tables: vec![
            TableDef {
                name: "rare".into(),
                entries: rare,
                rolls: (1, 3),
                pities: vec![pity(1, 4), pity(2, 5)],
            },
            TableDef {
                name: "gems".into(),
                entries: vec![item("ruby", 1, false), item("opal", 3, false)],
                rolls: (1, 1),
                pities: vec![pity(0, 3)],
            },
        ],
        fragments: Vec::new(),
    }
}

fn rule(generator: &mut Generator<'_>, name: String, depth: u32) -> RuleDef {
    generator.rule_hash = rng::name_hash(&name);
    generator.draws = 0;
    let when = generator.bool(depth);
    let mut outcomes = Vec::new();
    for index in 0..=generator.stream.below(2) {
        let payload = (0..generator.stream.below(3)).map(|value| PayloadDef {
            name: format!("value_{value}"),
            ty: Type::Int,
            value: generator.number(depth).expr,
        });
        let payload = payload.collect();
        let loot = (index == 0 && generator.stream.flip()).then(|| {
            let count = generator.number(1).expr;
            let low = Expr::Binary(BinaryOp::Max, boxed(Expr::Const(0)), boxed(count));
            LootDef {
                table: generator.stream.below(2) as u16,
                count: Expr::Binary(BinaryOp::Min, boxed(Expr::Const(9)), boxed(low)),
                draw_base: generator.draws,
            }
        });
        let audience = if generator.stream.flip() { Audience::Caller } else { Audience::Cluster };
        outcomes.push(OutcomeDef { name: format!("out.{index}"), audience, loot, payload });
    }
    let on_fault = OnFault::Skip;
    RuleDef { hash: rng::name_hash(&name), name, when, outcomes, on_fault }
}

/// A program of one trigger fragment with so many rules and one timer fragment.
pub(crate) fn program(seed: u64, rules: usize, depth: u32) -> Program {
    let mut stream = Stream(seed);
    let mut program = frame(&mut stream);
    let mut fragments = Vec::new();
    for (name, on) in [("f/kill", On::Trigger(0)), ("f/timer.night", On::Timer(0))] {
        let fields = match on {
            On::Trigger(_) => program.triggers[0].fields.iter().map(|f| f.slot).collect(),
            On::Timer(_) => Vec::new(),
        };
        let mut generator = Generator {
            stream: &mut stream,
            program: &program,
            fields,
            rule_hash: rng::name_hash("rare"),
            draws: 0,
        };
        let entries = [Expr::Const(1)].into_iter().chain((0..3).map(|_| generator.bool(depth)));
        let entries = entries.collect();
        let of = if matches!(on, On::Trigger(_)) { rules } else { 3 };
        let rules = (0..of)
            .map(|index| rule(&mut generator, format!("{name}_rule_{index}"), depth))
            .collect();
        let masks = vec![MaskDef { table: 0, entries }];
        fragments.push(FragmentDef { name: name.into(), on, rules, masks });
    }
    program.fragments = fragments;
    program
}
