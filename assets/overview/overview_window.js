// Windowing: only the lines near the screen are in the page, however many there are.

import { onBeforeUnmount, onMounted, shallowRef, watch } from "vue";

const OVERSCAN = 240; // px above and below the screen
const PAGE = document.scrollingElement ?? document.documentElement;

function scrollerOf(element) {
  for (let each = element.parentElement; each && each !== document.body && each !== PAGE; each = each.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(each).overflowY)) return each;
  }
  return null; // the page itself
}

/** `lines` and `sizeOf` in, `shown` out: {start, end, above, total} as line numbers and pixels. */
export function useWindow(element, lines, sizeOf) {
  const shown = shallowRef({ start: 0, end: 0, above: 0, total: 0 });
  let tops = new Float64Array(1);
  let scroller = null;
  let frame = 0;

  function measure() {
    const list = lines.value;
    tops = new Float64Array(list.length + 1);
    for (let index = 0; index < list.length; index++) tops[index + 1] = tops[index] + sizeOf(list[index]);
    look();
  }

  function lineAt(pixels) {
    let low = 0;
    let high = tops.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (tops[middle + 1] <= pixels) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function look() {
    if (!element.value) return;
    const count = lines.value.length;
    const top = element.value.getBoundingClientRect().top - (scroller ? scroller.getBoundingClientRect().top : 0);
    const height = scroller ? scroller.clientHeight : window.innerHeight;
    const start = Math.min(lineAt(Math.max(0, -top - OVERSCAN)), count);
    const end = Math.min(lineAt(Math.max(0, height - top + OVERSCAN)) + 1, count);
    const total = tops[count];
    const now = shown.value;
    if (now.start === start && now.end === end && now.total === total && now.above === tops[start]) return;
    shown.value = { start, end, above: tops[start], total };
  }

  function soon() {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      look();
    });
  }

  /** Bring a line near the screen, so that it is in the page after the next drawing. */
  function reach(index) {
    if (index >= shown.value.start && index < shown.value.end) return;
    const target = scroller ?? PAGE;
    const offset = element.value.getBoundingClientRect().top - (scroller ? scroller.getBoundingClientRect().top : 0);
    target.scrollTop += offset + tops[index] - target.clientHeight / 2;
    look();
  }

  onMounted(() => {
    scroller = scrollerOf(element.value);
    (scroller ?? window).addEventListener("scroll", soon, { passive: true });
    window.addEventListener("resize", soon, { passive: true });
    measure();
  });
  onBeforeUnmount(() => {
    (scroller ?? window).removeEventListener("scroll", soon);
    window.removeEventListener("resize", soon);
    cancelAnimationFrame(frame);
  });
  watch(lines, measure);
  return { shown, measure, look, reach };
}
