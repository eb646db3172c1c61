// Runs beside every page that the kiosk shows, in a world of its own: no key of the browser's works, a touch is told,
// links stay in this window, and a reminder stands over the page. The page itself sees none of it.
"use strict";
(() => {
  const GAP = 1000;
  const FUNCTION = /^(F\d+|Browser.*|Launch.*|Media.*|Audio.*|Zoom.*|ContextMenu|Help|Print|PrintScreen|Save|Open|New|Close|Find|Props)$/;
  let touchedAt = -GAP;
  let countdown = 0;
  let sheet = null;

  const stop = (event) => { event.preventDefault(); event.stopImmediatePropagation(); };
  const tell = (what) => tegataKiosk(JSON.stringify(what));

  function touch() {
    const now = performance.now();
    if (now - touchedAt < GAP) return;
    touchedAt = now;
    tell({ act: "touch" });
  }

  function isBrowsers(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return true;
    return FUNCTION.test(event.key) || (event.shiftKey && event.key === "Escape");
  }

  for (const kind of ["keydown", "keypress", "keyup"]) {
    addEventListener(kind, (event) => { if (isBrowsers(event)) stop(event); }, true);
  }
  for (const kind of ["keydown", "pointerdown", "pointermove", "wheel", "touchstart"]) {
    addEventListener(kind, (event) => { if (event.isTrusted) touch(); }, { capture: true, passive: true });
  }
  for (const kind of ["pointerdown", "pointerup", "mousedown", "mouseup", "auxclick"]) {
    addEventListener(kind, (event) => { if (event.button > 0) stop(event); }, true);
  }
  addEventListener("wheel", (event) => { if (event.ctrlKey) stop(event); }, { capture: true, passive: false });
  for (const kind of ["contextmenu", "dragstart", "dragover", "drop"]) addEventListener(kind, stop, true);
  // Another window would be closed at once: what asks for one is opened here.
  addEventListener("click", (event) => {
    const link = event.composedPath().find((one) => one instanceof Element && one.closest("a[target], area[target]"));
    if (link) link.closest("a[target], area[target]").target = "_self";
    // The policy shows no dialog, but a strip of the browser's own that says so.
    const isFile = event.composedPath().some((one) => one instanceof HTMLInputElement && one.type === "file");
    if (isFile || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) stop(event);
  }, true);
  addEventListener("submit", (event) => { event.target.removeAttribute("target"); }, true);

  function calm() {
    clearInterval(countdown);
    if (sheet) sheet.remove();
    sheet = null;
  }

  function remind(words, seconds) {
    calm();
    const until = performance.now() + seconds * 1000;
    sheet = document.createElement("div");
    const root = sheet.attachShadow({ mode: "closed" });
    const text = document.createElement("div");
    const language = document.documentElement.lang.startsWith("en") ? "en" : "ja";
    text.setAttribute("role", "alert");
    text.lang = language;
    Object.assign(sheet.style, { position: "fixed", inset: "0 0 auto 0", zIndex: "2147483647" });
    Object.assign(text.style, {
      background: "#7a1d00", color: "#fff", font: "bold 28px sans-serif", padding: "24px", textAlign: "center",
      textWrap: "balance", wordBreak: language === "ja" ? "auto-phrase" : "normal",
    });
    const count = () => {
      text.textContent = words[language].replace("{seconds}", Math.max(0, Math.ceil((until - performance.now()) / 1000)));
    };
    count();
    countdown = setInterval(count, 1000);
    root.append(text);
    document.documentElement.append(sheet);
  }

  globalThis.tegataRemind = (words, seconds) => (words ? remind(words, seconds) : calm());
  if (window === window.top) tell({ act: "at", origin: location.origin, protocol: location.protocol });
})();
