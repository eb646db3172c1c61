// Replaces the parts of the page that have changed, as it happens; without scripts the page loads itself again.
"use strict";
const main = document.querySelector("main");
let seen = main.dataset.seen;

async function renew() {
  const answer = await fetch(location.href);
  if (!answer.ok) { throw new Error(answer.status); }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-part]")) {
    const fresh = page.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!fresh || fresh.dataset.version === part.dataset.version) { continue; }
    part.replaceWith(fresh);
    const field = fresh.dataset.part === "modal" && fresh.querySelector("input:not([type=hidden]), select, textarea, button:not([hidden])");
    if (field) { field.focus(); }
  }
  seen = page.querySelector("main").dataset.seen;
}

(async function look() {
  for (;;) {
    try {
      const answer = await fetch(`${main.dataset.changed}?seen=${seen}`);
      if (!answer.ok) { throw new Error(answer.status); }
      if (String((await answer.json()).number) !== seen) { await renew(); }
    } catch { await new Promise((done) => setTimeout(done, 2000)); }
  }
})();
