// What cards and rows share: the lamp, the sparkline, a time that shows its exact form on tap, the next action.

import { getCurrentInstance, h, inject, onBeforeUnmount, onMounted, onUpdated, provide, ref } from "vue";
import { isAway } from "connection_beat";
import { around } from "overview_format";
import { isUp, sparkPath, sparkTop } from "overview_model";

const LAMPS = {
  error: ["eo-bad", "eo-diamond"],
  degraded: ["eo-warn", "eo-triangle"],
  connecting: ["eo-busy", "eo-dash"],
  connected: ["eo-good", "eo-dot"],
  off: ["eo-idle", "eo-ring"],
};
const ICONS = ["mqtt", "plc", "bluetooth"];
const WIDTH = 92;
const HEIGHT = 34;

export const toneOf = (row) => (LAMPS[row.state] ?? LAMPS.off)[0];

export const Icon = (props) => h("i", { class: `eo-icon eo-i-${props.name}`, "aria-hidden": "true" });
Icon.props = ["name"];

/** The type's icon, or its first letter where there is none. */
export const TypeIcon = (props) =>
  ICONS.includes(props.type) ? h(Icon, { name: props.type }) : h("b", (props.type || "?").slice(0, 1).toUpperCase());
TypeIcon.props = ["type"];

/** Calls `refresh` with every beat while the card or row it stands in is on the screen. */
function onBeat(refresh) {
  const live = inject("live");
  onMounted(() => live.add(refresh));
  onBeforeUnmount(() => live.delete(refresh));
}

const watched = new WeakMap();
const screen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) watched.get(target)?.(isIntersecting);
});

/** For a card or row: gathers what is refreshed in it; what is only near the screen costs nothing. */
export function useItem() {
  const { live } = inject("overview");
  const own = new Set();
  const { proxy } = getCurrentInstance();
  let visible = true;
  let element;
  provide("live", own);
  function refresh() {
    if (visible) for (const each of own) each();
  }
  onMounted(() => {
    element = proxy.$el;
    live.add(refresh);
    watched.set(element, (now) => {
      visible = now;
      refresh();
    });
    screen.observe(element);
  });
  onBeforeUnmount(() => {
    live.delete(refresh);
    screen.unobserve(element);
  });
}

/** The ring of a lamp that is connecting: moves on with every beat, because a running animation costs too much. */
const Turning = {
  setup() {
    const element = ref(null);
    const still = window.matchMedia("(prefers-reduced-motion: reduce)");
    let turn = 0;
    onBeat(() => {
      if (!still.matches && !isAway()) element.value.style.transform = `rotate(${(turn += 75)}deg)`;
    });
    return () => h("span", { ref: element, class: "eo-dash", "aria-hidden": "true" });
  },
};

export const Lamp = ({ row }) =>
  h("span", { class: "eo-lamp" }, [
    row.state === "connecting" ? h(Turning) : h("span", { class: (LAMPS[row.state] ?? LAMPS.off)[1], "aria-hidden": "true" }),
    h("span", { class: "ov-word", title: row.word }, row.word),
  ]);
Lamp.props = ["row", "version"];

/** A text that changes all the time: written straight into its element, so that nothing else is drawn anew. */
export const Live = {
  props: { row: Object, read: Function, tag: { type: String, default: "span" } },
  setup(props) {
    let shown = "";
    const element = ref(null);
    const write = () => (element.value.textContent = shown);
    function refresh() {
      const text = props.read(props.row);
      if (text === shown) return;
      shown = text;
      if (element.value.firstChild) element.value.firstChild.data = text;
      else write();
    }
    onBeat(refresh);
    onUpdated(write); // the drawn text may be older than what stands there
    return () => h(props.tag, { ref: element }, (shown = props.read(props.row)));
  },
};

/** Two lines of the last minute, sent and received. */
export const Spark = {
  props: { row: Object },
  setup(props) {
    const { store } = inject("overview");
    const lines = [ref(null), ref(null)];
    function refresh() {
      const top = sparkTop(props.row);
      [props.row.sent, props.row.received].forEach((values, index) => {
        lines[index].value.setAttribute("d", sparkPath(values, store.head, WIDTH, HEIGHT, top));
      });
    }
    onBeat(refresh);
    onMounted(refresh);
    onUpdated(refresh);
    return () =>
      h("svg", { class: "ov-spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "xMaxYMid slice", "aria-hidden": "true", "data-id": props.row.id }, [
        h("path", { class: "sent", ref: lines[0] }),
        h("path", { class: "received", ref: lines[1] }),
      ]);
  },
};

/** "Last: 2 min ago"; a tap shows the exact time and another one hides it. */
export const When = {
  props: { row: Object, sentence: String },
  setup(props) {
    const { ages, format } = inject("overview");
    const opened = ref(false);
    const exact = (row) => (row.last ? format.value.exact(row.last) : "");
    function toggle(event) {
      event.stopPropagation();
      opened.value = !opened.value && Boolean(props.row.last);
    }
    return () => {
      const [before, after] = around(props.sentence);
      const read = opened.value ? exact : ages.last;
      return h("button", { type: "button", class: "ov-when", "aria-expanded": opened.value, onClick: toggle, onPointerenter: (event) => (event.currentTarget.title = exact(props.row)) }, [
        before, h(Live, { row: props.row, read, tag: "b" }), after,
      ]);
    };
  },
};

/** A fact with its live value in bold: "Errors 31". */
export const Fact = (props) => {
  const [before, after] = around(props.sentence);
  return h("span", { class: "ov-fact" }, [before, h(Live, { row: props.row, read: props.read, tag: "b" }), after]);
};
Fact.props = ["row", "sentence", "read"];

/** When the next try is, or when a pause ends: "Next try in 14 s", counting down. */
export const Next = (props) => {
  const { ages } = inject("overview");
  const part = (read, tag) => h(Live, { row: props.row, read, tag });
  return h("span", { class: ["ov-fact", "ov-next", { long: props.row.paused }] }, [part(ages.nextBefore), part(ages.nextLeft, "b"), part(ages.nextAfter)]);
};
Next.props = ["row"];

/** The one action that fits the state, as [action, label, icon]. */
export function nextAction(row, labels) {
  if (row.state === "error") return ["retry", labels.retry, "retry"];
  if (row.state === "connecting") return ["disconnect", labels.cancel, "close"];
  if (isUp(row)) return ["disconnect", labels.disconnect, "stop"];
  return ["connect", row.paused ? labels.connect_now : labels.connect, "play"];
}
