/*
 * Times: the server shows them in your zone, which it knows by a cookie, and "in 3 days" ages while a page stays open.
 */
(() => {
"use strict";
const COOKIE = "__Host-certera-zone";

/* Until you choose one (My account): that of the browser, for as long as it runs. */
function tell_zone() {
	if (document.cookie.split("; ").some((one) => one.startsWith(COOKIE + "=")))
		return;
	const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
	if (zone)
		document.cookie = `${COOKIE}=${zone}; path=/; secure; samesite=strict`;
}

/* As clock_relative() in base/clock.c has it. */
function relative(at, now) {
	const ahead = at > now, units = [["years", 365 * 86400], ["days", 86400], ["hours", 3600], ["minutes", 60]];
	let span = Math.abs(at - now), name = span === 1 ? "second" : "seconds";
	if (span >= 90 && span < 120)
		span = 120;
	if (!span)
		return "now";
	if (span >= 86400 && span < 2 * 86400)
		return ahead ? "tomorrow" : "yesterday";
	const unit = units.find((one) => span >= 2 * one[1]);
	if (unit) {
		span = Math.floor(span / unit[1]);
		name = unit[0];
	}
	return ahead ? `in ${span} ${name}` : `${span} ${name} ago`;
}

function age() {
	const now = Math.floor(Date.now() / 1000);
	for (const time of document.querySelectorAll("time[datetime]")) {
		const text = relative(Math.floor(Date.parse(time.dateTime) / 1000), now);
		if (time.textContent !== text && !time.matches(".fixed"))
			time.textContent = text;
	}
}

tell_zone();
document.addEventListener("DOMContentLoaded", () => setInterval(age, 20000));
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") age(); });
})();
