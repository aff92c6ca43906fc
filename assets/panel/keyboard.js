/* The on-screen keyboard: comes for a field that is touched, lies below everything that is being filled in, and never
   takes the focus. Where somebody types on real keys it stays away. */
(function () {
  const root = document.documentElement;
  const panel = window.eoPanel;
  const { words, typing } = panel;
  const OWN_KEYPAD = ".eo-pin"; // brings its keys along
  const NUMBERS = ["decimal", "tel"];
  const TYPED = "edgeos.panel.typed"; // somebody has typed on real keys
  const LEAVE_MS = 150;
  const HUMAN_MS = 30; // a barcode reader holds no key that long
  const TWICE_MS = 400;
  const layouts = panel.layouts(words.language);
  const wanted = new WeakMap(); // the inputmode a field asked for
  let keyboard = null;
  let box = null;
  let offer = null; // the button that brings it in spite of a real keyboard
  let field = null;
  let layer = "default";
  let isLocked = false;
  let shiftedAt = -Infinity;
  let pointer = ""; // what was used last: touch, pen, mouse
  let pressed = null; // [key, pointerId]
  let isHeld = false; // a finger or a button of the mouse
  let leaving = 0;
  let heldKey = null;

  const hasTyped = () => sessionStorage.getItem(TYPED) === "yes";
  const isOpen = () => root.classList.contains("pn-typing");
  const accepts = (element) => typing.isField(element) && !element.closest(OWN_KEYPAD) && panel.keyboard !== "never";

  /** Whether a field that gets the focus now is to be typed into with these keys. */
  function isNeeded() {
    if (panel.keyboard !== "auto") return panel.keyboard === "always";
    if (panel.hardware === true || hasTyped()) return false;
    return pointer === "touch" || pointer === "pen" || panel.hardware === false;
  }

  // what it looks like

  function build() {
    box = document.createElement("div");
    box.className = "pn-keys";
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", words.keyboard);
    document.body.append(box);
    const label = (name, buttons) => ({ attribute: "aria-label", value: name, buttons });
    keyboard = new window.SimpleKeyboard.default(box, {
      layout: layouts,
      display: panel.display(words),
      mergeDisplay: true,
      useButtonTag: true,
      disableCaretPositioning: true,
      onKeyPress: act,
      buttonAttributes: [
        label(words.erase, "{bksp}"), label(words.enter, "{enter}"), label(words.shift, "{shift}"), label(words.hide, "{hide}"),
        label(words.left, "{arrowleft}"), label(words.right, "{arrowright}"), label(words.symbols, "{symbols}"), label(words.letters, "{letters}"),
      ],
    });
  }

  function show(name) {
    layer = name;
    keyboard.setOptions({ layoutName: name });
    box.dataset.layer = name;
    for (const each of box.querySelectorAll("button")) each.tabIndex = -1;
    const shift = box.querySelector('[data-skbtn="{shift}"]');
    shift?.setAttribute("aria-pressed", String(name === "shift"));
    shift?.classList.toggle("pn-locked", isLocked);
    root.style.setProperty("--keyboard", `${box.offsetHeight}px`);
  }

  function layerFor(element) {
    const mode = wanted.get(element) ?? "";
    if (mode === "numeric") return element.closest(".eo-secret") ? "digits" : "numbers";
    return NUMBERS.includes(mode) || ["number", "tel"].includes(element.type) ? "numbers" : "default";
  }

  // coming and going

  function open(element) {
    clearTimeout(leaving);
    if (!keyboard) build();
    const isNew = element !== field || !isOpen();
    field = element;
    if (!isNew) return;
    isLocked = false;
    root.classList.add("pn-typing");
    hideOffer();
    holdTouch(true);
    show(layerFor(element));
    requestAnimationFrame(() => reveal(element));
  }

  /** The whole field with its label where there is room, else what is typed. */
  function reveal(element) {
    if (!element.isConnected) return;
    const whole = element.closest(".eo-field") ?? element;
    whole.scrollIntoView({ block: "nearest" });
    element.scrollIntoView({ block: "nearest" });
  }

  function close() {
    clearTimeout(leaving);
    root.classList.remove("pn-typing");
    root.style.removeProperty("--keyboard");
    field = null;
    holdTouch(Boolean(offer));
  }

  function hush(element) {
    if (!wanted.has(element)) wanted.set(element, element.getAttribute("inputmode") ?? "");
    element.setAttribute("inputmode", "none"); // no second keyboard of the system's own
  }

  function showOffer() {
    if (offer) return;
    offer = document.createElement("button");
    offer.type = "button";
    offer.className = "eo-btn icon pn-offer";
    offer.title = words.show;
    offer.setAttribute("aria-label", words.show);
    offer.innerHTML = '<i class="eo-icon eo-i-keyboard" aria-hidden="true"></i>';
    document.body.append(offer);
    holdTouch(true);
  }

  function hideOffer() {
    offer?.remove();
    offer = null;
  }

  function come(element) {
    if (isNeeded()) {
      hush(element);
      open(element);
    } else if (pointer === "touch" || pointer === "pen") {
      showOffer();
    }
  }

  /** A little later, and not while something is held: the button that took the focus is not to move under the finger. */
  function leave() {
    clearTimeout(leaving);
    leaving = setTimeout(() => {
      if (isHeld) return leave();
      if (accepts(document.activeElement)) return;
      close();
      hideOffer();
    }, LEAVE_MS);
  }

  document.addEventListener("focusin", (event) => {
    if (accepts(event.target)) come(event.target);
    else if (event.target.closest?.(OWN_KEYPAD) && typing.isField(event.target)) hush(event.target);
  });
  document.addEventListener("focusout", leave);
  document.addEventListener("click", (event) => {
    if (event.target === document.activeElement && accepts(event.target)) come(event.target); // it had been sent away
  }, true);

  // pressing its keys

  function act(key) {
    if (key === "{hide}" || !field?.isConnected) return; // up() sees to that
    if (key === "{symbols}") return show("symbols");
    if (key === "{letters}") return show("default");
    if (key === "{shift}") return shift();
    shiftedAt = -Infinity;
    if (document.activeElement !== field) field.focus({ preventScroll: true });
    typing.type(field, key);
    if (layer === "shift" && !isLocked && !key.startsWith("{")) show("default");
  }

  function shift() {
    const isTwice = performance.now() - shiftedAt < TWICE_MS;
    shiftedAt = performance.now();
    isLocked = isTwice && !isLocked;
    show(layer === "shift" && !isTwice ? "default" : "shift");
  }

  const keyAt = (target) => target.closest?.(".pn-keys [data-skbtn]")?.dataset.skbtn;

  /* Nobody else hears of what is pressed there: for a dialog or a menu it would be a click beside it. */
  function take(event) {
    const isMine = event.target.closest?.(".pn-keys, .pn-offer") || (pressed && pressed[1] === event.pointerId);
    if (event.type.startsWith("pointer")) isHeld = event.type === "pointerdown";
    if (event.type === "pointerdown") pointer = isMine ? pointer : event.pointerType;
    if (!isMine) {
      const target = event.target.closest?.("input, textarea");
      if (event.type === "pointerdown" && target && accepts(target) && isNeeded()) hush(target);
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.type === "pointerdown") down(event);
    else if (event.type === "pointerup" || event.type === "pointercancel") up(event);
    if (event.type === "pointerup" && event.target.closest?.(".pn-offer")) bring();
  }

  function bring() {
    const element = document.activeElement;
    if (!accepts(element)) return;
    hush(element);
    open(element);
  }

  function down(event) {
    const key = keyAt(event.target);
    if (!key) return;
    if (pressed) keyboard.handleButtonMouseUp();
    pressed = [key, event.pointerId];
    const button = event.target.closest("[data-skbtn]");
    keyboard.handleButtonMouseDown(key, { target: button, preventDefault() {}, stopPropagation() {} });
    keyboard.handleButtonClicked(key);
    keyboard.clearInput(); // what is typed is kept by the field alone
  }

  function up(event) {
    if (pressed?.[1] !== event.pointerId) return;
    const [key] = pressed;
    pressed = null;
    keyboard.handleButtonMouseUp();
    // Not before the finger has left: what lies below would be pressed.
    if (key === "{hide}" || !field?.isConnected) setTimeout(close);
  }

  for (const type of ["pointerdown", "pointerup", "pointercancel", "mousedown", "mouseup", "click", "dblclick", "contextmenu"]) {
    addEventListener(type, take, true);
  }

  /** Only while there are keys does the browser have to ask before it scrolls. */
  function holdTouch(isOn) {
    for (const type of ["touchstart", "touchend"]) {
      if (isOn) addEventListener(type, take, { capture: true, passive: false });
      else removeEventListener(type, take, { capture: true });
    }
  }

  // real keys

  addEventListener("keydown", (event) => {
    if (event.isTrusted && !event.repeat) heldKey = [event.code, event.timeStamp];
  }, true);
  addEventListener("keyup", (event) => {
    if (!event.isTrusted || heldKey?.[0] !== event.code || !/^Key[A-Z]$/.test(event.code)) return;
    if (event.timeStamp - heldKey[1] >= HUMAN_MS && panel.keyboard === "auto") {
      sessionStorage.setItem(TYPED, "yes");
      if (isOpen()) close();
    }
  }, true);

  /** `keyboard` is auto, always or never; `hardware` whether the server sees a real keyboard, null where it cannot tell. */
  panel.setKeyboard = (news) => {
    if (Object.entries(news).every(([name, value]) => panel[name] === value)) return;
    if (panel.hardware === true && news.hardware !== true) sessionStorage.removeItem(TYPED); // it was unplugged
    Object.assign(panel, news);
    const element = document.activeElement;
    if (isOpen() && !isNeeded()) close();
    else if (!isOpen() && accepts(element) && isNeeded() && pointer) come(element);
  };
})();
