// Makes elements and brings the page up to date with as few changes as possible, so that focus, selection and what
// is open stay. Text is always put in as text.

const SVG = "http://www.w3.org/2000/svg";

/** An element: attributes, `dataset` by `data-…`, children that are nodes or texts; nothing and `false` are left out. */
export const h = (tag, attributes, ...children) =>
  fill(document.createElement(tag), attributes, children);

export const svg = (tag, attributes, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== undefined && value !== null && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(
    ...children
      .flat(Infinity)
      .filter((child) => child !== undefined && child !== null && child !== false && child !== ""),
  );
  return element;
}

/** What somebody else wrote: it may run from right to left, and has no say over the words around it. */
export const outside = (text) => h("bdi", { class: "outside" }, text);

/** Texts of others, with commas as the language has them. */
export const list = (texts) =>
  texts.flatMap((text, index) => (index ? [", ", outside(text)] : [outside(text)]));

/** A list of terms and what is said of them. */
export const facts = (...rows) =>
  h(
    "dl",
    { class: "facts" },
    rows
      .filter(Boolean)
      .map(([term, ...said]) => h("div", {}, h("dt", {}, term), h("dd", {}, ...said))),
  );

/** Makes the children of an element these, keeping those that are the same. */
export function patch(parent, wanted) {
  const keyed = new Map();
  for (const child of parent.children) if (child.dataset?.key) keyed.set(child.dataset.key, child);
  let place = parent.firstChild;
  for (const next of wanted) {
    const key = next.dataset?.key;
    let old = key ? keyed.get(key) : place;
    if (old && !isSameKind(old, next)) old = undefined;
    if (!old) {
      parent.insertBefore(next, place);
      continue;
    }
    if (old === place) place = place.nextSibling;
    else parent.insertBefore(old, place);
    update(old, next);
  }
  while (place) {
    const rest = place.nextSibling;
    place.remove();
    place = rest;
  }
}

const isSameKind = (old, next) =>
  old.nodeType === next.nodeType &&
  old.nodeName === next.nodeName &&
  old.dataset?.key === next.dataset?.key;

function update(old, next) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes]) {
    // The reader opened it, not the news.
    if (name !== "open" && !next.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  patch(old, [...next.childNodes]);
  if (old.nodeName === "SELECT" && old.value !== next.value) old.value = next.value;
}
