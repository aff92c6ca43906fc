// The live values of a connection: only the rows near the screen are here, and the server sends only those and what
// changes in them. A row is [name, text, unit, quality, time, type, writable, numeric].

import { computed, ref, shallowRef, watch } from "vue";
import { useBeat } from "connection_beat";
import { Icon, ownLocale, Search, splitName, visible } from "connection_parts";
import { fill, makeFormat } from "overview_format";
import { useWindow } from "overview_window";

const MARGIN = 40; // rows asked for beyond the screen
const NARROW_PX = 560;
const FILTERS = ["", "writable", "stale"];

export default {
  components: { Icon, Search },
  props: { words: Object, locale: String, first: Object, can_publish: Boolean, browse: String },
  emits: ["look", "open", "publish"],
  setup(props, { emit }) {
    const { beat, hear, now } = useBeat();
    const format = computed(() => makeFormat(ownLocale(props.locale), props.words));
    const element = ref(null);
    const query = ref("");
    const only = ref("");
    const all = ref(props.first.all);
    const unchosen = ref(props.first.unchosen);
    const held = shallowRef({ start: props.first.start, rows: props.first.rows });
    const lines = shallowRef(Array(props.first.total).fill(0));
    const narrow = window.matchMedia(`(max-width: ${NARROW_PX}px)`);
    const { shown } = useWindow(element, lines, () => (narrow.matches ? 62 : 52));
    hear(props.first.now);

    let asked = [0, held.value.rows.length];
    let answered = ["", ""]; // the question that the rows here belong to
    function ask(force) {
      const { start, end } = shown.value;
      if (!force && start >= asked[0] && Math.min(end, lines.value.length) <= asked[1]) return;
      asked = [Math.max(0, start - MARGIN), end + MARGIN];
      emit("look", { query: query.value, only: only.value, start: asked[0], end: asked[1] });
    }
    watch(shown, () => ask(false));
    function search(text) {
      query.value = text.trim();
      ask(true);
    }
    function filter(name) {
      only.value = name;
      ask(true);
    }
    function reset() {
      query.value = only.value = "";
      ask(true);
    }

    /** All rows of the window anew; an answer to an older question is dropped. */
    function show({ query: text, only: which, total, all: count, start, rows, unchosen: open, now: time }) {
      if (text !== query.value || which !== only.value) return;
      answered = [text, which];
      all.value = count;
      unchosen.value = open;
      held.value = { start, rows };
      if (lines.value.length !== total) lines.value = Array(total).fill(0);
      hear(time);
    }

    function patch(time, changes) {
      if (changes.length) {
        const { start, rows } = held.value;
        const next = rows.slice();
        for (const [index, row] of changes) if (next[index - start]) next[index - start] = row;
        held.value = { start, rows: next };
      }
      hear(time);
      if (answered[0] !== query.value || answered[1] !== only.value) ask(true); // the server has not heard the question
    }

    const visibleRows = computed(() => {
      const { start, end } = shown.value;
      const { start: from, rows } = held.value;
      return Array.from({ length: Math.max(0, end - start) }, (_, each) => rows[start + each - from] ?? null);
    });

    function age(row) {
      void beat.value;
      const text = row[4] ? format.value.ago(now() - row[4]) : props.words.never;
      return row[3] === "good" ? text : `${props.words[row[3]]} · ${text}`;
    }
    const exact = (row) => (row[4] ? format.value.exact(row[4]) : "");
    const label = computed(() => format.value.plural("search", all.value));
    return {
      FILTERS, age, all, emit, exact, fill, filter, format, label, lines, element, only, patch, query, reset, search, show,
      shown, splitName, unchosen, visible, visibleRows,
    };
  },
  template: `
<div class="cp-list">
  <div class="cp-tools">
    <Search :value="query" :label="label" :clear="words.clear_search" @search="search" />
    <div class="eo-chips" role="group" :aria-label="words.filters">
      <button v-for="name in FILTERS" :key="name" type="button" class="eo-chip" :class="{ on: only === name }" :aria-pressed="only === name ? 'true' : 'false'"
              @click="filter(name)">{{ words['only_' + name] }}</button>
      <button v-if="can_publish" type="button" class="eo-chip" @click="emit('publish')"><Icon name="edit" class="eo-icon-s" />{{ words.publish }}</button>
    </div>
  </div>
  <div v-if="query && lines.length" class="cp-count" role="status">{{ fill(words.matches, { count: format.whole(lines.length), total: format.whole(all) }) }}</div>
  <div ref="element" class="cp-window" :style="{ height: shown.total + 'px' }">
    <ul class="cp-rows" :style="{ transform: 'translateY(' + shown.above + 'px)' }">
      <li v-for="(row, index) in visibleRows" :key="shown.start + index">
        <button v-if="row" type="button" class="cp-value" :class="row[3]" :title="visible(row[0])" @click="emit('open', row[0])">
          <span class="cp-name"><bdi class="leaf">{{ visible(splitName(row[0])[1]) }}</bdi><bdi class="path">{{ visible(splitName(row[0])[0]) }}</bdi></span>
          <span class="cp-reading"><bdi>{{ row[1] }}</bdi><span v-if="row[2]" class="unit">{{ row[2] }}</span></span>
          <span class="cp-age" :title="exact(row)">{{ age(row) }}</span>
          <Icon :name="row[6] ? 'edit' : row[7] ? 'chart' : 'chevron'" class="eo-icon-s" />
        </button>
        <div v-else class="cp-value"><span class="eo-skeleton eo-grow"></span></div>
      </li>
    </ul>
  </div>
  <div v-if="!all" class="eo-empty"><Icon name="list" /><h2>{{ unchosen ? words.unchosen_title : words.empty_title }}</h2>
    <p>{{ unchosen ? words.unchosen_text : words.empty_text }}</p>
    <div v-if="unchosen" class="eo-row"><a class="eo-btn pri" :href="browse">{{ words.browse }}</a></div></div>
  <div v-else-if="!lines.length" class="eo-empty"><Icon name="search" /><h2>{{ words.none_title }}</h2>
    <p>{{ fill(words.none_text, { total: format.whole(all) }) }}</p>
    <div class="eo-row"><button type="button" class="eo-btn pri" @click="reset">{{ words.clear_filters }}</button></div></div>
</div>`,
};
