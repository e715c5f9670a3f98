/*
 * [data-preview]: what a form would do, beside it, while one types.  The form is sent as its button "Preview" sends it, so
 * nothing happens but an answer, and the part of that page is shown here.  What is not finished leaves what was shown.
 */
(() => {
"use strict";
const PAUSE = 500;	/* ms without a key */
const text_of = (form, name) => form.querySelector(`textarea[name=${name}]`).value;	/* buttons and files have these names, too */

/* Choices for names that are no longer there would be refused. */
function drop_old_choices(form, part) {
	const typed = text_of(form, "names").toLowerCase().split(/[\s,;]+/);
	for (const choice of part.querySelectorAll("select[name=challenges]")) {
		const row = choice.closest("tr"), shown = row.querySelector(".main").textContent.toLowerCase();
		const name = [...choice.options].at(-1).value.split("=")[0];
		choice.disabled = !typed.includes(name) && !typed.includes(shown);
	}
}

function say(part, sentence) {
	const note = part.querySelector("[role=status]") ?? document.createElement("p");
	note.setAttribute("role", "status");
	note.className = "why";
	note.textContent = sentence;
	note.hidden = !sentence;
	part.prepend(note);
}

/* The name that it gets if none is typed. */
function suggest(form, part) {
	const name = part.querySelector("#suggested")?.textContent;
	if (name)
		form.elements.name.placeholder = name;
}

async function show(form, part) {
	const button = form.querySelector("button[formaction]");
	const answer = await fetch(button.formAction, { method: "POST", headers: { Accept: "text/html" }, body: new FormData(form) });
	const page = new DOMParser().parseFromString(await answer.text(), "text/html"), next = page.getElementById(part.id);
	const fault = page.querySelector(".note.bad .title");
	if (!answer.ok || !next)
		return say(part, fault?.textContent ?? "");
	const focused = document.activeElement?.getAttribute("aria-label");
	part.replaceChildren(...next.childNodes);
	suggest(form, part);
	if (focused)
		part.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
}

function alive(part) {
	const form = document.getElementById(part.dataset.preview);
	let timer, running = false, again = false;

	const look = async () => {
		if (running)
			return again = true;
		if (!text_of(form, "names").trim() && !text_of(form, "csr"))
			return;
		running = true;
		drop_old_choices(form, part);
		await show(form, part).catch(() => {});
		running = false;
		if (again)
			look(again = false);
	};
	const soon = () => { clearTimeout(timer); timer = setTimeout(look, PAUSE); };

	form.addEventListener("input", (event) => {
		if (event.target.name === "challenge")	/* the one for all */
			part.querySelectorAll("select[name=challenges]").forEach((choice) => { choice.value = ""; });
		soon();
	});
	part.addEventListener("input", soon);
	form.addEventListener("submit", () => drop_old_choices(form, part));
	suggest(form, part);
	look();
}

document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-preview]").forEach(alive));
})();
