// Evaluates every request on Node's WebAssembly. Formats: `backend/process.rs`, `layout.rs`.
"use strict";
const fs = require("fs");

const PARAMS = 0x10000;
const CONTEXT = 0x20000;
const OUT = 0x30000;
const HEADER_BYTES = 64;
const ABI = 1;
const FAULT = 0xffffffff;

const modules = fs.readFileSync("modules");
const requests = fs.readFileSync("requests");

// Modules by case, then by fragment; instantiated at their first request.
const cases = [];
for (let at = 0; at < modules.length; ) {
  const count = modules.readUInt32LE(at);
  at += 4;
  const units = [];
  for (let unit = 0; unit < count; unit++) {
    const length = modules.readUInt32LE(at);
    at += 4;
    units.push({ wasm: modules.subarray(at, at + length), exports: null });
    at += length;
  }
  cases.push(units);
}

const answers = [];
for (let at = 0; at < requests.length; ) {
  const [index, fragment, slots, params, out] = [0, 4, 8, 12, 16].map((offset) =>
    requests.readUInt32LE(at + offset),
  );
  at += 20;
  const unit = cases[index][fragment];
  if (unit.exports === null) {
    unit.exports = new WebAssembly.Instance(new WebAssembly.Module(unit.wasm)).exports;
  }
  const memory = Buffer.from(unit.exports.memory.buffer);
  memory.fill(0, CONTEXT, CONTEXT + HEADER_BYTES);
  memory.writeUInt32LE(ABI, CONTEXT);
  // now_ms, seed and player lie in the header as they do in a request.
  requests.copy(memory, CONTEXT + 8, at, at + 24);
  at += 24;
  requests.copy(memory, CONTEXT + HEADER_BYTES, at, at + slots * 8);
  at += slots * 8;
  requests.copy(memory, PARAMS, at, at + params * 8);
  at += params * 8;
  const head = Buffer.alloc(4);
  try {
    unit.exports.eval(CONTEXT, OUT);
    head.writeUInt32LE(out);
    answers.push(head, Buffer.from(memory.subarray(OUT, OUT + out * 8)));
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    head.writeUInt32LE(FAULT);
    answers.push(head);
  }
}
fs.writeFileSync("answers", Buffer.concat(answers));
