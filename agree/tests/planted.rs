//! Proof that the comparison can fail: miscompilations that are planted are found, in every back
//! end, and come out small with the command that repeats them.

use cairn_agree::{Backend, Case, compare, shrink};
use cairn_ruleset::ir::{BinaryOp as B, Expr, Program};
use cairn_ruleset::whitelist;

/// Visits every expression of a program, operands first.
fn each(program: &mut Program, visit: &dyn Fn(&mut Expr)) {
    fn walk(expr: &mut Expr, visit: &dyn Fn(&mut Expr)) {
        match expr {
            Expr::Not(a) | Expr::Neg(a) | Expr::Abs(a) => walk(a, visit),
            Expr::Chance { p: a, .. } | Expr::Pick { n: a, .. } | Expr::Bucket { n: a, .. } => {
                walk(a, visit);
            }
            Expr::Binary(_, a, b) => {
                walk(a, visit);
                walk(b, visit);
            }
            Expr::Select(c, a, b) => {
                walk(c, visit);
                walk(a, visit);
                walk(b, visit);
            }
            _ => {}
        }
        visit(expr);
    }
    for fragment in &mut program.fragments {
        for rule in &mut fragment.rules {
            walk(&mut rule.when, visit);
            for outcome in &mut rule.outcomes {
                outcome.loot.iter_mut().for_each(|loot| walk(&mut loot.count, visit));
                outcome.payload.iter_mut().for_each(|value| walk(&mut value.value, visit));
            }
        }
        for mask in &mut fragment.masks {
            mask.entries.iter_mut().for_each(|entry| walk(entry, visit));
        }
    }
}

/// One operator compiled as another.
fn instead(wrong: B, of: B) -> impl Fn(&mut Program) {
    move |program| {
        each(program, &|expr| {
            if let Expr::Binary(op, ..) = expr
                && *op == of
            {
                *op = wrong;
            }
        });
    }
}

fn changed(change: impl Fn(&mut Expr)) -> impl Fn(&mut Program) {
    move |program| each(program, &change)
}

type Plant = Box<dyn Fn(&mut Program)>;

