/* An app opens where it was left: an installed web app, the panel on the wall and the program's own window begin at
   /start, which leads to the last place of such a window. Tabs of a browser are left alone: there the browser itself
   brings back what was open, and `/` is `/`. */
(function () {
  const PLACE = 'edgeos.place', STARTS = 'edgeos.starts', APP = 'edgeos.app';
  const MINUTE = 60000;
  const MOST = 3; // starts within a minute: then the place itself may be what does not work

  const read = (storage, key) => {
    try {
      return window[storage].getItem(key);
    } catch {
      return null; // private mode: an app then opens at the overview
    }
  };
  const write = (storage, key, value) => {
    try {
      window[storage].setItem(key, value);
    } catch {
      // as above
    }
  };

  /* Only a path of this server, whatever stands in the storage. */
  function local(text) {
    try {
      const url = new URL(text, location.origin);
      return url.origin === location.origin && url.pathname !== location.pathname ? url.href : '/';
    } catch {
      return '/';
    }
  }

  function isRestless() {
    const now = Date.now();
    const starts = (read('localStorage', STARTS) ?? '').split(',').map(Number).filter((at) => at > now - MINUTE && at <= now);
    write('localStorage', STARTS, [...starts, now].slice(-MOST).join(','));
    return starts.length >= MOST;
  }

  function start() {
    write('sessionStorage', APP, '1');
    location.replace(isRestless() ? '/' : local(read('localStorage', PLACE) ?? '/'));
  }

  const isApp = () =>
    read('sessionStorage', APP) !== null ||
    matchMedia('(display-mode: standalone), (display-mode: minimal-ui), (display-mode: window-controls-overlay)').matches;

  function remember() {
    if (isApp()) write('localStorage', PLACE, location.pathname + location.search + location.hash);
  }

  if ('start' in document.currentScript.dataset) return start();
  remember();
  for (const name of ['pushState', 'replaceState']) {
    const own = history[name];
    history[name] = function (...change) {
      own.apply(this, change);
      remember();
    };
  }
})();
