// What a graph needs around plotly: colours of the theme, the owner's time, round axes. All pure but `tokens`.

const PREFIXES = ["", "k", "M", "G", "T"];
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TIME_STEPS = [5000, 10_000, 30_000, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY];
const LABEL_PX = 74;

/** The theme's colours, by token. */
export function tokens(element) {
  const style = getComputedStyle(element);
  return (name) => style.getPropertyValue(name).trim();
}

/** Milliseconds that read as the owner's local time where UTC is assumed. */
const toLocal = (ms) => ms - new Date(ms).getTimezoneOffset() * MINUTE;

/** The way back. */
function fromLocal(local) {
  const near = local + new Date(local).getTimezoneOffset() * MINUTE;
  return local + new Date(near).getTimezoneOffset() * MINUTE;
}

/** Times of one line in ms, which plotly draws as local time; where clocks go back in autumn the line is broken. */
export function lineTimes(times) {
  let before = -Infinity;
  return times.map((t) => {
    const local = toLocal(t * 1000);
    const runsBack = local < before;
    before = local;
    return runsBack ? null : t * 1000;
  });
}

/** Round values from low to high, at least two: {values, low, high}. */
export function roundTicks(low, high, most, whole) {
  const rough = roundStep((high - low || 1) / most);
  const step = whole ? Math.max(1, Math.ceil(rough)) : rough;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  const values = Array.from({ length: Math.max(2, last - first + 1) }, (_, index) => (first + index) * step);
  return { values, low: values[0], high: values.at(-1), step };
}

function roundStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999) * power;
}

/** The words beside the ticks: one prefix and one number of decimals for all, so that they compare at a glance. */
export function tickTexts({ values, step }, unit, tag, si) {
  let prefix = 0;
  const most = Math.max(...values.map(Math.abs));
  while (si && most / 1000 ** prefix >= 1000 && prefix < PREFIXES.length - 1) prefix += 1;
  const scale = 1000 ** prefix;
  const digits = Math.min(8, Math.max(0, -Math.floor(Math.log10(step / scale) + 1e-9) + (isTwoAndHalf(step) ? 1 : 0)));
  const format = new Intl.NumberFormat(tag, { minimumFractionDigits: 0, maximumFractionDigits: digits });
  const suffix = PREFIXES[prefix] + unit;
  const tail = suffix && !suffix.startsWith("/") ? "\u00a0" + suffix : suffix;
  return values.map((value) => format.format(value / scale) + (value === 0 ? "" : tail));
}

const isTwoAndHalf = (step) => Math.abs(step / 10 ** Math.floor(Math.log10(step)) - 2.5) < 1e-6;

/** Ticks at round local times between two times in ms, as many as the width has room for. */
export function timeTicks(begin, end, width, tag) {
  const [from, to] = [toLocal(begin), toLocal(end)];
  const most = Math.max(2, Math.floor(width / LABEL_PX));
  const step = TIME_STEPS.find((each) => (to - from) / each <= most) ?? 2 * DAY;
  const hours = { hour: "2-digit", minute: "2-digit", timeZone: "UTC" };
  const clock = new Intl.DateTimeFormat(tag, step < MINUTE ? { ...hours, second: "2-digit" } : hours);
  const day = new Intl.DateTimeFormat(tag, { weekday: "short", day: "numeric", timeZone: "UTC" });
  const values = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) values.push(at);
  return { values: values.map(fromLocal), texts: values.map((at) => (at % DAY === 0 ? day : clock).format(at)) };
}

/** How times are written where the pointer is, for plotly's own formatter. */
export function plotlyLocale(tag) {
  const month = new Intl.DateTimeFormat(tag, { month: "short", timeZone: "UTC" });
  const weekday = new Intl.DateTimeFormat(tag, { weekday: "short", timeZone: "UTC" });
  const months = Array.from({ length: 12 }, (_, index) => month.format(Date.UTC(2024, index, 1)));
  const days = Array.from({ length: 7 }, (_, index) => weekday.format(Date.UTC(2024, 8, 1 + index)));
  const halves = new Intl.DateTimeFormat(tag, { hour: "numeric" }).resolvedOptions().hour12;
  return {
    moduleType: "locale",
    name: "owner",
    dictionary: {},
    format: {
      days, shortDays: days, months, shortMonths: months, periods: ["AM", "PM"],
      dateTime: "%a %e %b %X", date: "%e %b", time: halves ? "%I:%M:%S %p" : "%H:%M:%S",
    },
  };
}
