// The portal in a real browser: every page that the navigation has, in both
// themes and with axe, and the journeys below. It starts a demo of its own.
//   node test/portal.mjs ../bin/payerflow [folder for screenshots]
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRequire } from "node:module";
import { test, before, after } from "node:test";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const [binary = "../bin/payerflow", shots] = process.argv.slice(2);
const dir = mkdtempSync(join(tmpdir(), "payerflow-portal-"));
let demo, browser, base, tokens;

// started waits for the demo's own word of where it listens.
async function started() {
  demo = spawn(binary, ["demo", "--data-dir", dir, "--http-addr", "127.0.0.1:0", "--kafka-addr", "127.0.0.1:0", "--registry-addr", "127.0.0.1:0", "--rate", "20"], { stdio: ["ignore", "pipe", "ignore"] });
  let said = "";
  for await (const chunk of demo.stdout) {
    said += chunk;
    const at = said.match(/portal\s+(http:\S+)\/portal\//);
    if (at) return at[1];
  }
  throw new Error("the demo ended: " + said);
}

async function ready() {
  for (let i = 0; i < 600; i++) {
    const answer = await fetch(base + "/readyz").catch(() => null);
    if (answer?.ok) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error("the worker is not ready after a minute");
}

before(async () => {
  base = await started();
  await ready();
  tokens = JSON.parse(readFileSync(join(dir, "credentials.json"), "utf8")).tokens;
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
  if (shots) mkdirSync(shots, { recursive: true });
}, { timeout: 120_000 });

after(async () => {
  await browser?.close();
  demo?.kill("SIGTERM");
  await new Promise((done) => (demo && demo.exitCode === null ? demo.once("exit", done) : done()));
  rmSync(dir, { recursive: true, force: true });
});

// opened is a page whose complaints are kept.
async function opened(theme = "light", size = { width: 1360, height: 850 }) {
  const context = await browser.newContext({ colorScheme: theme, viewport: size, permissions: ["clipboard-read", "clipboard-write"] });
  const page = await context.newPage();
  page.wrong = [];
  page.on("pageerror", (e) => page.wrong.push(String(e)));
  page.on("console", (m) => m.type() === "error" && !/status of [45]\d\d/.test(m.text()) && page.wrong.push(m.text()));
  return page;
}

async function signedIn(role, theme, size) {
  const page = await opened(theme, size);
  await page.goto(base + "/portal/");
  await page.getByLabel("Token").fill(tokens[role]);
  const nav = page.getByRole("navigation", { name: "Pages" });
  for (let i = 0; i < 10 && !(await nav.isVisible()); i++) { // again where the worker has too much to do
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await nav.or(page.getByRole("alert")).first().waitFor();
  }
  await nav.waitFor();
  return page;
}

async function looked(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }));
  if (shots) await page.screenshot({ path: join(shots, name + ".png") });
  const serious = violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  assert.deepEqual(serious.map((v) => `${v.id}: ${v.nodes.map((n) => n.target + " " + (n.any[0]?.message ?? "")).slice(0, 3).join("; ")}`), [], name);
  assert.deepEqual(page.wrong, [], name);
}

// busy are what a worker says that has too much to do: the pages say it too.
const busy = new Set(["BUSY", "STORE_AWAY", "RULES_STALE", "RESTORING", "AUDIT_UNAVAILABLE", "PARTITION_AWAY"]);

// asked is the worker's answer, once it is not too busy for one.
async function asked(path, there = () => true) {
  for (let i = 0; i < 300; i++) {
    const answer = await fetch(base + path, { headers: { Authorization: "Bearer " + tokens.admin } });
    const said = await answer.json();
    if (answer.ok && there(said)) return said;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`no answer to ${path} in 30 s`);
}

// anyClaim is one that the demo made up.
const anyClaim = async () => (await asked("/v1/views/claim-status?limit=1", (said) => said.rows?.length > 0)).rows[0].key;

