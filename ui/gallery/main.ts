/// Opens the gallery: `?theme=dark&lang=de` show it so.
import { mount } from "svelte";
import { chooseAppearance, startAppearance } from "../src/lib/appearance.svelte";
import { APPEARANCES } from "../src/lib/appearance.svelte";
import { speak } from "../src/lib/i18n/index.svelte";
import Gallery from "./Gallery.svelte";
import "../src/styles/fonts.css";
import "../src/styles/tokens.css";
import "../src/styles/base.css";

const query = new URLSearchParams(location.search);
speak([query.get("lang") ?? "en"]);
startAppearance();
const theme = APPEARANCES.find((each) => each === query.get("theme"));
if (theme) chooseAppearance(theme);

const target = document.getElementById("app");
if (target) mount(Gallery, { target });
