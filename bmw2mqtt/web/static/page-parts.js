// Building blocks of the page

export const $ = (id) => document.getElementById(id);

// Elements are built anew each time; only differences are copied, so that focus and input stay

export function h(tag, attributes, ...children) {
  const node = ["svg", "path", "rect"].includes(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  const isGiven = (value) => ![null, undefined, false].includes(value);
  for (const [name, value] of Object.entries(attributes || {})) if (isGiven(value)) node.setAttribute(name, value === true ? "" : value);
  node.append(...children.flat(9).filter(isGiven));
  return node;
}

const keyOf = (node) => (node.getAttribute ? node.getAttribute("data-key") : null);
const isSame = (a, b) => a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

function updateNode(old, wanted) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!wanted.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of wanted.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  updateChildren(old, [...wanted.childNodes]);
}

export function updateChildren(parent, wanted) {
  for (const old of [...parent.children]) // a kept node must not move, or it loses the focus
    if (keyOf(old) !== null && !wanted.some((node) => isSame(old, node))) old.remove();
  wanted.forEach((node, index) => {
    let old = parent.childNodes[index];
    const key = keyOf(node);
    if (key !== null && old && !isSame(old, node)) {
      const found = [...parent.children].find((child) => isSame(child, node));
      if (found) old = parent.insertBefore(found, old);
    }
    if (!old) parent.append(node);
    else if (isSame(old, node)) updateNode(old, node);
    else parent.insertBefore(node, old);
  });
  while (parent.childNodes.length > wanted.length) parent.lastChild.remove();
}

// Words

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
export const number = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
export const exact = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });

let skewMs = 0;
export const now = () => Date.now() + skewMs; // the daemon's clock
export function setClock(date) {
  skewMs = Date.parse(date) - Date.now() || 0;
  if (Math.abs(skewMs) < 2000) skewMs = 0;
}

export const plural = (count, noun) => `${number.format(count)} ${noun}${count === 1 ? "" : "s"}`;

export function when(iso, none = "never") {
  if (!iso) return none;
  const seconds = (Date.parse(iso) - now()) / 1000;
  const [size, unit] = [[86400, "day"], [3600, "hour"], [60, "minute"]].find(([s]) => Math.abs(seconds) >= s) || [];
  const text = unit ? relative.format(Math.round(seconds / size), unit) : seconds < 0 ? "just now" : "in a moment";
  return h("time", { datetime: iso, title: new Date(iso).toLocaleString() }, text);
}

export function clock(iso) {
  const at = new Date(iso);
  const isToday = at.toDateString() === new Date(now()).toDateString();
  const time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return isToday ? time : `${at.toLocaleDateString("en", { weekday: "short" })} ${time}`;
}

export function countdown(iso) {
  const seconds = Math.max(0, Math.round((Date.parse(iso) - now()) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

export function words(name) {
  const text = String(name).replace(/([a-z])([A-Z])/g, "$1 $2").replace(/_/g, " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export const pill = ([text, kind]) => h("span", { class: `pill ${kind}` }, text);
export const soft = (...text) => h("p", { class: "soft" }, ...text);
export const div = (kind, ...children) => h("div", { class: kind }, ...children);
