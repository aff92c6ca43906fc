// One connection as a dense row, for long lists.

import { inject } from "vue";
import { isUp, titleOf } from "overview_model";
import { Icon, Lamp, Live, Next, nextAction, toneOf, useItem, When } from "overview_parts";

export const Row = {
  components: { Icon, Lamp, Live, Next, When },
  props: { row: Object, version: Number, picking: Boolean, picked: Boolean, pending: String },
  setup() {
    useItem();
    const { act, figures, labels, openMenu, pick } = inject("overview");
    return { act, figures, labels, openMenu, pick, isUp, nextAction, titleOf, toneOf };
  },
  template: `
<article class="ov-item ov-row" :class="[toneOf(row), { picked, picking, told: row.why, down: !isUp(row) }]" :data-id="row.id" :data-state="row.state"
         tabindex="-1" :aria-label="titleOf(row)" @click="picking && pick(row.id, $event)">
  <label v-if="picking" class="ov-pick">
    <input type="checkbox" :checked="picked" :aria-label="labels.select_item.replace('{name}', titleOf(row))" @change="pick(row.id)">
  </label>
  <Lamp :row="row" :version="version" />
  <div class="ov-who">
    <button type="button" class="ov-name" :title="titleOf(row)" @click="picking || act('stats', [row.id])"><bdi>{{ titleOf(row) }}</bdi></button>
    <div class="ov-address" :title="row.address"><bdi>{{ row.address }}</bdi><template v-if="row.detail"> · {{ row.detail }}</template></div>
  </div>
  <div class="ov-pace">
    <template v-if="isUp(row)">
      <span><span class="up" :title="labels.sent">↑</span><span class="eo-sr">{{ labels.sent }}</span><Live :row="row" :read="figures.up" tag="b" /></span>
      <span><span class="down" :title="labels.received">↓</span><span class="eo-sr">{{ labels.received }}</span><Live :row="row" :read="figures.down" tag="b" /></span>
      <span class="unit">{{ labels.packets }}</span>
    </template>
    <Next v-else-if="row.state === 'error' || row.paused" :row="row" />
  </div>
  <When class="ov-since" :row="row" sentence="{time}" />
  <button v-if="row.why" type="button" class="ov-reason" :title="row.why + ' ' + row.hint" aria-haspopup="menu"
          @click="openMenu(row, $event.currentTarget)"><span><b>{{ row.why }}</b> {{ row.hint }}</span></button>
  <span v-else class="ov-reason"></span>
  <button type="button" class="ov-act" :aria-busy="Boolean(pending)" :aria-label="nextAction(row, labels)[1]"
          :title="nextAction(row, labels)[1]" @click="act(nextAction(row, labels)[0], [row.id])"><Icon :name="nextAction(row, labels)[2]" /><span>{{ nextAction(row, labels)[1] }}</span></button>
  <button type="button" class="ov-act quiet" :title="labels.more" :aria-label="labels.more_for.replace('{name}', titleOf(row))"
          aria-haspopup="menu" @click="openMenu(row, $event.currentTarget)"><Icon name="more" /></button>
</article>`,
};
