// The page of one car: its values with their topics, a person's entries, deleting positions

import { valueText } from "./page-cars.js";
import { $, copyText, dateTime, h, message, nameOf, noAnswer, number, soft, t, updateChildren } from "./page-parts.js";

const REFRESH_MS = 10000;
const SHOWN_MS = 2000; // how long a button says what it has done
const ROOT = new URL("./", import.meta.url); // works below any path

async function request(method, path, body) {
  const response = await fetch(new URL(path, ROOT), {
    method,
    headers: { "Content-Type": "application/json", "X-Bmw2mqtt": "1" },
    body: body === undefined ? undefined : JSON.stringify(body),
  }).catch(noAnswer);
  if (response.status === 401) location.assign(ROOT); // to sign in
  if (!response.ok) throw new Error((await response.text()) || `HTTP ${response.status}`);
  return response;
}

const announce = (text) => { $("announcement").textContent = text; };
const showError = (text) => { $("notice").textContent = message(text); };

async function attempt(work) {
  try {
    await work();
    showError("");
    return true;
  } catch (error) {
    showError(error.message);
    return false;
  }
}

// Values

let values = null;
const copied = new Set();

function measured(iso) {
  if (!iso) return null;
  return h("time", { datetime: iso, class: "soft" }, dateTime(iso));
}

const prefix = (topic) => topic.split("/").slice(0, -2).join("/") + "/"; // the same for all of a car
const plain = (value) => (value instanceof Node ? value.textContent : String(value));

function row(v) {
  return h("tr", { "data-key": v.topic },
    h("th", { scope: "row" }, nameOf(v.name), h("div", { class: "topic" }, h("code", null, v.topic.slice(prefix(v.topic).length)),
      h("button", { type: "button", class: "plain", "data-topic": v.topic, "aria-label": t("Copy the topic of {name}", { name: nameOf(v.name) }) },
        copied.has(v.topic) ? t("Copied") : t("Copy")))),
    h("td", { class: "number" }, valueText(v), h("div", null, measured(v.measured_at))));
}

function showValues() {
  if (!values) return;
  const wanted = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = values.filter((v) => {
    const text = `${nameOf(v.name)} ${v.name} ${v.topic} ${plain(valueText(v))}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
  const usual = found.filter((v) => !v.is_raw), raw = found.filter((v) => v.is_raw);
  const group = raw.length > 0 && h("tr", { class: "group", "data-key": "raw" }, h("th", { colspan: 2, scope: "colgroup" }, t("More from BMW")));
  updateChildren($("rows"), [...usual.map(row), ...(group ? [group] : []), ...raw.map(row)]);
  const count = wanted.length ? t("{found} of {count} values.", { found: number.format(found.length), count: number.format(values.length) })
    : t("{count} values.", { count: number.format(values.length) });
  if (values.length) $("prefix").textContent = prefix(values[0].topic);
  if ($("count").textContent !== count) $("count").textContent = count;
}

async function loadValues(vin) {
  if (document.hidden) return;
  await attempt(async () => {
    values = (await (await request("GET", `api/cars/${vin}`)).json()).values;
    showValues();
  });
}

async function copy(topic) {
  await copyText(topic);
  copied.add(topic);
  announce(t("Topic copied"));
  showValues();
  setTimeout(() => { copied.delete(topic); showValues(); }, SHOWN_MS);
}

document.addEventListener("click", (event) => {
  const { topic } = event.target.dataset;
  if (topic) attempt(() => copy(topic));
});

const vin = document.querySelector("[data-vin]")?.dataset.vin;
if (vin) {
  $("filter").addEventListener("input", showValues);
  loadValues(vin);
  setInterval(() => loadValues(vin), REFRESH_MS);
  document.addEventListener("visibilitychange", () => loadValues(vin));
}

// Entries

const entered = (field) => (field.type === "number" ? (Number.isNaN(field.valueAsNumber) ? null : field.valueAsNumber) : field.value.trim() || null);

document.querySelector("form[data-path]")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target, button = form.querySelector("button");
  const fields = [...form.elements].filter((field) => field.name);
  const body = Object.fromEntries(fields.map((field) => [field.name, entered(field)]));
  if (!await attempt(() => request("POST", form.dataset.path, body))) return;
  const response = await fetch(location.href);
  if (response.ok) { // what depends on the entries
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    $("facts").replaceWith(page.getElementById("facts"));
  }
  announce(t("Saved"));
  button.textContent = t("Saved");
  setTimeout(() => { button.textContent = t("Save"); }, SHOWN_MS);
});

// Positions

$("delete-positions")?.addEventListener("click", () => $("confirm").showModal());
$("cancel")?.addEventListener("click", () => $("confirm").close());
$("confirmed")?.addEventListener("click", async () => {
  const isDone = await attempt(() => request("DELETE", $("confirm").dataset.path));
  $("confirm").close();
  if (isDone) {
    $("positions").querySelector(".card").replaceChildren(soft(t("Every position of this car was deleted.")));
    announce(t("Positions deleted"));
    $("main").focus();
  }
});
