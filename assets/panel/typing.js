/* Types into a field as a keyboard does: the browser itself changes the text at the cursor, minds what is marked and how
   long it may become, and tells the page by its own input events. */
(function () {
  const KINDS = new Set(["text", "search", "url", "email", "tel", "password", "number"]);

  /** Whether letters can be typed there. */
  function isField(element) {
    if (element instanceof HTMLTextAreaElement) return !element.readOnly && !element.disabled;
    return element instanceof HTMLInputElement && KINDS.has(element.type) && !element.readOnly && !element.disabled;
  }

  /** The cursor one letter on; what is marked is left on that side. */
  const step = (by) => document.getSelection().modify("move", by < 0 ? "left" : "right", "character");

  const press = (field, type) =>
    field.dispatchEvent(new KeyboardEvent(type, { key: "Enter", code: "Enter", keyCode: 13, bubbles: true, cancelable: true, composed: true }));

  /** As the Enter key: a new line, or the form's own button. */
  function enter(field) {
    const isHeard = !press(field, "keydown");
    if (!isHeard && field instanceof HTMLTextAreaElement) document.execCommand("insertLineBreak");
    else if (!isHeard && field.form) {
      field.dispatchEvent(new Event("change", { bubbles: true }));
      const button = field.form.querySelector("[type=submit], button:not([type])");
      if (button) button.click(); // one that is disabled does nothing, as with a keyboard
      else field.form.requestSubmit();
    }
    press(field, "keyup");
  }

  /** One key, by its name in the layout. */
  function type(field, key) {
    if (key === "{bksp}") document.execCommand("delete");
    else if (key === "{enter}") enter(field);
    else if (key === "{arrowleft}") step(-1);
    else if (key === "{arrowright}") step(1);
    else document.execCommand("insertText", false, key === "{space}" ? " " : key);
  }

  window.eoPanel.typing = { isField, type };
})();
