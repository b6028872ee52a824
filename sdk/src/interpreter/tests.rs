//! Random modules of the whitelist, not only those that the compiler makes: calls with arguments
//! and results, computed addresses, traps. Whatever wasmtime leaves in memory, so does this.

use std::sync::Arc;

use cairn_ruleset::ir::On;
use cairn_ruleset::layout::{CTX_OFFSET, MEMORY_BYTES, OUT_OFFSET};
use cairn_ruleset::meta::{FragmentMeta, SECTION, Segment};
use cairn_ruleset::rng;
use proptest::prelude::*;
use wasm_encoder::{
    CodeSection, CustomSection, ExportKind, ExportSection, Function, FunctionSection,
    Instruction as I, MemArg, MemorySection, MemoryType, Module, TypeSection, ValType,
};

use super::{Machine, Trap, translate};

struct Stream(u64);

impl Stream {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(rng::GAMMA);
        rng::mix(self.0)
    }

    fn below(&mut self, n: usize) -> usize {
        rng::scale(self.next(), n as u64) as usize
    }

    fn word(&mut self) -> i64 {
        match self.below(6) {
            0 => 0,
            1 => -1,
            2 => i64::MIN,
            3 => self.below(70) as i64,
            4 => i64::MAX,
            _ => self.next() as i64,
        }
    }
}

type Signature = (Vec<ValType>, Option<ValType>);

/// One function's code with the types on its stack.
struct Writer<'a> {
    stream: &'a mut Stream,
    ops: Vec<I<'static>>,
    stack: Vec<ValType>,
    locals: Vec<ValType>,
}

