// What a device offers, as a tree: a level is fetched when it is opened, and only rows near the screen are in the page.
// A node is [name, label, type, unit, comment, writable, children, has a value, can be chosen]; a value is
// [text, quality, time]. Where nodes can be chosen, the state says which names and globs are.

import { computed, onMounted, ref, shallowReactive, shallowRef, watch } from "vue";
import { isAway, useBeat } from "connection_beat";
import { Icon, ownLocale, Search, splitName, visible } from "connection_parts";
import { fill, makeFormat } from "overview_format";
import { useWindow } from "overview_window";
import { makeCover } from "symbol_cover";

const DEEPEST = 9; // levels that are drawn further to the right

export default {
  components: { Icon, Search },
  props: { words: Object, locale: String, begin: Object, now: Number, chooses: Boolean },
  emits: ["expand", "find", "open", "watch", "choose", "drop", "explain", "pattern"],
  setup(props, { emit }) {
    const { beat, hear, now } = useBeat();
    const format = computed(() => makeFormat(ownLocale(props.locale), props.words));
    const element = ref(null);
    const levels = shallowReactive(new Map()); // prefix to the nodes directly below it
    const inTree = shallowReactive(new Set()); // what is opened
    const inFound = shallowReactive(new Set());
    const values = shallowReactive(new Map());
    const query = ref("");
    const found = shallowRef(null); // {nodes, total} while searching
    const lines = shallowRef([]);
    const about = shallowRef(props.begin);
    const cover = shallowRef(makeCover(props.begin.symbols ?? []));
    const pending = shallowReactive(new Map()); // name to the state it was just given
    hear(props.now);

    const opened = () => (found.value ? inFound : inTree);
    function arrange() {
      const list = [];
      const add = (nodes, depth, seen, flat) => {
        for (const node of nodes ?? []) {
          list.push({ node, depth, flat });
          const isOpen = node[6] && opened().has(node[0]) && !seen.includes(node[0]);
          if (!isOpen) continue;
          if (levels.has(node[0])) add(levels.get(node[0]), depth + 1, [...seen, node[0]], false);
          else list.push({ waiting: true, depth: depth + 1 });
        }
      };
      add(found.value ? found.value.nodes : levels.get(""), 0, [""], Boolean(found.value));
      lines.value = list;
    }
    arrange();

    onMounted(() => emit("expand", { prefix: "" }));

    const { shown } = useWindow(element, lines, () => 48);
    const rows = computed(() => lines.value.slice(shown.value.start, shown.value.end));
    let watched = "";
    watch([rows, cover], ([list]) => {
      const names = list.filter(({ node }) => node && isRead(node)).map((line) => line.node[0]);
      const key = names.join("\n");
      if (key === watched) return;
      watched = key;
      emit("watch", { names });
    });

    function toggle(node) {
      if (!node[6]) {
        if (hasValue(node)) emit("open", node[0]);
        else if (node[8]) tick(node);
        return;
      }
      const set = opened();
      if (set.has(node[0])) set.delete(node[0]);
      else {
        set.add(node[0]);
        if (!levels.has(node[0])) emit("expand", { prefix: node[0] });
      }
      arrange();
    }

    function level(prefix, nodes) {
      levels.set(prefix, nodes);
      arrange();
    }

    /** The device may have something else than before: fetch what is open again. */
    function refresh() {
      if (query.value) emit("find", { query: query.value });
      const open = ["", ...inTree, ...inFound];
      for (const prefix of levels.keys()) if (!open.includes(prefix)) levels.delete(prefix);
      for (const prefix of open) emit("expand", { prefix, again: levels.has(prefix) });
    }

    function search(text) {
      query.value = text.trim();
      inFound.clear();
      if (query.value) return emit("find", { query: query.value });
      found.value = null;
      arrange();
    }
    let answered = ""; // the search that what is found belongs to
    function matches(text, nodes, total) {
      if (text !== query.value) return;
      answered = text;
      found.value = { nodes, total };
      arrange();
    }

    function patch(time, changes) {
      for (const [name, value] of changes) value ? values.set(name, value) : values.delete(name);
      hear(time);
      if (query.value && answered !== query.value) emit("find", { query: query.value }); // the server has not heard it
    }
    function reading(node) {
      void beat.value;
      const value = values.get(node[0]);
      if (!value) return { text: "", age: "", quality: "good" };
      const age = value[2] ? format.value.ago(now() - value[2]) : props.words.never;
      return { text: value[0], quality: value[1], age: value[1] === "good" ? age : `${props.words[value[1]]} · ${age}` };
    }

    // choosing

    const covered = (node) => cover.value(node[0], node[6] > 0);
    /** Whether it has, or will have at once, a value. */
    const isRead = (node) => (node[8] ? !node[6] && covered(node).state === "true" : node[7]);
    const hasValue = (node) => isRead(node) && (node[7] || values.has(node[0]));
    const checked = (node) => pending.get(node[0]) ?? covered(node).state;
    function tick(node) {
      if (isAway() || pending.has(node[0])) return;
      const name = node[0];
      const { own, by } = covered(node);
      if (by) return emit("explain", { name, pattern: by });
      pending.set(name, own ? "false" : "true");
      if (own) emit("drop", { name, pattern: own });
      else emit("choose", { name, branch: node[6] > 0 });
    }
    function settle(name) {
      pending.delete(name);
    }
    function tell(news) {
      about.value = { ...about.value, ...news };
      if (news.symbols) cover.value = makeCover(news.symbols);
    }
    /** Below the name: where it is (in a search), its type, what chose it, what it is for. */
    function note(line) {
      const { node, flat } = line;
      const { by } = props.chooses && node[8] ? covered(node) : {};
      const chosen = by && fill(props.words.chosen_by, { pattern: by });
      const parts = [flat && splitName(node[0])[0], props.chooses && node[2], chosen, node[4]];
      return parts.filter(Boolean).map(visible).join(" · ");
    }
    const isOpen = (node) => opened().has(node[0]);
    return {
      about, checked, DEEPEST, element, emit, fill, format, found, hasValue, isOpen, level, levels, lines, matches, note, patch, query, reading,
      refresh, rows, search, settle, shown, tell, tick, toggle, visible,
    };
  },
  template: `
<div class="cp-list">
  <div class="cp-tools">
    <Search :value="query" :label="words.search" :clear="words.clear_search" @search="search" />
    <template v-if="chooses">
      <span class="cp-chosen eo-num" role="status">{{ about.summary }}</span>
      <button type="button" class="eo-btn" @click="emit('pattern')">{{ words.pattern }}</button>
    </template>
  </div>
  <p v-if="about.note" class="eo-why cp-note">{{ about.note }}</p>
  <div v-if="found && lines.length" class="cp-count" role="status">{{ fill(found.total > found.nodes.length ? words.first_matches : words.matches, { count: format.whole(found.nodes.length), total: format.whole(found.total) }) }}</div>
  <div ref="element" class="cp-window" :style="{ height: shown.total + 'px' }">
    <ul class="cp-rows" role="tree" :aria-label="words.tree" :style="{ transform: 'translateY(' + shown.above + 'px)' }">
      <li v-for="(line, index) in rows" :key="shown.start + index" role="none">
        <div v-if="line.waiting" class="cp-node"><span class="eo-skeleton eo-grow" :style="{ marginLeft: line.depth * 20 + 30 + 'px' }"></span></div>
        <div v-else class="cp-node" :class="[reading(line.node).quality, { choosable: chooses }]" role="treeitem" :aria-level="line.depth + 1"
             :aria-expanded="line.node[6] ? (isOpen(line.node) ? 'true' : 'false') : null" :style="{ paddingLeft: Math.min(line.depth, DEEPEST) * 20 + 'px' }">
          <button v-if="line.node[8]" type="button" class="cp-check" role="checkbox" :aria-checked="checked(line.node)" :aria-label="visible(line.node[0])"
                  @click="tick(line.node)"><span></span></button>
          <span v-else-if="chooses" class="cp-check"></span>
          <button type="button" class="cp-branch" :title="visible(line.node[0])" @click="toggle(line.node)">
            <Icon v-if="line.node[6]" name="chevron" class="eo-icon-s cp-turn" :class="{ open: isOpen(line.node) }" />
            <span v-else class="cp-turn"></span>
            <span class="cp-name"><bdi class="leaf">{{ visible(line.node[1]) || words.nameless }}</bdi><bdi v-if="note(line)" class="path">{{ note(line) }}</bdi></span>
            <span v-if="line.node[6]" class="eo-small eo-muted eo-num">{{ format.whole(line.node[6]) }}</span>
          </button>
          <button v-if="hasValue(line.node)" type="button" class="cp-peek" @click="emit('open', line.node[0])" :aria-label="visible(line.node[0])">
            <span class="cp-reading"><bdi>{{ reading(line.node).text }}</bdi><span v-if="line.node[3]" class="unit">{{ line.node[3] }}</span></span>
            <span class="cp-age">{{ reading(line.node).age }}</span>
            <Icon :name="line.node[5] ? 'edit' : 'chevron'" class="eo-icon-s" />
          </button>
          <span v-else-if="line.node[2] && !chooses" class="eo-small eo-muted">{{ visible(line.node[2]) }}</span>
        </div>
      </li>
    </ul>
  </div>
  <div v-if="!query && !levels.has('')" class="cp-window cp-waiting"><div v-for="each in 6" :key="each" class="cp-node"><span class="eo-skeleton eo-grow"></span></div></div>
  <div v-else-if="!query && !lines.length" class="eo-empty"><Icon name="list" /><h2>{{ about.empty_title }}</h2><p>{{ about.empty_text }}</p></div>
  <div v-else-if="query && found && !lines.length" class="eo-empty"><Icon name="search" /><h2>{{ words.none_title }}</h2></div>
</div>`,
};
