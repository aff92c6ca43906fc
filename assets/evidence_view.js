// The newest log lines and the live values of one connection, as one element of the page.
// Everything shown is hostile text: only ever put in as text.
export default {
  template: `
    <div class="eo-evidence" :class="{ trouble: head.look === 'bad' }">
      <div class="ev-state">
        <span class="eo-lamp" :class="'eo-' + head.look"><i :class="'eo-' + head.shape" aria-hidden="true"></i>{{ head.word }}</span>
        <span v-if="head.why" class="eo-small">{{ head.why }} {{ head.hint }}</span>
      </div>
      <section class="ev-part" :aria-label="labels.values">
        <div class="ev-head">
          <h3>{{ labels.values }}</h3>
          <label v-if="values.length || needle" class="ev-search">
            <i class="eo-icon eo-icon-s eo-i-search" aria-hidden="true"></i>
            <input type="search" v-model="needle" :placeholder="search" :aria-label="search" autocomplete="off"
                   autocapitalize="none" spellcheck="false" @input="$emit('search', needle)">
          </label>
        </div>
        <ul v-if="values.length" class="ev-list" tabindex="0" :aria-label="labels.values">
          <li v-for="[name, shown, value, age] in values" :key="name" :class="{ old: age }">
            <button type="button" :aria-expanded="open === name ? 'true' : 'false'" @click="toggle(name)">
              <span class="name">{{ shown }}</span>
              <span class="value eo-num">{{ value }}</span>
              <span v-if="age" class="age">{{ age }}</span>
            </button>
            <pre v-if="open === name">{{ full }}</pre>
          </li>
        </ul>
        <p v-if="!values.length" class="eo-hint">{{ needle ? labels.no_match : labels.no_values }}</p>
        <p v-else-if="more" class="eo-hint">{{ more }}</p>
      </section>
      <section class="ev-part log" :aria-label="labels.log">
        <div class="ev-head"><h3>{{ labels.log }}</h3></div>
        <ul v-if="lines.length" class="ev-list ev-log" tabindex="0" :aria-label="labels.log">
          <li v-for="(line, index) in lines" :key="index" :class="line.level">
            <time :datetime="new Date(line.last * 1000).toISOString()" :title="span(line)">{{ clock(line.last) }}</time>
            <span class="text">{{ line.text }}</span>
            <span v-if="line.count > 1" class="count" :title="span(line)">×{{ line.count }}</span>
          </li>
        </ul>
        <p v-if="!lines.length" class="eo-hint">{{ labels.no_lines }}</p>
      </section>
    </div>
  `,
  props: { labels: Object, locale: String, first: Object },
  data() {
    return { head: {}, values: [], more: "", lines: [], search: "", needle: "", open: "", full: "", ...this.first };
  },
  computed: {
    // The owner's habits of writing times, where they belong to the language of the page.
    zone() {
      return navigator.languages.find((each) => each.toLowerCase().startsWith(this.locale)) || this.locale;
    },
  },
  methods: {
    // Called once a second with what has changed.
    show(changed) {
      Object.assign(this, changed);
    },
    toggle(name) {
      this.open = this.open === name ? "" : name;
      this.full = "";
      this.$emit("full", this.open);
    },
    clock(seconds) {
      const time = new Date(seconds * 1000);
      const today = time.toDateString() === new Date().toDateString();
      const day = today ? {} : { month: "numeric", day: "numeric" };
      return time.toLocaleString(this.zone, { ...day, hour: "2-digit", minute: "2-digit", second: "2-digit" });
    },
    span(line) {
      const at = (seconds) => new Date(seconds * 1000).toLocaleString(this.zone);
      return line.count > 1 ? at(line.t) + " – " + at(line.last) : at(line.last);
    },
  },
};
