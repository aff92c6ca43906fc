// A figure, what it is measured against, and the bar below. `bar` is [value, mark, latest], shares of its width; null is none.

export const Use = {
  props: { bar: Array, text: String, against: String, now: String, look: String, title: String, named: Boolean },
  setup() {
    const wide = (share) => ({ transform: `scaleX(${share})` });
    const at = (share) => ({ left: 100 * share + "%" });
    return { wide, at };
  },
  template: `
<span class="pr-use" :class="look"><span :class="named ? 'pr-title' : 'eo-sr'">{{ title }}<span class="eo-sr">: </span></span><span class="pr-figures"><b>{{ text }}</b> {{ against }}<span v-if="now" class="pr-now">{{ now }}</span></span>
  <span v-if="bar[0] !== null" class="pr-bar" aria-hidden="true"><i :style="wide(bar[0])"></i><em v-if="bar[2] !== null" :style="at(bar[2])"></em><u v-if="bar[1] !== null" :style="at(bar[1])"></u></span></span>`,
};
