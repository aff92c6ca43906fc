// What the owner chose, kept by the browser where it allows that: the view for good, filters until the tab closes.

const KEY = "edgeos.overview";

function read(storage) {
  try {
    const value = JSON.parse(window[storage].getItem(KEY) ?? "{}");
    return value && typeof value === "object" ? value : {};
  } catch {
    return {}; // private mode, a full disk or somebody else's value: start with the defaults
  }
}

function write(storage, value) {
  try {
    window[storage].setItem(KEY, JSON.stringify(value));
  } catch {
    // the choice then lasts as long as the page
  }
}

const oneOf = (value, allowed, fallback) => (allowed.includes(value) ? value : fallback);
const texts = (value) => (Array.isArray(value) ? value.filter((each) => typeof each === "string") : []);

/** `/?show=trouble` leads to those that need somebody, once. */
function asked() {
  if (new URLSearchParams(location.search).get("show") !== "trouble") return null;
  history.replaceState(history.state, "", location.pathname);
  return { states: ["trouble"] };
}

export function recall() {
  const kept = read("localStorage");
  const now = asked() ?? read("sessionStorage");
  return {
    view: oneOf(kept.view, ["cards", "rows"], "auto"),
    group: oneOf(kept.group, ["none", "type", "state"], "none"),
    sort: oneOf(kept.sort, ["trouble", "name", "traffic", "last"], "trouble"),
    collapsed: texts(kept.collapsed),
    search: typeof now.search === "string" ? now.search : "",
    types: texts(now.types),
    states: texts(now.states),
  };
}

export function remember({ view, group, sort, collapsed, search, types, states }) {
  write("localStorage", { view, group, sort, collapsed });
  write("sessionStorage", { search, types, states });
}
