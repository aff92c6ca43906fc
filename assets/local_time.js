// A moment in the owner's words; a tap shows it exactly, in the owner's zone.

import { computed } from "vue";
import { ownLocale, When } from "connection_parts";
import { makeFormat } from "overview_format";

export default {
  components: { When },
  props: { text: String, t: Number, locale: String },
  setup(props) {
    const format = computed(() => makeFormat(ownLocale(props.locale), {}));
    return { exact: computed(() => (props.t ? format.value.exact(props.t) : props.text)) };
  },
  template: `<When :text="text" :exact="exact" />`,
};
