/*
 * Search from everywhere: / or Ctrl-K opens it, what is typed is looked for on the page /search, whose results are shown
 * here.  And the other keys: ? tells them.
 */
(() => {
"use strict";
const PAUSE = 150;	/* ms without a key before it is looked for */
const GO = { o: "/overview", c: "/certificates", r: "/orders", k: "/keys", a: "/accounts", s: "/sites", m: "/outbox", e: "/events", u: "/users", h: "/help" };
const KEYS = [["/ or Ctrl-K", "Search"], ["g then c", "Certificates"], ["g then o", "Overview"], ["g then r", "Orders"], ["g then k", "Keys"],
	["g then a", "CA accounts"], ["g then s", "Tracking"], ["g then e", "Activity"], ["g then m", "Messages"], ["g then u", "Users"], ["g then h", "Help"], ["n", "New certificate"],
	["j, k", "Next row, previous row"], ["Enter", "Open the row"], ["x", "Select the row"], ["?", "Show these keys"]];

const off = () => { try { return localStorage.getItem("keys") === "off"; } catch { return false; } };

function element(name, attributes, ...children) {
	const made = document.createElement(name);
	for (const [key, value] of Object.entries(attributes))
		made.setAttribute(key, value);
	made.append(...children);
	return made;
}

function open_dialog(dialog) {
	document.body.append(dialog);
	dialog.addEventListener("close", () => dialog.remove());
	dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
	dialog.showModal();
}

function show_keys() {
	const list = element("dl", { class: "facts" });
	for (const [key, what] of KEYS)
		list.append(element("dt", {}, element("kbd", {}, key)), element("dd", {}, what));
	const box = element("input", { type: "checkbox", id: "keys-on" });
	box.checked = !off();
	box.addEventListener("change", () => {
		try { localStorage.setItem("keys", box.checked ? "on" : "off"); } catch { /* no storage here */ }
	});
	const close = element("button", { class: "quiet slim" }, "Close");
	const dialog = element("dialog", { class: "palette keys", "aria-label": "Keyboard" }, element("h2", {}, "Keyboard"), list,
		element("label", { class: "check" }, box, " Single keys work in this browser (Ctrl-K always does)"), close);
	close.addEventListener("click", () => dialog.close());
	open_dialog(dialog);
}

/*
 * The search.
 */

function show_search() {
	const input = element("input", { type: "search", name: "q", "aria-label": "Search everything", autocomplete: "off", spellcheck: "false",
		placeholder: "a name, a host, a page, or: renew www" });
	const results = element("div", { class: "results" });
	const said = element("p", { class: "soft small", role: "status" });
	const form = element("form", { action: "/search", role: "search" }, input);
	const dialog = element("dialog", { class: "palette", "aria-label": "Search" }, form, said, results);
	const choices = () => [...results.querySelectorAll("a, button")];
	let timer = 0, wanted = "", shown = null, flight = null, enter = false;

	/* What does something waits for one more Enter. */
	function open_first() {
		const first = choices()[0];
		first?.tagName === "A" ? first.click() : first?.focus();
	}

	async function look() {
		flight?.abort();
		flight = new AbortController();
		const text = wanted;
		try {
			const answer = await fetch("/search?q=" + encodeURIComponent(text), { headers: { Accept: "text/html" }, signal: flight.signal });
			const page = new DOMParser().parseFromString(await answer.text(), "text/html");
			const found = page.getElementById("results");
			if (!found)
				return location.assign("/search?q=" + encodeURIComponent(text));
			results.replaceChildren(...found.childNodes);
			shown = text;
			said.textContent = choices().length ? `${choices().length} results; arrow keys choose, Enter opens` : "";
			if (enter)
				open_first();
		} catch { /* a newer one is under way, or the server is away: Enter loads the page */ }
	}
	input.addEventListener("input", () => {
		wanted = input.value.trim();
		enter = false;
		clearTimeout(timer);
		timer = setTimeout(look, PAUSE);
	});
	form.addEventListener("submit", (event) => {
		if (!wanted)
			return;
		event.preventDefault();
		enter = true;
		if (shown === wanted) {
			open_first();
		} else {
			clearTimeout(timer);
			look();
		}
	});
	dialog.addEventListener("keydown", (event) => {
		const by = { ArrowDown: 1, ArrowUp: -1 }[event.key], all = choices(), at = all.indexOf(document.activeElement);
		if (!by || !all.length)
			return;
		event.preventDefault();
		const next = at + by;
		(next < 0 ? input : all[Math.min(next, all.length - 1)]).focus();
	});
	open_dialog(dialog);
	input.focus();
}

/*
 * Keys.
 */

let going = 0;	/* until when a letter behind g counts */

const is_typing = (target) => target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

const single = {
	"/": show_search, "?": show_keys, n: () => location.assign("/new/certificate"), g: () => { going = Date.now() + 1500; },
	j: () => window.certera_rows?.move(1), k: () => window.certera_rows?.move(-1), x: () => window.certera_rows?.choose(),
};

document.addEventListener("keydown", (event) => {
	if (!document.getElementById("menu") || document.querySelector("dialog[open]"))
		return;
	if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
		event.preventDefault();
		return show_search();
	}
	if (event.ctrlKey || event.metaKey || event.altKey || off() || is_typing(event.target))
		return;
	const path = Date.now() < going && GO[event.key], act = single[event.key];
	going = 0;
	if (!path && !act)
		return;
	event.preventDefault();
	path ? location.assign(path) : act();
});

document.addEventListener("DOMContentLoaded", () => {
	const footer = document.querySelector(".bottom p");
	if (!footer || !document.getElementById("menu"))
		return;
	const button = element("button", { type: "button", class: "link" }, "Keyboard");
	button.addEventListener("click", show_keys);
	footer.append(" · ", button);
});
})();
