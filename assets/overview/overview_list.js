// The windowed list of cards or rows, with collapsible groups.

import { computed, inject, nextTick, onBeforeUnmount, onMounted, onUpdated, ref, shallowRef, watch } from "vue";
import { Card } from "overview_card";
import { fill } from "overview_format";
import { useLook } from "overview_look";
import { linesOf } from "overview_model";
import { Icon } from "overview_parts";
import { Row } from "overview_row";
import { useWindow } from "overview_window";

const CARD_WIDTH = 322;
const GAP = 14;
const PHONE = 560;
const GUESS = { error: 236, degraded: 268, connecting: 172, connected: 206, off: 150 }; // px, until one was drawn

const shapeOf = (line) => line.rows.map((row) => row.state).sort().join(" ");

/** Heights of lines of cards: as drawn, else as another line with the same states, else a guess. */
function useHeights(element, lines, onChange) {
  let byLine = new Map();
  const byShape = new Map();
  const seen = new WeakSet();
  const sizes = new ResizeObserver((entries) => {
    let changed = false;
    for (const { target, borderBoxSize } of entries) {
      const line = lines.value[Number(target.dataset.line)];
      const height = borderBoxSize[0].blockSize;
      if (line?.kind !== "cards" || !height || Math.abs((byLine.get(line.key) ?? 0) - height) < 1) continue;
      byLine.set(line.key, height);
      byShape.set(shapeOf(line), height);
      changed = true;
    }
    if (changed) onChange();
  });

  function observe() {
    for (const each of element.value.querySelectorAll(".ov-cards")) {
      if (seen.has(each)) continue;
      seen.add(each);
      sizes.observe(each);
    }
  }

  onMounted(observe);
  onUpdated(observe);
  onBeforeUnmount(() => sizes.disconnect());
  return {
    forget: () => (byLine = new Map()),
    of: (line) => byLine.get(line.key) ?? byShape.get(shapeOf(line)) ?? Math.max(...line.rows.map((row) => GUESS[row.state] ?? 206)) + GAP,
  };
}

export const List = {
  components: { Card, Icon, Row },
  props: { groups: Array, groupBy: String, view: String, collapsed: Array, picking: Boolean, picked: Object, pending: Object },
  emits: ["collapse", "look"],
  setup(props, { emit, expose }) {
    const { format, labels, versions } = inject("overview");
    const element = ref(null);
    const width = ref(1000);
    const lines = shallowRef([]);
    const phone = computed(() => width.value < PHONE);
    const columns = computed(() => Math.max(1, Math.floor((width.value + GAP) / (CARD_WIDTH + GAP))));
    const heights = useHeights(element, lines, () => measure());

    function sizeOf(line) {
      if (line.kind === "group") return 48;
      if (line.kind === "row") return phone.value ? (line.rows[0].why ? 92 : 60) : 48;
      return heights.of(line);
    }

    const { shown, measure, reach } = useWindow(element, lines, sizeOf);
    useLook(lines, shown, computed(() => props.view === "cards"), (look) => emit("look", look));
    const visible = computed(() => {
      void versions.value; // rows are plain objects: this says that some have to be drawn anew
      return lines.value.slice(shown.value.start, shown.value.end);
    });
    const total = computed(() => props.groups.reduce((sum, group) => sum + group.rows.length, 0));
    const isCollapsed = (key) => props.collapsed.includes(`${props.groupBy} ${key}`);

    watch(
      [() => props.groups, () => props.view, () => props.collapsed, columns],
      () => (lines.value = linesOf(props.groups, { view: props.view, columns: columns.value, isCollapsed })),
      { immediate: true },
    );
    watch([columns, phone], () => {
      heights.forget();
      measure();
    });

    const widths = new ResizeObserver(([entry]) => (width.value = entry.contentRect.width));
    onMounted(() => {
      width.value = element.value.clientWidth;
      widths.observe(element.value);
    });
    onBeforeUnmount(() => widths.disconnect());

    const nameOf = (group) => labels.value[`${props.groupBy}_${group.key}`] ?? group.key;
    const summaryOf = (group) =>
      ` · ${format.value.whole(group.rows.length)}` + (group.trouble ? ` · ${format.value.plural("needs", group.trouble)}` : "");

    /** Move the keyboard focus on by some rows (or cards); from elsewhere, to the first one. */
    async function step({ rows, cards }) {
      const flat = lines.value.flatMap((line, index) => (line.rows ?? []).map((row) => [row.id, index]));
      if (!flat.length) return;
      const from = document.activeElement?.closest(".ov-item")?.dataset.id;
      const at = flat.findIndex(([id]) => id === from);
      const by = props.view === "rows" ? rows : cards(columns.value);
      const [id, line] = flat[at < 0 ? 0 : Math.min(flat.length - 1, Math.max(0, at + by))];
      reach(line);
      await nextTick();
      [...element.value.querySelectorAll(".ov-item")].find((item) => item.dataset.id === id)?.focus();
    }

    expose({ step });
    return { element, shown, visible, columns, phone, total, labels, fill, nameOf, summaryOf };
  },
  template: `
<div ref="element" class="ov-list" :class="[view, { phone }]" :style="{ height: shown.total + 'px' }">
  <div class="ov-window" :style="{ top: shown.above + 'px' }">
    <template v-for="(line, index) in visible" :key="line.key">
      <div v-if="line.kind === 'group'" class="ov-group">
        <button type="button" :aria-expanded="!line.collapsed" :title="fill(line.collapsed ? labels.expand : labels.collapse, { name: nameOf(line.group) })"
                @click="$emit('collapse', groupBy + ' ' + line.group.key)">
          <Icon name="chevron" /><b>{{ nameOf(line.group) }}</b><span>{{ summaryOf(line.group) }}</span>
        </button>
      </div>
      <Row v-else-if="line.kind === 'row'" :row="line.rows[0]" :version="line.rows[0].version"
           :picking="picking" :picked="picked.has(line.rows[0].id)" :pending="pending.get(line.rows[0].id) ?? ''"
           :aria-posinset="line.first + 1" :aria-setsize="total" />
      <div v-else class="ov-cards" :data-line="shown.start + index" :style="{ gridTemplateColumns: 'repeat(' + columns + ', minmax(0, 1fr))' }">
        <Card v-for="(row, place) in line.rows" :key="row.id" :row="row" :version="row.version"
              :picking="picking" :picked="picked.has(row.id)" :pending="pending.get(row.id) ?? ''"
              :aria-posinset="line.first + place + 1" :aria-setsize="total" />
      </div>
    </template>
  </div>
</div>`,
};
