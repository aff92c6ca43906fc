/* The panel rests: some time after the last touch it dims, later it is black. What wakes it does nothing else, whatever
   lies under the finger. How long it has been resting outlives a page: each page goes on where the last one left. */
(function () {
  const root = document.documentElement;
  const panel = (window.eoPanel = JSON.parse(document.getElementById("eo-panel").textContent));
  const KEPT = "edgeos.panel.rest";
  const ACTS = ["pointerdown", "pointerup", "pointercancel", "pointermove", "mousedown", "mouseup", "click", "dblclick", "auxclick", "contextmenu",
    "touchstart", "touchmove", "touchend", "touchcancel", "keydown", "keypress", "keyup", "wheel"];
  const BEGINS = ["pointerdown", "keydown", "wheel"];
  const ENDS = ["pointerup", "pointercancel", "keyup", "wheel"];
  const ECHO_MS = 400; // clicks that a touch makes come a little after it
  const HELD_MS = 10_000; // longer than that nobody means to wake it
  const LONGEST_MS = 2 ** 31 - 1; // of a timer
  let level = "awake";
  let isForced = false; // dark because it was asked for
  let last = performance.now(); // when somebody was here
  let timer = 0;
  const down = new Set(); // what is held of what woke it
  let hushedUntil = 0;

  function recall() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
      if (kept.idle > 0) last -= kept.idle;
      isForced = kept.isForced === true;
    } catch {
      // somebody else's value: awake
    }
  }

  function keep() {
    try {
      sessionStorage.setItem(KEPT, JSON.stringify({ idle: performance.now() - last, isForced }));
    } catch {
      // the next page then begins awake
    }
  }

  function levelNow() {
    const idle = (performance.now() - last) / 1000;
    if (isForced || (panel.dark_s && idle >= panel.dark_s)) return "dark";
    return panel.dim_s && idle >= panel.dim_s ? "dim" : "awake";
  }

  /** Look what time it is, and when to look again. */
  function follow() {
    show(levelNow());
    const idle = (performance.now() - last) / 1000;
    const next = [panel.dim_s, panel.dark_s].filter((each) => each > idle).map((each) => each - idle);
    clearTimeout(timer);
    if (next.length) timer = setTimeout(follow, Math.min(1000 * Math.min(...next) + 5, LONGEST_MS));
  }

  function show(wanted) {
    if (wanted === level) return;
    level = wanted;
    root.classList.toggle("pn-dim", level === "dim");
    root.classList.toggle("pn-dark", level === "dark");
    keep();
    if (level !== "awake") stand();
    if (level === "dark") {
      for (const each of document.querySelectorAll("dialog[open]")) each.close(); // nothing can lie above those
      document.dispatchEvent(new Event("eo-dark"));
    }
  }

  function wake() {
    isForced = false;
    last = performance.now();
    follow();
  }

  const keyOf = (event) => (event.type.startsWith("key") ? `key ${event.code}` : `pointer ${event.pointerId}`);
  const isMove = (event) => event.type === "pointermove";
  const isMoved = (event) => event.pointerType === "mouse" && (event.movementX !== 0 || event.movementY !== 0);

  /** While it rests, and until what woke it is over. */
  function stop(event) {
    if (!event.isTrusted) return;
    const isBegin = BEGINS.includes(event.type) && !event.repeat;
    if (level !== "awake") {
      if (isMove(event) && isMoved(event)) return wake(); // a moved mouse has pressed nothing
      if (isBegin) {
        wake();
        hush(HELD_MS);
      }
    } else if (isBegin && event.type !== "wheel" && !down.size) {
      return rise(); // the next touch is meant
    }
    if (level === "awake" && performance.now() >= hushedUntil) return rise();
    if (isBegin && event.type !== "wheel") down.add(keyOf(event));
    if (ENDS.includes(event.type)) {
      down.delete(keyOf(event));
      if (!down.size) hush(ECHO_MS);
    }
    if (event.cancelable) event.preventDefault();
    event.stopImmediatePropagation();
  }

  function hush(ms) {
    hushedUntil = performance.now() + ms;
    root.classList.add("pn-hush");
    setTimeout(() => performance.now() >= hushedUntil && rise(), ms + 5);
  }

  // Only while it rests does the browser have to wait for these before it scrolls.
  function stand() {
    for (const type of ACTS) addEventListener(type, stop, { capture: true, passive: false });
  }

  function rise() {
    if (level !== "awake") return;
    hushedUntil = 0;
    down.clear();
    root.classList.remove("pn-hush");
    for (const type of ACTS) removeEventListener(type, stop, { capture: true });
  }

  function note(event) {
    if (level !== "awake" || !event.isTrusted || (isMove(event) && event.pointerType === "mouse" && !isMoved(event))) return;
    last = performance.now();
  }
  for (const type of ["pointerdown", "pointermove", "pointerup", "keydown", "wheel"]) {
    addEventListener(type, note, { capture: true, passive: true });
  }
  addEventListener("pagehide", keep);
  document.addEventListener("visibilitychange", follow);

  /** Other times than before; `dim_s` and `dark_s` in seconds, 0 for never. */
  panel.setRest = (times) => {
    Object.assign(panel, times);
    follow();
  };
  /** Dark now, as a trial. */
  panel.darken = () => {
    isForced = true;
    hushedUntil = 0;
    follow();
  };
  panel.isDark = () => level === "dark";

  root.classList.add("eo-on-panel");
  recall();
  follow();
})();
