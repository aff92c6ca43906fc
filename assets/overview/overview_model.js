// The rows and how they are searched, filtered, ordered and grouped. No drawing happens here.

export const STATES = ["error", "degraded", "connecting", "connected", "off"];
export const SPARK_SECONDS = 60;
const RANK = Object.fromEntries(STATES.map((state, rank) => [state, rank]));
const PLACES = new Set(["name", "type", "state", "address", "detail"]); // a change here can move a row, and a first reason
const LIVE = new Set(["up", "down", "up_bytes", "down_bytes", "last", "next", "rtt", "errors", "points"]); // see Live

export const needsYou = (row) => row.state === "error" || row.state === "degraded";
export const isUp = (row) => row.state === "connected" || row.state === "degraded";

export const titleOf = (row) => row.name || row.id;

/** All rows by id. Rows are plain objects that nothing observes; `version` says which have to
 * be drawn anew; figures that change every second are refreshed in place instead. */
export class Rows {
  constructor(rows) {
    this.byId = new Map();
    this.head = 0; // where the sparklines' rings write next
    this.time = null;
    this.replace(rows);
  }

  replace(rows) {
    const before = this.byId;
    this.byId = new Map();
    for (const each of rows) {
      const row = { ...each, version: 0, spark: undefined };
      const known = before.get(row.id);
      row.sent = known?.sent ?? ring(each.spark?.[0], this.head);
      row.received = known?.received ?? ring(each.spark?.[1], this.head);
      row.version = (known?.version ?? 0) + 1;
      row.haystack = haystack(row);
      this.byId.set(row.id, row);
    }
  }

  /** Take the changes of one second. Says whether rows may have to move, and whether any has to be drawn anew. */
  patch(now, changes) {
    let moved = false;
    let drawn = false;
    for (const [id, fields] of changes) {
      const row = this.byId.get(id);
      if (!row) continue;
      let place = false;
      for (const key in fields) {
        if (key === "spark") {
          row.sent = ring(fields.spark[0], this.head);
          row.received = ring(fields.spark[1], this.head);
          continue;
        }
        if (fields[key] === row[key]) continue;
        place ||= PLACES.has(key) || (key === "why" && !fields.why !== !row.why);
        row[key] = fields[key];
        if (LIVE.has(key)) continue;
        drawn = true;
        row.version += 1;
      }
      if (!place) continue;
      row.haystack = haystack(row);
      moved = true;
    }
    this.advance(now);
    return { moved, drawn };
  }

  /** Move the sparklines on by the seconds that passed; more than three missed seconds stay a gap. */
  advance(now) {
    const passed = this.time === null ? 1 : Math.round(now - this.time);
    if (passed < 1) return;
    this.time = now;
    for (let step = Math.min(passed, SPARK_SECONDS); step > 0; step--) {
      const known = passed <= 3 || step === 1;
      for (const row of this.byId.values()) {
        row.sent[this.head] = known ? row.up : NaN;
        row.received[this.head] = known ? row.down : NaN;
      }
      this.head = (this.head + 1) % SPARK_SECONDS;
    }
  }

  count() {
    const counts = { all: this.byId.size, trouble: 0, up: 0, types: {}, states: {} };
    for (const row of this.byId.values()) {
      counts.types[row.type] = (counts.types[row.type] ?? 0) + 1;
      counts.states[row.state] = (counts.states[row.state] ?? 0) + 1;
      if (needsYou(row)) counts.trouble += 1;
      if (isUp(row)) counts.up += 1;
    }
    return counts;
  }
}

function ring(values, head) {
  const result = new Float32Array(SPARK_SECONDS).fill(NaN);
  const newest = (values ?? []).slice(-SPARK_SECONDS);
  newest.forEach((value, index) => {
    result[(head - newest.length + index + 2 * SPARK_SECONDS) % SPARK_SECONDS] = value;
  });
  return result;
}

