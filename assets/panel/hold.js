/* What a browser does beside showing pages has no place on a wall: menus, marked text, zoom, shortcuts that lead away,
   windows and files that nobody can close or open again. */
(function () {
  const root = document.documentElement;
  const panel = window.eoPanel;
  const POINTER_MS = 3000; // a mouse that rests is not shown
  const KEYS = new Set(["F1", "F3", "F6", "F7", "F10", "F11", "F12", "BrowserBack", "BrowserForward", "BrowserHome", "BrowserSearch", "BrowserFavorites"]);
  const WITH_CONTROL = "dfghjklnopstuw+-=0";
  const WITH_ALT = new Set(["ArrowLeft", "ArrowRight", "Home", "d", "e", "f"]);
  let pointerTimer = 0;
  let note = null;

  const hold = (event) => event.preventDefault();

  addEventListener("contextmenu", hold, true);
  addEventListener("dragstart", hold, true);
  addEventListener("dragover", hold, true);
  addEventListener("drop", hold, true);
  addEventListener("wheel", (event) => event.ctrlKey && event.preventDefault(), { capture: true, passive: false });
  for (const type of ["mousedown", "mouseup", "auxclick"]) {
    addEventListener(type, (event) => event.button > 2 && event.preventDefault(), true); // back and forward on a mouse
  }

  addEventListener("keydown", (event) => {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const leads = KEYS.has(key) || ((event.ctrlKey || event.metaKey) && WITH_CONTROL.includes(key)) || (event.altKey && WITH_ALT.has(key));
    if (leads && !(event.ctrlKey && event.altKey)) event.preventDefault(); // both together type @ and others
  }, true);

  // The mouse's arrow only while it moves.
  addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse" || !event.isTrusted || !(event.movementX || event.movementY)) return;
    root.classList.add("pn-mouse");
    clearTimeout(pointerTimer);
    pointerTimer = setTimeout(() => root.classList.remove("pn-mouse"), POINTER_MS);
  }, { capture: true, passive: true });

  /** Why a link leads nowhere here; '' if it may be followed. */
  function whyNot(link) {
    if (!["http:", "https:"].includes(link.protocol)) return panel.words.file;
    if (link.origin !== location.origin) return panel.words.elsewhere;
    const isWindow = link.target && !["_self", "_top", "_parent"].includes(link.target);
    return link.hasAttribute("download") || isWindow ? panel.words.file : "";
  }

  function say(text) {
    note?.remove();
    note = document.createElement("div");
    note.className = "eo-toast";
    note.setAttribute("role", "status");
    note.textContent = text;
    document.body.append(note);
    const shown = note;
    setTimeout(() => shown.remove(), 4000);
  }
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    const why = link && !link.getAttribute("href").startsWith("#") ? whyNot(link) : "";
    if (!why) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    say(why);
  }, true);
  window.open = () => {
    say(panel.words.file);
    return null;
  };
})();
