// Shows new mail as it comes; without scripts the page looks again by itself.
"use strict";
const seen = Number(document.querySelector("main").dataset.last);
(async function look() {
  for (;;) {
    try {
      const answer = await fetch(`/changed?seen=${seen}`);
      if ((await answer.json()).last !== seen) { location.reload(); return; }
    } catch { await new Promise((done) => setTimeout(done, 2000)); }
  }
})();
