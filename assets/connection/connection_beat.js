// The server's time, a beat a second that ages the texts, also while the server is silent, and whether it is gone.

import { onBeforeUnmount, ref } from "vue";

/** The server is gone (frame.js says so): what is shown is the last that was known, and nobody hears what is asked. */
export const isAway = () => document.documentElement.classList.contains("eo-away");

export function useBeat() {
  const beat = ref(0);
  const live = new Set(); // what is refreshed in place with every beat
  let offset = -Infinity;
  let heard = 0;
  function pulse() {
    if (document.hidden) return;
    for (const refresh of live) refresh();
    beat.value += 1;
  }
  function hear(now) {
    const fresh = now - Date.now() / 1000;
    if (fresh > offset || Math.abs(fresh - offset) > 1) offset = fresh; // the least delayed message knows best
    heard = performance.now();
    pulse();
  }
  const timer = setInterval(() => performance.now() - heard > 1200 && pulse(), 1000);
  document.addEventListener("visibilitychange", pulse);
  document.addEventListener("eo-away", pulse);
  onBeforeUnmount(() => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", pulse);
    document.removeEventListener("eo-away", pulse);
  });
  return { beat, hear, live, now: () => Date.now() / 1000 + (Number.isFinite(offset) ? offset : 0) };
}
