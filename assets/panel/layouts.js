/* What stands on the keys. Each row has the same width; a key between braces does something, the others type. */
(function () {
  const LAST = "{hide} {symbols} @ {space} _ {arrowleft} {arrowright}";
  const MARKS = [
    "1 2 3 4 5 6 7 8 9 0 {bksp}",
    "! \" # $ % & / ( ) = ?",
    "@ € § + * ~ ' ` ^ | {enter}",
    "[ ] { } < > \\ ; : - _",
    "{hide} {letters} , {space} . {arrowleft} {arrowright}",
  ];
  const ENGLISH = {
    default: ["1 2 3 4 5 6 7 8 9 0 {bksp}", "q w e r t y u i o p :", "a s d f g h j k l / {enter}", "{shift} z x c v b n m , . -", LAST],
    shift: ["! @ # $ % ^ & * ( ) {bksp}", "Q W E R T Y U I O P \"", "A S D F G H J K L ? {enter}", "{shift} Z X C V B N M ; ' +", LAST],
    symbols: MARKS,
  };
  const GERMAN = {
    default: ["1 2 3 4 5 6 7 8 9 0 ß {bksp}", "q w e r t z u i o p ü :", "a s d f g h j k l ö ä {enter}", "{shift} y x c v b n m , . - /", LAST],
    shift: ["! \" § $ % & / ( ) = ? {bksp}", "Q W E R T Z U I O P Ü +", "A S D F G H J K L Ö Ä {enter}", "{shift} Y X C V B N M ; ' # *", LAST],
    symbols: MARKS,
  };
  const numbers = (separator) => ["1 2 3 {arrowleft} {arrowright}", "4 5 6 - {bksp}", `7 8 9 ${separator} {hide}`, "{letters} 0 {enter}"];
  const DIGITS = ["1 2 3 {bksp}", "4 5 6 {hide}", "7 8 9 {arrowleft}", "0 {enter}"];

  /** By name: default, shift, symbols, numbers (with sign and separator), digits. */
  window.eoPanel.layouts = (language) => ({
    ...(language === "de" ? GERMAN : ENGLISH),
    numbers: numbers(language === "de" ? "," : "."),
    digits: DIGITS,
  });

  const icon = (name, look = "") => `<i class="eo-icon eo-i-${name} ${look}"></i>`;
  window.eoPanel.display = (words) => ({
    "{bksp}": icon("erase"),
    "{enter}": icon("enter"),
    "{shift}": icon("shift"),
    "{hide}": icon("chevron"),
    "{arrowleft}": icon("back"),
    "{arrowright}": icon("back", "pn-turned"),
    "{symbols}": "&?€",
    "{letters}": "abc",
    "{space}": words.space,
  });
})();
