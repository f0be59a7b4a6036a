// The cards of the accounts: each status with one sentence, the next step, and its paragraph in the guide

import { clock, countdown, div, guide, h, message, number, now, pill, sentences, soft, t, when, words } from "./page-parts.js";

const WORDS = {
  starting: [t("Starting"), "busy"], ok: [t("OK"), "good"], login_required: [t("Login required"), "warn"],
  blocked: [t("Blocked by BMW"), "bad"], quota_exceeded: [t("Request limit reached"), "warn"],
  unreachable: [t("BMW not reachable"), "warn"], paused: [t("Paused"), ""], error: [t("Error"), "bad"],
};
export const wordOf = (status) => WORDS[status] || [words(status), ""];

// Without a sentence of the daemon, or instead of it
const SENTENCES = {
  starting: t("bmw2mqtt is asking BMW for the first values."),
  blocked: t("BMW blocks other programs on the interface of the BMW app since 29 September 2025."),
  quota_exceeded: t("BMW’s request limit is reached."),
  paused: t("Paused by you. The last values are kept."),
  error: t("BMW’s answer cannot be used."),
  unreachable: t("BMW does not answer."),
  login_required: t("BMW wants you to log in."),
};
const STEPS = {
  starting: t("Wait a minute."),
  blocked: t("Use CarData for a car in the EU or UK. Elsewhere there is no way at the moment."),
  quota_exceeded: t("You need not do anything. If it happens often, stop other programs that use this account."),
  paused: t("Press Resume to request new values."),
  error: t("Try Refresh now. If it stays, report it with Copy report below."),
  unreachable: t("You need not do anything unless it stays."),
};
const CLIENT_TROUBLE = /^(BMW refuses to begin a login|BMW does not know (this|the) client|BMW does not grant)/;
// The daemon's says nothing more, or names a time of its own clock
const hasOwnSentence = (a) => a.status === "blocked" || (a.status === "quota_exceeded" && a.login === "captcha");
const CAPTCHA = /^BMW wants a captcha/;

export const isWell = (a) => a.status === "ok" && !a.message && a.is_polling && !a.is_login_required && !isWaitingForValues(a);
const isWaitingForValues = (a) => a.status === "ok" && a.login === "device_code" && !a.last_update && !a.reads_relay;

export function account(a, context) {
  const word = wordOf(a.status);
  const facts = [a.backend_title, a.is_read_only && a.has_commands ? t("read-only") : null,
    a.requests_24h === 1 ? t("1 request in 24 hours") : t("{count} requests in 24 hours", { count: number.format(a.requests_24h) }),
    a.requests_left === null ? null : t("{count} left", { count: number.format(a.requests_left) })];
  return h("article", { class: "card account", "data-key": a.name, "aria-labelledby": `account-${a.name}`, tabindex: -1 },
    div("top",
      div("who",
        h("div", null, h("h3", { id: `account-${a.name}` }, a.name), pill(word)),
        soft(facts.filter(Boolean).join(" · ")),
        soft(t("Updated {when}", { when: when(a.last_update) }), " · ", next(a)),
        a.stream && soft(stream(a))),
      !a.is_login_required && div("row acts", // nothing can be requested before a login
        button(a, context, "refresh", t("Refresh now"), "", "refresh", refreshTitle(a)),
        a.is_polling ? button(a, context, "pause", t("Pause"), "", "polling") : button(a, context, "resume", t("Resume"), "", "polling"))),
    statusMessage(a, word[1], context),
    (a.is_login_required || a.user_code) && login(a, context));
}

const refreshTitle = (a) => (a.requests_left === null ? null : t("Uses one or two of today’s requests"));

const isKnownPause = (a) => a.status === "paused" && a.paused_at;

function next(a) {
  if (a.paused_at && (a.status !== "paused" || a.message)) return t("paused since {time}", { time: clock(a.paused_at) });
  if (a.next_update) return t("next {when}", { when: when(a.next_update) });
  return a.is_login_required ? t("next after login") : t("no update scheduled");
}

function stream({ stream: s }) {
  if (!s.is_connected) return t("Stream not connected: {reason}", { reason: message(s.reason) || t("unknown") });
  return s.last_message_at ? t("Stream: last message {when}", { when: when(s.last_message_at) }) : t("Stream connected, no message yet");
}

function statusMessage(a, kind, context) {
  if ((a.user_code && isOpen(a)) || (a.login_url && CAPTCHA.test(a.message))) return null; // the box below says it all
  if (isWaitingForValues(a)) return box("busy", t("Logged in. The first values come within one or two minutes."),
    t("Lock or unlock the car once, with the key or the BMW app: then it reports."));
  if (isWell(a)) return null;
  const [said, todo] = hasOwnSentence(a) || !a.message ? ["", ""] : sentences(a.message).map((text) => withoutAddress(a, text));
  const place = a.backend === "cardata" && ["login_required", "error"].includes(a.status) ? "cardata.md#troubleshooting" : "troubleshooting.md#by-status-word";
  const isClient = CLIENT_TROUBLE.test(a.message || "");
  return box(a.status === "ok" ? "busy" : kind || "busy",
    said || (isKnownPause(a) ? t("Paused by you since {time}. The last values are kept.", { time: clock(a.paused_at) }) : SENTENCES[a.status]),
    isClient ? clientSteps() : todo || (a.status === "ok" ? "" : STEPS[a.status]),
    retry(a),
    a.status !== "starting" && div("row", switchToCarData(a, context),
      isClient && context.hasSettings && h("a", { class: "button", href: `setup/cardata?account=${a.name}` }, t("Change the client ID")),
      guide(place, t("More in the guide"))));
}

