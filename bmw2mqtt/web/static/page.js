"use strict";

const WORDS = {
  starting: ["Starting", "busy"], ok: ["OK", "good"], login_required: ["Login required", "warn"],
  blocked: ["Blocked by BMW", "bad"], quota_exceeded: ["Quota used up", "warn"],
  unreachable: ["BMW unreachable", "warn"], paused: ["Paused", ""], error: ["Error", "bad"],
};
const OUTCOMES = {
  executed: ["Done", "good"], failed: ["Failed", "bad"], rejected: ["Refused", "warn"],
  timed_out: ["No answer", "warn"], ignored: ["Nothing to do", ""],
};
const BACKENDS = { mybmw: "MyBMW app", cardata: "CarData" };
const SILENT_MS = 30000; // three heartbeats: then the events are stuck on the way, as in old proxies
const RETRY_MS = 3000;
const SHOWN_COMMANDS = 10;

const $ = (id) => document.getElementById(id);
const busy = new Set();
let state = null, skewMs = 0, way = "", source = null, heardAt = 0, isLost = false, seconds = 0;

// Elements: made anew each time, then what differs is taken over, so focus and input stay

function h(tag, attributes, ...children) {
  const node = ["svg", "path", "rect"].includes(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {}))
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  node.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const keyOf = (node) => (node.getAttribute ? node.getAttribute("data-key") : null);
const isSame = (a, b) => a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

function takeOver(old, wanted) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!wanted.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of wanted.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  takeOverChildren(old, [...wanted.childNodes]);
}

function takeOverChildren(parent, wanted) {
  wanted.forEach((node, index) => {
    let old = parent.childNodes[index];
    const key = keyOf(node);
    if (key !== null && old && !isSame(old, node)) {
      const found = [...parent.children].find((child) => isSame(child, node));
      if (found) old = parent.insertBefore(found, old);
    }
    if (!old) parent.append(node);
    else if (isSame(old, node)) takeOver(old, node);
    else parent.insertBefore(node, old);
  });
  while (parent.childNodes.length > wanted.length) parent.lastChild.remove();
}

// Words

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const number = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const now = () => Date.now() + skewMs;

function when(iso, none = "never") {
  if (!iso) return none;
  const seconds = (Date.parse(iso) - now()) / 1000;
  const [size, unit] = [[86400, "day"], [3600, "hour"], [60, "minute"]].find(([s]) => Math.abs(seconds) >= s) || [];
  const text = unit ? relative.format(Math.round(seconds / size), unit) : seconds < 0 ? "just now" : "in a moment";
  return h("time", { datetime: iso, title: new Date(iso).toLocaleString() }, text);
}

function clock(iso) {
  const at = new Date(iso);
  const isToday = at.toDateString() === new Date(now()).toDateString();
  const time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return isToday ? time : `${at.toLocaleDateString("en", { weekday: "short" })} ${time}`;
}

