// What stands in the places that change all the time: one function per place, from a row to its text.

import { isAway } from "connection_beat";
import { around, fill } from "overview_format";

export function makeFigures(format) {
  return {
    up: (row) => format.value.packets(row.up),
    down: (row) => format.value.packets(row.down),
    upBytes: (row) => format.value.bytes(row.up_bytes),
    downBytes: (row) => format.value.bytes(row.down_bytes),
    rtt: (row) => (row.rtt == null ? "" : format.value.milliseconds(row.rtt)),
    errors: (row) => format.value.whole(row.errors),
    points: (row) => (row.points ? format.value.plural("values", row.points) : ""),
  };
}

/** Texts that age by themselves; `now` is the server's time. While the server is gone, nobody knows of the next try. */
export function makeAges(format, labels, now) {
  const waits = (row) => row.retriable && (isAway() || row.next > now());
  const sentence = (row) => (row.paused ? labels.value.back_in : labels.value.next_try);
  return {
    last: (row) => (row.last ? format.value.ago(now() - row.last) : labels.value.never),
    nextBefore(row) {
      if (waits(row)) return around(sentence(row))[0];
      return row.retriable ? labels.value.trying_now : labels.value.no_retry;
    },
    nextLeft: (row) => (waits(row) ? (isAway() ? "…" : format.value.span(row.next - now())) : ""),
    nextAfter: (row) => (waits(row) ? around(sentence(row))[1] : ""),
  };
}

/** Room for the widest text of each place, in this language: what changes every second must not move its neighbours. */
export function makeWidths(format, labels) {
  const longest = (...texts) => Math.max(...texts.map((text) => text.length));
  const { ago, span } = format;
  const { connect, connect_now, disconnect, cancel, retry, never, packets } = labels;
  const acts = longest(connect, connect_now, disconnect, cancel, retry);
  return {
    "--ago": `${Math.round(longest(ago(0), ago(59), ago(3540), ago(82800), ago(8553600), never) * 7.4)}px`,
    "--next": `${Math.round(longest(fill(labels.next_try, { time: span(99) }), labels.trying_now, labels.no_retry) * 6.9)}px`,
    "--left": `${Math.round(span(99).length * 9.5)}px`,
    "--unit": `${Math.round(packets.length * 6.6)}px`,
    "--act": `${Math.min(150, Math.max(92, Math.round(acts * 8.8 + 12)))}px`,
  };
}
