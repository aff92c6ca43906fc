// The menu of one connection: why it needs the owner, in full, and everything that can be done with it.

import { computed, inject, nextTick, onBeforeUnmount, onMounted, ref } from "vue";
import { titleOf } from "overview_model";
import { Icon, toneOf } from "overview_parts";

const MARGIN = 8;

export const Menu = {
  components: { Icon },
  props: { row: Object, anchor: Object },
  emits: ["close"],
  setup(props, { emit }) {
    const { act, beat, labels } = inject("overview");
    const element = ref(null);
    const place = ref({ visibility: "hidden" });
    const items = computed(() => {
      void beat.value; // the state may change while the menu is open
      const words = labels.value;
      const { can_pause, paused, state } = props.row;
      const on = [];
      if (state === "error") on.push(["retry", "retry", words.retry]);
      if (state === "off") on.push(["connect", "play", paused ? words.connect_now : words.connect]);
      if (state !== "off" || paused) on.push(["disconnect", "stop", state === "connecting" ? words.cancel : words.disconnect]);
      if (can_pause) on.push(["pause", "pause", words.pause]);
      return [...on, ["stats", "chart", words.stats], ["log", "log", words.log], ["edit", "edit", words.edit]];
    });

    function position() {
      const box = props.anchor.getBoundingClientRect();
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

    function choose(action) {
      close();
      act(action, [props.row.id]);
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
    const moved = () => close(false);
    onMounted(async () => {
      position();
      document.addEventListener("pointerdown", outside, true);
      window.addEventListener("scroll", moved, { passive: true, capture: true });
      window.addEventListener("resize", moved, { passive: true });
      await nextTick();
      element.value.querySelector("[role=menuitem]").focus({ preventScroll: true });
    });
    onBeforeUnmount(() => {
      document.removeEventListener("pointerdown", outside, true);
      window.removeEventListener("scroll", moved, { capture: true });
      window.removeEventListener("resize", moved);
    });
    return { element, place, items, labels, choose, onKey, titleOf, toneOf };
  },
  template: `
<div ref="element" class="eo-menu ov-menu" :style="place" @keydown="onKey">
  <div class="ov-menu-head" :class="toneOf(row)"><strong class="eo-ellipsis"><bdi>{{ titleOf(row) }}</bdi></strong>
    <div v-if="row.why" class="eo-why"><b>{{ row.why }}</b><span v-if="row.hint" class="next">{{ row.hint }}</span></div>
  </div>
  <div role="menu" :aria-label="titleOf(row)">
    <button v-for="[action, icon, label] in items" :key="action" type="button" role="menuitem" tabindex="-1" @click="choose(action)"><Icon :name="icon" />{{ label }}</button>
    <hr role="separator">
    <button type="button" role="menuitem" tabindex="-1" class="danger" @click="choose('delete')"><Icon name="delete" />{{ labels.delete }}</button>
  </div>
</div>`,
};

/** The list of shortcuts, as a sheet. */
export const Shortcuts = {
  components: { Icon },
  emits: ["close"],
  setup() {
    const { labels } = inject("overview");
    const element = ref(null);
    const keys = computed(() => [
      [["/"], labels.value.key_search], [["a"], labels.value.key_add], [["v"], labels.value.key_view],
      [["s"], labels.value.key_select], [["↑", "↓", "←", "→"], labels.value.key_move], [["Enter"], labels.value.key_open],
      [["Esc"], labels.value.key_escape], [["?"], labels.value.key_help],
    ]);
    onMounted(() => element.value.showModal());
    return { element, keys, labels };
  },
  template: `
<dialog ref="element" class="eo-dialog small ov-keys" :aria-label="labels.shortcuts" @close="$emit('close')" @click.self="element.close()">
  <div class="eo-dialog-head"><h2>{{ labels.shortcuts }}</h2>
    <button type="button" class="eo-btn gh icon" :aria-label="labels.close" @click="element.close()"><Icon name="close" /></button></div>
  <dl class="eo-dialog-body"><template v-for="[pressed, label] in keys" :key="label">
    <dt><kbd v-for="key in pressed" :key="key">{{ key }}</kbd></dt><dd>{{ label }}</dd></template></dl>
</dialog>`,
};
