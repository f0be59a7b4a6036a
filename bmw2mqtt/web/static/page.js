import { car } from "./page-cars.js";
import { $, countdown, div, h, number, now, pill, plural, setClock, soft, updateChildren, when, words } from "./page-parts.js";

const WORDS = {
  starting: ["Starting", "busy"], ok: ["OK", "good"], login_required: ["Login required", "warn"],
  blocked: ["Blocked by BMW", "bad"], quota_exceeded: ["Request limit reached", "warn"],
  unreachable: ["BMW not reachable", "warn"], error: ["Error", "bad"],
};
const wordOf = (status) => WORDS[status] || [words(status), ""];
const OUTCOMES = {
  executed: ["Done", "good"], failed: ["Failed", "bad"], rejected: ["Rejected", "warn"],
  timed_out: ["No answer", "warn"], ignored: ["Ignored", ""],
};
const SENDS_REQUESTS = ["refresh", "login", "token"];
const SILENT_MS = 30000; // three heartbeats: events do not get through, as behind old proxies
const RETRY_MS = 3000;
const SHOWN_COMMANDS = 10;
const DETAILS_MS = 5000; // the least time between two requests for all values of a car

const busy = new Set();
const details = new Map(); // VIN to all values of each car whose list is open
let state = null, accessMethod = "", source = null, receivedAt = 0, isLost = false, seconds = 0;

// Accounts

function account(a) {
  const word = wordOf(a.status);
  const facts = [a.backend_title, a.is_read_only && a.has_commands ? "read-only" : null,
    `${plural(a.requests_24h, "request")} in 24 h`,
    a.requests_left === null ? null : `${number.format(a.requests_left)} left`];
  return h("article", { class: "card account", "data-key": a.name, "aria-labelledby": `account-${a.name}`, tabindex: -1 },
    div("top",
      div("who",
        h("div", null, h("h3", { id: `account-${a.name}` }, a.name), pill(word)),
        soft(facts.filter(Boolean).join(" · ")),
        soft("Updated ", when(a.last_update), " · ", a.next_update ? ["next ", when(a.next_update)] : a.is_login_required ? "next after login" : "no update scheduled")),
      !a.is_login_required && div("row acts", // nothing can be requested before a login
        button(a, "refresh", "Refresh now"),
        a.is_polling ? button(a, "pause", "Pause", "", "polling") : button(a, "resume", "Resume", "", "polling"))),
    (a.message || a.status === "paused") && h("p", { class: `message ${word[1] || "busy"}`, "data-key": "message" },
      a.message ? message(a) : "Paused by you. The last values are kept; press Resume to request new ones."),
    (a.is_login_required || a.user_code) && login(a));
}

function message(a) {
  return a.login_url ? a.message.replace(a.login_url, a.user_code ? "BMW’s page" : "the captcha page") : a.message;
}

// A busy button keeps the focus, so it is not disabled; act() ignores it
function button(a, act, text, kind = "", key = act) {
  return h("button", { type: act ? "button" : "submit", class: kind, "data-act": act, "data-account": a.name, "data-key": key,
    "aria-disabled": busy.has(a.name) && "true", "aria-describedby": `account-${a.name}` }, text);
}

function login(a) {
  if (a.login === "device_code") return h("div", { class: "login", "data-key": "login" }, deviceCode(a));
  if (!a.login_url) return null;
  const canReceive = a.can_receive && accessMethod !== "ingress";
  const field = `token-${a.name}`;
  return h("div", { class: "login", "data-key": "login" },
    canReceive && h("div", { class: "way", "data-key": "receive" },
      h("h4", null, "Log in with BMW’s captcha"),
      soft("Opens the captcha page, which sends its result back here. The page belongs to bimmer_connected (on Read the Docs), not to BMW: it can see the token and this address."),
      button(a, "captcha", "Solve the captcha", "main")),
    h("div", { class: "way", "data-key": "paste" },
      h("h4", null, canReceive ? "Or copy and paste" : "Log in with BMW’s captcha"),
      h("ol", { class: "soft" },
        h("li", null, "Open ", link(a, "the captcha page"), " (by bimmer_connected, not BMW) and solve it."),
        h("li", null, "Paste the token here. It works once, for a few minutes.")),
      h("form", { "data-account": a.name, "data-key": "form" },
        h("label", { for: field }, "Captcha token"),
        div("row",
          h("input", { id: field, name: "token", autocomplete: "off", autocapitalize: "off", spellcheck: "false", required: true }),
          button(a, null, "Log in", canReceive ? "" : "main")))));
}

