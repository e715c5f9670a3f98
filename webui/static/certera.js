/*
 * Everything works without this; with it, pages follow what is under way by themselves, texts are
 * copied with a click, and the theme can be chosen.
 */
(() => {
"use strict";
const root = document.documentElement;
const store = (value) => {
	try {
		if (value === undefined)
			return localStorage.getItem("theme");
		return value ? localStorage.setItem("theme", value) : localStorage.removeItem("theme");
	} catch { return null; }	/* no storage here: the choice lasts for the page */
};
root.classList.add("scripted");
if (store())
	root.dataset.theme = store();

function copiers(place) {
	for (const text of place.querySelectorAll(".copy > pre, .copy > .secret")) {
		const button = document.createElement("button");
		button.type = "button";
		button.className = "copier quiet slim";
		button.textContent = "Copy";
		button.addEventListener("click", async () => {
			await navigator.clipboard.writeText(text.textContent.trim());
			button.textContent = "Copied";
			setTimeout(() => { button.textContent = "Copy"; }, 1500);
		});
		text.after(button);
	}
}

/*
 * [data-copy="serial number"]: a button in the line, behind tags, copies its text.  What is copied is said in a place of its
 * own, which is read out.
 */
function line_copiers(place) {
	for (const text of place.querySelectorAll("[data-copy]")) {
		const button = document.createElement("button");
		button.type = "button";
		button.className = "copy-line";
		button.title = "Copy";
		button.setAttribute("aria-label", `Copy ${text.dataset.copy} ${text.textContent.trim()}`.slice(0, 120));
		button.innerHTML = '<svg class="icon" aria-hidden="true"><use href="#i-copy"/></svg>';
		button.addEventListener("click", () => copy_line(button, text.textContent.trim()));
		let last = text;
		while (last.nextElementSibling?.matches(".tag"))
			last = last.nextElementSibling;
		last.after(button);
	}
}

async function copy_line(button, text) {
	await navigator.clipboard.writeText(text);
	button.classList.add("done");
	button.firstElementChild.firstElementChild.setAttribute("href", "#i-done");
	document.getElementById("copied").textContent = "Copied";
	setTimeout(() => {
		button.classList.remove("done");
		button.firstElementChild.firstElementChild.setAttribute("href", "#i-copy");
		document.getElementById("copied").textContent = "";
	}, 1500);
}

function themes() {
	const button = document.getElementById("theme");
	if (!button)
		return;
	const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
	const say = () => { button.setAttribute("aria-pressed", String(dark())); };
	button.hidden = false;
	say();
	button.addEventListener("click", () => {
		root.dataset.theme = dark() ? "light" : "dark";
		store(root.dataset.theme);
		say();
	});
}

/*
 * [data-live]: what changes while something is under way.  data-live is the address of its events; each tells only that the
 * page is another one now, so it is fetched again and the part replaced.  Where there are no events, it is asked again and again.
 */
async function refresh(id) {
	const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
	const page = new DOMParser().parseFromString(await answer.text(), "text/html");
	const now = document.getElementById(id), next = page.getElementById(id);
	if (!now || !next)
		return location.reload();
	if (now.dataset.live && !next.dataset.live)	/* it is over: the whole page may be another one */
		return location.reload();
	now.replaceChildren(...next.childNodes);
	enhance(now);
}

function follow(part) {
	const again = () => setTimeout(() => refresh(part.id).then(again, again), 2000);
	if (!window.EventSource || !part.dataset.live.startsWith("/"))
		return again();
	const source = new EventSource(part.dataset.live);
	source.addEventListener("change", () => refresh(part.id));
	source.addEventListener("end", () => { source.close(); location.reload(); });
	source.addEventListener("error", () => {
		if (source.readyState === EventSource.CLOSED)
			again();
	});
}

/*
 * form[data-look]: what a person publishes is looked for again and again while the page is seen; #found says what was found.
 * When the order goes on, it is gone, and the page is loaded anew.
 */
function looker(form) {
	const look = async () => {
		if (document.visibilityState === "visible") {
			await fetch(form.dataset.look, { method: "POST", body: "{}", headers: {
				"Content-Type": "application/json", "X-CSRF-Token": form.elements._csrf?.value ?? "" } });
			await refresh("found");
		}
	};
	const again = () => setTimeout(() => look().then(again, again), 3000);
	look().then(again, again);
}

function pickers(place) {
	for (const all of place.querySelectorAll("input[data-all]")) {
		all.closest("label, th").hidden = false;
		all.addEventListener("change", () => {
			for (const one of document.querySelectorAll(`input[name="${all.dataset.all}"]`))
				one.checked = all.checked;
		});
	}
}

/* A part that another script has replaced says so by this event. */
document.addEventListener("part", (event) => {
	enhance(event.target);
	if (event.target.dataset.live)
		follow(event.target);
});

function enhance(place) {
	copiers(place);
	line_copiers(place);
	pickers(place);
}

/* The server takes no larger form: a browser would lose what was typed. */
document.addEventListener("change", (event) => {
	const field = event.target, most = 60;
	if (field.type !== "file")
		return;
	const size = Math.ceil([...field.files].reduce((sum, file) => sum + file.size, 0) / 1024);
	field.setCustomValidity(size > most ? `The file has ${size} KiB; a form takes ${most} KiB.` : "");
	field.reportValidity();
});

/* What stands in a page from its beginning is not read out; what comes into a status later is. */
function tell() {
	const line = document.querySelector("#said > p");
	if (line)
		setTimeout(() => line.replaceChildren(...line.childNodes), 250);
}

document.addEventListener("DOMContentLoaded", () => {
	themes();
	tell();
	enhance(document);
	document.querySelectorAll("[data-live]").forEach(follow);
	document.querySelectorAll("form[data-look]").forEach(looker);
	const fault = document.querySelector("[aria-invalid=true]");
	if (fault) {
		fault.closest("details")?.setAttribute("open", "");
		fault.focus();
	}
});
})();
