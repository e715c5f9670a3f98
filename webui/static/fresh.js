/*
 * [data-every]: a part of a page that is shown anew every so many seconds while somebody sees it.  It waits while the part is
 * being used: something in it has the focus, or is unfolded.
 */
(() => {
"use strict";
function in_use(part) {
	return part.contains(document.activeElement) || part.querySelector("details[open]");
}

async function renew(part) {
	const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
	const page = new DOMParser().parseFromString(await answer.text(), "text/html"), next = page.getElementById(part.id);
	if (answer.ok && next && !in_use(part) && next.innerHTML !== part.innerHTML) {
		part.replaceChildren(...next.childNodes);
		document.title = page.title;
	}
}

document.addEventListener("DOMContentLoaded", () => {
	for (const part of document.querySelectorAll("[data-every]"))
		setInterval(() => {
			if (document.visibilityState === "visible" && !in_use(part))
				renew(part).catch(() => {});	/* the server is away: the next time */
		}, part.dataset.every * 1000);
});
})();
