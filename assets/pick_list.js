// A search and what was found. A row is [what is taken, what is shown, a note].

import { nextTick, onMounted, ref } from "vue";
import { Icon, Search, visible } from "connection_parts";

export default {
  components: { Icon, Search },
  props: { words: Object, rows: Array, query: String, more: String },
  emits: ["search", "pick"],
  setup() {
    const root = ref(null);
    onMounted(async () => {
      await nextTick();
      if (!matchMedia("(pointer: coarse)").matches) root.value?.querySelector("input")?.focus();
    });
    return { root, visible };
  },
  template: `
<div ref="root" class="pk">
  <Search :value="query" :label="words.search" :clear="words.clear_search" @search="(text) => $emit('search', text.trim())" />
  <ul v-if="rows.length" class="pk-rows"><li v-for="row in rows" :key="row[0]"><button type="button" @click="$emit('pick', row[0])">
    <bdi class="pk-name">{{ visible(row[1]) }}</bdi><bdi class="pk-note eo-num">{{ visible(row[2]) }}</bdi></button></li></ul>
  <p v-else class="eo-muted">{{ words.none }}</p>
  <p v-if="more" class="eo-hint">{{ more }}</p>
</div>`,
};
