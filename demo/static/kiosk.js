// Stands for the browser that a kiosk starts: when the card goes, what it showed is thrown away.
"use strict";

async function watch() {
  let seen = -1;
  let removals = null;
  for (;;) {
    try {
      const told = await (await fetch(`/changed?seen=${seen}`)).json();
      seen = told.changes;
      if (removals !== null && told.removals !== removals) document.getElementById("screen").src = "/screen";
      removals = told.removals;
    } catch {
      await new Promise((again) => setTimeout(again, 1000));
    }
  }
}

watch();