function countdown(iso) {
  const seconds = Math.max(0, Math.round((Date.parse(iso) - now()) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function words(name) {
  const text = String(name).replace(/([a-z])([A-Z])/g, "$1 $2").replace(/_/g, " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const pill = ([text, kind]) => h("span", { class: `pill ${kind}` }, text);

// Accounts

function account(a) {
  const word = WORDS[a.status] || [words(a.status), ""];
  const isBusy = busy.has(a.name);
  const facts = [BACKENDS[a.backend] || a.backend, a.is_read_only && a.backend === "mybmw" ? "read-only" : null,
    `${number.format(a.requests_24h)} requests in 24 h`,
    a.requests_left === null ? null : `${number.format(a.requests_left)} left`];
  return h("article", { class: "card account", "data-key": a.name, "aria-labelledby": `account-${a.name}` },
    h("div", { class: "top" },
      h("div", { class: "who" },
        h("div", null, h("h3", { id: `account-${a.name}` }, a.name), pill(word)),
        h("p", { class: "soft" }, facts.filter(Boolean).join(" · ")),
        h("p", { class: "soft" }, "Updated ", when(a.last_update), " · next ", when(a.next_update, a.is_login_required ? "after a login" : "when asked"))),
      h("div", { class: "row acts" },
        button(a, "refresh", "Ask BMW now", isBusy),
        a.is_polling ? button(a, "pause", "Pause", isBusy) : button(a, "resume", "Resume", isBusy))),
    a.message && h("p", { class: `message ${word[1] || "busy"}`, "data-key": "message" }, message(a)),
    (a.is_login_required || a.user_code) && login(a, isBusy));
}

function message(a) {
  return a.login_url ? a.message.replace(a.login_url, a.user_code ? "BMW’s page" : "the captcha page") : a.message;
}

function button(a, act, text, isBusy, kind = "") {
  return h("button", { type: "button", class: kind, "data-act": act, "data-account": a.name, "data-key": act, disabled: isBusy }, text);
}

function login(a, isBusy) {
  if (a.backend === "cardata") return h("div", { class: "login", "data-key": "login" }, deviceCode(a, isBusy));
  if (!a.login_url) return null;
  const canReceive = a.can_receive && way !== "ingress";
  const field = `token-${a.name}`;
  return h("div", { class: "login", "data-key": "login" },
    canReceive && h("div", { class: "way", "data-key": "receive" },
      h("h4", null, "Log in with BMW’s captcha"),
      h("p", { class: "soft" }, "Opens BMW’s captcha page; its result comes back here by itself."),
      button(a, "captcha", "Solve the captcha", isBusy, "main")),
    h("div", { class: "way", "data-key": "paste" },
      h("h4", null, canReceive ? "Or copy and paste" : "Log in with BMW’s captcha"),
      h("ol", { class: "soft" },
        h("li", null, "Open ", h("a", { href: safe(a.login_url), target: "_blank", rel: "noopener noreferrer" }, "the captcha page"), " and solve it."),
        h("li", null, "Paste the token it shows. It works for a few minutes, once.")),
      h("form", { "data-account": a.name, "data-key": "form" },
        h("label", { for: field }, "Captcha token"),
        h("div", { class: "row" },
          h("input", { id: field, name: "token", autocomplete: "off", autocapitalize: "off", spellcheck: "false", required: true }),
          h("button", { class: canReceive ? "" : "main", disabled: isBusy }, "Log in")))));
}

function deviceCode(a, isBusy) {
  const isOpen = a.user_code && (!a.expires_at || Date.parse(a.expires_at) > now());
  if (!isOpen) return h("div", { class: "way" },
    h("h4", null, "Log in at BMW"),
    h("p", { class: "soft" }, "BMW gives a code that you confirm on its own page."),
    button(a, "login", a.user_code ? "New code" : "Log in", isBusy, "main"));
  return h("div", { class: "way" },
    h("h4", null, "Confirm this code at BMW"),
    h("p", { class: "code", "aria-label": `Code ${[...a.user_code].join(" ")}` }, a.user_code),
    h("div", { class: "row" },
      a.login_url && h("a", { class: "button main", href: safe(a.login_url), target: "_blank", rel: "noopener noreferrer" }, "Open BMW’s page"),
      button(a, "login", "New code", isBusy)),
    h("p", { class: "row soft" }, pill(["Waiting for you", "busy"]), a.expires_at && `${countdown(a.expires_at)} left`));
}

// Only BMW's pages, never javascript:
const safe = (url) => (/^https?:\/\//.test(url) ? url : null);

// Cars

const CAR = "M4 17v-3c0-1 .7-1.800 1.700-2l2.300-.5L10.600 8c.5-.6 1.200-1 2-1h4c.8 0 1.500.3 2 .9l2.600 3.300 1.300.4c.9.3 1.500 1.100 1.500 2V17c0 .6-.4 1-1 1h-1.300a2.500 2.500 0 0 1-4.900 0h-5a2.500 2.500 0 0 1-4.900 0H5c-.6 0-1-.4-1-1z";

function car(c) {
  const of = (id) => (c.values[id] ? c.values[id].value : null);
  const unit = (id, fallback = "–") => (of(id) === null ? fallback : `${number.format(of(id))} ${c.values[id].unit}`);
  const has = (id) => id in c.values;
  const total = unit("sensor/remaining_range_total", null);
  const isCharging = of("sensor/charging_status") === "charging";
  return h("article", { class: `card car${c.is_available ? "" : " away"}`, "data-key": c.vin, "aria-labelledby": `car-${c.vin}` },
    h("div", { class: "stage" }, c.picture ? h("img", { src: c.picture, alt: `Picture of ${c.name}` })
      : h("svg", { viewBox: "0 4 28 18", "aria-hidden": "true" }, h("path", { d: CAR }))),
    h("div", { class: "body" },
      h("div", { class: "name" },
        h("div", null, h("h3", { id: `car-${c.vin}` }, c.name),
          h("p", { class: "soft" }, c.updated_at ? ["Reported ", when(c.updated_at)] : "Has not reported yet")),
        pill(c.is_available ? ["Current", "good"] : ["Not current", "warn"])),
      has("sensor/remaining_battery_percent") && level("Battery", of("sensor/remaining_battery_percent"),
        unit("sensor/remaining_range_electric", has("sensor/remaining_fuel") ? null : total), charging(c, of), isCharging),
      has("sensor/remaining_fuel") && level(["Fuel", unit("sensor/remaining_fuel", null)].filter(Boolean).join(", "),
        of("sensor/remaining_fuel_percent"), unit("sensor/remaining_range_fuel", has("sensor/remaining_battery_percent") ? null : total)),
      notes(c, of),
      h("dl", null,
        has("binary_sensor/door_lock_state") && fact("Doors", { true: "Unlocked", false: "Locked" }[of("binary_sensor/door_lock_state")] || "–"),
        has("binary_sensor/lids") && fact("Openings", closed(of("binary_sensor/lids"), of("binary_sensor/windows"))),
        has("sensor/mileage") && fact("Mileage", unit("sensor/mileage")),
        has("sensor/climate_status") && fact("Climate", of("sensor/climate_status") === null ? "–" : of("sensor/climate_status") === "inactive" ? "Off" : words(of("sensor/climate_status"))),
        has("binary_sensor/condition_based_services") && fact("Service", { true: "Due", false: "Not due" }[of("binary_sensor/condition_based_services")] || "–"),
        has("binary_sensor/check_control_messages") && fact("Warnings", { true: "Yes", false: "None" }[of("binary_sensor/check_control_messages")] || "–"))));
}

const fact = (name, value) => h("div", null, h("dt", null, name), h("dd", null, value));

function closed(lids, windows) {
  if (lids || windows) return "Open";
  return lids === null || windows === null ? "–" : "All closed";
}

function level(name, percent, range, detail, isCharging) {
  const shown = percent === null ? "–" : `${number.format(percent)} %`;
  const width = Math.max(0, Math.min(100, percent || 0));
  const kind = isCharging ? "charging" : width < 15 ? "low" : "";
  return h("div", { class: "level", "data-key": name.slice(0, 4) },
    h("div", null, h("span", null, h("strong", null, shown), h("span", { class: "soft" }, name)), h("strong", null, range)),
    percent !== null && h("svg", { class: `bar ${kind}`, role: "meter", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": width },
      h("rect", { height: 8, width: `${width}%`, rx: 4 })),
    detail && h("p", { class: "soft" }, detail));
}

function charging(c, of) {
  const status = of("sensor/charging_status"), end = of("sensor/charging_end_time"), target = of("sensor/charging_target");
  if (status === "charging")
    return `Charging${target === null ? "" : ` to ${target} %`}${end && Date.parse(end) > now() ? `, until ${clock(end)}` : ""}`;
  if (status !== null && !["default", "invalid", "not_charging"].includes(status)) return words(status);
  return { true: "Plugged in", false: "Not plugged in" }[of("binary_sensor/connection_status")];
}

function notes(c, of) {
  const chips = [];
  const each = (id, isShown, text, kind) => {
    for (const [name, value] of Object.entries((c.values[id] && c.values[id].attributes) || {}))
      if (isShown(name, value)) chips.push(h("li", { class: kind(value) }, text(name, value)));
  };
  const isOpen = (_, value) => ["OPEN", "OPEN_TILT", "INTERMEDIATE"].includes(value);
  const amber = () => "warn";
  const red = (value) => (["OVERDUE", "HIGH", "CRITICAL"].includes(value) ? "bad" : "warn");
  each("binary_sensor/lids", isOpen, (name) => `${words(name)}${/^(left|right)/.test(name) ? " door" : ""} open`, amber);
  each("binary_sensor/windows", isOpen, (name) => `${words(name)} window open`, amber);
  each("binary_sensor/condition_based_services", (name, value) => ["PENDING", "OVERDUE"].includes(value),
    (name, value) => `${words(name)}: ${value.toLowerCase()}`, red);
  each("binary_sensor/check_control_messages", (name, value) => value !== "LOW",
    (name, value) => value === "UNKNOWN" ? words(name) : `${words(name)}: ${value.toLowerCase()}`, red);
  return chips.length > 0 && h("ul", { class: "chips", "aria-label": "Needs a look", "data-key": "notes" }, chips);
}

// Commands

function command(e) {
  return h("li", { "data-key": e.id },
    pill(OUTCOMES[e.outcome] || [words(e.outcome), ""]),
    h("span", null, h("strong", null, e.entity), e.payload && e.payload !== "PRESS" ? ` ${e.payload.toLowerCase()}` : "", h("span", { class: "soft" }, ` · ${e.car}`)),
    h("span", { class: "soft" }, when(e.at)),
    (e.message || e.reason) && h("p", { class: "soft why" }, e.message || words(e.reason)));
}

// The page

function render() {
  if (!state) return;
  const mqtt = $("mqtt");
  const [text, kind] = isLost ? ["bmw2mqtt does not answer", "bad"]
    : state.mqtt.is_connected ? ["MQTT connected", "good"] : ["MQTT not connected", "bad"];
  mqtt.hidden = false;
  mqtt.className = `pill ${kind}`;
  mqtt.title = state.mqtt.broker;
  if (mqtt.textContent !== text) mqtt.textContent = text;
  const page = $("page");
  page.removeAttribute("aria-busy");
  takeOverChildren(page, [
    h("h2", { "data-key": "accounts" }, state.accounts.length === 1 ? "Account" : "Accounts"),
    h("div", { "data-key": "account-list" }, state.accounts.map(account)),
    h("h2", { "data-key": "cars" }, "Cars"),
    state.cars.length ? h("div", { class: "grid", "data-key": "car-list" }, state.cars.map(car))
      : h("p", { class: "empty", "data-key": "no-cars" }, "Cars appear here once BMW has told which there are."),
    h("h2", { "data-key": "commands" }, "Last commands"),
    state.commands.length ? h("ol", { class: "card list", "data-key": "command-list" }, state.commands.slice(0, SHOWN_COMMANDS).map(command))
      : h("p", { class: "empty", "data-key": "no-commands" }, "No command since the start."),
  ]);
  const foot = [`bmw2mqtt ${state.version} · not affiliated with BMW Group`];
  if (way === "token") foot.push(" · ", h("button", { type: "button", class: "plain", "data-act": "leave" }, "Log out"));
  takeOverChildren($("foot"), foot.map((part) => (typeof part === "string" ? document.createTextNode(part) : part)));
}

function take(next) {
  for (const a of next.accounts) {
    const before = state && state.accounts.find((other) => other.name === a.name);
    if (before && before.status !== a.status) say(`${a.name}: ${(WORDS[a.status] || [a.status])[0]}`);
  }
  state = next;
  setLost(false);
  render();
}

function setLost(value) {
  isLost = value;
  if (!value) heardAt = Date.now();
  render();
}

const say = (text) => { $("said").textContent = text; };
const complain = (text) => { $("notice").textContent = text; };

// Talking to the bridge: relative addresses only, so that it works below any path

async function ask(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: { "Content-Type": "application/json", "X-Bmw2mqtt": "1" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.status === 401 && path !== "api/session") return showGate();
  if (!response.ok) throw new Error((await response.text()) || `HTTP ${response.status}`);
  return response;
}

async function load() {
  try {
    const response = await ask("GET", "api/state");
    if (!response) return;
    way = response.headers.get("X-Bmw2mqtt-Way");
    skewMs = Date.parse(response.headers.get("Date")) - Date.now() || 0;
    if (Math.abs(skewMs) < 2000) skewMs = 0;
    take(await response.json());
    if (!source) listen();
  } catch (error) {
    if (!state) complain(error.message);
    setLost(true);
  }
}

function listen() {
  source = new EventSource("api/events");
  source.addEventListener("state", (event) => take(JSON.parse(event.data)));
  source.addEventListener("beat", () => setLost(false));
  source.onerror = () => {
    if (source && source.readyState === EventSource.CLOSED) source = null; // watch tries again
    else load();
  };
}

function watch() {
  if ($("gate").hidden && !document.hidden && (!source || isLost || Date.now() - heardAt > SILENT_MS)) load();
}

function stopListening() {
  if (source) source.close();
  source = null;
}

function showGate() {
  stopListening();
  state = null;
  $("gate").hidden = false;
  $("page").hidden = true;
  $("page").replaceChildren();
  $("mqtt").hidden = true;
  $("foot").textContent = "";
  $("key").focus();
}

async function enter(event) {
  event.preventDefault();
  try {
    await ask("POST", "api/session", { token: $("key").value });
    complain("");
    $("key").value = "";
    $("gate").hidden = true;
    $("page").hidden = false;
    await load();
  } catch (error) {
    complain(error.message);
    $("key").select();
  }
}

const ACTS = {
  refresh: (path) => ask("POST", `${path}/refresh`, {}),
  pause: (path) => ask("POST", `${path}/polling`, { is_polling: false }),
  resume: (path) => ask("POST", `${path}/polling`, { is_polling: true }),
  login: (path) => ask("POST", `${path}/login`, {}),
  token: (path, token) => ask("POST", `${path}/login`, { token }),
  captcha: async (path) => {
    const response = await ask("POST", `${path}/captcha`, {});
    if (!response) return;
    const { form_url, receiver } = await response.json();
    const target = new URL(form_url);
    target.searchParams.set("redirect_uri", new URL(receiver, location.href.split(/[?#]/)[0]).href);
    if (safe(target.href)) location.assign(target.href);
  },
};

async function act(name, key, token) {
  if (busy.has(name)) return false;
  busy.add(name);
  render();
  let isDone = false;
  try {
    await ACTS[key](`api/accounts/${name}`, token);
    complain("");
    isDone = true;
  } catch (error) {
    complain(error.message);
  }
  setTimeout(() => { busy.delete(name); render(); }, 1000);
  return isDone;
}

document.addEventListener("click", async (event) => {
  const target = event.target.closest("[data-act]");
  if (!target) return;
  if (target.dataset.act === "leave") {
    await ask("DELETE", "api/session");
    showGate();
  } else act(target.dataset.account, target.dataset.act);
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-account]");
  if (!form) return;
  event.preventDefault();
  const field = form.elements.token;
  if (await act(form.dataset.account, "token", field.value)) field.value = "";
});

$("gate").addEventListener("submit", enter);
setInterval(watch, RETRY_MS);
document.addEventListener("visibilitychange", () => (document.hidden ? stopListening() : watch()));
setInterval(() => {
  seconds += 1;
  if (seconds % 10 === 0 || (state && state.accounts.some((a) => a.expires_at))) render();
}, 1000);
load();
