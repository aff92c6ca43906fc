// The watched processes: a row each, with bars against their limits. One row is open at a time; what it holds comes from
// the server through the slot.

import { computed, nextTick, ref, shallowRef } from "vue";
import { Icon, ownLocale, visible } from "connection_parts";
import { fill, makeFormat } from "overview_format";
import { Use } from "use_bar";

const DAY_S = 86400;

export default {
  components: { Icon, Use },
  props: { words: Object, locale: String, first: Object },
  emits: ["open", "close"],
  setup(props, { emit }) {
    const format = computed(() => makeFormat(ownLocale(props.locale), props.words));
    const clock = computed(() => new Intl.DateTimeFormat(format.value.tag, { hour: "2-digit", minute: "2-digit" }));
    const root = ref(null);
    const opened = ref(null);
    const filled = ref(null); // for which row the slot is: never what another one held
    const rows = shallowRef(new Map(props.first.rows.map((row) => [row.name, row])));
    const order = shallowRef(props.first.order);
    const lines = computed(() => order.value.map((name) => rows.value.get(name)).filter(Boolean));

    function hear(message) {
      if (message.rows.length || message.order) {
        const next = new Map(rows.value);
        for (const row of message.rows) next.set(row.name, row);
        if (message.order) {
          order.value = message.order;
          for (const name of [...next.keys()]) if (!message.order.includes(name)) next.delete(name);
        }
        rows.value = next;
      }
    }
    function time(epoch) {
      const isToday = Date.now() / 1000 - epoch < DAY_S;
      return isToday ? clock.value.format(new Date(epoch * 1000)) : format.value.exact(epoch);
    }
    const why = (row) => (row.since ? fill(row.why, { time: time(row.since) }) : row.why);

    const head = (name) => [...root.value.querySelectorAll(".pr-one")].find((each) => each.dataset.name === name);
    function toggle(row) {
      opened.value = opened.value === row.name ? null : row.name;
      filled.value = null;
      emit(opened.value ? "open" : "close", row.name);
    }
    async function close(row) {
      if (opened.value !== row.name) return;
      toggle(row);
      await nextTick();
      head(row.name)?.querySelector(".pr-row").focus();
    }
    /** What the row holds has come. */
    async function ready(name) {
      if (opened.value !== name) return;
      filled.value = name;
      await nextTick();
      head(name)?.scrollIntoView({ block: "nearest" });
    }
    return { close, emit, filled, hear, lines, opened, ready, root, toggle, visible, why };
  },
  template: `
<div ref="root" class="pr">
  <div class="pr-head" aria-hidden="true"><span>{{ words.state }}</span><span>{{ words.name }}</span><span>{{ words.cpu }}</span><span>{{ words.memory }}</span><span>{{ words.how }}</span></div>
  <ul class="pr-rows" :aria-label="words.title">
    <li v-for="row in lines" :key="row.name" class="pr-one" :class="['eo-' + row.tone, { open: opened === row.name }]" :data-name="row.name" @keydown.esc="close(row)">
      <button type="button" class="pr-row" :aria-expanded="opened === row.name ? 'true' : 'false'" @click="toggle(row)">
        <span class="eo-lamp"><i :class="'eo-' + row.shape" aria-hidden="true"></i>{{ row.word }}</span>
        <span class="pr-who"><bdi class="pr-name">{{ visible(row.label) }}</bdi><span v-if="row.why" class="pr-why">{{ why(row) }}</span></span>
        <Use class="pr-cpu" :title="words.cpu" :bar="row.cpu" :text="row.cpu_text" :against="row.cpu_of" :now="row.cpu_now" :look="row.cpu_look" />
        <Use class="pr-memory" :title="words.memory" :bar="row.memory" :text="row.memory_text" :against="row.memory_of" :look="row.memory_look" />
        <span class="pr-how">{{ row.how }}</span>
        <Icon name="chevron" class="eo-icon-s cp-turn" :class="{ open: opened === row.name }" />
      </button>
      <div v-if="opened === row.name" class="pr-detail"><slot v-if="filled === row.name"></slot></div>
    </li>
  </ul>
</div>`,
};