impl Writer<'_> {
    fn emit(&mut self, op: I<'static>, pops: usize, push: Option<ValType>) {
        self.stack.truncate(self.stack.len().saturating_sub(pops));
        self.ops.push(op);
        self.stack.extend(push);
    }

    /// Puts a value of a type on the stack.
    fn need(&mut self, ty: ValType) {
        let local = self.stream.below(self.locals.len());
        if self.stream.below(3) > 0 && self.locals[local] == ty {
            return self.emit(I::LocalGet(local as u32), 0, Some(ty));
        }
        let value = self.stream.word();
        match ty {
            ValType::I32 => self.emit(I::I32Const(value as i32), 0, Some(ty)),
            _ => self.emit(I::I64Const(value), 0, Some(ty)),
        }
    }

    /// Mostly inside memory.
    fn address(&mut self) {
        match self.stream.below(40) {
            0 => self.need(ValType::I32),
            1 => self.emit(I::I32Const(MEMORY_BYTES as i32 - 8), 0, Some(ValType::I32)),
            2 if self.stream.below(3) == 0 => {
                self.emit(I::I32Const(MEMORY_BYTES as i32 - 7), 0, Some(ValType::I32))
            }
            3..18 => self.emit(I::I32Const(CTX_OFFSET as i32), 0, Some(ValType::I32)),
            _ => self.emit(I::I32Const(OUT_OFFSET as i32), 0, Some(ValType::I32)),
        }
    }

    fn offset(&mut self) -> MemArg {
        let offset = match self.stream.below(300) {
            0 => u64::from(u32::MAX),
            _ => self.stream.below(64) as u64 * 4,
        };
        MemArg { offset, align: 0, memory_index: 0 }
    }

    /// One step: operands as they lie when they fit, fresh ones otherwise.
    fn step(&mut self, callees: &[(u32, Signature)]) {
        use ValType::{I32, I64};
        let both = |writer: &mut Self, ty| {
            let fits = writer.stack.ends_with(&[ty, ty]);
            if !fits || writer.stream.below(3) == 0 {
                writer.need(ty);
                writer.need(ty);
            }
        };
        match self.stream.below(14) {
            0 => {
                self.address();
                let offset = self.offset();
                self.emit(I::I64Load(offset), 1, Some(I64));
            }
            1 | 2 => {
                self.address();
                self.need(I64);
                let offset = self.offset();
                self.emit(I::I64Store(offset), 2, None);
            }
            3 => {
                let local = self.stream.below(self.locals.len());
                let ty = self.locals[local];
                if self.stack.last() != Some(&ty) {
                    self.need(ty);
                }
                if self.stream.below(2) == 0 {
                    self.emit(I::LocalSet(local as u32), 1, None);
                } else {
                    self.emit(I::LocalTee(local as u32), 1, Some(ty));
                }
            }
            4 => {
                let ty = if self.stream.below(2) == 0 { I32 } else { I64 };
                both(self, ty);
                self.need(I32);
                self.emit(I::Select, 3, Some(ty));
            }
            5 => {
                if self.stack.last() != Some(&I64) {
                    self.need(I64);
                }
                self.emit(I::I32WrapI64, 1, Some(I32));
            }
            6 => {
                if self.stack.last() != Some(&I32) {
                    self.need(I32);
                }
                self.emit(I::I64ExtendI32U, 1, Some(I64));
            }
            7 => {
                both(self, I32);
                let op = [I::I32And, I::I32Or, I::I32Xor][self.stream.below(3)].clone();
                self.emit(op, 2, Some(I32));
            }
            8 => {
                let ty = if self.stream.below(2) == 0 { I32 } else { I64 };
                self.need(ty);
                let op = if ty == I32 { I::I32Eqz } else { I::I64Eqz };
                self.emit(op, 1, Some(I32));
            }
            9 if !callees.is_empty() => {
                let (index, (params, result)) = &callees[self.stream.below(callees.len())];
                params.iter().for_each(|ty| self.need(*ty));
                self.emit(I::Call(*index), params.len(), *result);
            }
            10 => {
                both(self, I64);
                let compare =
                    [I::I64Eq, I::I64Ne, I::I64LtS, I::I64LtU, I::I64LeS, I::I64GtS, I::I64GeS];
                let op = compare[self.stream.below(compare.len())].clone();
                self.emit(op, 2, Some(I32));
            }
            11 => {
                // What a draw does, and what a bit of a word does.
                let local = self.locals.iter().position(|ty| *ty == I64).unwrap_or(0) as u32;
                self.need(I64);
                self.emit(I::LocalTee(local), 1, Some(I64));
                self.emit(I::LocalGet(local), 0, Some(I64));
                self.need(I64);
                let (shift, join) =
                    [(I::I64ShrU, I::I64Xor), (I::I64Shl, I::I64Or)][self.stream.below(2)].clone();
                self.emit(shift, 2, Some(I64));
                self.emit(join, 2, Some(I64));
            }
            _ => {
                both(self, I64);
                let plain = [
                    I::I64Add,
                    I::I64Sub,
                    I::I64Mul,
                    I::I64And,
                    I::I64Or,
                    I::I64Xor,
                    I::I64Shl,
                    I::I64ShrU,
                    I::I64DivS,
                    I::I64RemS,
                ];
                // Divisions trap, and a module that traps early shows little.
                let of = if self.stream.below(6) == 0 { plain.len() } else { plain.len() - 2 };
                let op = plain[self.stream.below(of)].clone();
                self.emit(op, 2, Some(I64));
            }
        }
    }

    /// Leaves exactly the result: what else lies there is stored.
    fn finish(mut self, result: Option<ValType>) -> Vec<I<'static>> {
        while let Some(ty) = self.stack.last().copied() {
            let local = self.locals.iter().position(|local| *local == ty).unwrap_or(0);
            self.emit(I::LocalSet(local as u32), 1, None);
            self.ops.push(I::I32Const(OUT_OFFSET as i32));
            self.ops.push(I::LocalGet(local as u32));
            if ty == ValType::I32 {
                self.ops.push(I::I64ExtendI32U);
            }
            let at = self.stream.below(4_096) as u64 * 8;
            self.ops.push(I::I64Store(MemArg { offset: at, align: 0, memory_index: 0 }));
        }
        if let Some(ty) = result {
            self.need(ty);
        }
        self.ops.push(I::End);
        self.ops
    }
}

