// A value with its name and a button that copies it.

import { onBeforeUnmount, ref } from "vue";
import { copyText, Icon } from "connection_parts";

const SHOWN_MS = 2000;

export default {
  components: { Icon },
  props: { label: String, value: String, empty: String, words: Object },
  setup(props) {
    const said = ref("");
    let timer = 0;
    async function copy() {
      said.value = (await copyText(props.value)) ? props.words.copied : props.words.failed;
      clearTimeout(timer);
      timer = setTimeout(() => (said.value = ""), SHOWN_MS);
    }
    onBeforeUnmount(() => clearTimeout(timer));
    return { copy, said };
  },
  template: `
<div class="eo-copy">
  <span class="eo-muted">{{ label }}</span>
  <code v-if="value">{{ value }}</code><span v-else class="eo-muted">{{ empty }}</span>
  <button v-if="value" type="button" class="eo-btn gh" :aria-label="words.copy + ': ' + label" @click="copy">
    <Icon name="copy" class="eo-icon-s" /><span role="status">{{ said || words.copy }}</span></button>
</div>`,
};
