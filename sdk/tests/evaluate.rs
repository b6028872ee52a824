//! Contexts are checked, outcomes decoded, kills obeyed, faults kept apart.

mod support;

use std::sync::Arc;

use cairn_ruleset::ir::{
    Audience, BinaryOp, Expr, FragmentDef, INSTANT_MAX, LootDef, MaskDef, On, OnFault, OutcomeDef,
    PayloadDef, Program, RuleDef, Type,
};
use cairn_ruleset::rng;
use cairn_sdk::{Context, Error, Evaluator, Outcome, Pity, Value};
use support::{Fixture, Stream, generate};

fn rule(name: &str, when: Expr, outcomes: Vec<OutcomeDef>) -> RuleDef {
    let hash = rng::name_hash(name);
    RuleDef { name: name.into(), hash, when, outcomes, on_fault: OnFault::Skip }
}

fn payload(name: &str, ty: Type, value: Expr) -> PayloadDef {
    PayloadDef { name: name.into(), ty, value }
}

fn outcome(name: &str, loot: Option<LootDef>, payload: Vec<PayloadDef>) -> OutcomeDef {
    OutcomeDef { name: name.into(), audience: Audience::Caller, loot, payload }
}

/// `level >= 10` drops from a table whose crown needs `level >= 40`.
fn program(on_fault: OnFault) -> Program {
    let at_least =
        |level| Expr::Binary(BinaryOp::Ge, Box::new(Expr::Field(0)), Box::new(Expr::Const(level)));
    let loot = LootDef { table: 0, count: Expr::Const(4), draw_base: 0 };
    let values = vec![
        payload("hp", Type::Int, Expr::Field(0)),
        payload("zone", Type::Enum(0), Expr::Field(1)),
        payload("color", Type::Symbol, Expr::Const(1)),
        payload("ratio", Type::Decimal, Expr::Field(4)),
    ];
    let mut broadcast = outcome("dragon.spawn", None, values);
    broadcast.audience = Audience::Cluster;
    let drop = rule("drop", at_least(10), vec![outcome("drop", Some(loot), Vec::new()), broadcast]);
    let always = rule("always", Expr::Const(1), vec![outcome("seen", None, Vec::new())]);
    // The checker refuses this; a bundle that was not made by it traps.
    let zero = Expr::Binary(BinaryOp::Sub, Box::new(Expr::Field(0)), Box::new(Expr::Const(50)));
    let ratio = Expr::Binary(BinaryOp::Div, Box::new(Expr::Const(1)), Box::new(zero));
    let mut faulty = rule(
        "faulty",
        Expr::Const(1),
        vec![outcome("x", None, vec![payload("y", Type::Int, ratio)])],
    );
    faulty.on_fault = on_fault;
    let mut program = generate::frame(&mut Stream(1));
    let masks = vec![MaskDef {
        table: 0,
        entries: vec![Expr::Const(1), at_least(40), Expr::Const(0), Expr::Const(0)],
    }];
    let on = On::Trigger(0);
    program.fragments = vec![
        FragmentDef { name: "a/kill".into(), on, rules: vec![drop, always], masks },
        FragmentDef { name: "b/kill".into(), on, rules: vec![faulty], masks: Vec::new() },
    ];
    program
}

fn context(evaluator: &Evaluator, level: i64) -> Context {
    let mut context = Context::for_trigger(evaluator.version(), "kill").unwrap();
    context.set_named("level", level).unwrap();
    context.set_text("zone", "crypt").unwrap();
    context.set_text("elite", "true").unwrap();
    context.set_text("wide", "-5").unwrap();
    context.set_text("ratio", "1.25").unwrap();
    context.seed(7).player(1);
    context
}

#[test]
fn outcomes_carry_names_values_and_loot() {
    let mut fixture = Fixture::new(program(OnFault::Skip));
    let version = Arc::clone(&fixture.version);
    let mut outcome = Outcome::new();
    let high = context(&fixture.evaluator, 60);
    fixture.evaluator.eval(&high, &mut outcome).unwrap();
    assert_eq!(outcome.fired(&version).collect::<Vec<_>>(), ["drop", "always", "faulty"]);
    let emitted: Vec<_> = outcome.emitted(&version).collect();
    assert_eq!(
        emitted.iter().map(|one| (one.rule, one.name, one.audience)).collect::<Vec<_>>(),
        [
            ("drop", "drop", Audience::Caller),
            ("drop", "dragon.spawn", Audience::Cluster),
            ("always", "seen", Audience::Caller),
            ("faulty", "x", Audience::Caller),
        ]
    );
    assert_eq!(
        emitted[1].payload().collect::<Vec<_>>(),
        [
            ("hp", Value::Int(60)),
            ("zone", Value::Enum("crypt".into())),
            ("color", Value::Symbol("blue".into())),
            ("ratio", Value::Decimal(1_250_000)),
        ]
    );
    let request = emitted[0].loot.unwrap();
    assert_eq!((request.table, request.count, request.seed), (0, 4, 7));
    assert_eq!(request.masks, [(0, 0b011)]);
    let mut drops = Vec::new();
    version.roll_request(&request, &mut Pity::new(&version), &mut drops).unwrap();
    // Each of the four rolls draws one to three entries.
    assert!((4..=12).contains(&drops.len()), "{}", drops.len());
    assert!(drops.iter().all(|drop| ["gold", "crown"].contains(&drop.item)));

    let low = context(&fixture.evaluator, 20);
    fixture.evaluator.eval(&low, &mut outcome).unwrap();
    let request = outcome.emitted(&version).next().unwrap().loot.unwrap();
    assert_eq!(request.masks, [(0, 0b001)]);
    let lowest = context(&fixture.evaluator, 1);
    fixture.evaluator.eval(&lowest, &mut outcome).unwrap();
    assert_eq!(outcome.fired(&version).collect::<Vec<_>>(), ["always", "faulty"]);
}

