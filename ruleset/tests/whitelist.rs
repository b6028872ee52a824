//! The loader accepts what the emitter makes and nothing else.

use cairn_ruleset::ir::{Audience, On, OnFault, Type};
use cairn_ruleset::layout::{CTX_SLOTS_MAX, OUT_SLOTS_MAX, PARAMS_MAX};
use cairn_ruleset::limits::CODE_BYTES_MAX;
use cairn_ruleset::meta::{FragmentMeta, OutcomeMeta, PayloadMeta, RuleMeta, SECTION, Segment};
use cairn_ruleset::whitelist::{
    COST_MAX, FUNCTIONS_MAX, LOCALS_MAX, OUTCOMES_MAX, RULES_MAX, WhitelistError, examine, prove,
};
use proptest::prelude::*;
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, CustomSection, DataSection, ElementSection, Elements,
    EntityType, ExportKind, ExportSection, Function, FunctionSection, GlobalSection, GlobalType,
    ImportSection, Instruction as I, MemArg, MemorySection, MemoryType, Module, RefType,
    StartSection, TableSection, TableType, TypeSection, ValType,
};

fn meta() -> FragmentMeta {
    FragmentMeta {
        name: "f/kill".into(),
        on: On::Trigger(0),
        fields: 1,
        counters: 0,
        timers: 0,
        params: 0,
        rules: Vec::new(),
        masks: Vec::new(),
    }
}