function haystack(row) {
  return [row.name, row.id, row.address, row.detail, row.type].join("\n").toLowerCase();
}

/** The rows that pass: every typed word, one of the chosen types, one of the chosen states. */
export function passing(rows, { search, types, states, only }) {
  const terms = search.toLowerCase().split(/\s+/).filter(Boolean);
  const result = [];
  for (const row of rows.values()) {
    if (only && !only.includes(row.id)) continue;
    if (types.length && !types.includes(row.type)) continue;
    if (states.length && !states.some((state) => state === row.state || (state === "trouble" && needsYou(row)))) continue;
    if (terms.every((term) => row.haystack.includes(term))) result.push(row);
  }
  return result;
}

export function ordered(rows, by, collator) {
  const name = (a, b) => collator.compare(titleOf(a), titleOf(b)) || collator.compare(a.id, b.id);
  const orders = {
    trouble: (a, b) => RANK[a.state] - RANK[b.state] || name(a, b),
    name,
    traffic: (a, b) => b.up + b.down - (a.up + a.down) || name(a, b),
    last: (a, b) => (b.last ?? 0) - (a.last ?? 0) || name(a, b),
  };
  return rows.sort(orders[by] ?? orders.trouble);
}

/** Ordered rows cut into groups [{key, rows, trouble}]; by "none" there is one without a key. */
export function grouped(rows, by, troubleFirst) {
  if (by !== "type" && by !== "state") return [{ key: "", rows, trouble: 0 }];
  const groups = new Map();
  for (const row of rows) {
    const key = row[by];
    if (!groups.has(key)) groups.set(key, { key, rows: [], trouble: 0 });
    const group = groups.get(key);
    group.rows.push(row);
    if (needsYou(row)) group.trouble += 1;
  }
  const name = by === "state" ? (group) => RANK[group.key] : (group) => group.key;
  const calm = (group) => (troubleFirst && !group.trouble ? 1 : 0);
  return [...groups.values()].sort((a, b) => calm(a) - calm(b) || (name(a) < name(b) ? -1 : 1));
}

/** What is drawn, from top to bottom: group heads, rows, or lines of `columns` cards. */
export function linesOf(groups, { view, columns, isCollapsed }) {
  const lines = [];
  let position = 0;
  for (const group of groups) {
    const collapsed = group.key !== "" && isCollapsed(group.key);
    if (group.key) lines.push({ key: `g ${group.key}`, kind: "group", group, collapsed });
    const shown = collapsed ? group.rows.filter(needsYou) : group.rows; // trouble never hides
    if (view === "rows") {
      for (const row of shown) lines.push({ key: `r ${row.id}`, kind: "row", rows: [row], first: position++ });
      continue;
    }
    for (let index = 0; index < shown.length; index += columns) {
      const rows = shown.slice(index, index + columns);
      lines.push({ key: `c ${group.key} ${index}`, kind: "cards", rows, first: position });
      position += rows.length;
    }
  }
  return lines;
}

/** The path of one sparkline, with a gap where nothing is known; `top` is the largest value of the picture. */
export function sparkPath(values, head, width, height, top) {
  let path = "";
  let pen = "M";
  for (let index = 0; index < SPARK_SECONDS; index++) {
    const value = values[(head + index) % SPARK_SECONDS];
    if (value !== value) {
      pen = "M";
      continue;
    }
    const x = Math.round((index * width * 10) / (SPARK_SECONDS - 1)) / 10;
    const y = Math.round((height - 1 - (value / top) * (height - 2)) * 10) / 10;
    path += `${pen}${x} ${y}`;
    pen = "L";
  }
  return path;
}

export function sparkTop(row) {
  let top = 0.5;
  for (let index = 0; index < SPARK_SECONDS; index++) {
    if (row.sent[index] > top) top = row.sent[index];
    if (row.received[index] > top) top = row.received[index];
  }
  return top;
}
