// Signs in with the code behind the "#" of a link, once, and leaves no trace of it in the history.
import { chooseLanguage, translate } from "./words.mjs";

const field = document.getElementById("code");

function enter() {
  const code = location.hash.slice(1);
  if (!code) return field.focus();
  history.replaceState(null, "", location.pathname);
  field.value = code;
  field.form.requestSubmit();
}

chooseLanguage();
translate(document);
document.getElementById("refused").hidden = !location.search.includes("refused");
// A link that is opened where this page stands already does not load it anew.
addEventListener("hashchange", enter);
enter();
