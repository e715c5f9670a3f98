/*
 * a[data-dialog]: the page it leads to, which says what follows from something and has the button, opens over this one.
 * Its forms are sent as those of the page; what cannot be shown here is shown there.
 */
(() => {
"use strict";

async function open(link) {
	const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
	const page = new DOMParser().parseFromString(await answer.text(), "text/html"), guard = page.getElementById("guard");
	if (!answer.ok || !guard)
		return location.assign(link.href);
	const dialog = document.createElement("dialog");
	guard.querySelector("h1").id = "dialog-title";
	dialog.setAttribute("aria-labelledby", "dialog-title");
	dialog.className = "guard";
	dialog.append(...guard.childNodes);
	for (const close of dialog.querySelectorAll("[data-close]"))
		close.addEventListener("click", (event) => { event.preventDefault(); dialog.close(); });
	dialog.addEventListener("close", () => { dialog.remove(); link.focus(); });
	document.body.append(dialog);
	dialog.showModal();
}

document.addEventListener("click", (event) => {
	const link = event.target.closest?.("a[data-dialog]");
	if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey)
		return;
	event.preventDefault();
	open(link).catch(() => location.assign(link.href));
});
})();
