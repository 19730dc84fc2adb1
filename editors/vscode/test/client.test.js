// The client, with stand-ins for VS Code and for the start of a process: which program it starts, and where.
"use strict";

const assert = require("node:assert");
const { EventEmitter } = require("node:events");
const Module = require("node:module");
const { homedir } = require("node:os");
const path = require("node:path");
const { test } = require("node:test");

/** What the client starts when VS Code opens a folder with this setting. */
async function started(setting) {
  const starts = [];
  const nothing = { dispose() {} };
  const standIns = {
    vscode: {
      commands: { registerCommand: () => nothing, executeCommand: async () => {} },
      window: { showErrorMessage: async () => {} },
      workspace: {
        getConfiguration: () => ({ get: () => setting }),
        onDidChangeConfiguration: () => nothing,
      },
    },
    "vscode-languageclient/node": {
      CloseAction: {},
      ErrorAction: {},
      LanguageClient: class {
        constructor(_id, _name, start) { this.start = start; }
      },
    },
    "node:child_process": {
      spawn(program, options, how) {
        starts.push({ program, options, cwd: how.cwd, shell: how.shell });
        const server = Object.assign(new EventEmitter(), { stderr: new EventEmitter() });
        setImmediate(() => server.emit("spawn"));
        return server;
      },
    },
  };
  const load = Module._load;
  Module._load = (name, ...more) => standIns[name] ?? load(name, ...more);
  try {
    const file = path.join(__dirname, "..", "extension.js");
    delete require.cache[file];
    require(file).activate({ subscriptions: [] });
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    Module._load = load;
  }
  return starts;
}

const inHome = { cwd: homedir(), shell: false };

test("the setting's program is started with its arguments, in the user's home and without a shell", async () => {
  assert.deepStrictEqual(await started(["/opt/a b/gtsdsl", "lsp", "$(x)"]), [
    { program: "/opt/a b/gtsdsl", options: ["lsp", "$(x)"], ...inHome },
  ]);
});

for (const setting of [undefined, null, [], "gtsdsl lsp", ["gtsdsl", 1], {}]) {
  test(`our own command is started where the setting is ${JSON.stringify(setting)}`, async () => {
    assert.deepStrictEqual(await started(setting), [{ program: "gtsdsl", options: ["lsp"], ...inHome }]);
  });
}
