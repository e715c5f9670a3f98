/* Lists: how many rows are chosen, menus that close, and the rows by j, k, x. */
(() => {
"use strict";
const rows = () => [...document.querySelectorAll("table.rows tbody tr")];

function count_chosen(form) {
	const bar = form.querySelector(".chosen"), boxes = [...form.querySelectorAll('input[name="items"]')];
	const chosen = boxes.filter((box) => box.checked).length, all = form.elements._all?.checked;
	if (!bar)
		return;
	bar.classList.toggle("some", Boolean(chosen || all));
	bar.querySelector(".chosen-count").textContent = all ? "All" : chosen ? `${chosen} chosen` : "";
	const whole = form.querySelector('input[data-all="items"]');
	if (whole) {
		whole.checked = chosen > 0 && chosen === boxes.length;
		whole.indeterminate = chosen > 0 && chosen < boxes.length;
	}
}

/* Between two boxes, with the shift key: all of them. */
function choose_range(form) {
	let last = null;
	form.addEventListener("click", (event) => {
		const boxes = [...form.querySelectorAll('input[name="items"]')], at = boxes.indexOf(event.target);
		if (at < 0)
			return;
		if (event.shiftKey && last !== null)
			for (const box of boxes.slice(Math.min(at, last), Math.max(at, last)))
				box.checked = event.target.checked;
		last = at;
	});
}

function menus() {
	document.addEventListener("click", (event) => {
		for (const menu of document.querySelectorAll(".chip details[open]"))
			if (!menu.contains(event.target))
				menu.open = false;
	});
	document.addEventListener("keydown", (event) => {
		const menu = event.key === "Escape" && document.querySelector(".chip details[open]");
		if (menu) {
			menu.open = false;
			menu.querySelector("summary").focus();
		}
	});
}

/* What was left empty does not lengthen the address. */
function short_addresses() {
	for (const form of document.querySelectorAll('form.search[method="get"]'))
		form.addEventListener("formdata", (event) => {
			for (const [name, value] of [...event.formData])
				if (value === "")
					event.formData.delete(name);
		});
}

/* For search.js, which hears the keys. */
window.certera_rows = {
	move(by) {
		const all = rows(), here = all.findIndex((row) => row.contains(document.activeElement));
		const next = all[Math.max(0, Math.min(all.length - 1, here < 0 ? 0 : here + by))];
		next?.querySelector("a.main, a")?.focus();
	},
	choose() {
		rows().find((row) => row.contains(document.activeElement))?.querySelector('input[name="items"]')?.click();
	},
};

document.addEventListener("DOMContentLoaded", () => {
	menus();
	short_addresses();
	for (const form of document.querySelectorAll("form")) {
		if (!form.querySelector(".chosen"))
			continue;
		choose_range(form);
		form.addEventListener("change", () => setTimeout(() => count_chosen(form)));
		count_chosen(form);
	}
});
})();
