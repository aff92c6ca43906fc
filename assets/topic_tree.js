// What a device offers, as a tree: a level is fetched when it is opened, and only rows near the screen are in the page.
// A node is [name, label, type, unit, comment, writable, children, has a value]; a value is [text, quality, time].

import { computed, ref, shallowReactive, shallowRef, watch } from "vue";
import { useBeat } from "connection_beat";
import { Icon, ownLocale, Search, splitName, visible } from "connection_parts";
import { fill, makeFormat } from "overview_format";
import { useWindow } from "overview_window";

export default {
  components: { Icon, Search },
  props: { words: Object, locale: String, first: Array, now: Number },
  emits: ["expand", "find", "open", "watch"],
  setup(props, { emit }) {
    const { beat, hear, now } = useBeat();
    const format = computed(() => makeFormat(ownLocale(props.locale), props.words));
    const element = ref(null);
    const levels = shallowReactive(new Map([["", props.first]])); // prefix to the nodes directly below it
    const opened = shallowReactive(new Set());
    const values = shallowReactive(new Map());
    const query = ref("");
    const found = shallowRef(null); // {nodes, total} while searching
    const lines = shallowRef([]);
    hear(props.now);

    function arrange() {
      if (found.value) {
        lines.value = found.value.nodes.map((node) => ({ node, depth: 0, flat: true }));
        return;
      }
      const list = [];
      const add = (prefix, depth, seen) => {
        for (const node of levels.get(prefix) ?? []) {
          list.push({ node, depth });
          const isOpen = opened.has(node[0]) && !seen.includes(node[0]);
          if (!isOpen) continue;
          if (levels.has(node[0])) add(node[0], depth + 1, [...seen, node[0]]);
          else list.push({ waiting: true, depth: depth + 1 });
        }
      };
      add("", 0, [""]);
      lines.value = list;
    }
    arrange();

    const { shown } = useWindow(element, lines, () => 48);
    const rows = computed(() => lines.value.slice(shown.value.start, shown.value.end));
    let watched = "";
    watch(rows, (list) => {
      const names = list.filter((line) => line.node?.[7]).map((line) => line.node[0]);
      const key = names.join("\n");
      if (key === watched) return;
      watched = key;
      emit("watch", { names });
    });

    function toggle(node) {
      if (!node[6]) return node[7] && emit("open", node[0]);
      if (opened.has(node[0])) opened.delete(node[0]);
      else {
        opened.add(node[0]);
        if (!levels.has(node[0])) emit("expand", { prefix: node[0] });
      }
      arrange();
    }

    function level(prefix, nodes) {
      levels.set(prefix, nodes);
      arrange();
    }

    /** The device has more than before: fetch what is open again. */
    function refresh() {
      if (query.value) emit("find", { query: query.value });
      for (const prefix of ["", ...opened]) emit("expand", { prefix });
    }

    function search(text) {
      query.value = text.trim();
      if (query.value) return emit("find", { query: query.value });
      found.value = null;
      arrange();
    }
    function matches(text, nodes, total) {
      if (text !== query.value) return;
      found.value = { nodes, total };
      arrange();
    }

    function patch(time, changes) {
      for (const [name, value] of changes) values.set(name, value);
      hear(time);
    }
    function reading(node) {
      void beat.value;
      const value = values.get(node[0]);
      if (!value) return { text: "", age: "", quality: "good" };
      const age = value[2] ? format.value.ago(now() - value[2]) : props.words.never;
      return { text: value[0], quality: value[1], age: value[1] === "good" ? age : `${props.words[value[1]]} · ${age}` };
    }
    return {
      element, emit, fill, format, found, level, lines, matches, opened, patch, query, reading, refresh, rows, search, shown, splitName,
      toggle, visible,
    };
  },
  template: `
<div class="cp-list">
  <div class="cp-tools"><Search :value="query" :label="words.search" :clear="words.clear_search" @search="search" /></div>
  <div v-if="found && lines.length" class="cp-count" role="status">{{ fill(found.total > lines.length ? words.first_matches : words.matches, { count: format.whole(lines.length), total: format.whole(found.total) }) }}</div>
  <div ref="element" class="cp-window" :style="{ height: shown.total + 'px' }">
    <ul class="cp-rows" role="tree" :aria-label="words.tree" :style="{ transform: 'translateY(' + shown.above + 'px)' }">
      <li v-for="(line, index) in rows" :key="shown.start + index" role="none">
        <div v-if="line.waiting" class="cp-node"><span class="eo-skeleton eo-grow" :style="{ marginLeft: line.depth * 20 + 30 + 'px' }"></span></div>
        <div v-else class="cp-node" :class="reading(line.node).quality" role="treeitem" :aria-level="line.depth + 1"
             :aria-expanded="line.node[6] && !line.flat ? (opened.has(line.node[0]) ? 'true' : 'false') : null">
          <button type="button" class="cp-branch" :style="{ paddingLeft: 6 + Math.min(line.depth, 9) * 20 + 'px' }" :title="visible(line.node[0])"
                  @click="line.flat ? emit('open', line.node[0]) : toggle(line.node)">
            <Icon v-if="line.node[6] && !line.flat" name="chevron" class="eo-icon-s cp-turn" :class="{ open: opened.has(line.node[0]) }" />
            <span v-else class="cp-turn"></span>
            <span class="cp-name"><bdi class="leaf">{{ visible(line.node[1]) || words.nameless }}</bdi><bdi v-if="line.flat || line.node[4]" class="path">{{ visible(line.flat ? splitName(line.node[0])[0] : line.node[4]) }}</bdi></span>
            <span v-if="line.node[6] && !line.flat" class="eo-small eo-muted eo-num">{{ format.whole(line.node[6]) }}</span>
          </button>
          <button v-if="line.node[7]" type="button" class="cp-peek" @click="emit('open', line.node[0])" :aria-label="visible(line.node[0])">
            <span class="cp-reading"><bdi>{{ reading(line.node).text }}</bdi><span v-if="line.node[3]" class="unit">{{ line.node[3] }}</span></span>
            <span class="cp-age">{{ reading(line.node).age }}</span>
            <Icon :name="line.node[5] ? 'edit' : 'chevron'" class="eo-icon-s" />
          </button>
          <span v-else-if="line.node[2]" class="eo-small eo-muted">{{ visible(line.node[2]) }}</span>
        </div>
      </li>
    </ul>
  </div>
  <div v-if="!query && !lines.length" class="eo-empty"><Icon name="list" /><h2>{{ words.empty_title }}</h2><p>{{ words.empty_text }}</p></div>
  <div v-else-if="!lines.length" class="eo-empty"><Icon name="search" /><h2>{{ words.none_title }}</h2></div>
</div>`,
};
