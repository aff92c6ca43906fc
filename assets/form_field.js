// One field of a form: label above, control, hint and error below.
// What is being typed belongs to the browser: the server replaces it only by raising `version`, so neither an error
// message nor any other refresh can take a letter away.
export default {
  template: `
    <div class="eo-field" :class="{ error: error, narrow: kind === 'number' || kind === 'decimal' }"
         :data-typed="text !== value && !(kind === 'secret' && digits) ? '' : null">
      <label v-if="kind === 'switch'" class="eo-switch">
        <input type="checkbox" role="switch" v-bind="common" :checked="text" @change="take($event.target.checked)">
        <span>{{ label }}</span>
      </label>
      <template v-else>
        <label :for="common.id">{{ label }}<span v-if="unit" class="eo-unit"> · {{ unit }}</span></label>
        <select v-if="kind === 'choice'" v-bind="common" :value="text" @change="take($event.target.value)">
          <option v-for="[key, word] in options" :key="key" :value="key">{{ word }}</option>
        </select>
        <textarea v-else-if="kind === 'lines'" v-bind="typed" :rows="rows" :value="text"
                  @input="take($event.target.value)"></textarea>
        <div v-else-if="kind === 'secret'" class="eo-secret">
          <input class="eo-input" v-bind="typed" :type="shown ? 'text' : 'password'" :value="text"
                 @input="take($event.target.value)" @focus="isMask && $event.target.select()">
          <button v-if="text && !isMask" type="button" class="eo-btn gh" :aria-pressed="shown ? 'true' : 'false'"
                  :aria-controls="common.id" :aria-label="(shown ? words.hide : words.show) + ': ' + label"
                  @click="shown = !shown">{{ shown ? words.hide : words.show }}</button>
        </div>
        <input v-else type="text" v-bind="typed" :value="text" @input="take($event.target.value)">
      </template>
      <div v-if="hint" class="eo-hint" :id="common.id + '-hint'">{{ hint }}</div>
      <div v-if="error" class="eo-error" :id="common.id + '-error'" role="alert">{{ error }}</div>
    </div>
  `,
  props: {
    kind: String,
    label: String,
    hint: String,
    unit: String,
    error: String,
    value: [String, Boolean],
    version: Number,
    options: Array,
    rows: Number,
    placeholder: String,
    autocomplete: String,
    mask: String,
    digits: Boolean,
    words: Object,
    disabled: Boolean,
    first: Boolean,
  },
  data() {
    return { text: this.value, shown: false };
  },
  computed: {
    isMask() {
      return this.text === this.mask;
    },
    common() {
      const id = this.$attrs.id + "-control";
      const described = [this.hint && id + "-hint", this.error && id + "-error"].filter(Boolean).join(" ");
      return {
        id,
        disabled: this.disabled,
        "aria-invalid": this.error ? "true" : null,
        "aria-describedby": described || null,
        // Where fingers type, the keyboard would cover the dialog before anybody asked for it.
        "data-autofocus": this.first && !matchMedia("(pointer: coarse)").matches ? "" : null,
      };
    },
    typed() {
      return {
        ...this.common,
        placeholder: this.placeholder || null,
        autocomplete: this.autocomplete || "off",
        autocapitalize: "none",
        spellcheck: "false",
        inputmode: this.$attrs.inputmode ? this.$attrs.inputmode : this.kind === "decimal" ? "decimal" : this.kind === "number" || this.digits ? "numeric" : null,
      };
    },
  },
  watch: {
    version() {
      this.text = this.value;
      this.shown = false;
    },
  },
  methods: {
    take(text) {
      this.text = text;
      this.$emit("typed", text);
    },
    // Opens the fold the field may lie in, and brings it into view.
    focus() {
      const control = this.$el.querySelector("input, select, textarea");
      for (let fold = this.$el.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
      control.focus({ preventScroll: true });
      this.$el.scrollIntoView({ block: "center" });
    },
  },
};
