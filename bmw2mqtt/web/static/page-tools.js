// The broker's connection, the log, the report for an issue, and removing everything

import { copyText, div, guide, h, sentences, soft, t } from "./page-parts.js";

const LOG_MS = 5000;
const tools = { log: null, isOpen: false, copied: false, tested: null, isTesting: false, isReporting: false, loadedAt: 0 };

// MQTT

export function broker(mqtt, hasSettings) {
  if (mqtt.is_connected) {
    tools.tested = null;
    return null;
  }
  const [said, todo] = mqtt.reason ? sentences(mqtt.reason) : [t("bmw2mqtt is connecting to the MQTT broker."), ""];
  const place = mqtt.username ? t("Broker {broker}, user {user}", { broker: mqtt.broker, user: mqtt.username }) : t("Broker {broker}, no user", { broker: mqtt.broker });
  return h("section", { class: "message bad", "data-key": "broker", "aria-labelledby": "broker-title" },
    h("h2", { id: "broker-title" }, t("MQTT not connected")),
    h("p", null, h("strong", null, said)), todo && h("p", null, todo),
    h("p", null, place, ". ", t("bmw2mqtt keeps trying. The values below are up to date, but nothing arrives at the broker.")),
    tools.tested && h("ul", { role: "status" }, tools.tested.map((line) => h("li", null, line))),
    div("row",
      h("button", { type: "button", "data-tool": "test", "data-key": "test", "aria-disabled": tools.isTesting && "true" }, tools.isTesting ? t("Testing …") : t("Test the connection")),
      hasSettings && h("a", { class: "button", href: "setup/broker" }, t("Change the broker")),
      guide("troubleshooting.md#the-broker-and-the-log", t("More in the guide"))));
}

async function test(context) {
  Object.assign(tools, { isTesting: true, tested: null });
  context.render();
  try {
    const response = await context.post("api/broker/test");
    const { problems } = await response.json();
    tools.tested = problems.length ? problems.map((text) => sentences(text).filter(Boolean).join(" ")) : [t("The broker works. bmw2mqtt connects again within seconds.")];
  } finally {
    tools.isTesting = false;
    context.render();
  }
}

// The log and the report

export function log() {
  return h("details", { class: "card log", "data-key": "log", "data-tool-details": "log", open: tools.isOpen },
    h("summary", null, t("Log")),
    div("row",
      h("button", { type: "button", "data-tool": "report", "data-key": "report", "aria-disabled": tools.isReporting && "true" },
        tools.copied ? t("Copied") : tools.isReporting ? t("One moment …") : t("Copy report")),
      soft(t("For an issue: versions, settings without secrets, the state of all connections, and the last lines of the log."))),
    tools.log && h("pre", { tabindex: 0, "aria-label": t("Last lines of the log") }, tools.log.length ? tools.log.join("\n") : t("Nothing was logged yet.")));
}

export async function loadLog(context, isForced = false) {
  if (!tools.isOpen || document.hidden || (!isForced && Date.now() - tools.loadedAt < LOG_MS)) return;
  tools.loadedAt = Date.now();
  const response = await context.request("GET", "api/log");
  if (response) tools.log = (await response.json()).lines;
  context.render();
}

async function report(context) {
  if (tools.isReporting) return;
  tools.isReporting = true;
  context.render();
  try {
    const response = await context.request("GET", "api/report");
    await copyText(await response.text());
    tools.copied = true;
    context.announce(t("Report copied. Paste it into your issue."));
    setTimeout(() => { tools.copied = false; context.render(); }, 3000);
  } finally {
    tools.isReporting = false;
    context.render();
  }
}

// Removing everything

export const removal = (isRemoved) => h("details", { class: "card log", "data-key": "removal", "data-own-state": true },
  h("summary", null, t("Remove everything")),
  isRemoved ? h("p", { role: "status" }, t("Everything that bmw2mqtt has published is deleted from the broker. You can uninstall it now. After a restart it publishes again."))
    : [soft(t("Before you uninstall bmw2mqtt: deletes every topic that it has published. The cars disappear from Home Assistant. Logins and the history in its folder stay.")),
      div("row", h("button", { type: "button", class: "danger", "data-tool": "ask-removal" }, t("Remove everything …")))]);

async function remove(context) {
  document.getElementById("removal-dialog").close();
  const response = await context.post("api/removal", { confirm: "remove everything" });
  const { topics } = await response.json();
  context.announce(t("{count} topics deleted", { count: topics }));
  context.reload();
}

const ACTS = { test, report, remove, "ask-removal": () => document.getElementById("removal-dialog").showModal(),
  "cancel-removal": () => document.getElementById("removal-dialog").close() };

export function listen(context) {
  document.addEventListener("click", async (event) => {
    const target = event.target.closest("[data-tool]");
    if (!target || target.hasAttribute("aria-disabled")) return;
    try {
      await ACTS[target.dataset.tool](context);
      context.showError("");
    } catch (error) {
      context.showError(error.message);
    }
  });
  document.addEventListener("toggle", (event) => {
    if (event.target.dataset.toolDetails !== "log" || event.target.open === tools.isOpen) return;
    tools.isOpen = event.target.open;
    loadLog(context, true).catch((error) => context.showError(error.message));
  }, true);
}