fn random(seed: u64) -> Vec<u8> {
    let mut stream = Stream(seed);
    let some = |stream: &mut Stream| [ValType::I32, ValType::I64][stream.below(2)];
    let mut signatures: Vec<Signature> = vec![(vec![ValType::I32, ValType::I32], None)];
    for _ in 0..stream.below(5) {
        let params = (0..stream.below(4)).map(|_| some(&mut stream)).collect();
        let result = (stream.below(3) > 0).then(|| some(&mut stream));
        signatures.push((params, result));
    }
    let mut types = TypeSection::new();
    let (mut declarations, mut code) = (FunctionSection::new(), CodeSection::new());
    for (index, (params, result)) in signatures.iter().enumerate() {
        types.ty().function(params.iter().copied(), result.iter().copied());
        declarations.function(index as u32);
        let own = [ValType::I64, ValType::I64, ValType::I32];
        let mut locals = params.clone();
        locals.extend(own);
        let later = signatures.iter().cloned().enumerate().skip(index + 1);
        let callees: Vec<_> = later.map(|(callee, of)| (callee as u32, of)).collect();
        let steps = 4 + stream.below(60);
        let mut writer = Writer { stream: &mut stream, ops: vec![], stack: vec![], locals };
        (0..steps).for_each(|_| writer.step(&callees));
        let mut function = Function::new(own.map(|ty| (1, ty)));
        for op in writer.finish(*result) {
            function.instruction(&op);
        }
        code.function(&function);
    }
    finish(&types, &declarations, &code)
}

/// The rest of a module: one memory, the two exports, a description without rules.
fn finish(types: &TypeSection, declarations: &FunctionSection, code: &CodeSection) -> Vec<u8> {
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 16,
        maximum: Some(16),
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0).export("eval", ExportKind::Func, 0);
    let meta = FragmentMeta {
        name: "f/kill".into(),
        on: On::Trigger(0),
        fields: 0,
        counters: 0,
        timers: 0,
        params: 0,
        rules: Vec::new(),
        masks: Vec::new(),
    };
    let mut module = Module::new();
    module.section(types).section(declarations).section(&memories).section(&exports).section(code);
    module.section(&CustomSection { name: SECTION.into(), data: meta.encode().into() });
    module.finish()
}

