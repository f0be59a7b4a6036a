// The card of one car

import { clock, div, exact, h, now, number, pill, soft, when, words } from "./page-parts.js";

const CAR = "M4 17v-3c0-1 .7-1.8 1.7-2l2.3-.5L10.6 8c.5-.6 1.2-1 2-1h4c.8 0 1.5.3 2 .9l2.6 3.3 1.3.4c.9.3 1.5 1.1 1.5 2V17c0 .6-.4 1-1 1h-1.3a2.5 2.5 0 0 1-4.9 0h-5a2.5 2.5 0 0 1-4.9 0H5c-.6 0-1-.4-1-1z";

export function car(c, details) {
  const values = Object.fromEntries(Object.entries(c.values).map(([id, value]) => [id.split("/")[1], value]));
  const of = (key) => (values[key] ? values[key].value : null);
  const unit = (key, fallback = "–") => (of(key) === null ? fallback : `${number.format(of(key))} ${values[key].unit}`);
  const has = (key) => key in values;
  const either = (key, name, yes, no) => has(key) && fact(name, { true: yes, false: no }[of(key)] || "–");
  const total = unit("remaining_range_total", null);
  const climate = of("climate_status");
  const isCharging = of("charging_status") === "charging";
  return h("article", { class: `card car${c.is_available ? "" : " outdated"}`, "data-key": c.vin, "aria-labelledby": `car-${c.vin}` },
    div("stage", c.picture ? h("img", { src: c.picture, alt: `Picture of ${c.name}` })
      : h("svg", { viewBox: "0 4 28 18", "aria-hidden": "true" }, h("path", { d: CAR }))),
    div("body",
      div("name",
        h("div", null, h("h3", { id: `car-${c.vin}` }, c.name),
          soft(c.updated_at ? ["Reported ", when(c.updated_at)] : "No report yet")),
        pill(c.is_available ? ["Up to date", "good"] : ["Outdated", "warn"])),
      has("remaining_battery_percent") && level("Battery", of("remaining_battery_percent"),
        unit("remaining_range_electric", has("remaining_fuel") ? null : total), charging(of), isCharging),
      has("remaining_fuel") && level(["Fuel", unit("remaining_fuel", null)].filter(Boolean).join(", "),
        of("remaining_fuel_percent"), unit("remaining_range_fuel", has("remaining_battery_percent") ? null : total)),
      notes(values),
      h("dl", null,
        either("door_lock_state", "Lock", "Unlocked", "Locked"),
        has("lids") && fact("All closed", allClosed(of("lids"), of("windows"))),
        has("mileage") && fact("Mileage", unit("mileage")),
        has("climate_status") && fact("Climate", { null: "–", inactive: "Off" }[climate] || words(climate)),
        either("condition_based_services", "Service", "Due", "Not due"),
        either("check_control_messages", "Warnings", "Yes", "None")),
      h("p", { class: "past-link" }, h("a", { href: `cars/${c.vin}/`, "aria-describedby": `car-${c.vin}` },
        c.has_history ? "Charges, trips and topics" : "Values and topics")),
      h("details", { class: "values", "data-key": "values", "data-vin": c.vin, open: details !== undefined },
        h("summary", null, "All values"),
        details && details.values && valueTable(details.values))));
}

function valueTable(values) {
  const usual = values.filter((v) => !v.is_raw), raw = values.filter((v) => v.is_raw);
  return h("table", { "data-key": "table" },
    h("tbody", null, usual.map(valueRow)),
    raw.length > 0 && h("tbody", null, h("tr", null, h("th", { colspan: 2, scope: "colgroup" }, "More from BMW")), raw.map(valueRow)));
}

const valueRow = (v) => h("tr", { "data-key": v.topic, title: v.topic }, h("th", { scope: "row" }, v.name), h("td", null, valueText(v)));

const STATES = { door: ["Open", "Closed"], window: ["Open", "Closed"], opening: ["Open", "Closed"], lock: ["Unlocked", "Locked"],
  plug: ["Plugged in", "Not plugged in"], battery_charging: ["Charging", "Not charging"], problem: ["Problem", "OK"] };

export function valueText({ value, unit, device_class: kind }) {
  if (value === null) return "–";
  if (kind === "timestamp") return when(value);
  if (typeof value === "boolean") return (STATES[kind] || ["On", "Off"])[value ? 0 : 1];
  if (typeof value === "number") return unit ? `${exact.format(value)} ${unit}` : exact.format(value);
  return unit ? `${value} ${unit}` : /^[a-z_]+$/i.test(value) ? words(value) : value;
}

const fact = (name, value) => h("div", null, h("dt", null, name), h("dd", null, value));

function allClosed(lids, windows) {
  if (lids || windows) return "No";
  return lids === null || windows === null ? "–" : "Yes";
}

function level(name, percent, range, detail, isCharging) {
  const shown = percent === null ? "–" : `${number.format(percent)} %`;
  const width = Math.max(0, Math.min(100, percent || 0));
  const kind = isCharging ? "charging" : width < 15 ? "low" : "";
  return h("div", { class: "level", "data-key": name.slice(0, 4) },
    h("div", null, h("span", null, h("strong", null, shown), h("span", { class: "soft" }, name)), h("strong", null, range)),
    percent !== null && h("svg", { class: `bar ${kind}`, role: "meter", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": width },
      h("rect", { height: 8, width: `${width}%`, rx: 4 })),
    detail && soft(detail));
}

function charging(of) {
  const status = of("charging_status"), end = of("charging_end_time"), target = of("charging_target");
  if (status === "charging")
    return `Charging${target === null ? "" : ` to ${target} %`}${end && Date.parse(end) > now() ? `, until ${clock(end)}` : ""}`;
  if (status !== null && !["default", "invalid", "not_charging"].includes(status)) return words(status);
  return { true: "Plugged in", false: "Not plugged in" }[of("connection_status")];
}

function notes(values) {
  const chips = [];
  const each = (key, isShown, text, kind) => {
    for (const [name, value] of Object.entries((values[key] && values[key].attributes) || {}))
      if (isShown(name, value)) chips.push(h("li", { class: kind(value) }, text(name, value)));
  };
  const isOpen = (_, value) => ["OPEN", "OPEN_TILT", "INTERMEDIATE"].includes(value);
  const amber = () => "warn";
  const red = (value) => (["OVERDUE", "HIGH", "CRITICAL"].includes(value) ? "bad" : "warn");
  each("lids", isOpen, (name) => `${words(name)}${/^(left|right)/.test(name) ? " door" : ""} open`, amber);
  each("windows", isOpen, (name) => `${words(name)} window open`, amber);
  each("condition_based_services", (name, value) => ["PENDING", "OVERDUE"].includes(value),
    (name, value) => `${words(name)}: ${value.toLowerCase()}`, red);
  for (const { type, text, severity } of values.check_control_messages?.attributes?.messages || [])
    if (severity !== "LOW") {
      const grade = severity === "UNKNOWN" ? "" : `: ${severity.toLowerCase()}`;
      chips.push(h("li", { class: red(severity) }, `${text || words(type)}${grade}`));
    }
  return chips.length > 0 && h("ul", { class: "chips", "aria-label": "Needs attention", "data-key": "notes" }, chips);
}