/// A module with one thing changed at a time.
struct Plan {
    imports: bool,
    table: bool,
    memories: Vec<(u64, Option<u64>)>,
    global: bool,
    exports: Vec<(&'static str, ExportKind, u32)>,
    start: bool,
    elements: bool,
    functions: Vec<(u32, Vec<I<'static>>)>,
    data: bool,
    custom: Vec<(&'static str, Vec<u8>)>,
    results: Vec<ValType>,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            imports: false,
            table: false,
            memories: vec![(16, Some(16))],
            global: false,
            exports: vec![("memory", ExportKind::Memory, 0), ("eval", ExportKind::Func, 0)],
            start: false,
            elements: false,
            functions: vec![(0, vec![I::End])],
            data: false,
            custom: vec![(SECTION, meta().encode())],
            results: Vec::new(),
        }
    }
}

impl Plan {
    fn body(instructions: &[I<'static>]) -> Plan {
        let mut body = instructions.to_vec();
        body.push(I::End);
        Plan { functions: vec![(0, body)], ..Plan::default() }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut module = Module::new();
        let mut types = TypeSection::new();
        types.ty().function([ValType::I32, ValType::I32], self.results.iter().copied());
        types.ty().function([], []);
        module.section(&types);
        if self.imports {
            let mut imports = ImportSection::new();
            imports.import("env", "clock", EntityType::Function(0));
            module.section(&imports);
        }
        let mut declarations = FunctionSection::new();
        for _ in &self.functions {
            declarations.function(0);
        }
        module.section(&declarations);
        if self.table {
            let mut tables = TableSection::new();
            tables.table(TableType {
                element_type: RefType::FUNCREF,
                minimum: 1,
                maximum: None,
                table64: false,
                shared: false,
            });
            module.section(&tables);
        }
        let mut memories = MemorySection::new();
        for (minimum, maximum) in &self.memories {
            memories.memory(MemoryType {
                minimum: *minimum,
                maximum: *maximum,
                memory64: false,
                shared: false,
                page_size_log2: None,
            });
        }
        module.section(&memories);
        if self.global {
            let mut globals = GlobalSection::new();
            let ty = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
            globals.global(ty, &ConstExpr::i64_const(0));
            module.section(&globals);
        }
        let mut exports = ExportSection::new();
        for (name, kind, index) in &self.exports {
            exports.export(name, *kind, *index);
        }
        module.section(&exports);
        if self.start {
            module.section(&StartSection { function_index: 0 });
        }
        if self.elements {
            let mut elements = ElementSection::new();
            elements.active(None, &ConstExpr::i32_const(0), Elements::Functions((&[0]).into()));
            module.section(&elements);
        }
        let mut code = CodeSection::new();
        for (locals, body) in &self.functions {
            let mut function = Function::new([(*locals, ValType::I64)]);
            for instruction in body {
                function.instruction(instruction);
            }
            code.function(&function);
        }
        module.section(&code);
        if self.data {
            let mut data = DataSection::new();
            data.active(0, &ConstExpr::i32_const(0), [1, 2, 3]);
            module.section(&data);
        }
        for (name, data) in &self.custom {
            module.section(&CustomSection { name: (*name).into(), data: data.into() });
        }
        module.finish()
    }
}

fn refused(plan: Plan) -> WhitelistError {
    prove(&plan.bytes()).expect_err("a module that must be refused")
}

#[test]
fn the_smallest_module_passes() {
    let proof = examine(&Plan::default().bytes()).unwrap();
    assert_eq!(proof.meta, meta());
    assert_eq!(proof.cost, 1);
}

#[test]
fn forbidden_sections_are_named() {
    let plans = [
        ("import", Plan { imports: true, ..Plan::default() }),
        ("table", Plan { table: true, ..Plan::default() }),
        ("global", Plan { global: true, ..Plan::default() }),
        ("start", Plan { start: true, ..Plan::default() }),
        ("element", Plan { elements: true, ..Plan::default() }),
        ("data", Plan { data: true, ..Plan::default() }),
        ("custom", Plan { custom: vec![("name", vec![0])], ..Plan::default() }),
    ];
    for (word, plan) in plans {
        let error = refused(plan);
        let WhitelistError::Section { section, offset } = &error else { panic!("{error}") };
        assert!(section.contains(word) && *offset > 0, "{error}");
    }
}

#[test]
fn memories_are_exactly_sixteen_pages() {
    for memory in [(17, Some(17)), (16, Some(17)), (15, Some(16)), (16, None), (0, Some(16))] {
        let error = refused(Plan { memories: vec![memory], ..Plan::default() });
        assert!(matches!(error, WhitelistError::Memory { .. }), "{error}");
    }
    let two = refused(Plan { memories: vec![(16, Some(16)); 2], ..Plan::default() });
    assert!(matches!(two, WhitelistError::Limit { what: "memories", actual: 2, max: 1 }), "{two}");
    assert!(prove(&Plan { memories: Vec::new(), ..Plan::default() }.bytes()).is_err());
}

#[test]
fn forbidden_instructions_are_named() {
    let bodies: Vec<(&str, Vec<I<'static>>)> = vec![
        ("Loop", vec![I::Loop(BlockType::Empty), I::End]),
        ("Block", vec![I::Block(BlockType::Empty), I::End]),
        ("Br", vec![I::Br(0)]),
        ("If", vec![I::LocalGet(0), I::If(BlockType::Empty), I::End]),
        ("MemoryGrow", vec![I::I32Const(1), I::MemoryGrow(0), I::Drop]),
        ("MemorySize", vec![I::MemorySize(0), I::Drop]),
        ("Unreachable", vec![I::Unreachable]),
        ("Return", vec![I::Return]),
        (
            "I32Load8U",
            vec![
                I::LocalGet(0),
                I::I32Load8U(MemArg { offset: 0, align: 0, memory_index: 0 }),
                I::Drop,
            ],
        ),
    ];
    for (name, body) in bodies {
        let error = refused(Plan::body(&body));
        let WhitelistError::Opcode { opcode, offset, function: 0 } = &error else {
            panic!("{name}: {error}")
        };
        assert!(opcode.starts_with(name) && *offset > 0, "{error}");
    }
}

#[test]
fn floats_do_not_validate() {
    let float = Plan::body(&[I::F64Const(1.0f64.into()), I::Drop]);
    assert!(matches!(refused(float), WhitelistError::Invalid { .. }));
    let convert = Plan::body(&[I::LocalGet(0), I::F32ConvertI32S, I::Drop]);
    assert!(matches!(refused(convert), WhitelistError::Invalid { .. }));
}

#[test]
fn calls_go_forward() {
    let call = |callee| vec![I::LocalGet(0), I::LocalGet(1), I::Call(callee), I::End];
    let recursion = refused(Plan { functions: vec![(0, call(0))], ..Plan::default() });
    assert!(
        matches!(recursion, WhitelistError::BackwardCall { function: 0, callee: 0, .. }),
        "{recursion}"
    );
    let functions = vec![(0, call(1)), (0, call(0))];
    let backward = refused(Plan { functions, ..Plan::default() });
    assert!(
        matches!(backward, WhitelistError::BackwardCall { function: 1, callee: 0, .. }),
        "{backward}"
    );
    let functions = vec![(0, call(1)), (0, vec![I::End])];
    assert!(prove(&Plan { functions, ..Plan::default() }.bytes()).is_ok());
}

/// Forward calls alone allow 2ⁿ instructions in n functions.
#[test]
fn exponential_cost_is_refused() {
    let twice = |callee| {
        let call = [I::LocalGet(0), I::LocalGet(1), I::Call(callee)];
        let mut body = call.to_vec();
        body.extend(call);
        body.push(I::End);
        (0, body)
    };
    let mut functions: Vec<_> = (1..64).map(twice).collect();
    functions.push((0, vec![I::End]));
    let error = refused(Plan { functions, ..Plan::default() });
    let WhitelistError::Limit { actual, max: COST_MAX, .. } = error else { panic!("{error}") };
    assert!(actual > COST_MAX);
}

#[test]
fn limits_hold() {
    let locals = |count| Plan { functions: vec![(count, vec![I::End])], ..Plan::default() };
    assert!(prove(&locals(LOCALS_MAX).bytes()).is_ok());
    assert!(matches!(refused(locals(LOCALS_MAX + 1)), WhitelistError::Limit { .. }));
    assert!(matches!(refused(locals(u32::MAX)), WhitelistError::Limit { .. }));
    let huge = Plan { custom: vec![(SECTION, vec![1; 70_000])], ..Plan::default() };
    assert!(matches!(refused(huge), WhitelistError::TooLong { .. }));
    let many = Plan { functions: vec![(0, vec![I::End]); 1_025], ..Plan::default() };
    assert!(matches!(refused(many), WhitelistError::Limit { .. }));
}

/// `plan(limit)` passes, `plan(limit + 1)` is refused for that limit.
fn cap(limit: usize, plan: impl Fn(usize) -> Plan) {
    if let Err(error) = prove(&plan(limit).bytes()) {
        panic!("{error}");
    }
    let error = refused(plan(limit + 1));
    let WhitelistError::Limit { max, .. } = error else { panic!("{error}") };
    assert_eq!(max, limit as u64, "{error}");
}

#[test]
fn every_limit_of_a_description_and_of_code() {
    let described =
        |meta: FragmentMeta| Plan { custom: vec![(SECTION, meta.encode())], ..Plan::default() };
    let outcome = |values: usize| OutcomeMeta {
        name: String::new(),
        audience: Audience::Caller,
        loot: None,
        payload: vec![PayloadMeta { name: String::new(), ty: Type::Int }; values],
    };
    let rule = |outcomes: Vec<OutcomeMeta>| RuleMeta {
        name: String::new(),
        hash: 0,
        on_fault: OnFault::Skip,
        outcomes,
    };
    let rules = |rules: Vec<RuleMeta>| described(FragmentMeta { rules, ..meta() });
    cap(FUNCTIONS_MAX as usize, |count| Plan {
        functions: vec![(0, vec![I::End]); count],
        ..Plan::default()
    });
    cap(RULES_MAX, |count| rules(vec![rule(Vec::new()); count]));
    cap(OUTCOMES_MAX, |count| rules(vec![rule(vec![outcome(0); count])]));
    cap(PARAMS_MAX, |count| described(FragmentMeta { params: count as u16, ..meta() }));
    cap(CTX_SLOTS_MAX, |count| described(FragmentMeta { fields: count as u16, ..meta() }));
    // Output slots: a description of 64 KiB has room for some 30,000 values, the memory for more.
    const { assert!(OUT_SLOTS_MAX > CODE_BYTES_MAX) };
    let masks = vec![0; 30_000];
    assert!(prove(&described(FragmentMeta { masks, ..meta() }).bytes()).is_ok());
    // Cost: three instructions for each store, and one `end`.
    let store = [
        I::LocalGet(1),
        I::I64Const(0),
        I::I64Store(MemArg { offset: 0, align: 3, memory_index: 0 }),
    ];
    let body = |stores: usize| Plan::body(&vec![store.clone(); stores].concat());
    assert_eq!(examine(&body(9).bytes()).map(|proof| proof.cost), Ok(28));
}

#[test]
fn a_module_has_at_most_64_kibibytes() {
    let empty = Plan { custom: vec![(SECTION, vec![0; 65_000])], ..Plan::default() };
    let room = CODE_BYTES_MAX - empty.bytes().len() + 65_000;
    let padded = |length| Plan { custom: vec![(SECTION, vec![0; length])], ..Plan::default() };
    assert_eq!(padded(room).bytes().len(), CODE_BYTES_MAX);
    assert!(matches!(refused(padded(room)), WhitelistError::Meta(_)));
    let actual_bytes = CODE_BYTES_MAX + 1;
    assert_eq!(refused(padded(room + 1)), WhitelistError::TooLong { actual_bytes });
}

#[test]
fn exports_are_exact() {
    let memory = ("memory", ExportKind::Memory, 0);
    let eval = ("eval", ExportKind::Func, 0);
    let plans = [
        vec![memory],
        vec![eval],
        vec![memory, ("run", ExportKind::Func, 0)],
        vec![memory, eval, ("more", ExportKind::Func, 0)],
        vec![("memory", ExportKind::Func, 0), eval],
        vec![memory, ("eval", ExportKind::Func, 9)],
    ];
    for exports in plans {
        refused(Plan { exports, ..Plan::default() });
    }
    let functions = vec![(0, vec![I::I32Const(1), I::End])];
    let typed = Plan { functions, results: vec![ValType::I32], ..Plan::default() };
    assert!(matches!(refused(typed), WhitelistError::Export { .. }));
}

#[test]
fn descriptions_are_checked() {
    let with = |custom| Plan { custom, ..Plan::default() };
    assert!(matches!(refused(with(Vec::new())), WhitelistError::Missing { .. }));
    let twice = vec![(SECTION, meta().encode()), (SECTION, meta().encode())];
    assert!(matches!(refused(with(twice)), WhitelistError::Section { .. }));
    let mut longer = meta().encode();
    longer.push(0);
    assert!(matches!(refused(with(vec![(SECTION, longer)])), WhitelistError::Meta(_)));
    assert!(matches!(refused(with(vec![(SECTION, Vec::new())])), WhitelistError::Meta(_)));
    let wide = FragmentMeta { fields: u16::MAX, ..meta() };
    assert!(matches!(refused(with(vec![(SECTION, wide.encode())])), WhitelistError::Limit { .. }));
}

fn sample() -> Vec<u8> {
    let load = |offset| I::I64Load(MemArg { offset, align: 3, memory_index: 0 });
    let mut plan = Plan::body(&[
        I::LocalGet(1),
        I::LocalGet(0),
        load(64),
        I::I64Const(5),
        I::I64Add,
        I::I64Store(MemArg { offset: 8, align: 3, memory_index: 0 }),
        I::LocalGet(0),
        I::LocalGet(1),
        I::Call(1),
    ]);
    plan.functions.push((2, vec![I::I64Const(1), I::LocalSet(2), I::End]));
    plan.bytes()
}

#[test]
fn no_prefix_and_no_suffix_passes() {
    let bytes = sample();
    assert!(prove(&bytes).is_ok());
    for end in 0..bytes.len() {
        assert!(prove(&bytes[..end]).is_err(), "{end} of {} bytes", bytes.len());
    }
    for tail in [&[0u8][..], &[1], b"garbage", &bytes] {
        let longer = [&bytes, tail].concat();
        assert!(prove(&longer).is_err(), "{tail:?}");
    }
}

proptest! {
    #[test]
    fn flipped_bits_never_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 1..6)) {
        let mut bytes = sample();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        let _ = prove(&bytes);
    }

    #[test]
    fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = prove(&noise);
        let _ = prove(&[b"\0asm\x01\0\0\0", noise.as_slice()].concat());
    }
}