test("a wrong token is told, and the page shows nothing", async () => {
  const page = await opened();
  await page.goto(base + "/");
  await page.getByLabel("Token").fill("pf_0123");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("alert").waitFor();
  assert.equal(await page.getByRole("navigation", { name: "Pages" }).count(), 0);
  await looked(page, "sign-in");
});

test("a session's cookie is for no script, and for no other site's requests", async () => {
  const page = await signedIn("admin");
  assert.equal(await page.evaluate(() => document.cookie), "");
  const [cookie] = await page.context().cookies();
  assert.equal(cookie.httpOnly, true);
  assert.equal(cookie.sameSite, "Strict");
  assert.ok(!cookie.value.includes(tokens.admin));
  const plain = await fetch(base + "/v1/engine", { headers: { Cookie: `${cookie.name}=${cookie.value}` } });
  assert.equal(plain.status, 401, "the cookie alone opens nothing");
  const foreign = await fetch(base + "/v1/events", { method: "POST", headers: { Cookie: `${cookie.name}=${cookie.value}`, "Payerflow-Portal": "1", Origin: "https://elsewhere.example" } });
  assert.equal(foreign.status, 403);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Token").waitFor();
  assert.equal((await page.context().cookies()).length, 0);
});

for (const theme of ["light", "dark"]) {
  test(`every page, ${theme}`, { timeout: 300_000 }, async () => {
    const claim = await anyClaim();
    const page = await signedIn("admin", theme);
    const links = await page.getByRole("navigation", { name: "Pages" }).getByRole("link").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
    const more = [`/claims/${claim}`, "/catalogue/CLAIM_SUBMITTED", "/catalogue/CLAIM_SUBMITTED?tab=schema", "/catalogue/CLAIM_SUBMITTED?tab=versions", "/catalogue/CLAIM_SUBMITTED?tab=sample",
      "/catalogue/CLAIM_SUBMITTED?tab=flow", "/catalogue/CLAIM_SUBMITTED?tab=publish", "/views/claim-status", `/views/claim-status/${claim}`, "/topology?node=router.v1-mediator-consumer&domain=mediator"];
    for (const href of [...links, ...more.map((p) => "/portal" + p)]) {
      await page.goto(base + href);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.locator(".loading").first().waitFor({ state: "detached", timeout: 20_000 }).catch(() => assert.fail(href + " goes on loading"));
      await page.waitForTimeout(shots ? 3500 : 300);
      const faults = await page.locator(".error strong").allTextContents();
      assert.deepEqual(faults.filter((f) => !busy.has(f)), [], href);
      await looked(page, theme + href.replace(claim, "one").replaceAll(/[^a-zA-Z]+/g, "-"));
    }
  });
}

test("a reader is shown what it may see, and no more", async () => {
  const page = await signedIn("subscriber");
  const nav = page.getByRole("navigation", { name: "Pages" });
  assert.equal(await nav.getByRole("link", { name: "Claims" }).count(), 0);
  await page.goto(base + "/portal/claims");
  await page.getByRole("alert").getByText("FORBIDDEN").waitFor();
});

test("the keyboard goes anywhere", async () => {
  const claim = await anyClaim();
  const page = await signedIn("admin");
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill(claim);
  await page.getByRole("option", { name: "Open the claim of this id" }).waitFor();
  await page.keyboard.press("Enter"); // the first of what can be done with it
  await page.waitForURL("**/claims/" + claim);
  await page.getByText("Because").waitFor();
  await page.getByRole("button", { name: "Copy as CLI" }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `payerflow view watch claim-status ${claim}`);
});

