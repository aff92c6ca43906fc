// A long text as it is, to read and to copy: never markup, whatever it contains.

import { onBeforeUnmount, ref } from "vue";
import { copyText, Icon, visible } from "connection_parts";

const SHOWN_MS = 2000;

export default {
  components: { Icon },
  props: { text: String, name: String, words: Object },
  setup(props) {
    const said = ref("");
    let timer = 0;
    async function copy() {
      said.value = (await copyText(props.text)) ? props.words.copied : props.words.failed;
      clearTimeout(timer);
      timer = setTimeout(() => (said.value = ""), SHOWN_MS);
    }
    const shown = (text) => text.split("\n").map((line) => visible(line.replace(/\t/g, "  ").replace(/\r$/, ""))).join("\n");
    onBeforeUnmount(() => clearTimeout(timer));
    return { copy, said, shown };
  },
  template: `
<div class="el-text">
  <button v-if="text" type="button" class="eo-btn" @click="copy"><Icon name="copy" class="eo-icon-s" /><span role="status">{{ said || words.copy }}</span></button>
  <pre v-if="text" tabindex="0" role="region" :aria-label="name">{{ shown(text) }}</pre>
</div>`,
};
