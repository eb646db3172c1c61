// A keyboard on the screen for kiosks without one: it types into the field that has the focus.
"use strict";

const WORDS = {
  ja: { keyboard: "画面キーボード", shift: "大文字と小文字の切り替え", signs: "記号", letters: "英字", remove: "1文字消す", hide: "キーボードを閉じる", space: "空白" },
  en: { keyboard: "On-screen keyboard", shift: "Capital letters", signs: "Symbols", letters: "Letters", remove: "Delete one character", hide: "Close the keyboard", space: "Space" },
};
const LETTERS = ["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm.@-_"];
const SIGNS = ["1234567890", "!\"#$%&'()=", "~^|\\`{}[]+", "*:;<>,/?.@-_"];
const TYPED = "input[type=text], input[type=password], input[type=email], input[type=tel], input:not([type]), textarea";
const words = WORDS[document.documentElement.lang] || WORDS.ja;
const board = document.createElement("div");
let field = null;
let areSigns = false;
let isShifted = false;

function type(text) {
  if (!field) return;
  const start = field.selectionStart ?? field.value.length;
  const end = field.selectionEnd ?? start;
  if (text && field.maxLength > 0 && field.value.length - (end - start) >= field.maxLength) return;
  try {
    field.setRangeText(text, text || start !== end ? start : Math.max(start - 1, 0), end, "end");
  } catch {
    // A field of mail addresses has no selection.
    field.value = text ? field.value + text : field.value.slice(0, -1);
  }
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

function key(text, label, act) {
  const made = document.createElement("button");
  made.type = "button";
  // The field keeps the focus, and who has a keyboard passes these by.
  made.tabIndex = -1;
  made.textContent = text;
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

function row(keys) {
  const made = document.createElement("div");
  made.append(...keys);
  return made;
}

function draw() {
  const rows = (areSigns ? SIGNS : LETTERS).map((line) => row([...line].map((sign) => {
    const text = isShifted && !areSigns ? sign.toUpperCase() : sign;
    return key(text, "", () => type(text));
  })));
  rows.push(row([
    key("⇧", words.shift, () => { isShifted = !isShifted; areSigns = false; draw(); }),
    key(areSigns ? "abc" : "#+=", areSigns ? words.letters : words.signs, () => { areSigns = !areSigns; draw(); }),
    key("␣", words.space, () => type(" ")),
    key("⌫", words.remove, () => type("")),
    key("▾", words.hide, () => show(null)),
  ]));
  board.replaceChildren(...rows);
}

function show(next) {
  field = next;
  board.hidden = !next;
  document.body.classList.toggle("typing", Boolean(next));
  if (next) next.scrollIntoView({ block: "center" });
}

board.className = "keyboard";
board.hidden = true;
board.setAttribute("role", "group");
board.setAttribute("aria-label", words.keyboard);
board.addEventListener("pointerdown", (event) => event.preventDefault());
board.addEventListener("mousedown", (event) => event.preventDefault());
draw();
document.body.append(board);
for (const happening of ["focusin", "pointerdown"]) {
  document.addEventListener(happening, (event) => {
    if (event.target instanceof Element && event.target.matches(TYPED) && !event.target.readOnly) show(event.target);
  });
}
if (document.activeElement && document.activeElement.matches(TYPED)) show(document.activeElement);
