// The menu of one connection: why it needs the owner, in full, and everything that can be done with it.

import { computed, inject, onMounted, ref } from "vue";
import { titleOf } from "overview_model";
import { Icon, toneOf } from "overview_parts";
import { usePopup } from "overview_popup";

export const Menu = {
  components: { Icon },
  props: { row: Object, anchor: Object },
  emits: ["close"],
  setup(props, { emit }) {
    const { act, beat, labels } = inject("overview");
    const { close, element, onKey, place } = usePopup(props, emit);
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

    function choose(action) {
      close();
      act(action, [props.row.id]);
    }
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
