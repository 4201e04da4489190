// Draws summaries as GitHub shows them: `node pictures.mjs OUT CHARTS.json FILE.md...` writes
// OUT/FILE.png, once Mermaid has read all the charts of a list of texts.
//
// Markdown becomes HTML by GitHub's rules, which the sanitiser's default ones are; what it strips
// is missing in the picture as well. Chromium draws it, and Mermaid the charts; one that Mermaid
// cannot read ends this with 1. CHROMIUM names the browser.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import rehypeRaw from "rehype-raw";
import rehypeSanitize from "rehype-sanitize";
import rehypeStringify from "rehype-stringify";
import remarkGfm from "remark-gfm";
import remarkParse from "remark-parse";
import remarkRehype from "remark-rehype";
import { unified } from "unified";
import UPNG from "upng-js";

const WIDTH = 900;
const SCALE = 2; // for screens of today
const COLOURS = 24; // are enough for text and bars, and keep a picture small
const TALLEST = 6000; // of a page that is looked at; its end shows where to cut it
const { resolve } = createRequire(import.meta.url);
const STYLE = readFileSync(resolve("github-markdown-css/github-markdown-light.css"), "utf8");
const MERMAID = resolve("mermaid/dist/mermaid.min.js");
// GitHub draws a chart in a frame of its own, in the middle and as wide as the text.
const PAGE = `
  body { margin: 0; padding: 24px; }
  section.chart { margin-bottom: 16px; }
  section.chart svg { display: block; margin: 0 auto; }
`;
const ENDED = `
    .catch((problem) => (document.documentElement.dataset.problem = problem.message))
    .finally(() => {
      const { height } = document.body.getBoundingClientRect();
      document.documentElement.dataset.height = Math.ceil(height);
    });
`;
const DRAW = `
  for (const code of document.querySelectorAll("pre > code.language-mermaid")) {
    const section = document.createElement("section");
    section.className = "chart";
    section.textContent = code.textContent;
    code.parentElement.replaceWith(section);
  }
  mermaid.initialize({ startOnLoad: false });
  mermaid.run({ querySelector: "section.chart" })${ENDED}`;
// Each of the two counts the bars that can be seen, and those that are meant.
const READ = `
  const ofTasks = (svg, text) => [svg.split('class="task ').length, text.split(" :").length];
  const ofWeeks = (svg, text) => {
    const drawn = new DOMParser().parseFromString(svg, "text/html");
    const bars = [...drawn.querySelectorAll("[class^=bar-plot] rect")]
      .filter((bar) => bar.getAttribute("height") > 0)
      .map((bar) => bar.parentElement.getAttribute("class") + " at " + bar.getAttribute("x"));
    const numbers = [...text.matchAll(/^bar .*\\[(.*)\\]$/gm)].flatMap(([, all]) => all.split(","));
    return [new Set(bars).size, numbers.filter((number) => number > 0).length];
  };
  mermaid.initialize({ startOnLoad: false });
  (async () => {
    for (const [at, text] of CHARTS.entries()) {
      const { svg } = await mermaid.render("chart" + at, text);
      const [bars, wanted] = text.startsWith("gantt") ? ofTasks(svg, text) : ofWeeks(svg, text);
      if (bars !== wanted) throw new Error(bars + " bars instead of " + wanted + ": " + text);
    }
  })()${ENDED}`;
const markdown = unified()
  .use(remarkParse)
  .use(remarkGfm)
  .use(remarkRehype, { allowDangerousHtml: true })
  .use(rehypeRaw)
  .use(rehypeSanitize)
  .use(rehypeStringify);

function page(html, script) {
  return `<!doctype html><html><head><meta charset="utf-8"><style>${STYLE}${PAGE}</style></head>
<body class="markdown-body">${html}
<script src="file://${MERMAID}"></script><script>${script}</script></body></html>`;
}

function chromium(height, ...more) {
  const options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"];
  options.push("--disable-lcd-text", `--force-device-scale-factor=${SCALE}`);
  options.push("--virtual-time-budget=20000", `--window-size=${WIDTH},${height}`, ...more);
  const browser = process.env.CHROMIUM ?? "chromium";
  // In whatever zone it is looked at, a chart shows the times that are written in it.
  const env = { ...process.env, TZ: "Europe/Berlin" };
  const stdio = ["ignore", "pipe", "ignore"];
  return execFileSync(browser, options, { encoding: "utf8", env, stdio, maxBuffer: 2 ** 30 });
}

function heightOf(html, name) {
  const dom = chromium(TALLEST, "--dump-dom", `file://${html}`);
  const problem = dom.match(/data-problem="([^"]*)"/);
  if (problem) throw new Error(`${name}: ${problem[1]}`);
  const height = dom.match(/data-height="(\d+)"/);
  if (!height) throw new Error(`${name}: the page did not end`);
  return Number(height[1]);
}

function shrink(path) {
  const image = UPNG.decode(readFileSync(path));
  const small = UPNG.encode(UPNG.toRGBA8(image), image.width, image.height, COLOURS);
  writeFileSync(path, Buffer.from(small));
}

const [out, charts, ...files] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "pictures-"));
const html = join(folder, "page.html");
mkdirSync(out, { recursive: true });
try {
  const texts = readFileSync(charts, "utf8");
  writeFileSync(html, page("", `const CHARTS = ${texts};${READ}`));
  heightOf(html, charts);
  console.log(`${JSON.parse(texts).length} odd charts are read`);
  for (const file of files) {
    const name = `${basename(file, ".md")}.png`;
    const picture = join(out, name);
    writeFileSync(html, page(markdown.processSync(readFileSync(file, "utf8")), DRAW));
    const height = heightOf(html, file);
    chromium(height, `--screenshot=${picture}`, `file://${html}`);
    shrink(picture);
    console.log(`${name}: ${WIDTH} x ${height}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