test("published from the catalogue, a premium is on its member's page and can be traced", { timeout: 90_000 }, async () => {
  const page = await signedIn("admin");
  await page.goto(base + "/portal/catalogue/INVOICE_GENERATED?tab=publish");
  await page.getByLabel("memberId").fill("MBR-PORTAL");
  await page.getByLabel("premiumCents").fill("-1");
  await page.getByRole("checkbox", { name: /Synthetic/ }).uncheck();
  await page.getByRole("button", { name: "Publish", exact: true }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("premiumCents").fill("42000");
  await page.getByRole("button", { name: "Publish", exact: true }).click();
  await page.getByText(/^Taken/).waitFor();
  await looked(page, "published");
  const id = await page.locator(".done a").textContent();
  await page.locator(".done a").click();
  await page.getByText("billing.invoice.generated").first().waitFor({ timeout: 30_000 });
  await looked(page, "trace");
  await page.goto(base + "/portal/grace/MBR-PORTAL");
  await page.getByRole("cell", { name: "INV-SAMPLE-0001" }).waitFor({ timeout: 30_000 });
  assert.ok((await page.getByRole("link", { name: id }).count()) > 0, "the row names the event that made it");
  await looked(page, "premiums");
});

test("an appeal appears on its provider's page by itself", { timeout: 90_000 }, async () => {
  const claim = await anyClaim();
  const row = await asked(`/v1/views/claim-status/${claim}`);
  const page = await signedIn("admin");
  await page.goto(`${base}/portal/appeals?provider=${row.value.providerId}`);
  await page.getByText("live", { exact: true }).waitFor();
  const type = await asked("/v1/event-types/RECONSIDERATION_RECEIVED");
  const body = { ...JSON.parse(type.row.sample), claimId: claim, memberId: row.value.memberId, providerId: row.value.providerId, updatedAt: new Date().toISOString() };
  const answer = await fetch(base + "/v1/events", {
    method: "POST",
    headers: { Authorization: "Bearer " + tokens.admin, "Content-Type": "application/json" },
    body: JSON.stringify({ metadata: { eventType: "RECONSIDERATION_RECEIVED", transactionId: "portal-1", timeStamp: new Date().toISOString(), sourceSystem: "test", synthetic: false }, eventBody: body }),
  });
  assert.equal(answer.status, 201, await answer.text());
  await page.getByRole("row", { name: new RegExp(claim) }).getByText("RECEIVED").waitFor({ timeout: 30_000 });
  await looked(page, "appeals-live");
});

test("a subscription is tried, proposed and applied, and is there", { timeout: 150_000 }, async () => {
  const page = await signedIn("admin");
  await page.goto(base + "/portal/rules/edit?kind=subscription");
  const row = page.getByLabel("Row as JSON");
  await row.fill(JSON.stringify({ team: "demo", name: "from-portal", eventTypes: ["NO_SUCH_TYPE"], delivery: "topic" }));
  await page.getByRole("button", { name: "Try", exact: true }).click();
  await page.getByRole("alert").getByText("ROW_REFUSED").waitFor();
  await row.fill(JSON.stringify({ team: "demo", name: "from-portal", eventTypes: ["CLAIM_SUBMITTED"], delivery: "topic" }));
  await page.getByRole("button", { name: "Try", exact: true }).click();
  await page.getByRole("row", { name: /^demo\/from-portal/ }).waitFor({ timeout: 60_000 });
  await looked(page, "tried");
  await page.getByLabel("Why").fill("a try");
  await page.getByRole("button", { name: "Propose", exact: true }).click();
  await page.getByRole("button", { name: "Apply", exact: true }).click();
  await page.locator(".head .status", { hasText: "ACTIVE" }).waitFor();
  await looked(page, "proposal");
  await page.goto(base + "/portal/rules");
  await page.getByRole("row", { name: /demo\/from-portal/ }).getByText("consumer.demo.from-portal").waitFor();
  await looked(page, "rules");
});

test("the first view takes 200 KB of script at most", async () => {
  const page = await opened();
  let size = 0;
  page.on("response", async (r) => {
    if (r.url().endsWith(".js")) size += Number(r.headers()["content-length"] ?? 0);
  });
  await page.goto(base + "/portal/");
  await page.getByLabel("Token").fill(tokens.admin);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  await page.locator(".chart canvas").waitFor();
  assert.ok(size > 50_000 && size <= 200 * 1024, `${size} bytes`);
  console.log(`first view: ${Math.round(size / 1024)} KB of script`);
});
