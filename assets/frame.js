/* Says when the server is gone, counts down to the next try, and dims what can no longer be trusted. */
(function () {
  const words = JSON.parse(document.getElementById('eo-frame-words').textContent);
  document.documentElement.lang = words.language;
  let bar = null, timer = null, next = 0, lostAt = 0;

  function show(text) {
    if (!bar) {
      bar = document.createElement('div');
      bar.className = 'eo-offline';
      bar.setAttribute('role', 'status');
      document.body.prepend(bar);
      const app = document.querySelector('.eo-app');
      if (app) { app.classList.add('eo-dim'); app.setAttribute('inert', ''); }
    }
    if (bar.textContent !== text) bar.textContent = text;
  }

  function hide() {
    clearInterval(timer);
    timer = null;
    if (!bar) return;
    bar.remove();
    bar = null;
    const app = document.querySelector('.eo-app');
    if (app) { app.classList.remove('eo-dim'); app.removeAttribute('inert'); }
    if (Date.now() - lostAt > 1500) toast(words.back);
  }

  function toast(text) {
    const note = document.createElement('div');
    note.className = 'eo-toast';
    note.setAttribute('role', 'status');
    note.textContent = text;
    document.body.appendChild(note);
    setTimeout(() => note.remove(), 4000);
  }

  function tick(socket) {
    const seconds = Math.max(0, Math.ceil((next - Date.now()) / 1000));
    show(words.lost + ' ' + (seconds ? words.retry.replace('{seconds}', seconds) : words.trying));
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
      timer = setInterval(() => tick(socket), 500);
    });
    socket.on('connect', hide);
  }

  const waiting = setInterval(() => {
    if (!window.socket) return;
    clearInterval(waiting);
    document.documentElement.lang = words.language;  // Quasar has set its own meanwhile
    watch(window.socket);
  }, 100);
})();
