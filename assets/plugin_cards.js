// Installed plugins as cards (or rows, when they are many) and what can be had below. The server sends the rows once and
// then what changed, once a second; searching and filtering happen here.

import { computed, ref, shallowRef, watch } from "vue";
import { useBeat } from "connection_beat";
import { Icon, ownLocale, Search, visible } from "connection_parts";
import { fill, makeFormat } from "overview_format";
import { Busy, Offer, PluginCard } from "plugin_parts";
import { PopupMenu } from "popup_menu";

const CARDS_UP_TO = 12;
const OFFERS_AT_ONCE = 60;
const PENDING_MS = 4000;
const VIEW = "eo-plugins-view";

export default {
  components: { Busy, Icon, Offer, PluginCard, PopupMenu, Search },
  props: { words: Object, locale: String, first: Object },
  emits: ["act"],
  setup(props, { emit }) {
    const { beat, hear: hearTime, now } = useBeat();
    const format = computed(() => makeFormat(ownLocale(props.locale), props.words));
    const rows = shallowRef(new Map(props.first.rows.map((row) => [row.id, row])));
    const order = shallowRef(props.first.order);
    const coming = shallowRef([]); // {id, busy}: what is being installed
    const reading = ref(false); // the sources
    const offers = shallowRef(null); // {rows, problems, as_of}; null until they are known
    const query = ref("");
    const filter = ref("all");
    const most = ref(OFFERS_AT_ONCE);
    const menu = shallowRef(null); // {row, anchor}
    const pending = ref("");
    const chosenView = ref(localStorage.getItem(VIEW));

    const all = computed(() => order.value.map((id) => rows.value.get(id)).filter(Boolean));
    const view = computed(() => chosenView.value ?? (all.value.length > CARDS_UP_TO ? "rows" : "cards"));
    const wanted = computed(() => query.value.toLocaleLowerCase());
    const fits = (text) => !wanted.value || text.toLocaleLowerCase().includes(wanted.value);
    const installed = computed(() => {
      const only = { all: () => true, installed: () => true, updates: (row) => row.update, trouble: (row) => row.trouble }[filter.value];
      return only ? all.value.filter((row) => only(row) && fits(`${row.name} ${row.id} ${row.about}`)) : [];
    });
    const offered = computed(() => (["all", "available"].includes(filter.value) ? (offers.value?.rows ?? []).filter((row) => fits(row.found)) : []));
    const counts = computed(() => ({
      all: all.value.length + (offers.value?.rows.length ?? 0), installed: all.value.length, available: offers.value?.rows.length ?? 0,
      updates: all.value.filter((row) => row.update).length, trouble: all.value.filter((row) => row.trouble).length,
    }));
    const chips = computed(() =>
      ["all", "trouble", "installed", "updates", "available"]
        .filter((name) => name !== "trouble" || counts.value.trouble || filter.value === name)
        .map((name) => [name, props.words[`only_${name}`], format.value.whole(counts.value[name])]));
    const shows = computed(() => ({ installed: filter.value !== "available", available: ["all", "available"].includes(filter.value) }));
    const nothing = computed(() => (query.value || filter.value !== "all") && !installed.value.length && !offered.value.length && offers.value);
    watch([query, filter], () => (most.value = OFFERS_AT_ONCE));

    function hear(message) {
      const next = new Map(rows.value);
      for (const row of message.rows) next.set(row.id, row);
      if (message.order) {
        order.value = message.order;
        for (const id of [...next.keys()]) if (!message.order.includes(id)) next.delete(id);
      }
      if (message.rows.some((row) => row.id === pending.value)) pending.value = "";
      rows.value = next;
    }
    function hearOffers(message) {
      offers.value = message;
      hearTime(message.now);
    }
    function hearComing(rows) {
      coming.value = rows;
    }
    function hearReading(now) {
      reading.value = now;
    }
    function act(action, id) {
      pending.value = ["start", "stop", "restart"].includes(action) ? id : "";
      const mine = pending.value;
      if (mine) setTimeout(() => pending.value === mine && (pending.value = ""), PENDING_MS);
      emit("act", [action, id]);
    }
    function items(row) {
      const words = props.words;
      return [
        ...(row.is_on ? [["restart", "retry", words.restart]] : []),
        ...(row.is_on && row.action !== "stop" ? [["stop", "stop", words.stop]] : []),
        ...(!row.is_on && row.action !== "start" && !row.busy ? [["start", "play", words.start]] : []),
        ...(row.pid ? [["kill", "close", words.kill]] : []),
        ["evidence", "list", words.evidence],
        ["log", "log", words.log],
        ...(row.update ? [["update", "download", fill(words.update_to, { version: row.update })]] : []),
        ...(row.previous ? [["roll_back", "back", fill(words.roll_back, { version: row.previous })]] : []),
        null,
        ["uninstall", "delete", words.uninstall, "danger"],
      ];
    }
    function setView(name) {
      chosenView.value = name;
      localStorage.setItem(VIEW, name);
    }
    function reset() {
      query.value = "";
      filter.value = "all";
    }
    const age = computed(() => {
      void beat.value;
      return offers.value?.as_of ? format.value.ago(now() - offers.value.as_of) : "";
    });
    const label = computed(() => format.value.plural("search", counts.value.all));
    return { act, age, all, chips, coming, counts, fill, filter, format, hear, hearComing, hearOffers, hearReading, installed, items, label, menu, most, nothing, offered, offers, pending, query, reading, reset, setView, shows, view, visible };
  },
  template: `
<div class="pg">
  <div class="pg-tools">
    <Search :value="query" :label="label" :clear="words.clear_search" @search="(text) => (query = text.trim())" />
    <div class="eo-chips" role="group" :aria-label="words.filters">
      <button v-for="[name, word, count] in chips" :key="name" type="button" class="eo-chip" :class="{ on: filter === name }" :aria-pressed="filter === name ? 'true' : 'false'"
              @click="filter = name">{{ word }} <b>{{ count }}</b></button>
    </div>
    <button v-if="all.length" type="button" class="eo-btn gh icon" :title="view === 'cards' ? words.show_rows : words.show_cards" :aria-label="view === 'cards' ? words.show_rows : words.show_cards"
            @click="setView(view === 'cards' ? 'rows' : 'cards')"><Icon :name="view === 'cards' ? 'list' : 'cards'" /></button>
  </div>
  <div v-for="row in coming" :key="row.id" class="pg-coming" role="group" :aria-label="row.busy[0]"><Busy :busy="row.busy" />
    <button type="button" class="eo-btn" @click="act('progress', row.id)">{{ words.progress }}</button></div>
  <div v-if="nothing" class="eo-empty"><Icon name="search" /><h2>{{ words.none_title }}</h2><p>{{ words['none_' + filter] || words.none_text }}</p>
    <div class="eo-row"><button type="button" class="eo-btn pri" @click="reset">{{ words.clear_filters }}</button></div></div>
  <section v-if="shows.installed && (installed.length || (!all.length && !query && !nothing))" :aria-label="words.installed">
    <h2 v-if="shows.available" class="pg-title">{{ words.installed }}</h2>
    <div v-if="installed.length" class="pg-list" :class="view">
      <PluginCard v-for="row in installed" :key="row.id" :row="row" :words="words" :busy="pending === row.id" @act="act" @menu="(anchor) => (menu = { id: row.id, anchor })" />
    </div>
    <div v-else class="pg-none"><Icon name="plugins" /><p>{{ words.empty_text }}</p></div>
  </section>
  <section v-if="shows.available && !(query && !offered.length)" :aria-label="words.available">
    <div class="pg-head"><h2 class="pg-title">{{ words.available }}</h2>
      <span v-if="reading" class="eo-muted eo-small" role="status">{{ words.reading }}</span>
      <span v-else-if="offers && offers.as_of && !offers.problems.length" class="eo-muted eo-small eo-num">{{ fill(words.as_of, { ago: age }) }}</span>
      <button v-if="offers && !offers.problems.length" type="button" class="eo-btn gh icon pg-again" :title="words.read_again" :aria-label="words.read_again" :aria-busy="reading ? 'true' : null"
              @click="reading || act('refresh', '')"><Icon name="retry" /></button></div>
    <div v-if="offers && offers.problems.length" class="eo-why eo-warn pg-problem" role="status"><div class="eo-grow"><b>{{ offers.as_of ? fill(words.old_list, { ago: age }) : words.no_list }}</b>
      <span v-for="problem in offers.problems" :key="problem" class="next">{{ visible(problem) }}</span></div>
      <button type="button" class="eo-btn" :aria-busy="reading ? 'true' : null" @click="reading || act('refresh', '')">{{ words.try_again }}</button></div>
    <div v-if="!offers" class="pg-offers" aria-hidden="true"><div v-for="n in 3" :key="n" class="pg-offer"><span class="eo-skeleton pg-wait"></span></div></div>
    <ul v-else-if="offered.length" class="pg-offers">
      <Offer v-for="row in offered.slice(0, most)" :key="row.id" :row="row" :words="words" :comes="coming.some((each) => each.id === row.id)" @act="act" />
    </ul>
    <p v-else-if="!nothing" class="pg-none eo-muted">{{ all.length ? words.all_installed : offers.problems.length ? words.nothing_known : words.nothing_offered }}</p>
    <div v-if="offered.length > most" class="el-more"><button type="button" class="eo-btn" @click="most += 60">{{ words.more }}</button></div>
  </section>
  <PopupMenu v-if="menu" :items="items(all.find((row) => row.id === menu.id) ?? {})" :label="menu.id" :anchor="menu.anchor" @choose="(key) => act(key, menu.id)" @close="menu = null" />
</div>`,
};
