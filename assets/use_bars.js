// CPU and memory of one process against their limits.

import { Use } from "use_bar";

export default {
  components: { Use },
  props: { words: Object, row: Object },
  template: `
<div class="pg-uses"><Use named :title="words.cpu" :bar="row.cpu" :text="row.cpu_text" :against="row.cpu_of" :look="row.cpu_look" />
  <Use named :title="words.memory" :bar="row.memory" :text="row.memory_text" :against="row.memory_of" :look="row.memory_look" /></div>`,
};
