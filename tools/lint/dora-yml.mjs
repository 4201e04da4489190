// Checks every `.github/dora.yml` that the pages and examples show as an editor does, by
// yaml-language-server: `node dora-yml.mjs SCHEMA FILE...`. Exits with 1 if it finds anything.
import { readFileSync } from "node:fs";
import { TextDocument } from "vscode-languageserver-textdocument";
import { getLanguageService } from "yaml-language-server";

const [schema, ...files] = process.argv.slice(2);
const content = readFileSync(schema, "utf8");
const { $id: address } = JSON.parse(content);

const service = getLanguageService({
  // The only address that a file may name, and nothing is fetched for it.
  schemaRequestService: async (asked) => {
    if (asked !== address) throw new Error(`${asked} is not the schema's address, ${address}`);
    return content;
  },
  workspaceContext: { resolveRelativePath: (path) => path },
});
service.configure({ validate: true, schemas: [{ uri: address, fileMatch: ["*"] }] });

let version = 0; // or the document before it would be checked again

async function findings(text) {
  version += 1;
  const document = TextDocument.create("file:///dora.yml", "yaml", version, text);
  return service.doValidation(document, false);
}

/** Returns each `.github/dora.yml` of a file: itself, or a page's blocks, with the lines above. */
function shown(text, file) {
  if (!file.endsWith(".md")) return [{ yaml: text, above: 0 }];
  const blocks = text.matchAll(/^```yaml\n(# \.github\/dora\.yml\n.*?)^```$/gms);
  return [...blocks].map((block) => ({
    yaml: block[1],
    above: text.slice(0, block.index).split("\n").length,
  }));
}

// A schema that is not read finds nothing, and nobody would see that.
let found = (await findings("service: {}\n")).length > 0 ? 0 : 1;
if (found > 0) console.log(`${schema}: a bad file passes`);
let count = 0;
for (const file of files) {
  for (const { yaml, above } of shown(readFileSync(file, "utf8"), file)) {
    count += 1;
    for (const { range, message } of await findings(yaml)) {
      found += 1;
      console.log(`${file}:${above + range.start.line + 1}:${range.start.character + 1}: ${message}`);
    }
  }
}
console.log(`yaml-language-server: ${found} findings in ${count} configuration files`);
process.exit(found > 0 || count === 0 ? 1 : 0);
