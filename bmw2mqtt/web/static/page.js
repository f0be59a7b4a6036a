import { account, isWell, safe, wordOf } from "./page-accounts.js";
import { car } from "./page-cars.js";
import { $, copyText, h, message, nameOf, noAnswer, pill, setClock, stateOf, t, updateChildren, when, words } from "./page-parts.js";
import * as tools from "./page-tools.js";

const OUTCOMES = {
  executed: [t("Done"), "good"], failed: [t("Failed"), "bad"], rejected: [t("Rejected"), "warn"],
  timed_out: [t("No answer"), "warn"], ignored: [t("Ignored"), ""],
};
const SENDS_REQUESTS = ["refresh", "login", "token"];
const SILENT_MS = 30000; // three heartbeats: events do not get through, as behind old proxies
const RETRY_MS = 3000;
const SHOWN_COMMANDS = 10;
const DETAILS_MS = 5000; // the least time between two requests for all values of a car
const YEAR_S = 365 * 24 * 3600;

const busy = new Set();
const details = new Map(); // VIN to all values of each car whose list is open
let state = null, accessMethod = "", source = null, receivedAt = 0, isLost = false, seconds = 0, copied = "";
let areAccountsOpen = false;

// Commands

function command(e) {
  return h("li", { "data-key": e.id },
    pill(OUTCOMES[e.outcome] || [words(e.outcome), ""]),
    h("span", null, h("strong", null, nameOf(e.entity)), e.payload && e.payload !== "PRESS" ? ` ${stateOf(e.payload)}` : "", h("span", { class: "soft" }, ` · ${e.car}`)),
    h("span", { class: "soft" }, when(e.at)),
    (e.message || e.reason) && h("p", { class: "soft why" }, message(e.message) || words(e.reason)));
}

const dashboardLink = (code, name) => h("a", { href: `dashboard.yaml?language=${code}`, hreflang: code, lang: code }, name);
const dashboardLinks = () => h("p", { class: "soft dashboard", "data-key": "dashboard" }, t("Dashboard for Home Assistant:"), " ",
  dashboardLink("en", "English"), " · ", dashboardLink("de", "Deutsch"));

// The page: cars first. An account that needs somebody stands above them; one that is well below, folded

function accountCards(shown) {
  const context = { busy, accessMethod, copied, hasSettings: state.has_settings };
  return shown.map((a) => account(a, context));
}

function needy(shown) {
  return [h("h2", { "data-key": "needy-title" }, shown.length === 1 ? t("Account") : t("{count} accounts", { count: shown.length })),
    h("div", { class: "needy", "data-key": "needy" }, accountCards(shown))];
}

function folded(shown, isCalm) {
  const hasFocus = shown.some((a) => document.activeElement.closest(".account")?.dataset.key === a.name);
  const count = shown.length;
  const title = !isCalm ? (count === 1 ? t("1 other account") : t("{count} other accounts", { count }))
    : count === 1 ? t("Account") : t("{count} accounts", { count });
  return h("details", { class: "accounts", "data-key": "accounts", open: areAccountsOpen || hasFocus },
    h("summary", { "data-key": "summary" }, h("h2", null, title), pill([t("All is well"), "good"])),
    accountCards(shown));
}

function cars() {
  if (!state.cars.length) return h("p", { class: "empty", "data-key": "no-cars" }, t("Your cars appear after the first successful update or message."));
  const running = (vin) => state.running.filter((command) => command.vin === vin);
  return h("div", { class: "grid", "data-key": "cars" }, state.cars.map((c) => car(c, details.get(c.vin), running(c.vin))));
}

