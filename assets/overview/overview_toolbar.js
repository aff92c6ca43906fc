// The head of the page (what there is, how to show it) and the toolbar (search, filters, groups, order).

import { computed, inject, ref } from "vue";
import { Icon } from "overview_parts";
import { STATES } from "overview_model";

const toggled = (list, value) => (list.includes(value) ? list.filter((each) => each !== value) : [...list, value]);

export const Head = {
  components: { Icon },
  props: { counts: Object, view: String, picking: Boolean },
  emits: ["view", "pick", "add"],
  setup(props) {
    const { format, labels } = inject("overview");
    const summary = computed(() => {
      const { up, all, trouble } = props.counts;
      const words = labels.value.summary.replace("{count}", format.value.whole(up)).replace("{total}", format.value.whole(all));
      return trouble ? `${words} · ${format.value.plural("needs", trouble)}` : words;
    });
    return { labels, summary };
  },
  template: `
<header class="eo-header ov-head">
  <h1>{{ labels.title }}</h1>
  <span v-if="counts.all" class="eo-sum" role="status">{{ summary }}</span>
  <div class="ov-head-actions">
    <template v-if="counts.all">
      <button type="button" class="eo-btn gh icon" :title="view === 'cards' ? labels.show_rows : labels.show_cards"
              :aria-label="view === 'cards' ? labels.show_rows : labels.show_cards" @click="$emit('view')"><Icon :name="view === 'cards' ? 'list' : 'cards'" /></button>
      <button type="button" class="eo-btn gh ov-select" :aria-pressed="picking" :aria-label="labels.select" :title="labels.select" @click="$emit('pick')">
        <Icon name="select" /><span>{{ labels.select }}</span></button>
    </template>
    <button type="button" class="eo-btn pri ov-add" :class="{ long: labels.add.length > 6 }" :title="labels.add_connection" @click="$emit('add')"><Icon name="plus" class="eo-icon-s" /><span>{{ labels.add }}</span></button>
  </div>
</header>`,
};

export const Toolbar = {
  components: { Icon },
  props: { counts: Object, choice: Object, only: Array },
  emits: ["clear"],
  setup(props, { expose }) {
    const { format, labels } = inject("overview");
    const search = ref(null);
    const chips = computed(() => {
      const { all, trouble, types, states } = props.counts;
      const { choice } = props;
      const named = (name, count, on, press) => ({ name, count: format.value.whole(count), on, press });
      const plain = !choice.types.length && !choice.states.length;
      const list = [named(labels.value.all, all, plain, () => Object.assign(choice, { types: [], states: [] }))];
      const state = (key, label, count) =>
        named(label, count, choice.states.includes(key), () => (choice.states = toggled(choice.states, key)));
      list.push(state("trouble", labels.value.trouble, trouble));
      for (const type of new Set([...Object.keys(types).sort(), ...choice.types])) {
        list.push(named(labels.value[`type_${type}`] ?? type, types[type] ?? 0, choice.types.includes(type), () => (choice.types = toggled(choice.types, type))));
      }
      for (const each of STATES) {
        if (states[each] || choice.states.includes(each)) list.push(state(each, labels.value[`state_${each}`], states[each] ?? 0));
      }
      return list;
    });
    const filtering = computed(() => Boolean(props.only || props.choice.search || props.choice.types.length || props.choice.states.length));
    const selects = computed(() => [
      ["group", labels.value.group_by, ["none", "type", "state"].map((key) => [key, labels.value[`group_${key}`]])],
      ["sort", labels.value.sort_by, ["trouble", "name", "traffic", "last"].map((key) => [key, labels.value[`sort_${key}`]])],
    ]);

    function onEscape() {
      if (props.choice.search) props.choice.search = "";
      else search.value.blur();
    }

    expose({ focus: () => search.value.focus() });
    return { chips, filtering, format, labels, onEscape, search, selects };
  },
  template: `
<div class="ov-tools">
  <label class="ov-search"><Icon name="search" class="eo-icon-s" />
    <input ref="search" v-model="choice.search" type="search" class="ov-search-box" enterkeyhint="search" autocomplete="off" spellcheck="false"
           :placeholder="format.plural('search', counts.all)" :aria-label="format.plural('search', counts.all)" @keydown.esc.stop.prevent="onEscape">
    <button v-if="choice.search" type="button" :aria-label="labels.clear_search" :title="labels.clear_search" @click.prevent="choice.search = ''; search.focus()"><Icon name="close" class="eo-icon-s" /></button>
  </label>
  <div class="ov-filters">
    <div class="eo-chips" role="group" :aria-label="labels.filters">
      <button v-for="chip in chips" :key="chip.name" type="button" class="eo-chip" :class="{ on: chip.on }" :aria-pressed="chip.on" @click="chip.press()">{{ chip.name }} <b>{{ chip.count }}</b></button>
    </div>
    <button v-if="filtering" type="button" class="eo-btn gh ov-clear" :title="labels.clear_filters" @click="$emit('clear')"><Icon name="close" class="eo-icon-s" /><span>{{ labels.clear_filters }}</span></button>
  </div>
  <label v-for="[key, label, options] in selects" :key="key" class="ov-choose" :class="key" :title="label"><Icon :name="key" />
    <span aria-hidden="true">{{ options.find(([each]) => each === choice[key])[1] }}</span>
    <select v-model="choice[key]" :aria-label="label"><option v-for="[each, text] in options" :key="each" :value="each">{{ text }}</option></select></label>
</div>`,
};
