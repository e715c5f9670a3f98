/*
 * A browser for t/8*.t: reads commands from standard input, one JSON a line, and answers each with one line.
 *
 *	{"do": "open", "theme": "dark", "width": 375, "script": false}	a new browser without cookies
 *	{"do": "goto", "url": ...}			-> {status, url, title}
 *	{"do": "click" | "fill" | "press" | "check" | "uncheck" | "select" | "upload", "on": selector, "value": ...}
 *	{"do": "type", "value": ...}			into what has the focus
 *	{"do": "focus", "on": selector}
 *	{"do": "loads"}					-> {loads}: pages that were asked for since it was asked last
 *	{"do": "wait", "on": selector}			until it is there
 *	{"do": "text", "on": selector}			-> {text}; all that is visible
 *	{"do": "html"}					-> {html}: as it came, not as scripts left it
 *	{"do": "axe"}					-> {violations}
 *	{"do": "tour", "stops": [{"path", "url", "looks": [{"theme", "width", "axe", "shot"}]}], "tabs": 2}
 *						-> {pages}: many pages at once, each loaded once and looked at in several ways
 *	{"do": "paper", "width": 680, "theme": "dark"}	as it is printed, until the next "open"
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

let browser, context, page, home, source = "";
const said = [], loads = [];

/* What the console of a page says, and what it asks of others, goes into a list. */
function listen(tab, list) {
	tab.on("console", (m) => { if (m.type() === "error" && !m.text().startsWith("Failed to load resource")) list.push(m.text()); });
	tab.on("pageerror", (e) => list.push(e.message));
	tab.on("request", (r) => {
		if (home && /^(http|ws)/.test(r.url()) && new URL(r.url()).host !== home)
			list.push(`a request to elsewhere: ${r.url()}`);
	});
	tab.on("websocket", (w) => { if (new URL(w.url()).host !== home) list.push(`a request to elsewhere: ${w.url()}`); });
}

async function open(c) {
	browser ??= await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: FLAGS });
	await context?.close();
	context = await browser.newContext({ viewport: { width: c.width || 1280, height: c.height || 900 }, colorScheme: c.theme || "light",
		javaScriptEnabled: c.script !== false, ignoreHTTPSErrors: true, acceptDownloads: true, bypassCSP: false });
	context.setDefaultTimeout(PATIENCE);
	page = await context.newPage();
	listen(page, said);
	page.on("request", (r) => { if (r.isNavigationRequest()) loads.push(r.url()); });
	page.on("response", async (r) => {
		if (r.request().isNavigationRequest() && (r.headers()["content-type"] || "").includes("html"))
			source = await r.text().catch(() => source);
	});
	return {};
}

/* Again, while the page is just being replaced. */
async function steady(act) {
	for (let left = 20;; left--) {
		try {
			return await act();
		} catch (e) {
			if (!left || !/destroyed|navigat|detached/.test(e.message))
				throw e;
			await new Promise((done) => { setTimeout(done, 100); });
		}
	}
}

/* Runs in a world of its own, so that the page's policy does not keep it out. */
async function axe_of(tab) {
	const session = await context.newCDPSession(tab);
	const { frameTree } = await session.send("Page.getFrameTree");
	const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "axe" });
	const evaluate = (expression, awaitPromise) => session.send("Runtime.evaluate",
		{ expression, awaitPromise, returnByValue: true, contextId: executionContextId });
	await evaluate(axe, false);
	const { result } = await evaluate(`axe.run({ resultTypes: ["violations"] }).then((r) => r.violations.map((v) =>
		v.id + ": " + v.help + ": " + v.nodes.map((n) => n.target.join(" ") + " " + n.html.slice(0, 120)).join("; ")))`, true);
	await session.detach();
	return result.value;
}

async function faults_of(html) {
	const report = await validator.validateString(html);
	return report.results.flatMap((r) => r.messages.map((m) => `line ${m.line}: ${m.ruleId}: ${m.message}`));
}

/* A page in one of its looks; nothing is loaded again. */
async function look_at(tab, { theme, width, axe, shot }) {
	await tab.emulateMedia({ colorScheme: theme });
	await tab.setViewportSize({ width, height: 900 });
	const wide = await tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
	const violations = axe ? await steady(() => axe_of(tab)) : [];
	if (shot)
		await tab.screenshot({ path: shot, fullPage: true });
	return { theme, width, wide, violations };
}

async function visit(tab, list, { path, url, looks }) {
	const answer = await tab.goto(url), html = await answer.text(), looked = [];
	for (const look of looks)
		looked.push(await look_at(tab, look));
	return { path, status: answer.status(), title: await tab.title(), html, looked, faults: [...await faults_of(html), ...list.splice(0)] };
}

async function tour(c) {
	const left = [...c.stops], pages = [];
	home = new URL(c.stops[0].url).host;
	await Promise.all(Array.from({ length: c.tabs }, async () => {
		const tab = await context.newPage(), list = [];
		listen(tab, list);
		for (let stop; (stop = left.shift());)
			pages.push(await visit(tab, list, stop).catch((e) => ({ path: stop.path, failed: e.message })));
		await tab.close();
	}));
	return { pages };
}

const actions = {
	open,
	goto: async (c) => {
		home = new URL(c.url).host;
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
	focus: async (c) => { await page.locator(c.on).first().focus(); return {}; },
	loads: async () => ({ loads: loads.splice(0).length }),
	wait: async (c) => { await page.locator(c.on).first().waitFor(); return {}; },
	count: async (c) => ({ count: await page.locator(c.on).count() }),
	text: async (c) => ({ text: await page.locator(c.on || "body").first().innerText() }),
	html: async () => ({ html: source }),
	eval: async (c) => ({ value: await page.evaluate(c.value) }),
	axe: async () => ({ violations: await axe_of(page) }),
	validate: async () => ({ faults: await faults_of(source) }),
	tour,
	paper: async (c) => {
		await page.emulateMedia({ media: "print", colorScheme: c.theme || "light" });
		await page.setViewportSize({ width: c.width, height: 900 });
		return {};
	},
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
			answer = await steady(() => actions[c.do](c));
		} catch (e) {
			answer = { failed: `${line.slice(0, 200)}: ${e.message}` };
		}
		process.stdout.write(JSON.stringify(answer) + "\n");
	}
	await browser?.close();
})();
