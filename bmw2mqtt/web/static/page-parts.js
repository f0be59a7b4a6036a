// Building blocks of the page

import { language, locale, messages, names, states, texts, units } from "./page-texts.js";

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
  const isKept = (name) => wanted.hasAttribute(name) || (name === "open" && wanted.hasAttribute("data-own-state"));
  for (const { name } of [...old.attributes]) if (!isKept(name)) old.removeAttribute(name);
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

// Words. Texts are looked up by the English text; `{name}` stands for a value, which may be an element

export { language };

function fill(text, values) {
  const parts = text.split(/(\{\w+\})/).filter(Boolean).map((part) => {
    const key = part.slice(1, -1);
    return part.startsWith("{") && key in values ? values[key] : part;
  });
  return parts.some((part) => part instanceof Node) ? parts : parts.join("");
}

export const t = (text, values = {}) => fill(texts[text] || text, values);
export const nameOf = (text) => names[text] || text;
export const isState = (word) => words(word) in states;
export const stateOf = (word) => states[words(word)] || words(word);

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
let templates = null;
const known = new Map();

// What the daemon says, which may be put together: `BMW's server does not answer (no answer in time)`
export function message(text) {
  if (!text || messages[text]) return messages[text] || text;
  if (!known.has(text)) {
    if (known.size > 500) known.clear();
    known.set(text, translated(text));
  }
  return known.get(text);
}

function translated(text) {
  templates = templates || Object.entries(messages).filter(([english]) => english.includes("{")).map(([english, other]) => ({
    pattern: new RegExp(`^${english.split(/\{\w+\}/).map(escaped).join("(.+?)")}$`, "s"),
    keys: [...english.matchAll(/\{(\w+)\}/g)].map((found) => found[1]),
    length: english.replace(/\{\w+\}/g, "").length,
    other,
  })).sort((a, b) => b.length - a.length);
  for (const { pattern, keys, other } of templates) {
    const found = pattern.exec(text);
    if (found) return fill(other, Object.fromEntries(keys.map((key, index) => [key, message(found[index + 1])])));
  }
  return text;
}

// A message as sentences: what happened, then what to do. The next try is shown as a time of its own
export function sentences(text) {
  const whole = message(text.replace(/[;,] (trying again( later| in some hours| tomorrow)?|waiting until then)$/, "").replace(/ \(\w*(Error|Exception|Timeout)\)/, ""))
    .replace(/[.,;]? ?(Next request|Nächste Anfrage): [^.]*/, "");
  const [, first, rest] = /^([^:]{3,140}?)(?:: |; (?=check |prüfe ))(\D.*)$/s.exec(whole) || [null, whole, ""];
  return [first, rest].map(closed);
}

function closed(text) {
  if (!text) return "";
  const start = /^(bmw2mqtt|\S+:\d)/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(start) ? start : `${start}.`;
}

// Numbers and times

const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
export const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
export const exact = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });

// The topics stay metric; only what is shown is converted
const MILES = { km: [0.621371, "mi"], "km/h": [0.621371, "mph"], "kWh/100km": [1.609344, "kWh/100mi"] };
const PSI = { bar: [14.503774, "psi"], kPa: [0.1450377, "psi"] };
const SYSTEMS = { metric: {}, uk: { ...MILES, ...PSI }, us: { ...MILES, ...PSI, L: [0.264172, "gal"], m: [3.28084, "ft"] } };

export function converted(value, unit) {
  if (unit === "°C" && units === "us") return [value * 1.8 + 32, "°F"];
  const [factor, other] = SYSTEMS[units][unit] || [1, unit];
  return [value * factor, other];
}

export function quantity(value, unit, format = number) {
  const [shown, shownUnit] = converted(value, unit);
  return shownUnit ? `${format.format(shown)} ${shownUnit}` : format.format(shown);
}

let skewMs = 0;
export const now = () => Date.now() + skewMs; // the daemon's clock
export function setClock(date) {
  skewMs = Date.parse(date) - Date.now() || 0;
  if (Math.abs(skewMs) < 2000) skewMs = 0;
}

export function when(iso) {
  if (!iso) return t("never");
  const seconds = (Date.parse(iso) - now()) / 1000;
  const [size, unit] = [[86400, "day"], [3600, "hour"], [60, "minute"]].find(([s]) => Math.abs(seconds) >= s) || [];
  const text = unit ? relative.format(Math.round(seconds / size), unit) : seconds < 0 ? t("just now") : t("in a moment");
  return h("time", { datetime: iso, title: new Date(iso).toLocaleString(locale) }, text);
}

export function clock(iso) {
  const at = new Date(iso);
  const isToday = at.toDateString() === new Date(now()).toDateString();
  if (Math.abs(at - now()) > 6 * 86400000) return dateTime(iso); // a weekday could be another week's
  const time = at.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
  return isToday ? time : `${at.toLocaleDateString(locale, { weekday: "short" })} ${time}`;
}

export const dateTime = (iso) => new Date(iso).toLocaleString(locale, { dateStyle: "medium", timeStyle: "short" });

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

// The browser's own words would be in its language, and would not help
export function noAnswer() {
  throw new Error(t("bmw2mqtt does not respond"));
}

function notCopied() {
  throw new Error(t("This browser cannot copy here. Select the text instead."));
}

// With http, browsers have no clipboard but on this machine
export async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).catch(notCopied);
  const focused = document.activeElement, field = h("textarea", { readonly: true }, text);
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  focused.focus();
  if (!isCopied) notCopied();
}

const GUIDE = "https://github.com/bmw2mqtt/bmw2mqtt/blob/main/docs/";
export const guide = (place, text) => h("a", { href: GUIDE + (language === "de" ? "de/" : "") + place, target: "_blank", rel: "noopener noreferrer" }, text);
