// Which symbols a list of choices covers: names cover themselves and all below them, globs what they match.

const MARKS = /[.[]/g;

/** The names of all branches a name lies in, the outermost first. */
function branchesOf(name) {
  const found = [];
  for (const mark of name.matchAll(MARKS)) if (mark.index > 0) found.push(name.slice(0, mark.index));
  return found;
}

function globOf(text) {
  const pattern = text.split(/(\*\*|\*)/).map((part) => (part === "**" ? ".*" : part === "*" ? "[^/]*" : part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&")));
  return { text, fits: new RegExp(`^${pattern.join("")}$`, "is"), isOpen: text.endsWith("*") };
}

/** Answers for a name: {state: "true" | "mixed" | "false", own: the choice that is just this, by: the choice above it}. */
export function makeCover(choices) {
  const exact = new Map();
  const globs = [];
  const ownGlobs = new Map();
  const above = new Set();
  for (const text of choices) {
    const low = text.toLowerCase();
    const star = low.indexOf("*");
    for (const branch of branchesOf(star < 0 ? low : low.slice(0, star))) above.add(branch);
    if (star < 0) exact.set(low, text);
    else if (low.endsWith(".*") && star === low.length - 1) ownGlobs.set(low.slice(0, -2), text);
    if (star >= 0) globs.push(globOf(text));
  }
  const known = new Map();

  function find(name, isBranch) {
    const low = name.toLowerCase();
    const own = exact.get(low) ?? (isBranch ? ownGlobs.get(low) : undefined);
    if (own) return { state: "true", own };
    for (const branch of branchesOf(low)) if (exact.has(branch)) return { state: "true", by: exact.get(branch) };
    const glob = globs.find(({ fits, isOpen }) => (isBranch ? isOpen && fits.test(low + ".") : fits.test(low)));
    if (glob) return { state: "true", by: glob.text };
    return { state: isBranch && above.has(low) ? "mixed" : "false" };
  }
  return function cover(name, isBranch) {
    const key = (isBranch ? "+" : "-") + name;
    if (!known.has(key)) known.set(key, find(name, isBranch));
    return known.get(key);
  };
}
