// A menu at the button that opened it: by keyboard and by touch, never beyond the edge of the window.

import { Icon } from "connection_parts";
import { usePopup } from "overview_popup";

/** `items` are [key, icon, label, look]; null is a line between. Emits choose(key) and close(). */
export const PopupMenu = {
  components: { Icon },
  props: { items: Array, label: String, anchor: Object },
  emits: ["choose", "close"],
  setup(props, { emit }) {
    const { close, element, onKey, place } = usePopup(props, emit);
    function choose(key) {
      emit("choose", key);
      close();
    }
    return { choose, element, onKey, place };
  },
  template: `
<Teleport to="body"><div ref="element" class="eo-menu" role="menu" :aria-label="label" :style="place" @keydown="onKey">
  <template v-for="(item, index) in items" :key="index"><hr v-if="!item" role="separator">
    <button v-else type="button" role="menuitem" tabindex="-1" :class="item[3]" @click="choose(item[0])"><Icon :name="item[1]" />{{ item[2] }}</button></template>
</div></Teleport>`,
};
