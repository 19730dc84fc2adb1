// The TextMate grammar, run as VS Code runs it, gives each word the scope that it should have.
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const { before, test } = require("node:test");
const oniguruma = require("vscode-oniguruma");
const { INITIAL, Registry, parseRawGrammar } = require("vscode-textmate");

const ROOT = path.join(__dirname, "..");
let grammar;

before(async () => {
  const wasm = fs.readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm"));
  await oniguruma.loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength));
  const file = path.join(ROOT, "syntaxes", "gts.tmLanguage.json");
  const registry = new Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async () => parseRawGrammar(fs.readFileSync(file, "utf8"), file),
  });
  grammar = await registry.loadGrammar("source.gts");
});

/** The pieces of a text with their innermost scopes. */
function pieces(text) {
  let state = INITIAL;
  const found = [];
  for (const line of text.split(/\r?\n/)) {
    const result = grammar.tokenizeLine(line, state);
    for (const token of result.tokens) {
      found.push([line.slice(token.startIndex, token.endIndex), token.scopes]);
    }
    state = result.ruleStack;
  }
  return found;
}

function scopeOf(text, piece) {
  const found = pieces(text).find(([it]) => it.trim() === piece);
  assert.ok(found, `no piece ${piece} in ${JSON.stringify(pieces(text).map(([it]) => it))}`);
  return found[1].at(-1);
}

const CASES = [
  ["// a host", "// a host".slice(2).trim(), "comment.line.double-slash.gts"],
  ["/* a\nhost */ x", "host", "comment.block.gts"],
  ["id = \"h1\"", "id", "variable.other.property.gts"],
  ["id = \"h1\"", "h1", "string.quoted.double.gts"],
  ["id = 'h1'", "h1", "string.quoted.single.gts"],
  ["id = \"h${i + 1}x\"", "i", "variable.other.gts"],
  ["id = \"h${i + 1}x\"", "${", "punctuation.section.interpolation.gts"],
  ["id = \"h${i + 1}x\"", "1", "constant.numeric.integer.gts"],
  ["id = \"h${i + 1}x\"", "x", "string.quoted.double.gts"],
  ["id = \"h$name!\"", "$name", "variable.other.interpolated.gts"],
  ["id = 'h${i}'", "h${i}", "string.quoted.single.gts"],
  ["id = \"a\\tb\"", "\\t", "constant.character.escape.gts"],
  ["host { id = 1 }", "host", "support.class.resource.gts"],
  ["port { id = 1 }", "port", "support.type.block.gts"],
  ["controller { port = 1 }", "port", "variable.other.property.gts"],
  ["FullMesh {", "FullMesh", "entity.name.type.gts"],
  ["type Mesh(n = 5) {", "type", "storage.type.type.gts"],
  ["type Mesh(n = 5) {", "Mesh", "entity.name.type.gts"],
  ["type Mesh(n = 5) {", "n", "variable.other.property.gts"],
  ["adjacency h1.p1, l1.src", "adjacency", "keyword.other.adjacency.gts"],
  ["adjacency h1.p1, l1.src", "h1", "variable.other.resource.gts"],
  ["adjacency h1.p1, l1.src", "src", "variable.other.port.gts"],
  ["adjacency(h1.p1, l1.src)", "p1", "variable.other.port.gts"],
  ["adjacency hosts[i].port(\"p\"), l.src", "port", "entity.name.function.method.gts"],
  ["adjacency h1.p1,\n  l1.src", "src", "variable.other.port.gts"],
  ["adjacency h1.p1, l1.src\nid = \"x\"", "id", "variable.other.property.gts"],
  ["adjacency h1.p1, l1.src // why", "why", "comment.line.double-slash.gts"],
  ["adjacency h1.p1, l1.src; host { }", "host", "support.class.resource.gts"],
  ["T { adjacency h1.p1, l1.src }\nhost { }", "host", "support.class.resource.gts"],
  ["bandwidth = 1000", "1000", "constant.numeric.integer.gts"],
  ["x = 1.5", "1.5", "constant.numeric.decimal.gts"],
  ["(0..<n).each { i ->", "..<", "keyword.operator.range.gts"],
  ["(0..<n).each { i ->", "each", "entity.name.function.method.gts"],
  ["(0..<n).each { i ->", "->", "storage.type.function.arrow.gts"],
  ["for (x in xs) {", "for", "keyword.control.gts"],
  ["for (x in xs) {", "in", "keyword.control.gts"],
  ["if (a) { } else { }", "else", "keyword.control.gts"],
  ["def n = 5", "def", "storage.type.gts"],
  ["def n = 5", "n", "variable.other.declaration.gts"],
  ["def mesh(n) {", "mesh", "entity.name.function.gts"],
  ["mesh(3)", "mesh", "entity.name.function.gts"],
  ["x = true", "true", "constant.language.gts"],
  ["x = it", "it", "variable.language.it.gts"],
  ["x = a == b", "==", "keyword.operator.gts"],
  ["n += 1", "+=", "keyword.operator.assignment.gts"],
  ["id = \"open\nhost { }", "host", "support.class.resource.gts"],
];

for (const [text, piece, scope] of CASES) {
  test(`${JSON.stringify(text)}: ${piece} is ${scope}`, () => assert.strictEqual(scopeOf(text, piece), scope));
}

test("the examples of the repository keep no string or comment open", () => {
  const folder = path.join(ROOT, "..", "..", "examples");
  const files = fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => /\.(dsl|gts)$/.test(name)) : [];
  for (const name of files) {
    const text = `${fs.readFileSync(path.join(folder, name), "utf8")}\nhost { }`;
    const last = pieces(text).findLast(([it]) => it.trim() === "host");
    assert.strictEqual(last[1].at(-1), "support.class.resource.gts", name);
  }
});

test("what package.json names is there", () => {
  const manifest = JSON.parse(fs.readFileSync(path.join(ROOT, "package.json"), "utf8"));
  const files = [
    manifest.main,
    ...manifest.contributes.languages.map((it) => it.configuration),
    ...manifest.contributes.grammars.map((it) => it.path),
    "README.md",
    "LICENSE",
  ];
  for (const file of files) assert.ok(fs.existsSync(path.join(ROOT, file)), file);
  for (const it of manifest.contributes.grammars) JSON.parse(fs.readFileSync(path.join(ROOT, it.path), "utf8"));
  JSON.parse(fs.readFileSync(path.join(ROOT, "language-configuration.json"), "utf8"));
});
