//! The rivals on the one condition, each as its own manual says it is fastest.

use cairn_ruleset::layout::{CTX_OFFSET, OUT_OFFSET};

use crate::decide::{INPUTS, Input};
use crate::rounds::Contender;
use crate::support::Fixture;

const CONDITION: &str = "level >= 10 && zone == 2 && claims < 5";

fn fields(input: &Input) -> [(&'static str, i64); 3] {
    [("level", input.level), ("zone", input.zone), ("claims", input.claims)]
}

/// Our own module in the fastest of the Wasm interpreters, with its fuel on: typed call, memory
/// written directly.
pub fn wasmi(fixture: &Fixture, contexts: Vec<Vec<u8>>) -> Contender {
    let wasm = fixture.version.image().fragments().next().expect("a fragment").wasm.to_vec();
    let mut config = wasmi::Config::default();
    config.consume_fuel(true);
    let engine = wasmi::Engine::new(&config);
    let module = wasmi::Module::new(&engine, &wasm).expect("a module of ours");
    let mut store = wasmi::Store::new(&engine, ());
    store.set_fuel(u64::MAX).expect("fuel is on");
    let instance = wasmi::Linker::new(&engine)
        .instantiate_and_start(&mut store, &module)
        .expect("it imports nothing");
    let memory = instance.get_memory(&store, "memory").expect("a memory");
    let eval = instance.get_typed_func::<(u32, u32), ()>(&store, "eval").expect("a function");
    Contender::new("wasmi 2, the same module", move |index| {
        store.set_fuel(1 << 20).expect("fuel is on");
        let context = &contexts[index % INPUTS];
        let start = CTX_OFFSET as usize;
        memory.data_mut(&mut store)[start..start + context.len()].copy_from_slice(context);
        eval.call(&mut store, (CTX_OFFSET, OUT_OFFSET)).expect("it does not trap");
        memory.data(&store)[OUT_OFFSET as usize] & 1 == 1
    })
}

/// An optimised AST and a scope of constants for each input; no float support, one integer type,
/// no locking (`sync` is off).
pub fn rhai(inputs: &[Input]) -> Contender {
    let mut engine = rhai::Engine::new();
    engine.set_optimization_level(rhai::OptimizationLevel::Full);
    engine.set_fast_operators(true);
    let ast = engine.compile_expression(CONDITION).expect("an expression");
    let mut scopes: Vec<_> = inputs
        .iter()
        .map(|input| {
            let mut scope = rhai::Scope::new();
            for (name, value) in fields(input) {
                scope.push_constant(name, value);
            }
            scope
        })
        .collect();
    Contender::new("rhai 1", move |index| {
        engine.eval_ast_with_scope(&mut scopes[index % INPUTS], &ast).expect("a bool")
    })
}

/// A parsed program and a context for each input, without the standard functions.
pub fn cel(inputs: &[Input]) -> Contender {
    let program = cel::Program::compile(CONDITION).expect("an expression");
    let contexts: Vec<_> = inputs
        .iter()
        .map(|input| {
            let mut context = cel::Context::default();
            for (name, value) in fields(input) {
                context.add_variable_from_value(name, value);
            }
            context
        })
        .collect();
    Contender::new("cel 0.15", move |index| {
        matches!(program.execute(&contexts[index % INPUTS]), Ok(cel::Value::Bool(true)))
    })
}

/// A built operator tree and a context for each input.
pub fn evalexpr(inputs: &[Input]) -> Contender {
    use evalexpr::ContextWithMutableVariables;
    let tree = evalexpr::build_operator_tree(CONDITION).expect("an expression");
    let contexts: Vec<_> = inputs
        .iter()
        .map(|input| {
            let mut context = evalexpr::HashMapContext::new();
            for (name, value) in fields(input) {
                context.set_value(name.into(), evalexpr::Value::Int(value)).expect("a value");
            }
            context
        })
        .collect();
    Contender::new("evalexpr 11", move |index| {
        tree.eval_boolean_with_context(&contexts[index % INPUTS]).expect("a bool")
    })
}

/// Compiled for its register machine, which its benches call the fast way; the machine is reused,
/// an input is one reference counted up.
pub fn regorus(inputs: &[Input]) -> Contender {
    let policy = "package bench\nimport rego.v1\ndefault allow := false\n\
                  allow if { input.level >= 10; input.zone == 2; input.claims < 5 }\n";
    let mut engine = regorus::Engine::new();
    engine.add_policy("bench.rego".to_owned(), policy.to_owned()).expect("a policy");
    let entry = "data.bench.allow";
    let compiled = engine.compile_with_entrypoint(&entry.into()).expect("an entry");
    let program =
        regorus::languages::rego::compiler::Compiler::compile_from_policy(&compiled, &[entry])
            .expect("a program");
    let mut machine = regorus::rvm::vm::RegoVM::new();
    machine.load_program(program);
    let values: Vec<_> = inputs
        .iter()
        .map(|input| {
            let json: Vec<_> =
                fields(input).iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
            regorus::Value::from_json_str(&format!("{{{}}}", json.join(", "))).expect("JSON")
        })
        .collect();
    Contender::new("regorus 0.14, its register machine", move |index| {
        machine.set_input(values[index % INPUTS].clone());
        matches!(machine.execute(), Ok(regorus::Value::Bool(true)))
    })
}

/// One policy, no entities, a request for each input.
pub fn cedar(inputs: &[Input]) -> Contender {
    use cedar_policy::{Authorizer, Context, Decision, Entities, PolicySet, Request};
    let policy = "permit(principal, action, resource) when { context.level >= 10 && \
                  context.zone == 2 && context.claims < 5 };";
    let policies: PolicySet = policy.parse().expect("a policy");
    let entities = Entities::empty();
    let authorizer = Authorizer::new();
    let uid = |text: &str| text.parse().expect("an entity");
    let requests: Vec<_> = inputs
        .iter()
        .map(|input| {
            let pairs = fields(input).map(|(name, value)| {
                (name.to_owned(), cedar_policy::RestrictedExpression::new_long(value))
            });
            let context = Context::from_pairs(pairs).expect("plain numbers");
            let (who, what, on) = (uid("P::\"p\""), uid("Action::\"kill\""), uid("R::\"r\""));
            Request::new(who, what, on, context, None).expect("no schema to break")
        })
        .collect();
    Contender::new("cedar-policy 4", move |index| {
        let answer = authorizer.is_authorized(&requests[index % INPUTS], &policies, &entities);
        answer.decision() == Decision::Allow
    })
}
