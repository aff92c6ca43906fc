// What every menu at a button does: its place, the keyboard, and when it closes.

import { nextTick, onBeforeUnmount, onMounted, ref } from "vue";

const MARGIN = 8;

/** For a menu with `anchor` among its props; emits close(). Bind `element`, `place` and `onKey` to its outermost element. */
export function usePopup(props, emit) {
  const element = ref(null);
  const place = ref({ visibility: "hidden" });
  let start; // where its button was

  function position() {
    const box = (start = props.anchor.getBoundingClientRect());
    const own = element.value.getBoundingClientRect();
    const left = Math.max(MARGIN, Math.min(box.right - own.width, window.innerWidth - own.width - MARGIN));
    const below = box.bottom + 4;
    const top = below + own.height < window.innerHeight - MARGIN ? below : Math.max(MARGIN, box.top - own.height - 4);
    place.value = { left: `${left}px`, top: `${top}px` };
  }
  function close(back = true) {
    emit("close");
    if (back && props.anchor.isConnected) props.anchor.focus();
  }
  function onKey(event) {
    const all = [...element.value.querySelectorAll("[role=menuitem]")];
    const at = all.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
    if (to !== undefined) all[to % all.length].focus();
    else if (event.key === "Escape" || event.key === "Tab") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  const outside = (event) => {
    if (!element.value?.contains(event.target) && !props.anchor.contains(event.target)) close(false);
  };
  const resized = () => close(false);
  const moved = () => { // by a scroll; one that ended before, or is somewhere else, does not matter
    const { left, top } = props.anchor.getBoundingClientRect();
    if (Math.abs(left - start.left) + Math.abs(top - start.top) > 2) close(false);
  };
  onMounted(async () => {
    position();
    document.addEventListener("pointerdown", outside, true);
    window.addEventListener("scroll", moved, { passive: true, capture: true });
    window.addEventListener("resize", resized, { passive: true });
    await nextTick();
    element.value.querySelector("[role=menuitem]").focus({ preventScroll: true });
  });
  onBeforeUnmount(() => {
    document.removeEventListener("pointerdown", outside, true);
    window.removeEventListener("scroll", moved, { capture: true });
    window.removeEventListener("resize", resized);
  });
  return { close, element, onKey, place };
}
