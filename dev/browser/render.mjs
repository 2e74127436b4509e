// Shows Markdown as GitHub does, in Chromium: reads {name: {markdown, width, picture}} from stdin, takes the pictures,
// and writes what the browser has laid out to stdout.
//
//     node render.mjs CHROMIUM < samples.json
//
// From GitHub itself: the style sheet. The rest is what GitHub uses or as it: CommonMark with tables, autolinks, and
// Mermaid. HTML that its sanitizer removes is refused.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import MarkdownIt from "markdown-it";
import { chromium } from "playwright-core";

const ALLOWED = /^(?:\s*<\/?(?:details|summary|br)>\s*|[^<>]+)+$/;
const FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
FLAGS.push("--disable-component-update", "--disable-sync", "--font-render-hinting=none");

const modules = createRequire(import.meta.url);
const css = readFileSync(modules.resolve("github-markdown-css/github-markdown-light.css"), "utf8");
const mermaid = modules.resolve("mermaid/dist/mermaid.min.js");

function refuse(tokens, index) {
  const { content } = tokens[index];
  if (!ALLOWED.test(content)) throw new Error(`GitHub removes this HTML: ${content}`);
  return content;
}

function html(markdown) {
  const reader = new MarkdownIt({ html: true, linkify: true });
  const fence = reader.renderer.rules.fence;
  reader.renderer.rules.html_block = refuse;
  reader.renderer.rules.html_inline = refuse;
  reader.renderer.rules.fence = (tokens, index, ...rest) =>
    tokens[index].info.trim() === "mermaid"
      ? `<div class="diagram">${reader.utils.escapeHtml(tokens[index].content)}</div>`
      : fence(tokens, index, ...rest);
  return reader.render(markdown);
}

const STYLE = `${css} body { margin: 0 }
  .markdown-body { padding: 16px 24px; font-family: "Liberation Sans", sans-serif }
  .markdown-body code, .markdown-body pre { font-family: "Liberation Mono", monospace }`;
const PAGE = `<!doctype html><meta charset="utf-8"><style>${STYLE}</style><article class="markdown-body"></article>`;

// Runs in the page.
async function laidOut(html) {
  const article = document.querySelector("article");
  article.innerHTML = html;
  const folded = [...article.querySelectorAll("details")];
  for (const each of folded) each.open = true;
  const errors = [];
  mermaid.initialize({ startOnLoad: false, securityLevel: "strict" });
  for (const [number, place] of document.querySelectorAll(".diagram").entries()) {
    try {
      place.innerHTML = (await mermaid.render(`diagram${number}`, place.textContent)).svg;
    } catch (error) {
      errors.push(String(error));
    }
  }
  const box = ({ left, top, right, bottom }) => ({ left, top, right, bottom });
  const prose = article.cloneNode(true);
  for (const each of prose.querySelectorAll("code, pre, svg, style")) each.remove();
  const wide = [...article.querySelectorAll("table, p, h3, .diagram")].filter((each) => each.scrollWidth > each.clientWidth + 1);
  const found = {
    errors,
    prose: prose.innerText ?? prose.textContent,
    text: article.innerText,
    headings: [...article.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((each) => each.innerText),
    blocks: [...article.children].map((each) => each.tagName.toLowerCase()),
    headers: [...article.querySelectorAll("th")].map((each) => each.innerText),
    columns: [...article.querySelectorAll("table")].flatMap((table) =>
      [...table.rows[0].cells].map((_, column) => [...table.rows].slice(1).map((row) => row.cells[column].innerText)),
    ),
    links: [...article.querySelectorAll("a")].map((each) => ({ text: each.innerText, href: each.getAttribute("href") })),
    wide: wide.map((each) => each.innerText.slice(0, 80)),
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    diagrams: [...article.querySelectorAll("svg")].map((svg) => ({
      box: box(svg.getBoundingClientRect()),
      labels: [...svg.querySelectorAll("text")]
        .filter((each) => each.textContent.trim() && each.getBoundingClientRect().width)
        .map((each) => ({ text: each.textContent, kind: each.getAttribute("class") ?? "", ...box(each.getBoundingClientRect()) })),
    })),
  };
  for (const each of folded) each.open = false;
  return found;
}

const samples = JSON.parse(readFileSync(0, "utf8"));
const sandbox = process.getuid?.() !== 0;
const browser = await chromium.launch({ executablePath: process.argv[2], args: FLAGS, chromiumSandbox: sandbox });
const found = {};
try {
  for (const scale of [1, 1.5]) {
    // Pictures are sharper. The scripts are read once for all samples.
    const page = await browser.newPage({ deviceScaleFactor: scale });
    await page.setContent(PAGE);
    await page.addScriptTag({ path: mermaid });
    for (const [name, { markdown, width, picture }] of Object.entries(samples)) {
      if (Boolean(picture) !== scale > 1) continue;
      await page.setViewportSize({ width, height: 600 });
      found[name] = await page.evaluate(laidOut, html(markdown));
      if (picture) await page.screenshot({ path: picture, fullPage: true });
    }
    await page.close();
  }
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(found));
