// Devices that were found: in the network, or on the air with their signal. Rows are patched in place; a row that has
// just moved takes no tap, because the finger was meant for another one.
// A row is [key, name, facts, added, gone, nameless, signal], a signal [bars, dBm, words] or null.

import { computed, onMounted, ref, shallowReactive, shallowRef } from "vue";
import { Icon } from "connection_parts";
import { fill } from "overview_format";

const MOVED_MS = 500;
const TOUCH_MS = 1000; // between two reports that somebody is at the list

const Signal = {
  props: { signal: Array },
  template: `
<span class="eo-signal" :title="signal[2]"><span class="eo-bars" role="img" :aria-label="signal[2]"><i v-for="bar in 4" :key="bar" :class="{ on: bar <= signal[0] }"></i></span><span
  class="eo-small eo-muted eo-num">{{ signal[1] }}</span></span>`,
};

const Device = {
  components: { Icon, Signal },
  props: { row: Array, kind: String, picked: Boolean, words: Object },
  emits: ["pick"],
  template: `
<li :class="{ gone: row[4] }">
  <button type="button" class="eo-btn eo-found-one" :aria-pressed="picked ? 'true' : 'false'" @click="$emit('pick', row[0])">
    <Icon :name="picked ? 'check' : kind" />
    <span class="eo-grow"><b class="eo-ellipsis"><bdi>{{ row[1] }}</bdi></b><span class="eo-small eo-muted eo-ellipsis">{{ row[2] }}</span></span>
    <span v-if="row[3]" class="eo-small eo-muted eo-added">{{ words.added }}</span>
    <Signal v-if="row[6]" :signal="row[6]" />
  </button>
</li>`,
};

export default {
  components: { Device },
  props: { words: Object },
  emits: ["pick", "touch", "ready"],
  setup(props, { emit }) {
    const kind = ref("");
    const sentence = ref("");
    const trouble = shallowRef([]);
    const order = shallowRef([]);
    const rows = shallowReactive(new Map());
    const picked = ref("");
    const unfolded = ref(false);
    let movedAt = new Map(); // key to when it last came to another place
    let touchedAt = -Infinity;
    onMounted(() => emit("ready"));

    function patch(news) {
      const { rows: changed, order: keys } = news;
      for (const [key, ...rest] of changed) rows.set(key, [key, ...rest]);
      if (news.kind !== undefined && news.kind !== kind.value) picked.value = "";
      kind.value = news.kind ?? kind.value;
      sentence.value = news.sentence ?? sentence.value;
      trouble.value = news.trouble ?? trouble.value;
      if (keys) arrange(keys);
    }
    function arrange(keys) {
      const before = new Map(order.value.map((key, place) => [key, place]));
      keys.forEach((key, place) => before.get(key) !== place && before.size && movedAt.set(key, performance.now()));
      order.value = keys;
      for (const key of rows.keys()) if (!keys.includes(key)) rows.delete(key);
    }

    const known = computed(() => order.value.map((key) => rows.get(key)).filter(Boolean));
    const named = computed(() => known.value.filter((row) => !row[5]));
    const nameless = computed(() => known.value.filter((row) => row[5]));
    const fold = computed(() => {
      if (unfolded.value) return props.words.hide;
      const count = nameless.value.length;
      return fill(count === 1 ? props.words.show_one : props.words.show_many, { count });
    });

    function pick(key) {
      if (performance.now() - (movedAt.get(key) ?? -Infinity) < MOVED_MS) return;
      picked.value = key;
      emit("pick", key);
    }
    /** Somebody is at the list: nothing may move. */
    function touch() {
      if (performance.now() - touchedAt < TOUCH_MS) return;
      touchedAt = performance.now();
      emit("touch");
    }
    return { fold, kind, known, named, nameless, patch, pick, picked, sentence, touch, trouble, unfolded };
  },
  template: `
<section class="eo-found" :class="kind" :aria-label="words.label">
  <div v-if="trouble.length" class="eo-why eo-warn eo-help" role="status"><i class="eo-icon" :class="'eo-i-' + kind" aria-hidden="true"></i><div>
    <b>{{ trouble[0] }}</b><span v-if="trouble[1]" class="next">{{ trouble[1] }}</span></div></div>
  <p v-else class="eo-hint" role="status">{{ sentence }}</p>
  <ul v-if="known.length" @pointermove.passive="touch" @pointerdown.passive="touch" @scroll.passive="touch" @focusin="touch" @keydown.passive="touch">
    <Device v-for="row in named" :key="row[0]" :row="row" :kind="kind" :picked="picked === row[0]" :words="words" @pick="pick" />
    <li v-if="nameless.length" key=" fold"><button type="button" class="eo-btn gh eo-fold" :aria-expanded="unfolded ? 'true' : 'false'" @click="unfolded = !unfolded">{{ fold }}</button></li>
    <template v-if="unfolded"><Device v-for="row in nameless" :key="row[0]" :row="row" :kind="kind" :picked="picked === row[0]" :words="words" @pick="pick" /></template>
  </ul>
</section>`,
};
