// Shows the reader as it is, whoever put a card on it.
"use strict";

async function watch() {
  const seen = document.querySelector("main").dataset.changes;
  for (;;) {
    try {
      const told = await (await fetch(`/changed?seen=${seen}`)).json();
      if (String(told.changes) !== seen) return location.reload();
    } catch {
      await new Promise((again) => setTimeout(again, 1000));
    }
  }
}

watch();
