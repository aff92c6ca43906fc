// One connection as a card.

import { inject } from "vue";
import { isUp, titleOf } from "overview_model";
import { Fact, Icon, Lamp, Live, Next, nextAction, Spark, toneOf, TypeIcon, useItem, When } from "overview_parts";

export const Card = {
  components: { Fact, Icon, Lamp, Live, Next, Spark, TypeIcon, When },
  props: { row: Object, version: Number, picking: Boolean, picked: Boolean, pending: String },
  setup() {
    useItem();
    const { act, figures, format, labels, openMenu, pick } = inject("overview");
    return { act, figures, format, labels, openMenu, pick, isUp, nextAction, titleOf, toneOf };
  },
  template: `
<article class="ov-item ov-card" :class="[toneOf(row), { picked }]" :data-id="row.id" :data-state="row.state"
         tabindex="-1" :aria-label="titleOf(row)" @click="picking && pick(row.id, $event)">
  <div class="ov-top">
    <label v-if="picking" class="ov-pick">
      <input type="checkbox" :checked="picked" :aria-label="labels.select_item.replace('{name}', titleOf(row))"
             @change="pick(row.id)">
    </label>
    <div v-else class="ov-type"><TypeIcon :type="row.type" /></div>
    <div class="ov-who">
      <button type="button" class="ov-name" :title="titleOf(row)" @click="picking || act('stats', [row.id])"><bdi>{{ titleOf(row) }}</bdi></button>
      <div class="ov-address" :title="row.address"><bdi>{{ row.address }}</bdi><template v-if="row.detail"> · {{ row.detail }}</template></div>
    </div>
    <Lamp :row="row" :version="version" />
  </div>
  <div v-if="isUp(row)" class="ov-rates">
    <div class="ov-rate"><span class="up" :title="labels.sent">↑</span><span class="eo-sr">{{ labels.sent }}</span>
      <Live :row="row" :read="figures.up" tag="b" /><span class="unit">{{ labels.packets }}</span>
      <Live class="size" :row="row" :read="figures.upBytes" /></div>
    <div class="ov-rate"><span class="down" :title="labels.received">↓</span><span class="eo-sr">{{ labels.received }}</span>
      <Live :row="row" :read="figures.down" tag="b" /><span class="unit">{{ labels.packets }}</span>
      <Live class="size" :row="row" :read="figures.downBytes" /></div>
    <Spark :row="row" />
  </div>
  <div v-if="row.why" class="eo-why"><b class="ov-clamp">{{ row.why }}</b><span v-if="row.hint" class="next ov-clamp">{{ row.hint }}</span></div>
  <div class="eo-facts">
    <When :row="row" :sentence="labels.last" />
    <Next v-if="row.state === 'error' || row.paused" :row="row" />
    <span v-if="!isUp(row) && row.attempt > 1" class="ov-fact">{{ labels.attempt.replace('{count}', format.whole(row.attempt)) }}</span>
    <span v-if="isUp(row)" class="ov-fact ov-rtt"><Live :row="row" :read="figures.rtt" /></span>
    <Fact v-if="row.state !== 'off'" :row="row" :sentence="labels.errors" :read="figures.errors" />
    <Live v-if="isUp(row)" class="ov-fact" :row="row" :read="figures.points" />
  </div>
  <div class="ov-acts">
    <button type="button" class="ov-act" :aria-busy="Boolean(pending)" @click="act(nextAction(row, labels)[0], [row.id])">{{ nextAction(row, labels)[1] }}</button>
    <button type="button" class="ov-act" @click="act('stats', [row.id])">{{ labels.stats }}</button>
    <button type="button" class="ov-act quiet" :title="labels.edit" :aria-label="labels.edit" @click="act('edit', [row.id])"><Icon name="edit" /></button>
    <button type="button" class="ov-act quiet" :title="labels.delete" :aria-label="labels.delete" @click="act('delete', [row.id])"><Icon name="delete" /></button>
    <button type="button" class="ov-act quiet" :title="labels.more" :aria-label="labels.more_for.replace('{name}', titleOf(row))"
            aria-haspopup="menu" @click="openMenu(row, $event.currentTarget)"><Icon name="more" /></button>
  </div>
</article>`,
};