function deviceCode(a) {
  const isOpen = a.user_code && (!a.expires_at || Date.parse(a.expires_at) > now());
  if (!isOpen) return div("way",
    h("h4", null, "Log in at BMW"),
    soft("You get a code and confirm it on BMW’s page."),
    button(a, "login", a.user_code ? "New code" : "Log in", "main"));
  return div("way",
    h("h4", null, "Confirm this code at BMW"),
    h("p", { class: "code", "aria-label": `Code ${[...a.user_code].join(" ")}` }, a.user_code),
    div("row",
      a.login_url && link(a, "Open BMW’s page", "button main"),
      button(a, "login", "New code")),
    h("p", { class: "row soft" }, pill(["Waiting for you", "busy"]), a.expires_at && `Expires in ${countdown(a.expires_at)}`));
}

const link = (a, text, kind) => h("a", { class: kind, href: safe(a.login_url), target: "_blank", rel: "noopener noreferrer" }, text);

// Only web pages, never javascript:
const safe = (url) => (/^https?:\/\//.test(url) ? url : null);

// Commands

function command(e) {
  return h("li", { "data-key": e.id },
    pill(OUTCOMES[e.outcome] || [words(e.outcome), ""]),
    h("span", null, h("strong", null, e.entity), e.payload && e.payload !== "PRESS" ? ` ${e.payload.toLowerCase()}` : "", h("span", { class: "soft" }, ` · ${e.car}`)),
    h("span", { class: "soft" }, when(e.at)),
    (e.message || e.reason) && h("p", { class: "soft why" }, e.message || words(e.reason)));
}

const dashboardLink = (language, name) => h("a", { href: `dashboard.yaml?language=${language}`, hreflang: language, lang: language }, name);
const dashboardLinks = () => h("p", { class: "soft", "data-key": "dashboard" }, "Dashboard for Home Assistant: ",
  dashboardLink("en", "English"), " · ", dashboardLink("de", "Deutsch"));

// The page

function render() {
  if (!state) return;
  const mqtt = $("mqtt");
  const [text, kind] = isLost ? ["bmw2mqtt does not respond", "bad"]
    : state.mqtt.is_connected ? ["MQTT connected", "good"] : ["MQTT not connected", "bad"];
  mqtt.hidden = false;
  mqtt.className = `pill ${kind}`;
  mqtt.title = state.mqtt.broker;
  if (mqtt.textContent !== text) mqtt.textContent = text;
  const page = $("page"), focused = document.activeElement, card = focused.closest(".account");
  page.removeAttribute("aria-busy");
  updateChildren(page, [
    h("h2", null, state.accounts.length === 1 ? "Account" : "Accounts"),
    h("div", null, state.accounts.map(account)),
    h("h2", null, "Cars"),
    state.cars.length ? h("div", { class: "grid" }, state.cars.map((c) => car(c, details.get(c.vin))))
      : h("p", { class: "empty" }, "Your cars appear after the first successful update."),
    ...(state.has_dashboard ? [dashboardLinks()] : []),
    h("h2", null, "Last commands"),
    state.commands.length ? h("ol", { class: "card list" }, state.commands.slice(0, SHOWN_COMMANDS).map(command))
      : h("p", { class: "empty" }, "No commands since bmw2mqtt started."),
  ]);
  if (card && !focused.isConnected) (card.isConnected ? card : $("main")).focus();
  const foot = [`bmw2mqtt ${state.version} · not affiliated with BMW Group`];
  if (state.has_settings) foot.push(" · ", h("a", { href: "setup/" }, "Settings"));
  if (accessMethod === "token") foot.push(" · ", h("button", { type: "button", class: "plain", "data-act": "sign-out" }, "Sign out"));
  updateChildren($("foot"), foot.map((part) => (typeof part === "string" ? document.createTextNode(part) : part)));
}

function update(next) {
  for (const a of next.accounts) {
    const before = state && state.accounts.find((other) => other.name === a.name);
    if (before && before.status !== a.status) announce(`${a.name}: ${wordOf(a.status)[0]}`);
  }
  state = next;
  setLost(false);
  render();
  for (const [vin, known] of details) {
    known.isOutdated = true;
    if (!next.cars.some((c) => c.vin === vin)) details.delete(vin);
  }
}

async function loadValues(vin) {
  const known = details.get(vin);
  if (known.isLoading || !known.isOutdated || Date.now() - (known.loadedAt || 0) < DETAILS_MS) return;
  Object.assign(known, { isLoading: true, isOutdated: false });
  try {
    const response = await request("GET", `api/cars/${vin}`);
    if (response) known.values = (await response.json()).values;
    known.loadedAt = Date.now();
  } catch (error) {
    showError(error.message);
  }
  known.isLoading = false;
  render();
}

function setLost(value) {
  isLost = value;
  if (!value) receivedAt = Date.now();
  render();
}

const announce = (text) => { $("announcement").textContent = text; };
const showError = (text) => { $("notice").textContent = text; };

// Requests to the daemon: relative addresses only, so that the page works below any path

async function request(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: { "Content-Type": "application/json", "X-Bmw2mqtt": "1" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.status === 401 && path !== "api/session") return showSignIn();
  if (!response.ok) throw new Error((await response.text()) || `HTTP ${response.status}`);
  return response;
}

async function load() {
  try {
    const response = await request("GET", "api/state");
    if (!response) return;
    accessMethod = response.headers.get("X-Bmw2mqtt-Access");
    setClock(response.headers.get("Date"));
    update(await response.json());
    if (!source) listen();
  } catch (error) {
    if (!state) showError(error.message);
    setLost(true);
  }
}

function listen() {
  source = new EventSource("api/events");
  source.addEventListener("state", (event) => update(JSON.parse(event.data)));
  source.addEventListener("heartbeat", () => setLost(false));
  source.onerror = () => {
    if (source && source.readyState === EventSource.CLOSED) source = null; // watch() tries again
    else load();
  };
}

function watch() {
  if ($("sign-in").hidden && !document.hidden && (!source || isLost || Date.now() - receivedAt > SILENT_MS)) load();
}

function stopListening() {
  if (source) source.close();
  source = null;
}

function showSignIn() {
  stopListening();
  state = null;
  details.clear();
  $("sign-in").hidden = false;
  $("page").hidden = true;
  $("page").replaceChildren();
  $("mqtt").hidden = true;
  $("foot").textContent = "";
  $("token").focus();
}

async function signIn(event) {
  event.preventDefault();
  try {
    await request("POST", "api/session", { token: $("token").value });
    showError("");
    $("token").value = "";
    $("sign-in").hidden = true;
    $("page").hidden = false;
    await load();
  } catch (error) {
    showError(error.message);
    $("token").select();
  }
}

const post = (path, body = {}) => request("POST", path, body);
const ACTS = {
  refresh: (path) => post(`${path}/refresh`),
  pause: (path) => post(`${path}/polling`, { is_polling: false }),
  resume: (path) => post(`${path}/polling`, { is_polling: true }),
  login: (path) => post(`${path}/login`),
  token: (path, token) => post(`${path}/login`, { token }),
  captcha: async (path) => {
    const response = await post(`${path}/captcha`);
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
  if (SENDS_REQUESTS.includes(key)) announce(`${name}: request sent to BMW`);
  render();
  let isDone = false;
  try {
    await ACTS[key](`api/accounts/${name}`, token);
    showError("");
    isDone = true;
  } catch (error) {
    showError(error.message);
  }
  setTimeout(() => { busy.delete(name); render(); }, 1000);
  return isDone;
}

document.addEventListener("click", async (event) => {
  const target = event.target.closest("[data-act]");
  if (!target) return;
  if (target.dataset.act === "sign-out") {
    await request("DELETE", "api/session");
    showSignIn();
  } else act(target.dataset.account, target.dataset.act);
});

document.addEventListener("toggle", (event) => {
  const { vin } = event.target.dataset;
  if (!vin || event.target.open === details.has(vin)) return;
  if (event.target.open) {
    details.set(vin, { isOutdated: true });
    loadValues(vin);
  } else details.delete(vin);
}, true);

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-account]");
  if (!form) return;
  event.preventDefault();
  const field = form.elements.token;
  if (await act(form.dataset.account, "token", field.value)) field.value = "";
});

$("sign-in").addEventListener("submit", signIn);
setInterval(watch, RETRY_MS);
document.addEventListener("visibilitychange", () => (document.hidden ? stopListening() : watch()));
setInterval(() => {
  seconds += 1;
  for (const vin of details.keys()) loadValues(vin);
  if (seconds % 10 === 0 || (state && state.accounts.some((a) => a.expires_at))) render();
}, 1000);
load();
