// Which rows the server has to keep live: those in the page and some around them, so that a short way finds them ready.

import { onBeforeUnmount, onMounted, watch } from "vue";

const AROUND = 16; // cards or rows before and after
const PAUSE_MS = 150; // between two questions while scrolling

/** Calls `say({ids, sparks})` when the rows in the page are not those that were asked for; a hidden page asks for none. */
export function useLook(lines, shown, sparks, say) {
  let asked = new Set();
  let drawn = sparks.value;
  let timer = 0;

  function idsOf(start, end) {
    return lines.value.slice(Math.max(0, start), end).flatMap((line) => (line.rows ?? []).map((row) => row.id));
  }

  function look() {
    timer = 0;
    const { start, end } = shown.value;
    const needed = document.hidden ? [] : idsOf(start, end);
    const ready = drawn === sparks.value && needed.every((id) => asked.has(id));
    if (ready && (needed.length || !asked.size)) return;
    const around = Math.ceil(AROUND / (lines.value[start]?.rows?.length || 1));
    const ids = needed.length ? idsOf(start - around, end + around) : [];
    asked = new Set(ids);
    drawn = sparks.value;
    say({ ids, sparks: drawn });
  }

  function soon() {
    timer ||= setTimeout(look, PAUSE_MS);
  }

  watch([lines, shown, sparks], soon);
  onMounted(() => {
    soon();
    document.addEventListener("visibilitychange", look);
  });
  onBeforeUnmount(() => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", look);
    say({ ids: [], sparks: false });
  });
}
