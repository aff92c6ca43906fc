/* Says when the server is gone and counts down to the next try, and holds what was typed when it was started again.
   Until it is back, what is shown is the last that was known (html.eo-away greys it), and whoever presses something is
   told at once that nobody hears it. */
(function () {
  const words = JSON.parse(document.getElementById('eo-frame-words').textContent);
  const root = document.documentElement;
  const PRESSED = 'a[href], button, [role=button], [role=tab], [role^=menuitem], [role=option], .q-item';
  const LOCAL = '.eo-secret, .ov-keys, .ov-when, .cp-when, .eo-offline'; // what these do needs no server
  const NOTE_MS = 4000;
  const PATIENCE_MS = 2000;
  root.lang = words.language;
  if (words.screen) root.classList.add(`eo-on-${words.screen}`); // eo-on-panel: the panel on the wall
  let bar = null, note = null, timer = null, noteTimer = null, next = 0, lostAt = 0, isHeld = false;

  const isAway = () => root.classList.contains('eo-away');

  function mark(away) {
    if (away === isAway()) return;
    root.classList.toggle('eo-away', away);
    document.dispatchEvent(new Event('eo-away'));
  }

  function show(when) {
    if (!bar) {
      bar = document.createElement('div');
      bar.className = 'eo-offline';
      // Only the sentence is read aloud: a countdown that speaks every second would leave no peace.
      bar.innerHTML = '<span role="status"></span><span aria-hidden="true"></span>';
      document.body.prepend(bar);
      mark(true);
      requestAnimationFrame(() => bar && !isHeld && (bar.firstChild.textContent = words.lost));
    }
    if (bar.lastChild.textContent !== when) bar.lastChild.textContent = when;
  }

  function hide() {
    if (isHeld) return;
    clearInterval(timer);
    timer = null;
    if (!bar) return;
    bar.remove();
    bar = null;
    mark(false);
    if (Date.now() - lostAt > 1500) say(words.back);
  }

  /* One note at a time: the next replaces it. */
  function say(text, look) {
    note?.remove();
    note = document.createElement('div');
    note.className = `eo-toast ${look ?? ''}`;
    note.setAttribute('role', 'status');
    note.textContent = text;
    document.body.appendChild(note);
    clearTimeout(noteTimer);
    noteTimer = setTimeout(() => note.remove(), NOTE_MS);
  }

  function sayUnheard() {
    say(isHeld ? words.first : words.unheard, 'eo-unheard'); // beside the bar, where it hides no button
    if (bar) note.style.top = `${bar.offsetHeight + 8}px`;
  }

  function tick(socket) {
    const seconds = Math.max(0, Math.ceil((next - Date.now()) / 1000));
    show(seconds ? words.retry.replace('{seconds}', seconds) : words.trying);
    if (!seconds && Date.now() - next > 1500) {
      next = Date.now() + 3000;
      if (!socket.connected) socket.connect();
    }
  }

  function watch(socket) {
    socket.on('disconnect', () => {
      lostAt = Date.now();
      next = lostAt + 2000;
      clearInterval(timer);
      if (!isHeld) timer = setInterval(() => tick(socket), 500);
    });
    socket.on('connect', hide);
  }

  /* Whether something stands on the page that only the page knows; also for who is about to close the window. */
  window.eoUnsaved = () =>
    [...document.querySelectorAll('[data-typed], .eo-unsaved')].some((each) => each.getClientRects().length > 0);

  /* A program that was started again, in another version or not, knows nothing of this page. The page framework then
     loads it again, and what it has changed comes along. Not while something typed would go with it. */
  function hold(reload) {
    if (!window.eoUnsaved()) return reload();
    isHeld = true;
    clearInterval(timer);
    timer = null;
    show('');
    bar.firstChild.textContent = words.renewed;
    const button = document.createElement('button');
    button.className = 'eo-btn pri';
    button.type = 'button';
    button.textContent = words.load;
    button.onclick = () => location.reload();
    bar.lastChild.remove();
    bar.append(button);
  }

  function meetRenewed(socket) {
    const theirs = socket.listeners('connect_error');
    socket.off('connect_error');
    socket.on('connect_error', (error) => {
      const pass = () => theirs.forEach((each) => each(error));
      if (isHeld) return;
      if (error.message === 'Implicit handshake failed') hold(pass);
      else if (error.message !== 'timeout' || !window.eoUnsaved()) pass(); // with it they may load the page anew
    });
    const emit = socket.emit;
    socket.emit = function (event, ...rest) {
      if (event !== 'handshake') return emit.call(this, event, ...rest);
      const done = rest.pop(); // of a page that the browser had made ready beforehand
      return emit.call(this, event, ...rest, (isKnown) => (isKnown ? done(true) : hold(() => done(false))));
    };
  }

  function greetUpdated() {
    try {
      const before = sessionStorage.getItem('edgeos.version');
      sessionStorage.setItem('edgeos.version', words.version);
      if (before && before !== words.version) say(words.updated.replace('{version}', words.version));
    } catch {
      // private mode: then it is not said
    }
  }

  /* What is pressed now would otherwise be kept and done later, when nobody expects it any more. */
  function answer(event) {
    if (!isAway() || !event.target.closest?.(PRESSED) || event.target.closest(LOCAL)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    sayUnheard();
  }
  document.addEventListener('click', answer, true); // Enter in a form is one too, on its button
  document.addEventListener('eo-unheard', sayUnheard);

  /* The program's own window wants to close, and the program `ends` with it or not: true when it may at once. Else the
     server is asked, which closes it or asks its owner. */
  let patience = null;
  window.edgeosClosing = (ends) => {
    if (words.screen !== 'window' || !window.socket?.connected) return true;
    clearTimeout(patience);
    patience = setTimeout(() => window.close(), PATIENCE_MS);
    emitEvent('eo-closing', { ends, unsaved: window.eoUnsaved() });
    return false;
  };
  window.edgeosAsked = () => clearTimeout(patience);

  const waiting = setInterval(() => {
    if (!window.socket) return;
    clearInterval(waiting);
    root.lang = words.language;  // Quasar has set its own meanwhile
    watch(window.socket);
    meetRenewed(window.socket);
    greetUpdated();
  }, 100);
})();