#[test]
fn every_slot_is_checked() {
    let fixture = Fixture::new(program(OnFault::Skip));
    let mut context = Context::for_trigger(&fixture.version, "kill").unwrap();
    let text = |error: Error| error.to_string();
    let error = context.set_named("level", 101).map(drop).unwrap_err();
    assert_eq!(text(error), "`level` is 101, allowed are 1 to 100");
    assert!(matches!(context.set_named("level", 0), Err(Error::OutOfRange { .. })));
    assert!(matches!(context.set_named("levle", 1), Err(Error::Unknown { .. })));
    assert!(matches!(context.set(5, 1), Err(Error::Unknown { .. })));
    assert!(matches!(context.set_text("zone", "moon"), Err(Error::Value { .. })));
    assert!(matches!(context.set_text("level", "1.5"), Err(Error::Value { .. })));
    assert!(matches!(context.set_text("ratio", "6"), Err(Error::OutOfRange { .. })));
    assert!(matches!(context.now_ms(-1), Err(Error::OutOfRange { .. })));
    assert!(matches!(context.now_ms(INSTANT_MAX + 1), Err(Error::OutOfRange { .. })));
    assert!(matches!(context.rate_named("claims", -1), Err(Error::OutOfRange { .. })));
    assert!(matches!(context.rate_named("nothing", 1), Err(Error::Unknown { .. })));
    assert!(context.rate_named("claims", i64::MAX).is_ok(), "counters saturate");
    assert!(context.active_named("night", true).is_ok());
    assert!(context.active_named("noon", true).is_err());
    context.set_named("level", 1).unwrap();
    let error = context.bytes().map(drop).unwrap_err();
    assert_eq!(text(error), "field `zone` of `kill` is not set (4 missing)");
    assert!(matches!(
        Context::for_trigger(&fixture.version, "nothing"),
        Err(Error::Unknown { .. })
    ));
    assert!(Context::new(&fixture.version, On::Timer(9)).is_err());
}

#[test]
fn kills_are_obeyed() {
    let mut fixture = Fixture::new(program(OnFault::Skip));
    let version = Arc::clone(&fixture.version);
    let context = context(&fixture.evaluator, 60);
    let mut outcome = Outcome::new();
    let mut fired = |evaluator: &mut Evaluator| {
        evaluator.eval(&context, &mut outcome).unwrap();
        outcome.fired(&version).map(str::to_owned).collect::<Vec<_>>()
    };
    let evaluator = &mut fixture.evaluator;
    assert!(evaluator.kill("drop", true));
    assert_eq!(fired(evaluator), ["always", "faulty"]);
    assert!(evaluator.kill("b/kill", true));
    assert_eq!(fired(evaluator), ["always"]);
    assert!(evaluator.kill("drop", false) && evaluator.kill("b/kill", false));
    assert_eq!(fired(evaluator), ["drop", "always", "faulty"]);
    assert!(!evaluator.kill("nothing", true));
}

#[test]
fn a_trap_is_one_fragments_fault() {
    let mut outcome = Outcome::new();
    let mut lenient = Fixture::new(program(OnFault::Skip));
    let version = Arc::clone(&lenient.version);
    let traps = context(&lenient.evaluator, 50);
    for _ in 0..3 {
        lenient.evaluator.eval(&traps, &mut outcome).unwrap();
        assert_eq!(outcome.faults(), [1]);
        assert_eq!(outcome.fired(&version).collect::<Vec<_>>(), ["drop", "always"]);
    }
    let fine = context(&lenient.evaluator, 51);
    lenient.evaluator.eval(&fine, &mut outcome).unwrap();
    assert!(outcome.faults().is_empty());

    let mut strict = Fixture::new(program(OnFault::Fail));
    let traps = context(&strict.evaluator, 50);
    let error = strict.evaluator.eval(&traps, &mut outcome).unwrap_err();
    assert!(matches!(&error, Error::Trap { fragment, .. } if fragment == "b/kill"), "{error}");
}

#[test]
fn raw_bytes_are_checked() {
    let mut fixture = Fixture::new(program(OnFault::Skip));
    let whole = context(&fixture.evaluator, 60).bytes().unwrap().to_vec();
    let evaluator = &mut fixture.evaluator;
    assert!(evaluator.eval_raw(0, &whole).is_ok());
    assert!(matches!(evaluator.eval_raw(9, &whole), Err(Error::Unknown { .. })));
    for end in 0..whole.len() {
        assert!(matches!(evaluator.eval_raw(0, &whole[..end]), Err(Error::RawContext { .. })));
    }
    let mut other = whole;
    other[0] = 2;
    assert!(matches!(evaluator.eval_raw(0, &other), Err(Error::RawContext { .. })));
}

#[test]
fn another_versions_context_is_refused() {
    let mut fixture = Fixture::new(program(OnFault::Skip));
    let other = Fixture::new(generate::program(3, 1, 1));
    let context = Context::for_trigger(&other.version, "kill").unwrap();
    let refused = fixture.evaluator.eval(&context, &mut Outcome::new());
    assert!(matches!(refused, Err(Error::OtherVersion { .. })));
}
