// Starts `gtsdsl lsp` for the texts that VS Code opens as `gts`, and says so once where it cannot.
"use strict";

const { spawn } = require("node:child_process");
const { homedir } = require("node:os");
const vscode = require("vscode");
const { LanguageClient, ErrorAction, CloseAction } = require("vscode-languageclient/node");

const MISSING = "GTS DSL: the language server could not be started. Install it with pip install 'gtsdsl[lsp]', or set gtsdsl.command.";

let client;
let wasTold = false;

/** Tell the user once what to do; what the server itself said goes with it. */
async function tell(reason) {
  if (wasTold) return;
  wasTold = true;
  const choice = await vscode.window.showErrorMessage(reason ? `${MISSING} (${reason})` : MISSING, "Open settings");
  if (choice) await vscode.commands.executeCommand("workbench.action.openSettings", "gtsdsl.command");
}

/**
 * The server as a process. No shell is involved: the setting is a list of arguments. It starts in the user's home,
 * because some systems look for a program in the working folder first, and that can be a stranger's.
 */
function start(command) {
  return new Promise((resolve, reject) => {
    const [program, ...options] = command;
    const server = spawn(program, options, { cwd: homedir(), shell: false, windowsHide: true });
    let said = "";
    server.stderr.on("data", (data) => { said = (said + data).slice(-2000); });
    server.once("error", (error) => reject(error));
    server.once("spawn", () => resolve(server));
    server.once("exit", (code) => {
      // 3: something that the server needs is not installed; it has said what
      if (code === 3) void tell(said.trim().split("\n").pop());
    });
  });
}

function configuredCommand() {
  const command = vscode.workspace.getConfiguration("gtsdsl").get("command");
  const isRight = Array.isArray(command) && command.length > 0 && command.every((word) => typeof word === "string");
  return isRight ? command : ["gtsdsl", "lsp"];
}

async function restart() {
  if (client) await client.stop().catch(() => {});
  wasTold = false;
  client = new LanguageClient(
    "gtsdsl",
    "GTS DSL",
    () => start(configuredCommand()),
    {
      documentSelector: [{ language: "gts" }],
      initializationFailedHandler: () => false,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => ({ action: CloseAction.DoNotRestart, handled: true }),
      },
    },
  );
  try {
    await client.start();
  } catch (error) {
    await tell(error && error.code === "ENOENT" ? `there is no program ${configuredCommand()[0]}` : undefined);
  }
}

function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("gtsdsl.restart", restart),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("gtsdsl.command")) return restart();
    }),
  );
  void restart();
}

function deactivate() {
  return client ? client.stop().catch(() => {}) : undefined;
}

module.exports = { activate, deactivate };
