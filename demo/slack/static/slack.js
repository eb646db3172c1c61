// Replaces the parts of the page that have changed, as it happens; without scripts the page loads itself again.
"use strict";
const USABLE = "a, button:not([hidden]), input:not([type=hidden]), select, textarea";
const main = document.querySelector("main");
let seen = main.dataset.seen;

// A modal takes the cursor when it comes.
function welcome(part) {
  const field = part.dataset.part === "modal" && part.querySelector(USABLE);
  if (field) { field.focus(); }
}

// The newest message stands first, so what was in use is found again from the end.
function replace(part, fresh) {
  const used = [...part.querySelectorAll(USABLE)].reverse().indexOf(document.activeElement);
  part.replaceWith(fresh);
  welcome(fresh);
  const again = used < 0 || fresh.dataset.part === "modal" ? null : [...fresh.querySelectorAll(USABLE)].reverse()[used];
  if (again) { again.focus(); }
}

async function renew() {
  const answer = await fetch(location.href);
  if (!answer.ok) { throw new Error(answer.status); }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-part]")) {
    const fresh = page.querySelector(`[data-part="${part.dataset.part}"]`);
    if (fresh && fresh.dataset.version !== part.dataset.version) { replace(part, fresh); }
  }
  seen = page.querySelector("main").dataset.seen;
}

document.querySelectorAll("[data-part]").forEach(welcome);
(async function look() {
  for (;;) {
    try {
      const answer = await fetch(`${main.dataset.changed}?seen=${seen}`);
      if (!answer.ok) { throw new Error(answer.status); }
      if (String((await answer.json()).number) !== seen) { await renew(); }
    } catch { await new Promise((done) => setTimeout(done, 2000)); }
  }
})();
