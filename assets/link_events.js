// When the link came and went. An event is [t, kind, text, seconds the link had lasted or null].

import { computed, ref, shallowRef } from "vue";
import { useBeat } from "connection_beat";
import { ownLocale, When } from "connection_parts";
import { fill, makeFormat } from "overview_format";

const LAMPS = { connected: ["eo-good", "eo-dot"], lost: ["eo-bad", "eo-diamond"], failed: ["eo-bad", "eo-diamond"], disconnected: ["eo-idle", "eo-ring"] };
const SHOWN = 8;

export default {
  components: { When },
  props: { words: Object, locale: String, first: Array, now: Number },
  setup(props) {
    const { beat, hear, now } = useBeat();
    const format = computed(() => makeFormat(ownLocale(props.locale), props.words));
    const events = shallowRef(props.first);
    const all = ref(false);
    const shown = computed(() => (all.value ? events.value : events.value.slice(0, SHOWN)));
    hear(props.now);
    function show(time, list) {
      events.value = list;
      hear(time);
    }
    function ago(t) {
      void beat.value;
      return format.value.ago(now() - t);
    }
    const lamp = (kind) => LAMPS[kind] ?? LAMPS.disconnected;
    return { SHOWN, ago, all, events, fill, format, lamp, show, shown };
  },
  template: `
<div>
  <ol class="cp-events">
    <li v-for="event in shown" :key="event[0] + event[1]">
      <span :class="[lamp(event[1])[0], lamp(event[1])[1]]" aria-hidden="true"></span>
      <span class="what"><b>{{ words['kind_' + event[1]] ?? event[1] }}</b><span v-if="event[3]" class="eo-small eo-muted"> {{ event[3] }}</span><bdi v-if="event[1] !== 'connected' && event[1] !== 'disconnected'" class="why">{{ event[2] }}</bdi></span>
      <When :text="ago(event[0])" :exact="format.exact(event[0])" />
    </li>
  </ol>
  <p v-if="!events.length" class="eo-muted">{{ words.empty }}</p>
  <button v-if="events.length > SHOWN" type="button" class="eo-btn gh" @click="all = !all">{{ all ? words.fewer : fill(words.all, { count: format.whole(events.length) }) }}</button>
</div>`,
};