const box = (kind, sentence, ...more) => h("div", { class: `message ${kind}`, "data-key": "message" },
  h("p", null, h("strong", null, sentence)), more.filter(Boolean).map((part) => (typeof part === "string" ? h("p", null, part) : part)));

const clientSteps = () => h("ol", null,
  h("li", null, t("Compare the client ID with the one in BMW’s portal.")),
  h("li", null, t("Switch CarData API and CarData Stream off and on again there, one after the other, with two minutes between. Then log in again.")),
  h("li", null, t("If that does not help, delete the client in the portal, create a new one, and enter its ID here.")));

function retry(a) {
  if (!["blocked", "quota_exceeded", "unreachable", "error"].includes(a.status)) return null;
  if (!a.next_update) return a.status === "unreachable" ? t("bmw2mqtt keeps trying.") : null;
  return a.status === "quota_exceeded" ? t("Next request {time}.", { time: clock(a.next_update) }) : t("Next try {time}.", { time: clock(a.next_update) });
}

function switchToCarData(a, context) {
  if (a.status !== "blocked") return null;
  return context.hasSettings ? h("a", { class: "button main", href: "setup/cardata" }, t("Switch to CarData"))
    : guide("cardata.md", t("Switch to CarData"));
}

const withoutAddress = (a, text) => (a.login_url ? text.replace(` at ${a.login_url}`, "").replace(` auf ${a.login_url}`, "").replace(a.login_url, t("BMW’s page")) : text);

// A busy button keeps the focus, so it is not disabled; act() ignores it
function button(a, { busy }, act, text, kind = "", key = act, title = null) {
  return h("button", { type: act ? "button" : "submit", class: kind, "data-act": act, "data-account": a.name, "data-key": key, title,
    "aria-disabled": busy.has(a.name) && "true", "aria-describedby": `account-${a.name}` }, text);
}

function login(a, context) {
  if (a.login === "device_code") return h("div", { class: "login", "data-key": "login" }, deviceCode(a, context));
  if (!a.login_url) return null;
  const canReceive = a.can_receive && context.accessMethod !== "ingress";
  const paste = pasteToken(a, context, canReceive);
  if (!canReceive) return h("div", { class: "login", "data-key": "login" }, div("way", h("h4", null, t("Log in with BMW’s captcha")), paste));
  return h("div", { class: "login", "data-key": "login" },
    h("div", { class: "way", "data-key": "receive" },
      h("h4", null, t("Log in with BMW’s captcha")),
      soft(t("Opens the captcha page, which sends its result back here. The page belongs to bimmer_connected (on Read the Docs), not to BMW: it can see the token and this address.")),
      button(a, context, "captcha", t("Solve the captcha"), "main")),
    h("details", { class: "way", "data-key": "paste", "data-own-state": true }, h("summary", null, t("Or copy and paste")), paste));
}

function pasteToken(a, context, canReceive) {
  const field = `token-${a.name}`;
  return [
    h("ol", { class: "soft" },
      h("li", null, t("Open {link} (by bimmer_connected, not BMW) and solve it.", { link: link(a, t("the captcha page")) })),
      h("li", null, t("Paste the token here. It works once, for a few minutes."))),
    h("form", { "data-account": a.name, "data-key": "form" },
      h("label", { for: field }, t("Captcha token")),
      div("row",
        h("input", { id: field, name: "token", autocomplete: "off", autocapitalize: "off", spellcheck: "false", required: true }),
        button(a, context, null, t("Log in"), canReceive ? "" : "main")))];
}

const isOpen = (a) => !a.expires_at || Date.parse(a.expires_at) > now();

function deviceCode(a, context) {
  if (!a.user_code || !isOpen(a)) return div("way",
    h("h4", null, t("Log in at BMW")),
    soft(t("You get a code and confirm it on BMW’s page.")),
    button(a, context, "login", a.user_code ? t("New code") : t("Log in"), "main"));
  return div("way",
    h("h4", null, t("Confirm this code at BMW")),
    div("row", h("span", { class: "unseen" }, t("Code {letters}", { letters: [...a.user_code].join(" ") })),
      h("p", { class: "code", "data-key": "code", "aria-hidden": "true" }, a.user_code),
      h("button", { type: "button", "data-copy": a.user_code, "data-key": "copy" }, context.copied === a.user_code ? t("Copied") : t("Copy"))),
    div("row",
      a.login_url && link(a, t("Open BMW’s page"), "button main"),
      button(a, context, "login", t("New code"))),
    context.hasSettings && soft(h("a", { href: `setup/login?account=${a.name}` }, t("Use your phone: QR code"))),
    h("p", { class: "row soft" }, pill([t("Waiting for you"), "busy"]), a.expires_at && t("Expires in {time}", { time: countdown(a.expires_at) })));
}

const link = (a, text, kind) => h("a", { class: kind, href: safe(a.login_url), target: "_blank", rel: "noopener noreferrer" }, text);

// Only web pages, never javascript:
export const safe = (url) => (/^https?:\/\//.test(url) ? url : null);
