// The connection overview: one Vue element for the whole page body. The server sends the rows once and then one short
// list of changes a second (patch); searching, filtering, ordering, windowing and ageing happen here. Figures come for the
// rows it says it shows (look), the state for all of them.

import { computed, markRaw, nextTick, onBeforeUnmount, onMounted, provide, reactive, ref, shallowRef, watch } from "vue";
import { isAway, useBeat } from "connection_beat";
import { makeAges, makeFigures, makeWidths } from "overview_figures";
import { fill, makeFormat } from "overview_format";
import { List } from "overview_list";
import { recall, remember } from "overview_memory";
import { Menu, Shortcuts } from "overview_menu";
import { grouped, ordered, passing, Rows } from "overview_model";
import { Icon } from "overview_parts";
import { Head, Toolbar } from "overview_toolbar";
import { onKeys } from "overview_keys";

const RESORT_MS = 5000; // traffic and last activity change all the time: the order follows at this pace
const RESTLESS_MS = 1500; // nothing moves away under a pointer that has just moved
const PENDING_MS = 4000;
const TOAST_MS = 10000;

/** Which rows are shown in which order; follows the owner's choices at once and the rows when it does not disturb. */
function useOrder(store, choice, only, collator, isBusy) {
  const counts = shallowRef(store.count());
  const groups = shallowRef([]);
  let due = false;
  let arrangedAt = 0;
  function arrange() {
    const rows = passing(store.byId, { ...choice, only: only.value });
    groups.value = grouped(ordered(rows, choice.sort, collator.value), choice.group, choice.sort === "trouble");
    due = false;
    arrangedAt = performance.now();
  }
  function follow(moved) {
    if (moved) counts.value = store.count();
    const drifting = (choice.sort === "traffic" || choice.sort === "last") && performance.now() - arrangedAt > RESORT_MS;
    due = due || moved || drifting;
    if (due && !isBusy()) arrange();
  }
  function recount() {
    counts.value = store.count();
    arrange();
  }
  arrange();
  watch([choice, only, collator], arrange, { deep: true });
  return { counts, groups, arrange, follow, recount };
}

/** What is selected, and the bar's actions. */
function usePicking(store, groups, act) {
  const picking = ref(false);
  const picked = reactive(new Set());
  const shown = computed(() => groups.value.flatMap((group) => group.rows));
  function pick(id, event) {
    if (event?.target.closest("button:not(.ov-name), label")) return;
    if (!picked.delete(id)) picked.add(id);
  }
  function stop() {
    picking.value = false;
    picked.clear();
  }
  function pickShown() {
    const all = shown.value.every((row) => picked.has(row.id));
    for (const row of shown.value) if (all) picked.delete(row.id);
      else picked.add(row.id);
  }
  return {
    picking, picked, shown, pick, stop, pickShown,
    toggle: () => (picking.value ? stop() : (picking.value = true)),
    bulk: (action) => act(`bulk_${action}`, [...picked]),
    prune: () => [...picked].forEach((id) => store.byId.has(id) || picked.delete(id)),
  };
}

/** Actions that were asked for and whose result has not shown yet. */
function usePending(store, live) {
  const pending = reactive(new Map());
  const asked = new Map();
  live.add(() => {
    for (const [id, { state, at }] of asked) {
      if (store.byId.get(id)?.state === state && performance.now() - at < PENDING_MS) continue;
      asked.delete(id);
      pending.delete(id);
    }
  });
  function expect(action, id) {
    if (!["connect", "disconnect", "retry", "pause"].includes(action)) return;
    pending.set(id, action);
    asked.set(id, { state: store.byId.get(id)?.state, at: performance.now() });
  }
  return { pending, expect };
}

const BULK = [["connect", "play"], ["disconnect", "stop"], ["retry", "retry"], ["export", "download"], ["delete", "delete"]];

