// Opens a page of `--report html` in real Chromium: light, dark, narrow and as printed. Nothing may stand on its console,
// nothing may be asked for, no line may be wider than the window, and axe must find nothing serious.
//
// node browser.mjs PAGE [FOLDER-FOR-PICTURES]; the modules are looked for in NODE_PATH's place, see `.ci/run`.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const modules = createRequire(join(resolve(process.env.BROWSER_MODULES ?? "."), "x.js"));
const { chromium } = modules("playwright-core");
const axe = readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8");

const [page, pictures] = process.argv.slice(2);
const address = pathToFileURL(resolve(page)).href;
const looks = [
  { name: "light", colorScheme: "light", width: 1280 },
  { name: "dark", colorScheme: "dark", width: 1280 },
  { name: "narrow", colorScheme: "light", width: 400 },
];
const wrong = [];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
for (const { name, colorScheme, width } of looks) {
  // axe is a script, which the page itself allows none of.
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 }, bypassCSP: true });
  const tab = await context.newPage();
  tab.on("console", (message) => wrong.push(`${name}: console: ${message.text()}`));
  tab.on("pageerror", (error) => wrong.push(`${name}: ${error}`));
  tab.on("request", (request) => {
    if (request.url() !== address) wrong.push(`${name}: asks for ${request.url()}`);
  });
  const began = Date.now();
  await tab.goto(address, { waitUntil: "load" });
  console.log(`${name}: opened in ${Date.now() - began} ms`);
  if (pictures) await tab.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
  const over = await tab.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (over > 0) wrong.push(`${name}: ${over} pixels wider than the window`);
  JSON.parse(await tab.evaluate(() => document.getElementById("report").textContent));
  // Everything is to be judged, what is folded too.
  await tab.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
  await tab.evaluate(axe);
  const { violations } = await tab.evaluate(() => globalThis.axe.run());
  for (const { impact, id, help, nodes } of violations) {
    const line = `${name}: axe: ${impact}: ${id}: ${help} (${nodes.length}): ${nodes[0].html.slice(0, 200)}`;
    if (impact === "serious" || impact === "critical") wrong.push(line);
    else console.log(line);
  }
  if (pictures) await tab.screenshot({ path: join(pictures, `${name}-unfolded.png`), fullPage: true });
  await context.close();
}
// As it is, under the page's own policy, and on paper.
const context = await browser.newContext();
const tab = await context.newPage();
tab.on("console", (message) => wrong.push(`print: console: ${message.text()}`));
await tab.goto(address, { waitUntil: "load" });
const paper = await tab.pdf({ format: "A4", printBackground: false, ...(pictures && { path: join(pictures, "print.pdf") }) });
if (paper.length < 1000) wrong.push("print: nothing");
await browser.close();

wrong.forEach((line) => console.error(line));
process.exitCode = wrong.length > 0 ? 1 : 0;
