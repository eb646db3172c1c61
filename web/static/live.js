// Adds to pages that work without it: delivery shown as it happens, cells that move on, a password that can be seen.
"use strict";

function keepCurrent(line) {
  const stream = new EventSource(line.dataset.stream);
  stream.onmessage = (event) => {
    const told = JSON.parse(event.data);
    if (told.turn) {
      stream.close();
      location.reload();
      return;
    }
    line.textContent = told.line;
    const others = document.getElementById("others");
    if (others) others.hidden = !told.others;
    line.dataset.state = told.state;
    // Approved elsewhere: this browser asks to be let in, as the button would.
    if (told.approved) document.getElementById("approved").requestSubmit();
    if (told.done) stream.close();
  };
  // Refused for good: the member may still ask by hand.
  stream.onerror = () => {
    const byHand = document.getElementById("by-hand");
    if (byHand && stream.readyState === EventSource.CLOSED) byHand.hidden = false;
  };
  window.addEventListener("pagehide", () => stream.close());
  // The answer is on its way: to reload now would throw it away, and its cookies with it.
  document.addEventListener("submit", () => stream.close());
}

function spread(cells, from, text) {
  const width = Number(cells[0].dataset.signs) || 2;
  const signs = text.normalize("NFKC").replace(/[^0-9A-Za-z]/g, "");
  let rest = signs;
  for (let place = from; place < cells.length && rest; place += 1) {
    cells[place].value = rest.slice(0, width);
    rest = rest.slice(width);
    cells[Math.min(place + 1, cells.length - 1)].focus();
  }
}

function moveOn(cells) {
  const width = Number(cells[0].dataset.signs) || 2;
  cells.forEach((cell, place) => {
    cell.addEventListener("input", (event) => {
      if (event.isComposing) return;
      const typed = cell.value.normalize("NFKC").replace(/[^0-9A-Za-z]/g, "");
      if (typed.length > width) spread(cells, place, typed);
      else if (typed.length === width && place + 1 < cells.length) cells[place + 1].focus();
    });
    cell.addEventListener("paste", (event) => {
      event.preventDefault();
      spread(cells, place, event.clipboardData.getData("text"));
    });
    cell.addEventListener("keydown", (event) => {
      if (event.key === "Backspace" && !cell.value && place) cells[place - 1].focus();
    });
  });
}

function reveal(holder) {
  const button = holder.querySelector("button");
  const field = document.getElementById(button.getAttribute("aria-controls"));
  holder.hidden = false;
  button.addEventListener("click", () => {
    const shown = field.type === "text";
    field.type = shown ? "password" : "text";
    button.textContent = shown ? button.dataset.show : button.dataset.hide;
    button.setAttribute("aria-pressed", String(!shown));
  });
  field.form.addEventListener("submit", () => { field.type = "password"; });
}

function countDown(shown) {
  // The browser's clock may be off: only what has gone by since the page came is counted.
  const end = performance.now() + 1000 * Number(shown.dataset.seconds);
  const show = () => {
    const left = Math.ceil((end - performance.now()) / 1000);
    if (left <= 0) {
      shown.textContent = shown.dataset.over;
      clearInterval(ticking);
      return;
    }
    const parts = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
    const written = (parts[0] ? parts : parts.slice(1)).map((part, place) => (place ? String(part).padStart(2, "0") : part));
    shown.textContent = shown.dataset.left.replace("{left}", written.join(":"));
  };
  const ticking = setInterval(show, 1000);
  shown.hidden = false;
  show();
}

// Keeps what was typed while the language is switched; never a password, a code or a cell.
const KEPT = ["account", "label", "email", "way"];

function fieldsKept() {
  return [...document.querySelectorAll("main input")].filter((field) => KEPT.includes(field.name));
}

function keepTyped(switching) {
  try {
    const kept = JSON.parse(sessionStorage.getItem("typed") || "{}");
    sessionStorage.removeItem("typed");
    if (kept.path === location.pathname) {
      fieldsKept().forEach((field) => {
        if (field.type === "radio") field.checked = kept.typed[field.name] === field.value || field.checked;
        else if (!field.value) field.value = kept.typed[field.name] || "";
      });
    }
    switching.addEventListener("submit", () => {
      const typed = {};
      fieldsKept().forEach((field) => {
        if (field.type !== "radio" || field.checked) typed[field.name] = field.value;
      });
      sessionStorage.setItem("typed", JSON.stringify({ path: location.pathname, typed }));
    });
  } catch {
    // A browser that keeps nothing loses what was typed, as without scripts.
  }
}

document.querySelectorAll("form.language").forEach(keepTyped);
document.querySelectorAll("[data-seconds]").forEach(countDown);
document.querySelectorAll("[data-stream]").forEach(keepCurrent);
document.querySelectorAll(".reveal").forEach(reveal);
const cells = [...document.querySelectorAll("input[data-signs]")];
if (cells.length) moveOn(cells);
const summary = document.getElementById("summary");
const wrong = document.querySelector("[aria-invalid]");
if (wrong || summary) (wrong || summary).focus();
// A page kept by the browser is not shown to whoever presses Back after a logout.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
