// Numbers, times and sentences for people. Everything here is pure; `locale` decides commas and dates.

const PREFIXES = ["", "k", "M", "G", "T"];

/** Fill the {names} of a translated sentence. */
export function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Split a sentence around its one {name}, so that the value can be set in bold: [before, after]. */
export function around(sentence) {
  const match = /\{\w+\}/.exec(sentence);
  if (!match) return [sentence, ""];
  return [sentence.slice(0, match.index), sentence.slice(match.index + match[0].length)];
}

export function makeFormat(locale, labels) {
  const tag = Intl.NumberFormat.supportedLocalesOf([locale || "en"])[0] ?? "en";
  const whole = new Intl.NumberFormat(tag, { maximumFractionDigits: 0 });
  const tenth = new Intl.NumberFormat(tag, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const clock = new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeStyle: "medium" });
  const smallest = "<\u202f" + tenth.format(0.1);

  /** [figure, SI prefix], with one decimal below `fine` (with a prefix: below `finePrefixed`). */
  function scaled(value, fine, finePrefixed) {
    let step = 0;
    while (value >= 999.5 && step < PREFIXES.length - 1) {
      value /= 1000;
      step += 1;
    }
    return [(value < (step ? finePrefixed : fine) ? tenth : whole).format(value), PREFIXES[step]];
  }

  /** "0", "< 0.1", "3.1", "120" or "1.4 k": at most five characters, so that its place can be reserved. */
  function packets(value) {
    if (!(value > 0)) return whole.format(0);
    if (value < 0.05) return smallest;
    const [figure, prefix] = scaled(value, 9.95, 9.95);
    return prefix ? `${figure}\u202f${prefix}` : figure;
  }

  function bytes(value) {
    const [figure, prefix] = scaled(value > 0 ? value : 0, 0, 99.95);
    return `${figure}\u00a0${prefix}B/s`;
  }

  function ago(seconds) {
    if (seconds < 2) return labels.now;
    if (seconds < 59.5) return fill(labels.seconds_ago, { count: whole.format(seconds) });
    if (seconds < 3570) return fill(labels.minutes_ago, { count: whole.format(seconds / 60) });
    if (seconds < 84600) return fill(labels.hours_ago, { count: whole.format(seconds / 3600) });
    return fill(labels.days_ago, { count: whole.format(seconds / 86400) });
  }

  function span(seconds) {
    const left = Math.ceil(seconds);
    return left < 100
      ? fill(labels.seconds, { count: whole.format(left) })
      : fill(labels.minutes, { count: whole.format(left / 60) });
  }

  const milliseconds = (value) => `${value < 9.95 ? tenth.format(value) : whole.format(value)}\u00a0ms`;
  const exact = (epoch) => clock.format(new Date(epoch * 1000));
  const plural = (name, count) => fill(labels[`${name}_${count === 1 ? "one" : "many"}`], { count: whole.format(count) });

  return { tag, packets, bytes, ago, span, milliseconds, exact, plural, whole: (value) => whole.format(value) };
}
