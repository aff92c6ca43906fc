// One event: a line that opens in place, and the same as text for taking along. Everything it says comes from outside.

import { computed, inject, nextTick, onBeforeUnmount, ref } from "vue";
import { copyText, Icon, visible } from "connection_parts";
import { fill } from "overview_format";

const LOOKS = {
  debug: ["eo-idle", "eo-ring"],
  info: ["eo-idle", "eo-dot"],
  warning: ["eo-warn", "eo-triangle"],
  error: ["eo-bad", "eo-diamond"],
  critical: ["eo-bad", "eo-diamond"],
};
const COPIED_MS = 2000;

const oneLine = (text) => visible(text.replace(/\s+/g, " ").trim());
const inLines = (text) => text.split("\n").map(visible).join("\n");
const stamp = (t) => new Date(t * 1000).toISOString();

/** As a line of a log. */
export function eventLine([, level, source, message, count, first, last]) {
  const times = count > 1 ? ` (${count}x since ${stamp(first)})` : "";
  return `${stamp(last)} ${level.padEnd(8)} ${source}: ${oneLine(message)}${times}`;
}

/** With all that is known of it. */
function eventText(row, detail) {
  const context = (detail?.context ?? []).map(([key, value]) => `  ${key}: ${value}`);
  return [eventLine(row), row[3], ...context, detail?.traceback ?? ""].filter(Boolean).join("\n");
}

/** How long ago; only this text is drawn anew as time goes by. */
const Age = {
  props: { t: Number },
  setup(props) {
    const { beat, format, now } = inject("events");
    const text = computed(() => (void beat.value, format.value.ago(now() - props.t)));
    return { format, text };
  },
  template: `<time class="el-age" :title="format.exact(t)">{{ text }}</time>`,
};

export const EventRow = {
  components: { Age, Icon },
  props: { row: Array, open: Boolean, detail: Object },
  emits: ["toggle", "acknowledge"],
  setup(props, { emit }) {
    const { format, names, words } = inject("events");
    const head = ref(null);
    const copied = ref("");
    let timer = 0;
    const look = computed(() => LOOKS[props.row[1]] ?? LOOKS.error);
    const from = computed(() => names.value.get(props.row[2]) ?? props.row[2]);
    const said = computed(() => oneLine(props.row[3]) || "–");
    const full = computed(() => inLines(props.row[3].trim()) || "–");
    const traceback = computed(() => inLines(props.detail?.traceback ?? ""));
    const count = computed(() => format.value.whole(props.row[4]));
    async function close() {
      if (!props.open) return;
      emit("toggle");
      await nextTick();
      head.value?.focus();
    }
    function acknowledge() {
      head.value.focus(); // the button goes away
      emit("acknowledge");
    }
    async function copy() {
      copied.value = (await copyText(eventText(props.row, props.detail))) ? words.value.copied : words.value.failed;
      clearTimeout(timer);
      timer = setTimeout(() => (copied.value = ""), COPIED_MS);
    }
    onBeforeUnmount(() => clearTimeout(timer));
    return { acknowledge, close, copied, copy, count, fill, format, from, full, head, inLines, look, said, traceback, visible, words };
  },
  template: `
<li class="el-one" :class="[look[0], { open, new: row[7] }]" :data-id="row[0]" @keydown.esc="close">
  <button ref="head" type="button" class="el-row" :aria-expanded="open ? 'true' : 'false'" @click="$emit('toggle')">
    <span class="eo-lamp"><i :class="look[1]" aria-hidden="true"></i>{{ words['level_' + row[1]] ?? row[1] }}</span>
    <bdi class="el-said">{{ open ? full : said }}</bdi>
    <bdi class="el-from">{{ visible(from) }}</bdi>
    <span class="el-count"><template v-if="row[4] > 1"><span aria-hidden="true">×{{ count }}</span><span class="eo-sr">{{ fill(words.times, { count }) }}</span></template></span>
    <Age :t="row[6]" />
    <Icon name="chevron" class="eo-icon-s cp-turn" :class="{ open }" />
  </button>
  <div v-if="open" class="el-detail">
    <div class="eo-facts">
      <template v-if="row[4] > 1"><span>{{ words.first }} <b>{{ format.exact(row[5]) }}</b></span><span>{{ words.last }} <b>{{ format.exact(row[6]) }}</b></span>
        <span><b>{{ fill(words.times, { count }) }}</b></span></template>
      <span v-else>{{ words.when }} <b>{{ format.exact(row[5]) }}</b></span>
      <span v-if="words['sent_' + row[8]]">{{ words['sent_' + row[8]] }}</span>
    </div>
    <div v-if="!detail" class="eo-skeleton"></div>
    <template v-else>
      <table v-if="detail.context.length" class="el-context"><caption class="eo-sr">{{ words.context }}</caption>
        <tbody><tr v-for="[key, value] in detail.context" :key="key"><th scope="row">{{ visible(key) }}</th><td><bdi>{{ inLines(value) }}</bdi></td></tr></tbody></table>
      <details v-if="traceback" class="eo-advanced el-trace"><summary>{{ words.traceback }}</summary>
        <pre tabindex="0" role="region" :aria-label="words.traceback">{{ traceback }}</pre></details>
    </template>
    <div class="eo-row eo-wrap">
      <button v-if="row[7]" type="button" class="eo-btn" @click="acknowledge"><Icon name="check" class="eo-icon-s" />{{ words.acknowledge }}</button>
      <button type="button" class="eo-btn" :disabled="!detail" @click="copy"><Icon name="copy" class="eo-icon-s" /><span role="status">{{ copied || words.copy }}</span></button>
      <a v-if="detail?.link" class="eo-btn" :href="detail.link"><Icon name="connections" class="eo-icon-s" />{{ fill(words.open_connection, { name: visible(from) }) }}</a>
    </div>
  </div>
</li>`,
};
