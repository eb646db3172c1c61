// Shows what the kiosk's program says and hands on what is done; keeps nothing of anybody.
"use strict";

const token = location.hash.slice(1);
const at = (id) => document.getElementById(id);
const digits = at("digits");
const AGAIN = 500;
const TOUCH_GAP = 1000;
const LONGEST = 8;
const NOT_OURS = 4003;
let line = null;
let shown = { words: {} };
let touchedAt = 0;
let countdown = 0;

// Drawn once a page, and a page serves one person: whoever is let in has to show it, and only this page can.
const proof = base64url(crypto.getRandomValues(new Uint8Array(32)));

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function digest(text) {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}

function say(told) {
  if (line && line.readyState === WebSocket.OPEN) line.send(JSON.stringify(told));
}

async function connect() {
  const browser = await digest(proof);
  line = new WebSocket(`ws://${location.host}/line`);
  line.onopen = () => {
    line.send(token);
    say({ act: "proof", browser });
  };
  line.onmessage = (event) => show(JSON.parse(event.data));
  line.onclose = (event) => {
    forget();
    if (event.code === NOT_OURS) takeCard();
    else setTimeout(connect, AGAIN);
  };
}

function show(told) {
  const before = shown;
  shown = told;
  document.documentElement.lang = told.language;
  at("main").dataset.page = told.screen;
  at("title").textContent = told.title;
  at("text").textContent = told.text;
  at("text").lang = told.screen === "idle" ? (told.language === "ja" ? "en" : "ja") : told.language;
  at("error").textContent = told.error;
  at("pin-label").textContent = told.words.pin;
  at("pin-form").textContent = told.words.form;
  at("ok").textContent = told.words.ok;
  at("delete").setAttribute("aria-label", told.words.delete);
  at("cancel").textContent = told.words.cancel;
  at("cancel").hidden = !told.can_cancel;
  at("language").textContent = told.words.other;
  at("language").lang = told.language === "ja" ? "en" : "ja";
  at("language").hidden = false;
  at("pin").hidden = told.screen !== "pin";
  const isNew = before.screen !== told.screen || before.error !== told.error;
  if (isNew) {
    empty();
    if (told.screen === "pin") digits.focus();
    else at("title").focus();
  }
  remind(told);
  if (told.screen === "admitting" && isNew) goOn(told);
}

function remind(told) {
  clearInterval(countdown);
  const until = performance.now() + told.seconds_left * 1000;
  const count = () => {
    const left = Math.max(0, Math.ceil((until - performance.now()) / 1000));
    at("reminder").textContent = told.reminder.replace("{seconds}", left);
  };
  count();
  if (told.reminder.includes("{seconds}")) countdown = setInterval(count, 1000);
}

// In the body of a form: an address would stand in the history.
function goOn(told) {
  const { admission_code, url } = told.admission;
  const form = document.createElement("form");
  form.method = "post";
  form.action = url;
  for (const [name, value] of Object.entries({ admission_code, proof, language: told.language })) {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = name;
    field.value = value;
    form.append(field);
  }
  document.body.append(form);
  form.submit();
  form.remove();
}

function forget() {
  shown = { words: {} };
  empty();
  clearInterval(countdown);
  at("main").dataset.page = "starting";
  at("title").textContent = "しばらくお待ちください";
  at("text").textContent = "One moment, please";
  for (const id of ["error", "reminder"]) at(id).textContent = "";
  for (const id of ["pin", "cancel", "language"]) at(id).hidden = true;
}

// Whoever comes back from the hub's pages comes without the token: there is nothing more to do here.
function takeCard() {
  at("main").dataset.page = "take-card";
  at("title").textContent = "カードをお取りください";
  at("text").textContent = "Please take your card";
  at("text").lang = "en";
}

function empty() {
  digits.value = "";
  tellCount();
}

// Read out instead of the digits, which nobody must hear.
function tellCount() {
  const words = shown.words.typed || "";
  at("typed").textContent = digits.value ? words.replace("{count}", digits.value.length) : "";
}

function press(button) {
  if (button.id === "ok") return;
  if (button.id === "delete") digits.value = digits.value.slice(0, -1);
  else if (digits.value.length < LONGEST) digits.value += button.textContent;
  tellCount();
}

at("pad").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) press(button);
});
digits.addEventListener("input", () => {
  digits.value = digits.value.normalize("NFKC").replace(/[^0-9]/g, "");
  tellCount();
});
at("pin").addEventListener("submit", (event) => {
  event.preventDefault();
  const pin = digits.value;
  empty();
  if (/^[0-9]{6,8}$/.test(pin)) say({ act: "pin", pin });
  else {
    at("error").textContent = shown.words.form;
    digits.focus();
  }
});
at("cancel").addEventListener("click", () => say({ act: "cancel" }));
at("language").addEventListener("click", () => say({ act: "language", language: shown.language === "ja" ? "en" : "ja" }));
for (const kind of ["pointerdown", "keydown"]) {
  document.addEventListener(kind, () => {
    const now = performance.now();
    if (now - touchedAt < TOUCH_GAP) return;
    touchedAt = now;
    say({ act: "touch" });
  });
}
document.addEventListener("contextmenu", (event) => event.preventDefault());
// What the browser kept of a page is not shown to whoever presses Back.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
connect();
