// Drives `cairn lsp` with the library that VS Code's own client is made of: open, edit, diagnose,
// hover, definition, references, rename, completion, lens, format. Ends with 1 and the reason when an
// answer is not what it should be.
//
//   node client.mjs CAIRN FOLDER     FOLDER is a copy of the example rule set
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import protocol from "vscode-languageserver-protocol/node.js";

const [cairn, folder] = process.argv.slice(2);
const child = spawn(cairn, ["lsp", "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
const ended = new Promise((done) => child.on("exit", (code, signal) => done(signal ?? code)));
const connection = protocol.createProtocolConnection(
  new protocol.StreamMessageReader(child.stdout),
  new protocol.StreamMessageWriter(child.stdin),
);

// Nothing here waits for a time: every step waits for the message that it is about, and this ends
// a server that never sends it.
const DEADLINE_MS = 120_000;
const deadline = setTimeout(() => {
  console.error(`no answer within ${DEADLINE_MS} ms at step: ${step}`);
  child.kill("SIGKILL");
  process.exit(1);
}, DEADLINE_MS);
let step = "start";
const at = (name) => {
  step = name;
  console.log(name);
};

const published = new Map();
let waiting = [];
const wake = () => {
  waiting = waiting.filter(({ check, done }) => {
    const found = check();
    if (found) done(found);
    return !found;
  });
};
const until = (check) =>
  new Promise((done) => {
    waiting.push({ check, done });
    wake();
  });
connection.onNotification(protocol.PublishDiagnosticsNotification.type, (params) => {
  published.set(params.uri, params);
  wake();
});
const shown = [];
connection.onNotification(protocol.ShowMessageNotification.type, ({ message }) => {
  shown.push(message);
  wake();
});
const watched = [];
connection.onRequest(protocol.RegistrationRequest.type, ({ registrations }) => {
  watched.push(...registrations.flatMap((one) => one.registerOptions?.watchers ?? []));
  wake();
});
connection.onError(([error]) => {
  console.error(`connection: ${error}`);
  process.exit(1);
});
connection.listen();

const uri = (name) => pathToFileURL(join(folder, name)).href;
const texts = new Map();
const versions = new Map();
const read = (name) => readFileSync(join(folder, name), "utf8");
const open = (name, text = read(name)) => {
  texts.set(name, text);
  versions.set(name, 1);
  return connection.sendNotification(protocol.DidOpenTextDocumentNotification.type, {
    textDocument: { uri: uri(name), languageId: "cairn", version: 1, text },
  });
};
const position = (text, offset) => {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length - 1, character: before.at(-1).length };
};
/** The place of the nth `needle`, `shift` characters in. */
const place = (name, needle, shift = 0) => {
  const offset = texts.get(name).indexOf(needle);
  assert.notEqual(offset, -1, `${name} has no ${needle}`);
  return { textDocument: { uri: uri(name) }, position: position(texts.get(name), offset + shift) };
};
/** Types over the first `old`, as an editor does: the change alone goes over the wire. */
const type = async (name, old, fresh) => {
  const text = texts.get(name);
  const offset = text.indexOf(old);
  assert.notEqual(offset, -1, `${name} has no ${old}`);
  const range = { start: position(text, offset), end: position(text, offset + old.length) };
  texts.set(name, text.slice(0, offset) + fresh + text.slice(offset + old.length));
  const version = versions.get(name) + 1;
  versions.set(name, version);
  await connection.sendNotification(protocol.DidChangeTextDocumentNotification.type, {
    textDocument: { uri: uri(name), version },
    contentChanges: [{ range, text: fresh }],
  });
  return version;
};
const sliced = (name, range) => {
  const lines = texts.get(name).split("\n");
  assert.equal(range.start.line, range.end.line);
  return lines[range.start.line].slice(range.start.character, range.end.character);
};
const diagnosed = (name, version) =>
  until(() => {
    const found = published.get(uri(name));
    return found?.version === version ? found.diagnostics : undefined;
  });

at("initialize");
const { capabilities } = await connection.sendRequest(protocol.InitializeRequest.type, {
  processId: process.pid,
  rootUri: null,
  workspaceFolders: [{ uri: pathToFileURL(folder).href, name: "rules" }],
  capabilities: {
    general: { positionEncodings: ["utf-16"] },
    window: { workDoneProgress: true },
    workspace: {
      workspaceEdit: { documentChanges: true },
      didChangeWatchedFiles: { dynamicRegistration: true },
    },
    textDocument: {
      hover: { contentFormat: ["markdown"] },
      completion: { completionItem: { snippetSupport: true } },
      documentSymbol: { hierarchicalDocumentSymbolSupport: true },
      publishDiagnostics: { relatedInformation: true, codeDescriptionSupport: true, tagSupport: { valueSet: [1, 2] } },
    },
  },
});
assert.equal(capabilities.positionEncoding, "utf-16");
await connection.sendNotification(protocol.InitializedNotification.type, {});
await until(() => watched.length >= 2 && watched.every(({ globPattern }) => globPattern.endsWith(".hcl")));

at("open: a sound rule set has no diagnostics");
const schema = "treasure_hunt.rules.hcl";
const main = "bosses.rules.hcl";
await open(schema);
await open(main);
assert.deepEqual(await diagnosed(main, 1), []);

at("edit, diagnose: a mistake shows with its code, page, cause and version");
const param = /^param "([a-z_0-9]+)"/m.exec(texts.get(main))[1];
const broken = await type(main, `param "${param}"`, `param "${param}x"`);
// Uses of it are in files that are not open: the whole folder is checked.
const elsewhere = await until(() =>
  [...published.values()].find(({ uri: of, diagnostics }) =>
    diagnostics.some(({ code, message }) => code === "C0405" && message.includes(param)),
  ),
);
const unknown = elsewhere.diagnostics.find(({ code }) => code === "C0405");
assert.ok(unknown.message.includes("fix: "), unknown.message);
assert.equal(unknown.source, "cairn");
const page = readFileSync(new URL(unknown.codeDescription.href), "utf8");
assert.ok(page.includes("C0405"), page);

at("code action: did-you-mean is one click");
const usesIt = elsewhere.uri;
const usesName = decodeURIComponent(usesIt.slice(pathToFileURL(folder).href.length + 1));
if (!texts.has(usesName)) await open(usesName);
const actions = await connection.sendRequest(protocol.CodeActionRequest.type, {
  textDocument: { uri: usesIt },
  range: unknown.range,
  context: { diagnostics: [unknown] },
});
assert.ok(actions.some(({ title }) => title.includes(`${param}x`)), JSON.stringify(actions));

at("edit back: the diagnostics go, version by version");
assert.ok(broken === 2);
const mended = await type(main, `param "${param}x"`, `param "${param}"`);
assert.deepEqual(await diagnosed(main, mended), []);
await until(() => published.get(usesIt).diagnostics.length === 0);

at("hover: resolved values");
const hover = await connection.sendRequest(
  protocol.HoverRequest.type,
  place(main, `param "${param}"`, 8),
);
assert.match(hover.contents.value, new RegExp(`param\\.${param}: .*\\n[^]*default \\*\\*`));
assert.equal(sliced(main, hover.range), param);

at("definition and references: across files");
const definition = await connection.sendRequest(
  protocol.DefinitionRequest.type,
  place(usesName, `param.${param}`, 7),
);
assert.equal(definition.length, 1);
assert.equal(definition[0].uri, uri(main));
assert.equal(sliced(main, definition[0].range), param);
const references = await connection.sendRequest(protocol.ReferencesRequest.type, {
  ...place(main, `param "${param}"`, 8),
  context: { includeDeclaration: true },
});
assert.ok(references.length >= 2, JSON.stringify(references));

at("rename: every file, each for its version");
const target = place(main, `param "${param}"`, 8);
const prepared = await connection.sendRequest(protocol.PrepareRenameRequest.type, target);
assert.equal(prepared.placeholder, param);
const edit = await connection.sendRequest(protocol.RenameRequest.type, {
  ...target,
  newName: "turned_by_a_test",
});
const edits = edit.documentChanges.flatMap(({ edits }) => edits);
assert.equal(edits.length, references.length);
assert.ok(edits.every(({ newText }) => newText === "turned_by_a_test"));
const ours = edit.documentChanges.find(({ textDocument }) => textDocument.uri === uri(main));
assert.equal(ours.textDocument.version, mended);
for (const [name, message] of [
  ["Not A Name", /is no name/],
  [/^param "([a-z_0-9]+)"[^]*?^param "([a-z_0-9]+)"/m.exec(texts.get(main))[2], /is refused/],
]) {
  await assert.rejects(
    connection.sendRequest(protocol.RenameRequest.type, { ...target, newName: name }),
    message,
  );
}
await assert.rejects(
  connection.sendRequest(protocol.PrepareRenameRequest.type, place(schema, "dialect")),
  /nothing here can be renamed/,
);

at("completion: in the middle of a statement");
const extra = "zones/extra.rules.hcl";
const trigger = /^trigger "([a-z_0-9]+)"/m.exec(texts.get(schema))[1];
await open(extra, `rule "extra_rule" {\n  on = ${trigger}\n  when = trigger.\n}\n`);
const complete = async (needle, shift) => {
  const found = await connection.sendRequest(
    protocol.CompletionRequest.type,
    place(extra, needle, shift),
  );
  return found.map(({ label }) => label);
};
const fields = await complete("trigger.\n", 8);
assert.ok(fields.length > 0 && texts.get(schema).includes(fields[0]), `${fields}`);
await type(extra, "trigger.", "param.");
assert.ok((await complete("param.", 6)).includes(param));
await type(extra, "  when = param.", "  ");
assert.deepEqual(await complete("  \n}", 2), ["when", "on_fault", "emit", "broadcast"]);

at("unicode: columns are UTF-16");
await type(extra, "  \n}", "  # 𝄞é\n  when = /* 𝄞 */ trigger.nowhere > 1\n  emit \"x\" {}\n}");
const version = await type(extra, "nowhere", "nowhere_at_all");
const [nowhere] = (await diagnosed(extra, version)).filter(({ code }) => code === "C0406");
assert.equal(sliced(extra, nowhere.range), "trigger.nowhere_at_all");

at("symbols, folds, highlights");
const symbols = await connection.sendRequest(protocol.DocumentSymbolRequest.type, {
  textDocument: { uri: uri(main) },
});
assert.ok(symbols.some(({ name, detail }) => name === param && detail === "param"));
const folds = await connection.sendRequest(protocol.FoldingRangeRequest.type, {
  textDocument: { uri: uri(main) },
});
assert.ok(folds.length > 3 && folds.every(({ startLine, endLine }) => startLine <= endLine));
const marks = await connection.sendRequest(protocol.DocumentHighlightRequest.type, target);
assert.ok(marks.every(({ range }) => sliced(main, range) === param));

at("lens: run a test, see what differs where it is expected");
await type(
  extra,
  texts.get(extra),
  `rule "extra_rule" {\n  on = ${trigger}\n  emit "extra" {}\n}\n` +
    `test "it fires" {\n  on    = ${trigger}\n  fired = [extra_rule]\n}\n` +
    `test "it does not" {\n  on        = ${trigger}\n  not_fired = [extra_rule]\n}\n`,
);
const lenses = await connection.sendRequest(protocol.CodeLensRequest.type, {
  textDocument: { uri: uri(extra) },
});
assert.deepEqual(
  lenses.map(({ range }) => sliced(extra, range)),
  ['"it fires"', '"it does not"'],
);
const run = async (lens) =>
  connection.sendRequest(protocol.ExecuteCommandRequest.type, {
    command: lens.command.command,
    arguments: lens.command.arguments,
  });
assert.equal((await run(lenses[0])).passed, 1);
const failed = await run(lenses[1]);
assert.equal(failed.failed, 1, JSON.stringify(failed));
await until(() => shown.some((message) => message.includes("it does not: 1 of 1 failed")));
const [difference] = await until(() => {
  const found = published.get(uri(extra)).diagnostics.filter(({ source }) => source === "cairn test");
  return found.length > 0 ? found : undefined;
});
assert.equal(sliced(extra, difference.range), "extra_rule");

at("lens: hover is answered while a slow test runs, and the test can be cancelled");
await type(
  extra,
  texts.get(extra),
  `loot_table "extra_pile" {\n  rolls = 100\n  entry "coin" { weight = 1 }\n  entry "crown" { weight = 1 }\n}\n` +
    `rule "extra_rule" {\n  on = ${trigger}\n  emit "extra" {\n    table = extra_pile\n    count = 1000\n  }\n}\n` +
    // A billion rolls; nobody waits for their end.
    `test "slow" {\n  on    = ${trigger}\n  cases = [\n${"    {},\n".repeat(1024)}  ]\n` +
    `  expect "extra" { rolls = 1000 }\n`.repeat(16) +
    `}\n` +
    `test "quick" {\n  on    = ${trigger}\n  fired = [extra_rule]\n}\n`,
);
const [slow, quick] = await connection.sendRequest(protocol.CodeLensRequest.type, {
  textDocument: { uri: uri(extra) },
});
const kinds = [];
connection.onProgress(protocol.WorkDoneProgress.type, "slow", ({ kind }) => {
  kinds.push(kind);
  wake();
});
const cancel = new protocol.CancellationTokenSource();
let over = false;
const cancelled = assert
  .rejects(
    connection.sendRequest(
      protocol.ExecuteCommandRequest.type,
      { ...slow.command, workDoneToken: "slow" },
      cancel.token,
    ),
    ({ code }) => code === protocol.LSPErrorCodes.RequestCancelled,
  )
  .finally(() => (over = true));
await until(() => kinds.includes("begin"));
const meanwhile = await connection.sendRequest(
  protocol.HoverRequest.type,
  place(extra, "extra_pile", 2),
);
assert.ok(meanwhile.contents.value.includes("extra_pile"), meanwhile.contents.value);
assert.ok(!over, "it is no slow test");
cancel.cancel();
await cancelled;
assert.equal(kinds.at(-1), "end");
assert.equal((await run(quick)).passed, 1);

at("format: one edit, after which nothing is left to do");
const format = () =>
  connection.sendRequest(protocol.DocumentFormattingRequest.type, {
    textDocument: { uri: uri(extra) },
    options: { tabSize: 2, insertSpaces: true },
  });
await type(
  extra,
  texts.get(extra),
  `rule "extra_rule" {\n  on = ${trigger}\n  emit "extra" {}\n}\n` +
    `test "it fires" {\n\t\ton =   ${trigger}\n  fired = [extra_rule]\n}\n`,
);
const layout = await format();
assert.equal(layout.length, 1, JSON.stringify(layout));
const offset = ({ line, character }) =>
  texts.get(extra).split("\n").slice(0, line).join("\n").length + (line > 0 ? 1 : 0) + character;
const [{ range: from, newText }] = layout;
await type(extra, texts.get(extra), texts.get(extra).slice(0, offset(from.start)) + newText + texts.get(extra).slice(offset(from.end)));
assert.ok(!texts.get(extra).includes("\t"), texts.get(extra));
assert.deepEqual(await format(), []);
await type(extra, "fired", "= fired");
assert.equal(await format(), null, "a file that does not parse is left alone");

at("tags: what nothing uses is faded, what is on its way out struck through");
await type(
  extra,
  texts.get(extra),
  `param "extra_old" {\n  type       = bool\n  default    = true\n  deprecated = "gone soon"\n}\n` +
    `param "extra_idle" {\n  type    = bool\n  default = true\n}\n` +
    `rule "extra_rule" {\n  on   = ${trigger}\n  when = param.extra_old\n  emit "extra" {}\n}\n`,
);
const tagged = await until(() => {
  const found = published.get(uri(extra)).diagnostics.filter(({ tags }) => tags);
  return found.length === 2 ? found : undefined;
});
assert.deepEqual(
  tagged.map(({ code, tags }) => [code, tags]).sort(),
  [["C1101", [1]], ["C1104", [2]]],
);

at("close: what was only open is gone");
await connection.sendNotification(protocol.DidCloseTextDocumentNotification.type, {
  textDocument: { uri: uri(extra) },
});
await until(() => published.get(uri(extra)).diagnostics.length === 0);

at("shutdown and exit");
await connection.sendRequest(protocol.ShutdownRequest.type);
await connection.sendNotification(protocol.ExitNotification.type);
assert.equal(await ended, 0);
clearTimeout(deadline);
connection.dispose();
