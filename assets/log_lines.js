// The log of one connection: filters, merged repeats, following that pauses while somebody reads, copy and save.
// A line is [number, t, level, text, count, last].

import { computed, nextTick, onMounted, ref, shallowRef, watch } from "vue";
import { copyText, Icon, ownLocale, saveText, Search } from "connection_parts";
import { fill, makeFormat } from "overview_format";

const LEVELS = ["debug", "info", "warning", "error"];
const NEAR_PX = 24; // from the end: still following
const COPIED_MS = 2000;

export default {
  components: { Icon, Search },
  props: { words: Object, locale: String, first: Array, until: Number, filename: String },
  emits: ["more", "less"],
  setup(props) {
    const format = computed(() => makeFormat(ownLocale(props.locale), props.words));
    const clock = computed(() => new Intl.DateTimeFormat(format.value.tag, { hour: "2-digit", minute: "2-digit", second: "2-digit" }));
    const dated = computed(
      () => new Intl.DateTimeFormat(format.value.tag, { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    );
    const lines = shallowRef(props.first);
    const level = ref("debug");
    const query = ref("");
    const box = ref(null);
    const following = ref(true);
    const missed = ref(0);
    const copied = ref(false);

    const shown = computed(() => {
      const lowest = LEVELS.indexOf(level.value);
      const wanted = query.value.toLocaleLowerCase();
      return lines.value.filter((line) => LEVELS.indexOf(line[2]) >= lowest && (!wanted || line[3].toLocaleLowerCase().includes(wanted)));
    });

    const isToday = (t) => new Date(t * 1000).toDateString() === new Date().toDateString();
    const at = (t) => (isToday(t) ? clock : dated).value.format(new Date(t * 1000));
    const times = (line) => (line[4] > 1 ? fill(props.words.times, { count: format.value.whole(line[4]), time: at(line[5]) }) : "");

    /** New and changed lines, and the number of the oldest that is still kept. */
    function patch(oldest, changes) {
      const byNumber = new Map(lines.value.filter((line) => line[0] >= oldest).map((line) => [line[0], line]));
      let fresh = 0;
      for (const line of changes) {
        if (!byNumber.has(line[0])) fresh += 1;
        byNumber.set(line[0], line);
      }
      lines.value = [...byNumber.values()];
      if (following.value) follow();
      else missed.value += fresh;
    }

    async function follow() {
      following.value = true;
      missed.value = 0;
      await nextTick();
      if (box.value) box.value.scrollTop = box.value.scrollHeight;
    }
    function scrolled() {
      const { scrollTop, scrollHeight, clientHeight } = box.value;
      following.value = scrollHeight - scrollTop - clientHeight < NEAR_PX;
      if (following.value) missed.value = 0;
    }
    watch([level, query], follow);
    onMounted(follow);

    const asText = () =>
      shown.value
        .map((line) => `${new Date(line[1] * 1000).toISOString()} ${line[2].padEnd(7)} ${line[3]}${line[4] > 1 ? ` (${line[4]}x, last ${new Date(line[5] * 1000).toISOString()})` : ""}`)
        .join("\n");
    async function copy() {
      copied.value = await copyText(asText());
      setTimeout(() => (copied.value = false), COPIED_MS);
    }
    const save = () => saveText(asText() + "\n", props.filename);
    return { LEVELS, at, box, copied, copy, fill, follow, following, format, level, lines, missed, patch, query, save, scrolled, shown, times };
  },
  template: `
<div class="cp-list">
  <div class="cp-tools">
    <Search :value="query" :label="words.search" :clear="words.clear_search" @search="(text) => (query = text.trim())" />
    <div class="eo-chips" role="group" :aria-label="words.filters">
      <button v-for="name in LEVELS" :key="name" type="button" class="eo-chip" :class="{ on: level === name }" :aria-pressed="level === name ? 'true' : 'false'"
              @click="level = name">{{ words['from_' + name] }}</button>
      <button type="button" class="eo-chip" @click="copy"><Icon :name="copied ? 'check' : 'copy'" class="eo-icon-s" /><span role="status">{{ copied ? words.copied : words.copy }}</span></button>
      <button type="button" class="eo-chip" @click="save"><Icon name="download" class="eo-icon-s" />{{ words.save }}</button>
    </div>
  </div>
  <div v-if="words.more" class="cp-detail">
    <template v-if="until"><span>{{ fill(words.detailed_until, { time: at(until) }) }}</span>
      <button type="button" class="eo-btn" @click="$emit('less')">{{ words.less }}</button></template>
    <template v-else><span>{{ words.usual }}</span><button type="button" class="eo-btn" @click="$emit('more')">{{ words.more }}</button></template>
  </div>
  <div class="cp-log">
    <div ref="box" class="eo-log" role="log" tabindex="0" :aria-label="words.log" @scroll.passive="scrolled">
      <div v-for="line in shown" :key="line[0]" :class="line[2]"><time>{{ at(line[1]) }}</time><span class="level">{{ words['level_' + line[2]] }}</span><bdi class="text">{{ line[3] }}</bdi><span v-if="line[4] > 1" class="count">{{ times(line) }}</span></div>
      <p v-if="!shown.length" class="eo-muted">{{ lines.length ? words.none : words.empty }}</p>
    </div>
    <button v-if="!following" type="button" class="eo-btn cp-follow" @click="follow">{{ missed ? fill(words.follow_missed, { count: format.whole(missed) }) : words.follow }}</button>
  </div>
</div>`,
};
