// What the lists of the connection page share: icons, times that show their exact form on tap, a search box, saving text.

import { h, onBeforeUnmount, onMounted, ref, watch } from "vue";

const TYPING = "input, textarea, select, [contenteditable]";
const OPEN = ".q-dialog, .q-menu, .eo-menu, dialog[open]";
const TYPING_MS = 150;

export const Icon = (props) => h("i", { class: `eo-icon eo-i-${props.name}`, "aria-hidden": "true" });
Icon.props = ["name"];

/** A relative time; a tap shows the exact one, another tap hides it. */
export const When = {
  props: { text: String, exact: String },
  setup(props) {
    const opened = ref(false);
    return () =>
      h(
        "button",
        {
          type: "button",
          class: "cp-when",
          title: props.exact,
          "aria-expanded": opened.value ? "true" : "false",
          onClick: () => (opened.value = !opened.value),
        },
        opened.value ? props.exact : props.text,
      );
  },
};

/** A search field that reports after a pause in typing; "/" goes there from anywhere on the page. */
export const Search = {
  components: { Icon },
  props: { value: String, label: String, clear: String },
  emits: ["search"],
  setup(props, { emit }) {
    const box = ref(null);
    const text = ref(props.value ?? "");
    let timer = 0;
    function say(now) {
      clearTimeout(timer);
      timer = setTimeout(() => emit("search", text.value), now ? 0 : TYPING_MS);
    }
    function typed(event) {
      text.value = event.target.value;
      say(false);
    }
    function empty() {
      text.value = "";
      say(true);
      box.value?.focus();
    }
    function key(event) {
      if (event.key !== "/" || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.closest?.(TYPING) || document.querySelector(OPEN) || !box.value?.offsetParent) return;
      event.preventDefault();
      box.value.focus();
    }
    watch(
      () => props.value,
      (value) => {
        if (value !== text.value.trim()) text.value = value;
      },
    );
    onMounted(() => document.addEventListener("keydown", key));
    onBeforeUnmount(() => {
      clearTimeout(timer);
      document.removeEventListener("keydown", key);
    });
    return { box, text, typed, empty };
  },
  template: `
<div class="cp-search" role="search">
  <Icon name="search" />
  <input ref="box" type="text" inputmode="search" enterkeyhint="search" :value="text" :placeholder="label" :aria-label="label"
         autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="300" @input="typed" @keydown.esc="text && (empty(), $event.stopPropagation())">
  <button v-if="text" type="button" class="eo-btn gh icon" :aria-label="clear" :title="clear" @click="empty"><Icon name="close" class="eo-icon-s" /></button>
</div>`,
};

/** The browser's own locale where it speaks the page's language, so that dates and clocks look as the owner is used to. */
export function ownLocale(language) {
  return navigator.languages.find((each) => each.split("-")[0] === language) ?? language;
}

/** [path, leaf] of a topic or symbol, for showing first what differs. */
export function splitName(name) {
  const at = name.lastIndexOf(name.includes("/") ? "/" : ".");
  return at < 0 || at === name.length - 1 ? ["", name] : [name.slice(0, at + 1), name.slice(at + 1)];
}

/** Control characters and those that turn the writing direction, made visible. */
export function visible(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, (mark) => {
    const code = mark.charCodeAt(0);
    return code < 256 ? "\\x" + code.toString(16).padStart(2, "0") : "\\u" + code.toString(16).padStart(4, "0");
  });
}

/** Put text on the clipboard, also on pages without TLS, where the modern way is closed; answers whether it worked. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.style.position = "fixed";
    area.style.opacity = "0";
    document.body.append(area);
    area.select();
    const worked = document.execCommand("copy");
    area.remove();
    return worked;
  }
}

/** Let the browser save text as a file. */
export function saveText(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