/// Mistakes that a back end might make, subtle ones among them.
fn plants() -> Vec<(&'static str, Plant)> {
    let mut plants: Vec<(&'static str, Plant)> = Vec::new();
    for (name, wrong, of) in [
        ("< as <=", B::Le, B::Lt),
        ("<= as <", B::Lt, B::Le),
        ("> as >=", B::Ge, B::Gt),
        (">= as >", B::Gt, B::Ge),
        ("== as !=", B::Ne, B::Eq),
        ("!= as ==", B::Eq, B::Ne),
        ("&& as ||", B::Or, B::And),
        ("|| as &&", B::And, B::Or),
        ("+ as -", B::Sub, B::Add),
        ("- as +", B::Add, B::Sub),
        ("* as +", B::Add, B::Mul),
        ("/ as %", B::Rem, B::Div),
        ("% as /", B::Div, B::Rem),
        ("min as max", B::Max, B::Min),
        ("max as min", B::Min, B::Max),
        ("decimal * not rescaled", B::Mul, B::MulDecimal),
        ("decimal / not rescaled", B::Div, B::DivDecimal),
    ] {
        plants.push((name, Box::new(instead(wrong, of))));
    }
    plants.push((
        "a choice's arms swapped",
        Box::new(changed(|expr| {
            if let Expr::Select(_, then, otherwise) = expr {
                std::mem::swap(then, otherwise);
            }
        })),
    ));
    plants.push((
        "abs forgotten",
        Box::new(changed(|expr| {
            if let Expr::Abs(inner) = expr {
                *expr = (**inner).clone();
            }
        })),
    ));
    plants.push((
        "! forgotten",
        Box::new(changed(|expr| {
            if let Expr::Not(inner) = expr {
                *expr = (**inner).clone();
            }
        })),
    ));
    plants.push((
        "draws one further",
        Box::new(changed(|expr| {
            if let Expr::Chance { draw, .. } | Expr::Pick { draw, .. } = expr {
                *draw += 1;
            }
        })),
    ));
    plants.push((
        "a bucket with the wrong salt",
        Box::new(changed(|expr| {
            if let Expr::Bucket { salt, .. } = expr {
                *salt ^= 1;
            }
        })),
    ));
    plants.push((
        "an override forgotten",
        Box::new(|program: &mut Program| {
            program.params.iter_mut().for_each(|param| param.overrides.clear());
        }),
    ));
    plants.push((
        "a zone before a shard",
        Box::new(|program: &mut Program| {
            // What the shard decides, the zone decides, and the other way round.
            for param in &mut program.params {
                for known in &mut param.overrides {
                    let scope = &mut known.scope;
                    std::mem::swap(&mut scope.zone, &mut scope.shard);
                }
                param.overrides.sort_by(|a, b| a.scope.cmp(&b.scope));
            }
        }),
    ));
    plants.push((
        "another counter's or timer's slot",
        Box::new(changed(|expr| {
            if let Expr::Active(timer) = expr {
                *timer ^= 1;
            }
        })),
    ));
    plants
}

#[test]
fn every_planted_mistake_is_found() {
    let mut missed = Vec::new();
    for (name, plant) in plants() {
        let found = |seed| {
            let case = Case::planted(seed, 50, &plant);
            !compare(Backend::Opcodes, &[case]).expect("the interpreter runs").is_empty()
        };
        if !(0..300).any(found) {
            missed.push(name);
        }
    }
    assert!(missed.is_empty(), "nobody noticed {missed:?}");
}

/// The first programs in which a mistake exists, in each of the back ends.
#[test]
fn a_mistake_is_found_in_every_back_end() {
    let plant = instead(B::Le, B::Lt);
    let cases: Vec<_> = (0..60).map(|seed| Case::planted(seed, 50, &plant)).collect();
    let mut seeds = Vec::new();
    for backend in Backend::ALL {
        let found = compare(backend, &cases).unwrap_or_else(|error| panic!("{error}"));
        assert!(!found.is_empty(), "{} hides it", backend.name());
        seeds.push(found.iter().map(|difference| difference.seed).collect::<Vec<_>>());
    }
    assert!(seeds.windows(2).all(|pair| pair[0] == pair[1]), "all see the same: {seeds:?}");
}

/// Bytes of the module itself: what an emitter or a code generator might get wrong.
#[test]
fn a_changed_opcode_is_found() {
    for (name, opcode, wrong) in [
        ("i64.lt_s as i64.le_s", 0x53, 0x57),
        ("i64.gt_s as i64.ge_s", 0x55, 0x59),
        ("i64.add as i64.sub", 0x7C, 0x7D),
        ("i64.mul as i64.add", 0x7E, 0x7C),
        ("i64.shr_u as i64.shl", 0x88, 0x86),
        ("i32.and as i32.or", 0x71, 0x72),
    ] {
        let found = (0..100).any(|seed| {
            let mut case = Case::new(seed, 50);
            for unit in &mut case.units {
                let at = unit.wasm.iter().rposition(|byte| *byte == opcode);
                let Some(at) = at else { continue };
                unit.wasm[at] = wrong;
                if whitelist::prove(&unit.wasm).is_err() {
                    unit.wasm[at] = opcode;
                }
            }
            !compare(Backend::Wasmtime, &[case]).expect("wasmtime runs").is_empty()
        });
        assert!(found, "nobody noticed {name}");
    }
}

#[test]
fn a_difference_is_made_small() {
    let plant = instead(B::Sub, B::Add);
    let (case, difference) = (0..100)
        .find_map(|seed| {
            let case = Case::planted(seed, 50, &plant);
            let found = compare(Backend::Opcodes, std::slice::from_ref(&case)).expect("it runs");
            let large = found.into_iter().find(|difference| difference.size > 20)?;
            Some((case, large))
        })
        .expect("a large program with a sum");
    let before = difference.size;
    let small = shrink(difference, &case, &plant).expect("the interpreter runs");
    assert!(small.size <= 8, "{before} became {}:\n{small}", small.size);
    let text = small.to_string();
    assert!(text.contains(" + "), "{text}");
    let command = format!("cargo xtask agree --seed {} --programs 1 --inputs 50", case.seed);
    assert!(text.contains(&command), "{text}");
}
