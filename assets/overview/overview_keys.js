// Keyboard shortcuts of the page: never while somebody types, never while a dialog or a menu is open.

const TYPING = "input:not([type=checkbox]), textarea, select, [contenteditable]:not([contenteditable=false])";
const OPEN = ".q-dialog, .q-menu, .eo-menu, dialog[open]";

/** A keydown listener; `actions` by key, each called with the id of the connection that has the focus itself. */
export function onKeys(actions) {
  return (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const { target, key } = event;
    const search = target.matches?.(".ov-search-box") && key === "ArrowDown";
    if (!search && target.closest?.(TYPING)) return;
    if (document.querySelector(OPEN)) return;
    const action = actions[key];
    if (!action) return;
    const item = target.matches?.(".ov-item") ? target.dataset.id : "";
    if ((key === "Enter" || key === " ") && !item) return; // buttons answer these themselves
    if (key.startsWith("Arrow") && !search && !target.closest?.(".ov-item") && target !== document.body) return;
    if (key.startsWith("Arrow") && target === document.body) return; // the page scrolls
    event.preventDefault();
    action(item);
  };
}
