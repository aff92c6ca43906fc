// One installed plugin, and one that can be had. Everything a plugin says of itself is hostile text: only ever put in as text.

import { computed, ref, watch } from "vue";
import { Icon, visible } from "connection_parts";
import { fill } from "overview_format";
import { Use } from "use_bar";

/** The plugin's own drawing; a letter where there is none. */
export const PluginIcon = {
  props: { name: String, src: String },
  setup(props) {
    const failed = ref(false);
    const letter = computed(() => [...visible(props.name).trim()][0]?.toUpperCase() ?? "?");
    watch(() => props.src, () => (failed.value = false));
    return { failed, letter };
  },
  template: `<span class="ov-type pg-icon" aria-hidden="true"><b>{{ letter }}</b><img v-if="src && !failed" :src="src" alt="" width="38" height="38" loading="lazy" referrerpolicy="no-referrer" @error="failed = true"></span>`,
};

export const iconOf = (row) => `/plugin-icons/${encodeURIComponent(row.id)}?v=${encodeURIComponent(row.version)}`;

/** What is being done: title, share done, the same in words. */
export const Busy = {
  props: { busy: Array },
  setup() {
    return { visible };
  },
  template: `
<div class="pg-busy"><span class="pg-step"><span class="eo-grow">{{ visible(busy[0]) }}</span><b class="eo-num">{{ busy[2] }}</b></span>
  <span class="pg-progress" role="progressbar" aria-valuemin="0" aria-valuemax="100" :aria-valuenow="Math.round(100 * busy[1])" :aria-label="visible(busy[0])"><i :style="{ transform: 'scaleX(' + busy[1] + ')' }"></i></span></div>`,
};

export const PluginCard = {
  components: { Busy, Icon, PluginIcon, Use },
  props: { row: Object, words: Object, busy: Boolean },
  emits: ["act", "menu"],
  setup() {
    const page = (row) => `/plugins/${encodeURIComponent(row.id)}`;
    return { fill, iconOf, page, visible };
  },
  template: `
<article class="ov-card pg-card" :class="'eo-' + row.tone" :data-id="row.id" :aria-label="visible(row.name)">
  <div class="ov-top pg-top">
    <PluginIcon :name="row.name" :src="iconOf(row)" />
    <div class="ov-who"><a class="ov-name" :href="page(row)" :title="visible(row.name)"><bdi>{{ visible(row.name) }}</bdi></a>
      <div class="ov-address"><bdi>{{ visible(row.version) }}</bdi><template v-if="row.about"> · <bdi>{{ visible(row.about) }}</bdi></template></div></div>
    <span class="eo-lamp"><i :class="'eo-' + row.shape" aria-hidden="true"></i>{{ row.word }}</span>
  </div>
  <Busy v-if="row.busy" :busy="row.busy" role="group" :aria-label="row.busy[0]" />
  <div v-else-if="row.pid" class="pg-uses"><Use named :title="words.cpu" :bar="row.cpu" :text="row.cpu_text" :against="row.cpu_of" :look="row.cpu_look" />
    <Use named :title="words.memory" :bar="row.memory" :text="row.memory_text" :against="row.memory_of" :look="row.memory_look" /></div>
  <div v-if="row.why" class="eo-why"><b class="ov-clamp">{{ visible(row.why) }}</b><span v-if="row.hint" class="next ov-clamp">{{ visible(row.hint) }}</span><span v-if="row.next" class="next eo-num">{{ row.next }}</span></div>
  <button v-if="row.update && !row.busy" type="button" class="pg-update" @click="$emit('act', 'update', row.id)"><Icon name="download" class="eo-icon-s" /><b><bdi>{{ visible(row.version) }}</bdi> → <bdi>{{ visible(row.update) }}</bdi></b><span>{{ words.see_changes }}</span></button>
  <div v-if="row.facts.length" class="eo-facts pg-facts"><span v-for="fact in row.facts" :key="fact">{{ fact }}</span></div>
  <div class="ov-acts">
    <button type="button" class="ov-act pg-next" :aria-busy="busy ? 'true' : 'false'" @click="$emit('act', row.action, row.id)">{{ row.label }}</button>
    <button v-if="row.trouble" type="button" class="ov-act" @click="$emit('act', 'log', row.id)">{{ words.log }}</button>
    <a v-if="row.action !== 'settings'" class="ov-act" :href="page(row) + '?tab=settings'">{{ words.settings }}</a>
    <button type="button" class="ov-act quiet" :title="words.menu" :aria-label="fill(words.menu_for, { name: visible(row.name) })" aria-haspopup="menu" @click="$emit('menu', $event.currentTarget)"><Icon name="more" /></button>
  </div>
</article>`,
};

export const Offer = {
  components: { PluginIcon },
  props: { row: Object, words: Object, comes: Boolean },
  emits: ["act"],
  setup() {
    return { iconOf, fill, visible };
  },
  template: `
<li class="pg-offer" :class="{ no: row.why_not }" :data-id="row.id">
  <PluginIcon :name="row.name" :src="row.icon || iconOf(row)" />
  <button type="button" class="pg-what" @click="$emit('act', 'offer', row.id)"><span class="pg-name"><bdi>{{ visible(row.name) }}</bdi></span>
    <span class="pg-about"><bdi>{{ visible(row.about) }}</bdi></span>
    <span class="pg-meta"><bdi>{{ visible(row.version) }}</bdi> · {{ row.size }}<template v-if="row.author"> · <bdi>{{ visible(row.author) }}</bdi></template><template v-if="row.source"> · <bdi>{{ visible(row.source) }}</bdi></template></span>
    <span v-if="row.why_not" class="pg-why">{{ visible(row.why_not) }}</span></button>
  <button v-if="comes" type="button" class="eo-btn gh" @click="$emit('act', 'progress', row.id)">{{ words.progress }}</button>
  <button v-else-if="row.why_not" type="button" class="eo-btn gh" @click="$emit('act', 'offer', row.id)">{{ words.details }}</button>
  <button v-else type="button" class="eo-btn" :aria-label="fill(words.install_name, { name: visible(row.name) })" @click="$emit('act', 'install', row.id)">{{ words.install }}</button>
</li>`,
};