function render() {
  if (!state) return;
  const mqtt = $("mqtt");
  const [text, kind] = isLost ? [t("bmw2mqtt does not respond"), "bad"]
    : state.mqtt.is_connected ? [t("MQTT connected"), "good"] : [t("MQTT not connected"), "bad"];
  mqtt.hidden = false;
  mqtt.className = `pill ${kind}`;
  mqtt.title = state.mqtt.broker;
  if (mqtt.textContent !== text) mqtt.textContent = text;
  const page = $("page"), focused = document.activeElement, card = focused.closest(".account");
  page.removeAttribute("aria-busy");
  const well = state.cars.length ? state.accounts.filter(isWell) : [];
  const others = state.accounts.filter((a) => !well.includes(a));
  updateChildren(page, [
    tools.broker(state.mqtt, state.has_settings),
    ...(others.length ? needy(others) : []),
    h("h2", { "data-key": "cars-title" }, t("Cars")),
    cars(),
    state.has_dashboard && dashboardLinks(),
    well.length > 0 && folded(well, !others.length),
    h("h2", { "data-key": "commands-title" }, t("Last commands")),
    state.commands.length ? h("ol", { class: "card list", "data-key": "commands" }, state.commands.slice(0, SHOWN_COMMANDS).map(command))
      : h("p", { class: "empty", "data-key": "no-commands" }, t("No commands since bmw2mqtt started.")),
    h("h2", { "data-key": "tools-title" }, t("Help")),
    tools.log(),
    state.can_remove && tools.removal(state.is_removed),
  ].filter(Boolean));
  if (card && !focused.isConnected) (page.querySelector(`.account[data-key="${card.dataset.key}"]`) || $("main")).focus();
  else if (focused !== document.activeElement && focused.isConnected) focused.focus(); // what moves loses it
  showFoot();
}

function showFoot() {
  const foot = [t("bmw2mqtt {version} · not affiliated with BMW Group", { version: state.version })];
  if (state.has_settings) foot.push(" · ", h("a", { href: "setup/" }, t("Settings")));
  if (accessMethod === "token") foot.push(" · ", h("button", { type: "button", class: "plain", "data-act": "sign-out" }, t("Sign out")));
  $("choices").hidden = false;
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
const showError = (text) => { $("notice").textContent = message(text); };

// Requests to the daemon: relative addresses only, so that the page works below any path

async function request(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: { "Content-Type": "application/json", "X-Bmw2mqtt": "1" },
    body: body === undefined ? undefined : JSON.stringify(body),
  }).catch(noAnswer);
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
  $("choices").hidden = true;
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
  if (SENDS_REQUESTS.includes(key)) announce(t("{name}: request sent to BMW", { name }));
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

document.addEventListener("click", async (event) => {
  const code = event.target.dataset.copy;
  if (!code) return;
  try {
    await copyText(code);
    copied = code;
    announce(t("Copied"));
    render();
    setTimeout(() => { copied = ""; render(); }, 2000);
  } catch (error) {
    showError(error.message);
  }
});

document.addEventListener("toggle", (event) => {
  if (event.target.classList.contains("accounts")) areAccountsOpen = event.target.open;
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

for (const choice of $("choices").querySelectorAll("select"))
  choice.value = document.cookie.split("; ").find((cookie) => cookie.startsWith(`${choice.name}=`))?.split("=")[1] || "";
$("choices").addEventListener("change", ({ target }) => {
  const age = target.value ? YEAR_S : 0; // none chosen: the browser's
  document.cookie = `${target.name}=${target.value}; path=/; max-age=${age}; samesite=lax`;
  location.reload();
});
$("sign-in").addEventListener("submit", signIn);
tools.listen({ request, post, render, announce, showError, reload: load });
setInterval(watch, RETRY_MS);
document.addEventListener("visibilitychange", () => (document.hidden ? stopListening() : watch()));
setInterval(() => {
  seconds += 1;
  for (const vin of details.keys()) loadValues(vin);
  tools.loadLog({ request, render }).catch(() => {});
  if (seconds % 10 === 0 || (state && (state.running.length || state.accounts.some((a) => a.expires_at)))) render();
}, 1000);
load();
