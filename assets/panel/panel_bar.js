// On the panel, always in sight: the time, what needs somebody, whether changes are locked, and the way to switch off.

import { computed, onBeforeUnmount, onMounted, ref, watch } from "vue";

const ownLocale = (language) => navigator.languages.find((each) => each.split("-")[0] === language) ?? language;
const say = (template, values) => template.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

/** [hours and minutes, am or pm where that is said]. */
function timeIn(locale) {
  const is24 = new Intl.DateTimeFormat(locale, { hour: "numeric" }).resolvedOptions().hourCycle.startsWith("h2");
  const hour = is24 ? "2-digit" : "numeric"; // 00:05, but 1:05 PM
  const parts = new Intl.DateTimeFormat(locale, { hour, minute: "2-digit" }).formatToParts(new Date());
  const half = parts.find((part) => part.type === "dayPeriod")?.value ?? "";
  return [parts.filter((part) => part.type !== "dayPeriod").map((part) => part.value).join("").trim(), half];
}

export default {
  // lock: seconds that changes stay unlocked, 0 while they are locked, -1 where no PIN is set
  props: { trouble: Number, grave: Boolean, sum: String, lock: Number, power: Boolean, rest: Object, keyboard: Object, words: Object, locale: String },
  emits: ["unlock", "lock", "power", "dark"],
  setup(props, { emit }) {
    const locale = ownLocale(props.locale);
    const time = ref(timeIn(locale));
    const left = ref(Math.ceil(props.lock));
    let until = 0;
    let clock = 0;
    let count = 0;

    function follow() {
      clearTimeout(clock);
      time.value = timeIn(locale);
      clock = setTimeout(follow, 60_000 - (Date.now() % 60_000) + 20);
    }
    function begin(seconds) {
      clearInterval(count);
      left.value = Math.ceil(seconds);
      if (!(seconds > 0)) return;
      until = performance.now() + 1000 * seconds;
      count = setInterval(() => {
        left.value = Math.max(0, Math.ceil((until - performance.now()) / 1000));
        if (!left.value) clearInterval(count);
      }, 500);
    }
    const minutes = computed(() => `${Math.floor(left.value / 60)}:${String(left.value % 60).padStart(2, "0")}`);
    const lockWords = computed(() => (left.value ? say(props.words.unlocked_for, { time: minutes.value }) : props.words.locked_hint));
    const darken = () => emit("dark");

    watch(() => props.lock, begin, { immediate: true });
    watch(() => props.rest, (times) => window.eoPanel?.setRest(times));
    watch(() => props.keyboard, (news) => window.eoPanel?.setKeyboard(news));
    onMounted(() => {
      follow();
      document.addEventListener("eo-dark", darken);
      document.addEventListener("visibilitychange", follow);
      if (window.eoPanel?.isDark()) darken(); // it went dark while nobody heard it
    });
    onBeforeUnmount(() => {
      clearTimeout(clock);
      clearInterval(count);
      document.removeEventListener("eo-dark", darken);
      document.removeEventListener("visibilitychange", follow);
    });
    return { time, left, minutes, lockWords };
  },
  template: `
<aside class="pn-bar" :class="{ few: lock < 0 }" :aria-label="words.bar">
  <a class="pn-trouble" :class="trouble ? (grave ? 'eo-bad' : 'eo-warn') : 'eo-good'" href="/?show=trouble" :aria-label="sum" :title="sum">
    <span><span :class="trouble ? (grave ? 'eo-diamond' : 'eo-triangle') : 'eo-dot'"></span><b v-if="trouble">{{ trouble }}</b></span>
    <span>{{ trouble ? (trouble === 1 ? words.needs_one : words.needs_many) : words.well }}</span></a>
  <button v-if="lock >= 0" type="button" class="pn-lock" :class="{ open: left }" :aria-label="lockWords" :title="lockWords" @click="$emit(left ? 'lock' : 'unlock')">
    <i class="eo-icon eo-i-lock" aria-hidden="true"></i><b v-if="left">{{ minutes }}</b><span>{{ left ? words.lock_now : words.locked }}</span></button>
  <button v-if="power" type="button" class="pn-power" :aria-label="words.power" :title="words.power" @click="$emit('power')"><i class="eo-icon eo-i-power" aria-hidden="true"></i></button>
  <time class="pn-clock">{{ time[0] }}<small v-if="time[1]">{{ time[1] }}</small></time>
</aside>`,
};
