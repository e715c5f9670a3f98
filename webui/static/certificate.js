/*
 * The pages of one certificate: what failed is checked again and again, and goes on by itself when it is right; a download
 * that is waited for shows when it has come; menus close.  Everything works without this.
 */
(() => {
"use strict";
const BEGIN = 3000, MOST = 20000;	/* ms between two checks: more and more */
const wait = (ms) => new Promise((done) => { setTimeout(done, ms); });
const seen = () => document.visibilityState === "visible";

async function read(url) {
	const answer = await fetch(url, { headers: { Accept: "text/html" } });
	return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/* The part as it is now, and then as all parts of a page are. */
function replace(now, next) {
	now.replaceChildren(...next.childNodes);
	for (const name of ["live", "from", "open"])
		if (next.dataset[name] === undefined)
			delete now.dataset[name];
		else
			now.dataset[name] = next.dataset[name];
	now.dispatchEvent(new Event("part", { bubbles: true }));
}

/* The order has begun: from here on the page follows it. */
function go_on(page) {
	const state = document.getElementById("state"), next = page.getElementById("state");
	if (!state || !next || !next.dataset.live)
		return location.reload();
	document.querySelector(".head").replaceWith(page.querySelector(".head"));
	replace(state, next);
}

/* What was found; and where that has another cause, other things are to be done. */
function show(found, page) {
	const now = document.querySelector(".recipe"), next = page.querySelector(".recipe");
	if (now.dataset.causes === next.dataset.causes)
		return replace(document.getElementById("checked"), found);
	now.dataset.causes = next.dataset.causes;
	replace(now, next);
}

/* form[data-recheck]: #checked is what was found.  False: there is nothing to check any more. */
async function check(form) {
	await fetch(form.dataset.recheck, { method: "POST", body: "{}", headers: {
		"Content-Type": "application/json", "X-CSRF-Token": form.elements._csrf?.value ?? "" } });
	for (;;) {
		await wait(1000);
		const page = await read(location.href), found = page.getElementById("checked");
		if (!page.querySelector("form[data-recheck]") || !found) {
			go_on(page);
			return false;
		}
		const open = found.dataset.open !== undefined;
		show(found, page);
		if (!open)
			return true;
	}
}

async function recheck(form) {
	for (let pause = BEGIN, more = true; more; pause = Math.min(pause * 1.2, MOST)) {
		await wait(pause);
		if (seen())
			more = await check(form).catch(() => true);	/* the server is away: later */
	}
}

/* [data-from]: the same part of that page, again and again. */
async function expect(part) {
	for (;;) {
		await wait(BEGIN);
		const next = seen() && (await read(part.dataset.from).catch(() => null))?.getElementById(part.id);
		if (next && next.textContent !== part.textContent)
			replace(part, next);
	}
}

function close_menus(but) {
	for (const menu of document.querySelectorAll("details.drop[open]"))
		if (menu !== but)
			menu.removeAttribute("open");
}

/* A link to what is folded opens it. */
function unfold() {
	const aim = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
	if (aim instanceof HTMLDetailsElement) {
		aim.open = true;
		aim.scrollIntoView();
	}
}

document.addEventListener("click", (event) => close_menus(event.target.closest?.("details.drop")));
document.addEventListener("keydown", (event) => {
	if (event.key === "Escape")
		close_menus();
});
window.addEventListener("hashchange", unfold);
unfold();
document.querySelectorAll("form[data-recheck]").forEach(recheck);
document.querySelectorAll("[data-from]").forEach(expect);
})();
