// Lines and bars over time, drawn by plotly in the theme's colours and the owner's time.
// A row of data is [epoch s, a value for each line of each panel]; null is a gap, across which no line is drawn.

import { markRaw } from "vue";
import { isAway, useBeat } from "connection_beat";
import { ownLocale } from "connection_parts";
import { fill } from "overview_format";
import { lineTimes, plotlyLocale, roundTicks, tickTexts, timeTicks, tokens } from "plot_helpers";

const LEFT_PX = 68;
const RIGHT_PX = 8;
const TITLE_PX = 26;
const BOTTOM_PX = 24;
const BETWEEN_PX = 12;
const LEAST_FIT = 60; // s
const CONFIG = { displayModeBar: false, responsive: false, locale: "owner", scrollZoom: false, doubleClick: false, showTips: false };

export default {
  props: { panels: Array, words: Object, locale: String, first: Object, label: String, fit: Boolean },
  setup() {
    return useBeat();
  },
  data() {
    return { loaded: false, rows: markRaw([]), span: 300, step: 1, end: 0, begun: null };
  },
  computed: {
    tag() {
      return Intl.NumberFormat.supportedLocalesOf([ownLocale(this.locale)])[0] ?? "en";
    },
    /** Made once: a graph writes thousands of numbers a second. */
    digits() {
      const make = (most) => markRaw(new Intl.NumberFormat(this.tag, { maximumSignificantDigits: most }));
      return { few: make(3), all: make(7) };
    },
    height() {
      const panels = this.panels.reduce((sum, panel) => sum + TITLE_PX + panel.height, 0);
      return panels + BETWEEN_PX * (this.panels.length - 1) + BOTTOM_PX;
    },
    lines() {
      return this.panels.flatMap((panel) => panel.lines.map((line) => ({ ...line, panel })));
    },
    /** With `fit`, no longer than there are values, so that a young one is not squeezed into a corner. */
    shownSpan() {
      if (!this.fit || !this.rows.length) return this.span;
      return Math.min(this.span, Math.max(LEAST_FIT, this.end - this.rows[0][0]));
    },
    isEmpty() {
      return !this.rows.some((row) => row.some((value, index) => index && value !== null));
    },
    collecting() {
      void this.beat;
      const left = this.begun === null ? 0 : Math.ceil(this.begun - this.now());
      if (isAway()) return fill(this.words.collecting, { count: "…" });
      return left > 0 ? fill(this.words.collecting, { count: left }) : this.words.soon;
    },
  },
  async mounted() {
    this.take(this.first);
    const { Plotly } = await import("nicegui-plotly");
    if (!this.$refs.plot) return; // left meanwhile
    this.plotly = markRaw(Plotly);
    Plotly.register(plotlyLocale(this.tag));
    this.loaded = true;
    await this.$nextTick();
    this.resizes = new ResizeObserver(() => this.drawSoon());
    this.resizes.observe(this.$el);
    this.views = new IntersectionObserver(([entry]) => {
      this.isSeen = entry.isIntersecting;
      if (this.isSeen) this.drawSoon();
    });
    this.views.observe(this.$el);
    this.themes = new MutationObserver(() => this.drawSoon());
    this.themes.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  },
  beforeUnmount() {
    this.resizes?.disconnect();
    this.themes?.disconnect();
    this.views?.disconnect();
    cancelAnimationFrame(this.frame);
    if (this.plotly && this.$refs.plot) this.plotly.purge(this.$refs.plot);
  },
  methods: {
    take({ span, step, end, begun, rows }) {
      Object.assign(this, { span, step, end, begun, rows: markRaw(rows) });
      this.hear(end);
      this.drawSoon();
    },
    /** Everything anew: another range. */
    show(data) {
      this.take(data);
    },
    /** Newer rows; one with the time of the last row replaces it. What has left the range is dropped. */
    extend(end, fresh) {
      const rows = this.rows.slice();
      for (const row of fresh) {
        if (rows.length && rows.at(-1)[0] === row[0]) rows.pop();
        rows.push(row);
      }
      const oldest = end - this.span - 2 * this.step;
      let gone = 0;
      while (gone < rows.length && rows[gone][0] < oldest) gone += 1;
      this.rows = markRaw(rows.slice(gone));
      this.end = end;
      this.hear(end);
      this.drawSoon();
    },
    drawSoon() {
      if (!this.loaded || this.frame) return;
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        if (this.$refs.plot?.offsetWidth && this.isSeen) this.draw();
      });
    },
    draw() {
      const color = tokens(this.$el);
      const x = lineTimes(this.rows.map((row) => row[0]));
      const traces = this.lines.map((line, index) => this.trace(line, x, this.rows.map((row) => row[index + 1]), color));
      this.plotly.react(this.$refs.plot, traces, this.layout(color), CONFIG);
    },
    trace(line, x, y, color) {
      const at = this.panels.indexOf(line.panel);
      const paint = color(line.color);
      const texts = { name: line.name, text: y.map((value) => this.said(value, line.panel)), hovertemplate: "%{text}<extra>%{fullData.name}</extra>" };
      const axes = { x, y, xaxis: "x", yaxis: at ? `y${at + 1}` : "y" };
      if (line.panel.kind === "bars") {
        return { ...axes, ...texts, textposition: "none", type: "bar", width: this.step * 900, marker: { color: paint, line: { width: 0 } } };
      }
      const alone = y.map((value, index) => (value !== null && (y[index - 1] ?? null) === null && (y[index + 1] ?? null) === null ? 5 : 0));
      const markers = alone.some(Boolean);
      return {
        ...axes, ...texts, type: "scatter", mode: markers ? "lines+markers" : "lines", connectgaps: false,
        line: { color: paint, width: 1.8, shape: line.panel.kind === "steps" ? "hv" : "linear" },
        marker: { color: paint, size: markers ? alone : 0, line: { width: 0 } },
      };
    },
    said(value, panel) {
      if (value === null) return "";
      let step = 0;
      let scaled = value;
      while (panel.si && Math.abs(scaled) >= 999.5 && step < 4) {
        scaled /= 1000;
        step += 1;
      }
      const unit = ["", "k", "M", "G", "T"][step] + panel.unit;
      return (panel.si ? this.digits.few : this.digits.all).format(scaled) + (unit && !unit.startsWith("/") ? "\u00a0" : "") + unit;
    },
    layout(color) {
      const width = this.$refs.plot.offsetWidth;
      const font = { family: getComputedStyle(this.$el).fontFamily, size: 12, color: color("--muted") };
      const layout = {
        width, height: this.height, margin: { l: LEFT_PX, r: RIGHT_PX, t: 0, b: BOTTOM_PX, pad: 0 }, font, showlegend: false,
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: false, hovermode: "x unified", hoverdistance: 40,
        hoverlabel: { bgcolor: color("--panel"), bordercolor: color("--line"), font: { ...font, color: color("--text") } },
        bargap: 0, annotations: [], xaxis: this.timeAxis(width, color),
      };
      const drawable = this.height - BOTTOM_PX;
      let top = 0;
      this.panels.forEach((panel, at) => {
        const from = top + TITLE_PX;
        layout[at ? `yaxis${at + 1}` : "yaxis"] = {
          ...this.valueAxis(panel, color),
          domain: [Math.max(0, 1 - (from + panel.height) / drawable), 1 - from / drawable],
        };
        top = from + panel.height + BETWEEN_PX;
      });
      return layout;
    },
    timeAxis(width, color) {
      const range = [(this.end - this.shownSpan) * 1000, this.end * 1000];
      const { values, texts } = timeTicks(range[0], range[1], width - LEFT_PX - RIGHT_PX, this.tag);
      return {
        type: "date", range, fixedrange: true, tickmode: "array", tickvals: values, ticktext: texts, showgrid: true, gridcolor: color("--line"),
        gridwidth: 1, zeroline: false, linecolor: color("--line"), ticks: "", anchor: "free", position: 0, tickangle: 0,
        hoverformat: this.step >= 60 || this.span > 86400 ? "%a %e %b, %X" : "%X", showspikes: true, spikemode: "across", spikethickness: 1,
        spikedash: "solid", spikecolor: color("--edge"), spikesnap: "cursor",
      };
    },
    valueAxis(panel, color) {
      const first = this.lines.findIndex((line) => line.panel === panel);
      let low = Infinity;
      let high = -Infinity;
      for (const row of this.rows) {
        for (let index = first; index < first + panel.lines.length; index++) {
          const value = row[index + 1];
          if (value === null) continue;
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
      }
      if (panel.bounds) [low, high] = [Math.min(low, panel.bounds[0]), Math.max(high, panel.bounds[1])];
      if (low > high) [low, high] = [0, panel.least ?? 1];
      if (panel.least) [low, high] = [0, Math.max(panel.least, high)];
      else if (high - low < 1e-9 * Math.max(1, Math.abs(high))) [low, high] = [low - Math.abs(low || 1) * 0.05, high + Math.abs(high || 1) * 0.05];
      const ticks = roundTicks(low, high, panel.height < 90 ? 2 : 3, panel.kind === "bars");
      return {
        type: "linear", fixedrange: true, range: [ticks.low, ticks.high + (ticks.high - ticks.low) * 0.04], tickmode: "array", tickvals: ticks.values,
        ticktext: tickTexts(ticks, panel.unit, this.tag, panel.si), gridcolor: color("--line"), gridwidth: 1, zeroline: false, ticks: "",
        automargin: false,
      };
    },
    topOf(at) {
      return this.panels.slice(0, at).reduce((sum, panel) => sum + TITLE_PX + panel.height + BETWEEN_PX, 0);
    },
  },
  template: `
<div class="cp-graph" role="img" :aria-label="label" :style="{ height: height + 'px' }">
  <div v-if="!loaded" class="eo-skeleton" :style="{ height: height + 'px' }"></div>
  <template v-else>
    <div v-for="(panel, at) in panels" :key="at" class="cp-panel" :style="{ top: topOf(at) + 'px' }"><b>{{ panel.title }}</b><span
      v-for="line in panel.lines.length > 1 ? panel.lines : []" :key="line.name" class="cp-key"><i :style="{ background: 'var(' + line.color + ')' }"></i>{{ line.name }}</span></div>
  </template>
  <div ref="plot" class="cp-plot"></div>
  <p v-if="loaded && isEmpty" class="cp-collecting" role="status">{{ collecting }}</p>
</div>`,
};