export default {
  components: { Head, Icon, List, Menu, Shortcuts, Toolbar },
  props: { rows: Array, labels: Object, settings: Object, locale: String },
  emits: ["action", "add", "demo", "look"],
  setup(props, { emit }) {
    /** Ask the server for something; while it is gone, frame.js says so instead. */
    function ask(name, what) {
      if (isAway()) document.dispatchEvent(new Event("eo-unheard"));
      else emit(name, what);
    }
    const labels = computed(() => props.labels);
    const format = computed(() => makeFormat(props.locale, props.labels));
    const collator = computed(() => new Intl.Collator(format.value.tag, { numeric: true, sensitivity: "base" }));
    const store = markRaw(new Rows(props.rows ?? []));
    const choice = reactive(recall());
    const only = shallowRef(null); // ids, after "show" on a bulk result
    const menu = shallowRef(null);
    const help = ref(false);
    const toast = shallowRef(null);
    const versions = ref(0); // rises when a row has to be drawn anew
    const list = ref(null);
    const tools = ref(null);
    let touchedAt = -Infinity;

    const time = useBeat();
    const isBusy = () => menu.value !== null || performance.now() - touchedAt < RESTLESS_MS;
    const order = useOrder(store, choice, only, collator, isBusy);
    const { pending, expect } = usePending(store, time.live);

    function act(action, ids) {
      if (ids.length === 1 && !isAway()) expect(action, ids[0]);
      ask("action", { action, ids });
    }

    const picks = usePicking(store, order.groups, act);
    const view = computed(() => {
      if (choice.view !== "auto") return choice.view;
      return order.counts.value.all <= (props.settings?.cards_up_to ?? 12) ? "cards" : "rows";
    });
    const openMenu = (row, anchor) => (menu.value = menu.value?.anchor === anchor ? null : { row, anchor: markRaw(anchor) });
    const figures = makeFigures(format);
    const ages = makeAges(format, labels, time.now);
    const widths = computed(() => makeWidths(format.value, props.labels));
    provide("overview", { act, ages, beat: time.beat, figures, format, labels, live: time.live, openMenu, pick: picks.pick, store, versions });
    watch(choice, () => remember(choice), { deep: true });

    function patch(now, changes) {
      const { moved, drawn } = store.patch(now, changes);
      if (drawn) versions.value += 1;
      order.follow(moved);
      time.hear(now);
    }

    function reset(rows) {
      store.replace(rows);
      picks.prune();
      const open = menu.value && store.byId.get(menu.value.row.id);
      menu.value = open ? { ...menu.value, row: open } : null;
      order.recount();
      versions.value += 1;
    }
    watch(() => props.rows, (rows) => reset(rows ?? []));

    function clear() {
      only.value = null;
      Object.assign(choice, { search: "", types: [], states: [] });
    }

    function report(text, ids) {
      const shown = (toast.value = { text, ids });
      setTimeout(() => toast.value === shown && (toast.value = null), TOAST_MS);
    }

    function showOnly(ids) {
      clear();
      only.value = ids;
      toast.value = null;
    }

    function collapse(key) {
      choice.collapsed = choice.collapsed.includes(key) ? choice.collapsed.filter((each) => each !== key) : [...choice.collapsed, key];
    }

    function escape() {
      if (picks.picking.value) picks.stop();
      else if (only.value || choice.search || choice.types.length || choice.states.length) clear();
      else document.activeElement?.closest(".ov-item")?.blur();
    }

    const switchView = () => (choice.view = view.value === "cards" ? "rows" : "cards");
    const touched = () => (touchedAt = performance.now());
    const keys = onKeys({
      "/": () => tools.value?.focus(),
      a: () => ask("add"),
      v: switchView,
      s: picks.toggle,
      "?": () => (help.value = true),
      Escape: escape,
      ArrowDown: () => list.value?.step({ rows: 1, cards: (columns) => columns }),
      ArrowUp: () => list.value?.step({ rows: -1, cards: (columns) => -columns }),
      ArrowRight: () => list.value?.step({ rows: 0, cards: () => 1 }),
      ArrowLeft: () => list.value?.step({ rows: 0, cards: () => -1 }),
      Enter: (item) => item && act("stats", [item]),
      " ": (item) => item && picks.picking.value && picks.pick(item),
    });
    onMounted(() => document.addEventListener("keydown", keys));
    onBeforeUnmount(() => document.removeEventListener("keydown", keys));
    watch(menu, (now, before) => before && !now && nextTick(() => order.follow(false)));

    return {
      ...picks, ask, BULK, choice, clear, collapse, counts: order.counts, emit, fill, format, groups: order.groups, help, list, menu, only,
      patch, pending, report, reset, showOnly, switchView, toast, tools, touched, view, widths,
    };
  },
  template: `
<div class="ov" :class="{ picking }" :style="widths">
  <Head :counts="counts" :view="view" :picking="picking" @view="switchView" @pick="toggle" @add="ask('add')" />
  <template v-if="counts.all">
    <Toolbar ref="tools" :counts="counts" :choice="choice" :only="only" @clear="clear" />
    <div v-if="only" class="ov-only">{{ fill(labels.only_these, { count: format.whole(only.length) }) }}</div>
    <List v-if="shown.length" ref="list" :groups="groups" :group-by="choice.group" :view="view" :collapsed="choice.collapsed" :picking="picking"
          :picked="picked" :pending="pending" @collapse="collapse" @look="emit('look', $event)" @pointermove="touched" @pointerdown="touched" />
    <div v-else class="eo-empty"><Icon name="search" /><h2>{{ labels.nothing_matches }}</h2>
      <p>{{ fill(labels.nothing_matches_text, { count: format.whole(counts.all) }) }}</p>
      <div class="eo-row"><button type="button" class="eo-btn pri" @click="clear">{{ labels.clear_filters }}</button></div></div>
  </template>
  <div v-else class="eo-empty"><Icon name="connections" /><h2>{{ labels.empty_title }}</h2><p>{{ labels.empty_text }}</p>
    <div class="eo-row"><button type="button" class="eo-btn pri" @click="ask('add')">{{ labels.add_connection }}</button>
      <button v-if="settings.can_demo" type="button" class="eo-btn" @click="ask('demo')">{{ labels.try_demo }}</button></div></div>
  <div v-if="picking" class="ov-bulk" role="toolbar" :aria-label="labels.select">
    <button type="button" class="eo-btn gh icon" :aria-label="labels.done" :title="labels.done" @click="stop"><Icon name="close" /></button>
    <b class="eo-num" role="status">{{ fill(labels.selected, { count: format.whole(picked.size) }) }}</b>
    <button type="button" class="eo-btn gh" @click="pickShown">{{ shown.length && shown.every((row) => picked.has(row.id)) ? labels.select_none : fill(labels.select_shown, { count: format.whole(shown.length) }) }}</button>
    <div class="ov-bulk-actions"><button v-for="[action, icon] in BULK" :key="action" type="button" class="eo-btn" :class="{ danger: action === 'delete' }" :disabled="!picked.size"
      @click="bulk(action)"><Icon :name="icon" class="eo-icon-s" /><span>{{ action === 'retry' ? labels.retry_bulk : labels[action] }}</span></button></div>
  </div>
  <Menu v-if="menu" :key="menu.row.id" :row="menu.row" :anchor="menu.anchor" @close="menu = null" />
  <Shortcuts v-if="help" @close="help = false" />
  <div v-if="toast" class="eo-toast" role="status">{{ toast.text }}<button v-if="toast.ids?.length" type="button" class="eo-btn" @click="showOnly(toast.ids)">{{ labels.show }}</button>
    <button type="button" class="eo-btn icon" :aria-label="labels.close" @click="toast = null"><Icon name="close" class="eo-icon-s" /></button></div>
</div>`,
};