fn one(body: &[I<'static>]) -> Machine {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32, ValType::I32], []);
    let (mut declarations, mut code) = (FunctionSection::new(), CodeSection::new());
    declarations.function(0);
    let mut function = Function::new([]);
    body.iter().chain([&I::End]).for_each(|op| {
        function.instruction(op);
    });
    code.function(&function);
    let module = translate(&finish(&types, &declarations, &code)).unwrap();
    Machine::new(Arc::new(module)).unwrap()
}

/// What a call leaves: memory, and the trap by the word that both engines use for it.
fn under_wasmtime(engine: &wasmtime::Engine, wasm: &[u8], fill: &[u8]) -> (Vec<u8>, Option<Kind>) {
    let module = wasmtime::Module::new(engine, wasm).unwrap();
    let mut store = wasmtime::Store::new(engine, ());
    store.set_fuel(u64::MAX).unwrap();
    store.set_epoch_deadline(1);
    let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
    let memory = instance.get_memory(&mut store, "memory").unwrap();
    memory.write(&mut store, CTX_OFFSET as usize, fill).unwrap();
    let eval = instance.get_typed_func::<(u32, u32), ()>(&mut store, "eval").unwrap();
    let trap = eval.call(&mut store, (CTX_OFFSET, OUT_OFFSET)).err().map(|error| {
        match error.downcast_ref::<wasmtime::Trap>() {
            Some(wasmtime::Trap::IntegerDivisionByZero) => Kind::Zero,
            Some(wasmtime::Trap::IntegerOverflow) => Kind::Overflow,
            Some(wasmtime::Trap::MemoryOutOfBounds) => Kind::Bounds,
            other => panic!("{other:?}: {error:#}"),
        }
    });
    (memory.data(&store).to_vec(), trap)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Zero,
    Overflow,
    Bounds,
}

fn kind(trap: Trap) -> Kind {
    match trap {
        Trap::DivideByZero => Kind::Zero,
        Trap::Overflow => Kind::Overflow,
        Trap::OutOfBounds { .. } => Kind::Bounds,
    }
}

#[test]
fn random_modules_leave_the_same_memory() {
    let engine = wasmtime::Engine::new(&crate::engine::config()).unwrap();
    let (mut ended, mut trapped) = (0, 0);
    for seed in 0..400 {
        let wasm = random(seed);
        let mut stream = Stream(seed);
        let fill: Vec<u8> = (0..64).flat_map(|_| stream.word().to_le_bytes()).collect();
        let module = translate(&wasm).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let mut machine = Machine::new(Arc::new(module)).unwrap();
        let at = CTX_OFFSET as usize;
        machine.memory_mut()[at..at + fill.len()].copy_from_slice(&fill);
        let trap = machine.eval().err().map(kind);
        let (memory, expected) = under_wasmtime(&engine, &wasm, &fill);
        assert_eq!(trap, expected, "seed {seed}");
        assert!(memory == machine.memory_mut(), "seed {seed}: memory differs");
        if trap.is_none() {
            ended += 1;
        } else {
            trapped += 1;
        }
    }
    assert!(ended > 100 && trapped > 100, "{ended} ended and {trapped} trapped: both must occur");
}

#[test]
fn memory_ends_where_it_ends() {
    let last = MEMORY_BYTES as i32 - 8;
    for (address, offset, fits) in
        [(last, 0, true), (last + 1, 0, false), (0, last as u64, true), (1, last as u64, false)]
            .into_iter()
            .chain([(-1, 0, false), (-1, u32::MAX.into(), false), (0, u32::MAX.into(), false)])
    {
        let place = MemArg { offset, align: 3, memory_index: 0 };
        let store = [I::I32Const(address), I::I64Const(7), I::I64Store(place)];
        let load = [I::I32Const(0), I::I32Const(address), I::I64Load(place)];
        let load = [&load[..], &[I::I64Store(MemArg { offset: 0, align: 3, memory_index: 0 })]];
        for body in [store.to_vec(), load.concat()] {
            let outcome = one(&body).eval();
            let address = u64::from(address as u32) + offset;
            let expected = if fits { Ok(()) } else { Err(Trap::OutOfBounds { address }) };
            assert_eq!(outcome, expected, "{body:?}");
        }
    }
}

#[test]
fn what_nobody_reads_is_dropped() {
    let at = |offset| MemArg { offset, align: 3, memory_index: 0 };
    let store = [I::LocalGet(1), I::I64Const(2), I::I64Const(3), I::I64Add, I::I64Store(at(0))];
    let dead = [I::I32Const(2), I::I32Eqz, I::LocalSet(0)];
    // It may trap, so it stays.
    let load = [I::I32Const(8), I::I64Load(at(0)), I::I64Eqz, I::LocalSet(0)];
    for (body, operations) in [
        (vec![], 1),
        (store.to_vec(), 3),
        ([&dead[..], &store[..]].concat(), 3),
        ([&load[..], &store[..]].concat(), 4),
    ] {
        assert_eq!(one(&body).operations(), operations, "{body:?}");
    }
}

proptest! {
    /// Whatever the bytes are, translating them ends with an answer.
    #[test]
    fn damaged_modules_are_refused_or_run(seed in 0u64..64, at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut wasm = random(seed);
        let at = at.index(wasm.len());
        wasm[at] ^= 1 << bit;
        if let Ok(module) = translate(&wasm) {
            let _ = Machine::new(Arc::new(module)).unwrap().eval();
        }
    }
}
