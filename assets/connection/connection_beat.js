// The server's time, and a beat a second that ages the texts, also while the server is silent.

import { onBeforeUnmount, ref } from "vue";

export function useBeat() {
  const beat = ref(0);
  let offset = -Infinity;
  let heard = 0;
  const pulse = () => {
    if (!document.hidden) beat.value += 1;
  };
  function hear(now) {
    const fresh = now - Date.now() / 1000;
    if (fresh > offset || Math.abs(fresh - offset) > 1) offset = fresh; // the least delayed message knows best
    heard = performance.now();
    pulse();
  }
  const timer = setInterval(() => performance.now() - heard > 1200 && pulse(), 1000);
  document.addEventListener("visibilitychange", pulse);
  onBeforeUnmount(() => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", pulse);
  });
  return { beat, hear, now: () => Date.now() / 1000 + (Number.isFinite(offset) ? offset : 0) };
}
