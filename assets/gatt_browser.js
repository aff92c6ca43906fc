// What a connected Bluetooth device offers: services, and below them characteristics that can be read, written and
// heard. A value is {size, hex, text, means, forms: [[format, value]]}; what was asked and not answered yet is busy.

import { computed, reactive, ref, shallowRef } from "vue";
import { isAway, useBeat } from "connection_beat";
import { Icon, ownLocale, visible } from "connection_parts";
import { fill, makeFormat } from "overview_format";

const BUSY_MS = 12_000; // after which an answer is not expected any more

const Value = {
  props: { item: Object, words: Object, format: Object, now: Function, beat: Number },
  setup(props) {
    const size = () => props.format.plural("bytes", props.item.value.size);
    function age() {
      void props.beat;
      return props.format.ago(props.now() - props.item.t);
    }
    return { age, size, visible };
  },
  template: `
<div class="gt-value">
  <b v-if="item.value.means" class="eo-figure">{{ item.value.means }}</b>
  <dl>
    <div v-if="item.value.text && item.value.text !== item.value.means"><dt>{{ words.text }}</dt><dd><bdi>“{{ visible(item.value.text) }}”</bdi></dd></div>
    <div><dt>{{ words.hex }}</dt><dd><code v-if="item.value.size">{{ item.value.hex }}</code><span v-else class="eo-muted">{{ words.empty }}</span></dd></div>
    <div v-for="[name, text] in item.value.forms" :key="name"><dt><code>{{ name }}</code></dt><dd>{{ text }}</dd></div>
  </dl>
  <div class="eo-facts"><span>{{ size() }}</span><span>{{ age() }}</span><span v-if="item.count">{{ format.plural('heard', item.count) }}</span></div>
</div>`,
};

const Writer = {
  props: { path: String, item: Object, words: Object, may: Boolean },
  emits: ["write", "edit"],
  setup(props, { emit }) {
    const form = ref("hex");
    const text = ref("");
    const id = `gt-${props.path.replace(/[^a-z0-9]/gi, "-")}`;
    const send = () => emit("write", { path: props.path, text: text.value, form: form.value });
    return { form, id, send, text };
  },
  template: `
<div v-if="!may" class="eo-why eo-warn gt-locked"><b>{{ words.locked }}</b>
  <button type="button" class="eo-btn" @click="$emit('edit')">{{ words.unlock }}</button></div>
<form v-else class="gt-write" :data-typed="text && !item.written ? '' : null" novalidate @submit.prevent="send">
  <div class="eo-ranges" role="group" :aria-label="words.format">
    <button v-for="each in ['hex', 'text']" :key="each" type="button" :class="{ on: form === each }" :aria-pressed="form === each ? 'true' : 'false'" @click="form = each">{{ words[each] }}</button>
  </div>
  <input :id="id" v-model="text" type="text" class="eo-input" :class="{ 'eo-mono': form === 'hex' }" :aria-label="words.value" :placeholder="form === 'hex' ? '01 ff' : ''"
         :aria-invalid="item.write_error ? 'true' : null" :aria-describedby="item.write_error ? id + '-error' : null" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="2000">
  <button type="submit" class="eo-btn pri" :aria-busy="item.busy === 'write' ? 'true' : null">{{ words.send }}</button>
  <div v-if="item.write_error" :id="id + '-error'" class="eo-error" role="alert">{{ item.write_error }}</div>
  <p v-else-if="item.written" class="eo-hint" role="status">{{ item.written }}</p>
</form>`,
};

export default {
  components: { Icon, Value, Writer },
  props: { first: Object, words: Object, locale: String },
  emits: ["read", "write", "notify", "keep", "drop", "edit"],
  setup(props, { emit }) {
    const { beat, hear, now } = useBeat();
    const format = computed(() => makeFormat(ownLocale(props.locale), props.words));
    const state = shallowRef(props.first);
    const items = reactive(new Map()); // path to what is known of it
    const writing = reactive(new Set());

    const item = (path) => items.get(path) ?? {};
    const change = (path, news) => items.set(path, { ...item(path), ...news });
    function show(news) {
      state.value = news;
    }
    function patch(time, changes) {
      for (const [path, news] of Object.entries(changes)) change(path, news);
      hear(time);
    }

    function ask(name, path, what) {
      if (isAway() || item(path).busy) return;
      const asked = performance.now();
      change(path, { busy: name, asked });
      setTimeout(() => item(path).asked === asked && item(path).busy === name && change(path, { busy: "" }), BUSY_MS);
      emit(name, what ?? path);
    }
    const notifies = (path) => state.value.notifying.includes(path);
    function notify(path) {
      ask("notify", path, { path, on: !notifies(path) });
    }
    function toggle(path) {
      if (!writing.delete(path)) writing.add(path);
    }
    const label = (what, each) => fill(props.words.actions, { what, name: each.name || each.uuid });
    return { ask, beat, emit, fill, format, item, label, notifies, notify, now, patch, show, state, toggle, writing };
  },
  template: `
<div class="gt">
  <section v-for="service in state.services" :key="service.key" class="eo-panel gt-service">
    <h2>{{ service.name || words.unknown }} <code class="eo-muted">{{ service.uuid }}</code></h2>
    <ul>
      <li v-for="each in service.characteristics" :key="each.path" class="gt-one">
        <div class="gt-who"><b>{{ each.name || words.unknown }}</b><span class="eo-small eo-muted"><code>{{ each.uuid }}</code> · {{ each.properties }}</span></div>
        <div class="gt-acts">
          <button v-if="each.can.includes('read')" type="button" class="eo-btn" :aria-label="label(words.read, each)" :aria-busy="item(each.path).busy === 'read' ? 'true' : null" @click="ask('read', each.path)">{{ words.read }}</button>
          <button v-if="each.can.includes('notify')" type="button" class="eo-btn" :class="{ 'gt-on': notifies(each.path) }" :aria-label="label(words.notify, each)" :aria-pressed="notifies(each.path) ? 'true' : 'false'"
                  :aria-busy="item(each.path).busy === 'notify' ? 'true' : null" @click="notify(each.path)">{{ words.notify }}</button>
          <button v-if="each.can.includes('write')" type="button" class="eo-btn" :aria-label="label(words.write, each)" :aria-expanded="writing.has(each.path) ? 'true' : 'false'" @click="toggle(each.path)">{{ words.write }}</button>
          <button v-if="!state.kept[each.path]" type="button" class="eo-btn gh" :aria-label="label(words.keep, each)" @click="emit('keep', each.path)">{{ words.keep }}</button>
        </div>
        <div v-if="state.kept[each.path]" class="gt-kept"><Icon name="check" class="eo-icon-s" /><span class="eo-grow">{{ fill(words.kept, { name: state.kept[each.path] }) }}</span>
          <button type="button" class="eo-btn gh" :aria-label="label(words.remove, { name: state.kept[each.path] })" @click="emit('drop', state.kept[each.path])">{{ words.remove }}</button></div>
        <Writer v-if="writing.has(each.path)" :path="each.path" :item="item(each.path)" :words="words" :may="state.may_write" @write="ask('write', each.path, $event)" @edit="emit('edit')" />
        <div v-if="item(each.path).error" class="eo-error" role="alert">{{ item(each.path).error }}</div>
        <Value v-if="item(each.path).value" :item="item(each.path)" :words="words" :format="format" :now="now" :beat="beat" />
        <p v-else-if="notifies(each.path)" class="eo-hint" role="status">{{ words.waiting }}</p>
      </li>
    </ul>
  </section>
</div>`,
};
