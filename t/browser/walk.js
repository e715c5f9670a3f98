/*
 * A browser for t/8*.t: reads commands from standard input, one JSON a line, and answers each with one line.
 *
 *	{"do": "open", "theme": "dark", "width": 375, "script": false}	a new browser without cookies
 *	{"do": "goto", "url": ...}			-> {status, url, title}
 *	{"do": "click" | "fill" | "press" | "check" | "uncheck" | "select" | "upload", "on": selector, "value": ...}
 *	{"do": "type", "value": ...}			into what has the focus
 *	{"do": "wait", "on": selector}			until it is there
 *	{"do": "text", "on": selector}			-> {text}; all that is visible
 *	{"do": "html"}					-> {html}: as it came, not as scripts left it
 *	{"do": "axe"}					-> {violations}
 *	{"do": "shot", "path": ...}
 *	{"do": "eval", "value": expression}		-> {value}
 *	{"do": "download", "on": selector}		-> {name, path}
 */
const readline = require("readline");
const modules = process.env.BROWSER_MODULES;
const { chromium } = require(`${modules}/playwright-core`);
const { HtmlValidate } = require(`${modules}/html-validate`);
const axe = require("fs").readFileSync(`${modules}/axe-core/axe.min.js`, "utf8");

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
	"--disable-component-update", "--disable-sync"];
const PATIENCE = 30000 * Number(process.env.PATIENCE || 1);
const validator = new HtmlValidate({
	extends: ["html-validate:recommended"],
	/* Off: matters of taste, and names that come twice on purpose (a file and the same pasted, a box and its "false"). */
	rules: { "void-style": "off", "doctype-style": "off", "no-trailing-whitespace": "off", "long-title": "off",
		"no-implicit-button-type": "off", "attribute-boolean-style": "off", "form-dup-name": "off", "meta-refresh": "off" /* in noscript */,
		"no-inline-style": "error" },
});

let browser, context, page, source = "";
const said = [];

async function open(c) {
	browser ??= await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: FLAGS });
	await context?.close();
	context = await browser.newContext({ viewport: { width: c.width || 1280, height: c.height || 900 }, colorScheme: c.theme || "light",
		javaScriptEnabled: c.script !== false, ignoreHTTPSErrors: true, acceptDownloads: true, bypassCSP: false });
	context.setDefaultTimeout(PATIENCE);
	page = await context.newPage();
	page.on("console", (m) => { if (m.type() === "error" && !m.text().startsWith("Failed to load resource")) said.push(m.text()); });
	page.on("pageerror", (e) => said.push(e.message));
	page.on("response", async (r) => {
		if (r.request().isNavigationRequest() && (r.headers()["content-type"] || "").includes("html"))
			source = await r.text().catch(() => source);
	});
	return {};
}

/* Runs in a world of its own, so that the page's policy does not keep it out. */
async function run_axe() {
	const session = await context.newCDPSession(page);
	const { frameTree } = await session.send("Page.getFrameTree");
	const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
	const evaluate = (expression, awaitPromise) => session.send("Runtime.evaluate",
		{ expression, awaitPromise, returnByValue: true, contextId: executionContextId });
	await evaluate(axe, false);
	const { result } = await evaluate(`axe.run({ resultTypes: ["violations"] }).then((r) => r.violations.map((v) =>
		v.id + ": " + v.help + ": " + v.nodes.map((n) => n.target.join(" ") + " " + n.html.slice(0, 120)).join("; ")))`, true);
	await session.detach();
	return { violations: result.value };
}

async function validate() {
	const report = await validator.validateString(source);
	return { faults: report.results.flatMap((r) => r.messages.map((m) => `line ${m.line}: ${m.ruleId}: ${m.message}`)) };
}

const actions = {
	open,
	goto: async (c) => {
		const r = await page.goto(c.url);
		return { status: r.status(), url: page.url(), title: await page.title() };
	},
	reload: async () => { await page.reload(); return {}; },
	where: async () => ({ url: page.url(), title: await page.title() }),
	click: async (c) => { await page.locator(c.on).first().click(); await page.waitForLoadState(); return { url: page.url() }; },
	fill: async (c) => { await page.locator(c.on).first().fill(c.value); return {}; },
	press: async (c) => { await page.keyboard.press(c.value); return {}; },
	type: async (c) => { await page.keyboard.type(c.value); return {}; },
	check: async (c) => { await page.locator(c.on).first().check(); return {}; },
	uncheck: async (c) => { await page.locator(c.on).first().uncheck(); return {}; },
	select: async (c) => { await page.locator(c.on).first().selectOption(c.value); return {}; },
	upload: async (c) => { await page.locator(c.on).first().setInputFiles(c.value); return {}; },
	wait: async (c) => { await page.locator(c.on).first().waitFor(); return {}; },
	count: async (c) => ({ count: await page.locator(c.on).count() }),
	text: async (c) => ({ text: await page.locator(c.on || "body").first().innerText() }),
	html: async () => ({ html: source }),
	eval: async (c) => ({ value: await page.evaluate(c.value) }),
	axe: run_axe,
	validate,
	shot: async (c) => { await page.screenshot({ path: c.path, fullPage: c.full !== false }); return {}; },
	said: async () => ({ said: said.splice(0) }),
	download: async (c) => {
		const [file] = await Promise.all([page.waitForEvent("download"), page.locator(c.on).first().click()]);
		return { name: file.suggestedFilename(), path: await file.path() };
	},
};

(async () => {
	for await (const line of readline.createInterface({ input: process.stdin })) {
		const c = JSON.parse(line);
		let answer;
		try {
			answer = await actions[c.do](c).catch((e) => {
				if (!/destroyed|navigat|detached/.test(e.message))
					throw e;
				return actions[c.do](c);	/* the page was just being replaced */
			});
		} catch (e) {
			answer = { failed: `${line.slice(0, 200)}: ${e.message}` };
		}
		process.stdout.write(JSON.stringify(answer) + "\n");
	}
	await browser?.close();
})();
