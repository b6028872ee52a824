// Colours rule files with VS Code's highlighting engine and prints what it did as JSON lines.
//
//   node grammar.mjs GRAMMAR FILE...
//
// One line per token that is no blank: [file, line, text, innermost scope].
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import oniguruma from "vscode-oniguruma";
import textmate from "vscode-textmate";

const [path, ...files] = process.argv.slice(2);
const wasm = createRequire(import.meta.url).resolve("vscode-oniguruma/release/onig.wasm");
await oniguruma.loadWASM(readFileSync(wasm).buffer);
const registry = new textmate.Registry({
  onigLib: Promise.resolve({
    createOnigScanner: (sources) => new oniguruma.OnigScanner(sources),
    createOnigString: (text) => new oniguruma.OnigString(text),
  }),
  loadGrammar: async () => textmate.parseRawGrammar(readFileSync(path, "utf8"), path),
});
const grammar = await registry.loadGrammar("source.cairn");
for (const file of files) {
  let state = textmate.INITIAL;
  readFileSync(file, "utf8")
    .split("\n")
    .forEach((line, number) => {
      const { tokens, ruleStack, stoppedEarly } = grammar.tokenizeLine(line, state, 5_000);
      if (stoppedEarly) throw new Error(`${file}:${number + 1} takes too long`);
      for (const { startIndex, endIndex, scopes } of tokens) {
        const text = line.slice(startIndex, endIndex);
        if (text.trim()) {
          console.log(JSON.stringify([file, number + 1, text.trim(), scopes.at(-1)]));
        }
      }
      state = ruleStack;
    });
}
