// What went wrong and what happened, newest first. What is new waits behind a button while somebody reads: rows that are
// shown change in place and never move. A row is [id, level, source, message, count, first, last, new, sent].

import { computed, nextTick, onBeforeUnmount, onMounted, provide, ref, shallowReactive, shallowRef } from "vue";
import { useBeat } from "connection_beat";
import { copyText, Icon, ownLocale, saveText, Search } from "connection_parts";
import { EventRow, eventLine } from "event_row";
import { fill, makeFormat } from "overview_format";

const [ID, MESSAGE, LAST, NEW] = [0, 3, 6, 7];
const KINDS = ["", "new", "error", "warning"];
const TOP_PX = 24; // scrolled no further than that: nobody reads yet
const COPIED_MS = 2000;

export default {
  components: { EventRow, Icon, Search },
  props: { words: Object, locale: String, first: Object, page: Number, filename: String },
  emits: ["ask", "open", "acknowledge", "acknowledge_all"],
  setup(props, { emit }) {
    const { beat, hear: hearTime, now } = useBeat();
    const format = computed(() => makeFormat(ownLocale(props.locale), props.words));
    const root = ref(null);
    const query = ref("");
    const kind = ref("");
    const source = ref("");
    const lines = shallowRef([]); // as shown
    const held = ref(0);
    const total = ref(null);
    const unseen = ref(0);
    const more = ref(false);
    const cut = ref(false);
    const sources = shallowRef([]);
    const opened = shallowReactive(new Map()); // id to what is known of it besides its row
    const copied = ref(""); // or the name of an icon: check, close
    const waiting = ref(false);
    const known = new Map(); // id to row, as the server has told
    let asked = 0;
    let filtered = 0; // the question with which the filters last changed
    let limit = props.page;
    let bottom = Infinity;
    let timer = 0;

    const names = computed(() => new Map(sources.value));
    const filtering = computed(() => Boolean(query.value || kind.value || source.value));
    provide("events", { beat, format, names, now, words: computed(() => props.words) });

    // what is asked

    function ask(rest) {
      asked += 1;
      if (!rest) {
        limit = props.page;
        filtered = asked;
      }
      waiting.value = true;
      emit("ask", { asked, text: query.value, kind: kind.value, source: source.value, limit });
    }
    function choose(name) {
      kind.value = name;
      ask();
    }
    function search(text) {
      query.value = text.trim();
      ask();
    }
    function reset() {
      query.value = kind.value = source.value = "";
      ask();
    }
    function askMore() {
      limit += props.page;
      ask(true);
    }

    // what is heard

    const order = (rows) => rows.sort((a, b) => b[LAST] - a[LAST] || b[ID] - a[ID]);

    /** Somebody reads: has opened a row, is further down, or walks through the list with the keyboard. */
    const isRead = () => opened.size > 0 || window.scrollY > TOP_PX || Boolean(root.value?.querySelector(".el-rows :focus-visible"));

    function settle() {
      lines.value = order([...known.values()]);
      bottom = lines.value.at(-1)?.[LAST] ?? Infinity;
      held.value = 0;
    }

    /** Rows that are shown change where they are; older ones are added below; what is new waits. */
    function hold() {
      const shown = new Set(lines.value.map((line) => line[ID]));
      const next = lines.value.map((line) => known.get(line[ID]) ?? line);
      const fresh = [...known.values()].filter((row) => !shown.has(row[ID]));
      const older = order(fresh.filter((row) => row[LAST] <= bottom));
      lines.value = [...next, ...older];
      bottom = older.at(-1)?.[LAST] ?? bottom;
      held.value = fresh.length - older.length;
    }

    /** What is read stays as it is, whatever happened to be said the last time. */
    function kept(row) {
      const old = opened.has(row[ID]) ? known.get(row[ID]) : null;
      return old ? row.map((value, place) => (place === MESSAGE ? old[MESSAGE] : value)) : row;
    }

    function hear(message) {
      if (message.asked < filtered) return; // of other filters; what was said since must not be lost, it comes once
      waiting.value &&= message.asked !== asked;
      if (message.whole) {
        known.clear();
        opened.clear();
        window.scrollTo(0, 0);
      }
      for (const id of message.gone) known.delete(id);
      for (const row of message.rows) known.set(row[ID], kept(row));
      if (message.sources) sources.value = message.sources;
      total.value = message.all;
      unseen.value = message.unseen;
      more.value = message.more;
      cut.value = message.cut;
      if (message.whole || !isRead()) settle();
      else hold();
      hearTime(message.now);
    }

    function release() {
      window.scrollTo(0, 0);
      settle();
    }
    const scrolled = () => held.value && !isRead() && settle();
    window.addEventListener("scroll", scrolled, { passive: true });
    onMounted(() => hear(props.first));
    onBeforeUnmount(() => {
      window.removeEventListener("scroll", scrolled);
      clearTimeout(timer);
    });

    // what is opened

    async function toggle(row) {
      if (opened.delete(row[ID])) {
        if (!known.has(row[ID])) lines.value = lines.value.filter((line) => line[ID] !== row[ID]); // acknowledged meanwhile
        return;
      }
      opened.set(row[ID], null);
      emit("open", row[ID]);
      await nextTick();
      root.value.querySelector(`[data-id="${row[ID]}"]`)?.scrollIntoView({ block: "nearest" });
    }
    function detail(id, known) {
      if (opened.has(id)) opened.set(id, known);
    }

    const acknowledgeAll = () => {
      const shown = new Set(lines.value.map((line) => line[ID]));
      emit("acknowledge_all", [...known.keys()].filter((id) => !shown.has(id)));
    };

    // what is taken along

    const asText = () => lines.value.map((line) => eventLine(line)).join("\n");
    async function copy() {
      copied.value = (await copyText(asText())) ? "check" : "close";
      clearTimeout(timer);
      timer = setTimeout(() => (copied.value = ""), COPIED_MS);
    }
    const save = () => saveText(asText() + "\n", props.filename);

    const label = computed(() => (total.value === null ? props.words.search_any : format.value.plural("search", total.value)));
    const newest = computed(() => format.value.plural("held", held.value));
    return {
      ID, KINDS, NEW, acknowledgeAll, ask, askMore, choose, copied, copy, cut, detail, emit, fill, filtering, format, hear, held,
      kind, label, lines, more, names, newest, opened, query, release, reset, root, save, search, source, sources, toggle, total,
      unseen, waiting,
    };
  },
  template: `
<div ref="root" class="el">
  <div v-if="total !== 0 || filtering" class="el-tools">
    <Search :value="query" :label="label" :clear="words.clear_search" @search="search" />
    <div class="eo-chips" role="group" :aria-label="words.filters">
      <button v-for="name in KINDS" :key="name" type="button" class="eo-chip" :class="{ on: kind === name }" :aria-pressed="kind === name ? 'true' : 'false'"
              @click="choose(name)">{{ words['kind_' + name] }}<b v-if="name === 'new' && unseen">{{ format.whole(unseen) }}</b></button>
    </div>
    <button v-if="filtering" type="button" class="eo-btn gh icon el-clear" :aria-label="words.clear_filters" :title="words.clear_filters" @click="reset"><Icon name="close" class="eo-icon-s" /></button>
    <label v-if="sources.length" class="eo-chip el-source" :class="{ on: source }" :title="words.source"><Icon name="group" class="eo-icon-s" />
      <bdi aria-hidden="true">{{ source ? names.get(source) ?? source : words.all_sources }}</bdi>
      <select v-model="source" :aria-label="words.source" @change="ask()"><option value="">{{ words.all_sources }}</option>
        <option v-for="[key, name] in sources" :key="key" :value="key">{{ name }}</option></select></label>
    <button v-if="unseen" type="button" class="eo-chip el-all" @click="acknowledgeAll"><Icon name="check" class="eo-icon-s" />{{ filtering ? words.acknowledge_found : words.acknowledge_all }}</button>
    <div class="el-take">
      <button type="button" class="eo-btn gh icon" :aria-label="words.copy_all" :title="words.copy_all" :disabled="!lines.length" @click="copy"><Icon :name="copied || 'copy'" /></button>
      <button type="button" class="eo-btn gh icon" :aria-label="words.save" :title="words.save" :disabled="!lines.length" @click="save"><Icon name="download" /></button>
    </div>
  </div>
  <span class="eo-sr" role="status">{{ copied && (copied === 'check' ? words.copied : words.failed) }}</span>
  <ul v-if="lines.length" class="el-rows" :aria-label="words.title" :aria-busy="waiting">
    <EventRow v-for="line in lines" :key="line[ID]" :row="line" :open="opened.has(line[ID])" :detail="opened.get(line[ID])"
              @toggle="toggle(line)" @acknowledge="emit('acknowledge', [line[ID]])" />
  </ul>
  <div v-if="held" class="el-held" role="status"><button type="button" class="eo-btn pri" @click="release">{{ newest }}</button></div>
  <div v-if="lines.length && more" class="el-more"><button type="button" class="eo-btn" :aria-busy="waiting" @click="askMore">{{ words.more }}</button></div>
  <p v-else-if="lines.length && cut" class="el-more eo-muted eo-small">{{ words.cut }}</p>
  <div v-if="!lines.length && filtering" class="eo-empty"><Icon name="search" /><h2>{{ words.none_title }}</h2>
    <p>{{ total ? fill(words.none_text, { total: format.whole(total) }) : words.empty_text }}</p>
    <div class="eo-row"><button type="button" class="eo-btn pri" @click="reset">{{ words.clear_filters }}</button></div></div>
  <div v-else-if="!lines.length" class="eo-empty"><Icon name="check" /><h2>{{ words.empty_title }}</h2><p>{{ words.empty_text }}</p></div>
</div>`,
};
