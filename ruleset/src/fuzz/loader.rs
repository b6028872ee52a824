//! What the whitelist accepts is a valid module, ends, and costs what the proof says.

use wasmparser::{Operator, Parser, Payload, Validator};

use crate::whitelist::{self, COST_MAX};

pub(super) fn run(wasm: &[u8]) {
    let Ok(proof) = whitelist::examine(wasm) else { return };
    Validator::new().validate_all(wasm).expect("what we accept is WebAssembly");
    let functions = functions(wasm);
    let eval = eval(wasm).expect("every fragment exports `eval`");
    assert!(proof.cost <= COST_MAX);
    assert_eq!(proof.cost, cost(&functions, eval), "the proof's cost");
}

/// One function: its instructions, and whom it calls.
#[derive(Default)]
struct Function {
    own: u64,
    calls: Vec<u32>,
}

/// Reads the bodies again, with nothing of the examiner's.
fn functions(wasm: &[u8]) -> Vec<Function> {
    let mut functions = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let body = match payload.expect("it was read before") {
            Payload::CodeSectionEntry(body) => body,
            Payload::ImportSection(_)
            | Payload::StartSection { .. }
            | Payload::TableSection(_)
            | Payload::GlobalSection(_)
            | Payload::DataSection(_)
            | Payload::ElementSection(_) => panic!("a section that no fragment may have"),
            _ => continue,
        };
        let mut function = Function::default();
        for operator in body.get_operators_reader().expect("it was read before") {
            function.own += 1;
            match operator.expect("it was read before") {
                Operator::Call { function_index } => function.calls.push(function_index),
                operator => assert!(!branches(&operator), "{operator:?} was let in"),
            }
        }
        functions.push(function);
    }
    functions
}

/// Whatever could repeat, leave, trap without end, or reach outside.
fn branches(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Loop { .. }
            | Operator::Block { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::CallIndirect { .. }
            | Operator::MemoryGrow { .. }
            | Operator::GlobalGet { .. }
            | Operator::GlobalSet { .. }
            | Operator::Unreachable
            | Operator::F32Const { .. }
            | Operator::F64Const { .. }
    )
}

fn eval(wasm: &[u8]) -> Option<u32> {
    let payloads = Parser::new(0).parse_all(wasm).filter_map(Result::ok);
    payloads
        .filter_map(|payload| match payload {
            Payload::ExportSection(section) => Some(section),
            _ => None,
        })
        .flatten()
        .filter_map(Result::ok)
        .find(|export| export.name == "eval")
        .map(|export| export.index)
}

/// Instructions of a call, by running the calls; more than the limit ends the count. The depth is
/// bounded because calls go forward, which is asserted before each step.
fn cost(functions: &[Function], eval: u32) -> u64 {
    let mut total = 0;
    let mut stack = vec![eval];
    while let Some(index) = stack.pop() {
        let function = &functions[index as usize];
        total += function.own;
        assert!(total <= COST_MAX, "more instructions than the proof allows");
        for callee in &function.calls {
            assert!(*callee > index, "function {index} calls back to {callee}");
            stack.push(*callee);
        }
    }
    total
}
