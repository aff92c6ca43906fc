// A button with three dots, and what can be chosen there.

import { ref } from "vue";
import { Icon } from "connection_parts";
import { PopupMenu } from "popup_menu";

export default {
  components: { Icon, PopupMenu },
  props: { items: Array, label: String },
  emits: ["choose"],
  setup() {
    return { anchor: ref(null), opened: ref(false) };
  },
  template: `
<span class="eo-more"><button ref="anchor" type="button" class="eo-btn gh icon" :title="label" :aria-label="label" aria-haspopup="menu" :aria-expanded="opened ? 'true' : 'false'"
  @click="opened = !opened"><Icon name="more" /></button>
  <PopupMenu v-if="opened" :items="items" :label="label" :anchor="anchor" @choose="(key) => $emit('choose', key)" @close="opened = false" /></span>`,
};
