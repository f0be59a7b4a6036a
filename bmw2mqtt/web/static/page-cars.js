// The card of one car

import { clock, div, exact, h, isState, nameOf, now, number, pill, quantity, soft, stateOf, t, when, words } from "./page-parts.js";

const CAR = "M4 17v-3c0-1 .7-1.8 1.7-2l2.3-.5L10.6 8c.5-.6 1.2-1 2-1h4c.8 0 1.5.3 2 .9l2.6 3.3 1.3.4c.9.3 1.5 1.1 1.5 2V17c0 .6-.4 1-1 1h-1.3a2.5 2.5 0 0 1-4.9 0h-5a2.5 2.5 0 0 1-4.9 0H5c-.6 0-1-.4-1-1z";
const UNKNOWN = "–";

export function car(c, details, commands) {
  const values = Object.fromEntries(Object.entries(c.values).map(([id, value]) => [id.split("/")[1], value]));
  const of = (key) => (values[key] ? values[key].value : null);
  const unit = (key, fallback = UNKNOWN) => (of(key) === null ? fallback : quantity(of(key), values[key].unit));
  const has = (key) => key in values;
  const either = (key, name, yes, no) => has(key) && fact(name, { true: yes, false: no }[of(key)] || UNKNOWN);
  const total = unit("remaining_range_total", null);
  const climate = of("climate_status");
  const isCharging = of("charging_status") === "charging";
  return h("article", { class: `card car${c.is_available ? "" : " outdated"}`, "data-key": c.vin, "aria-labelledby": `car-${c.vin}` },
    div("stage", c.picture ? h("img", { src: c.picture, alt: t("Picture of {name}", { name: c.name }) })
      : h("svg", { viewBox: "0 4 28 18", "aria-hidden": "true" }, h("path", { d: CAR }))),
    div("body",
      div("name",
        h("div", null, h("h3", { id: `car-${c.vin}` }, c.name),
          soft(c.updated_at ? t("Reported {when}", { when: when(c.updated_at) }) : t("No report yet"))),
        pill(c.is_available ? [t("Up to date"), "good"] : [t("Outdated"), "warn"])),
      c.stream_hint && h("p", { class: "message warn", "data-key": "hint" }, t("BMW has streamed nothing of this car since the login."), " ",
        h("a", { href: `cars/${c.vin}/data` }, t("Choose what it sends"))),
      commands.map((command) => h("p", { class: "message busy", "data-key": command.id }, running(command))),
      has("remaining_battery_percent") && level("charge", t("Battery"), of("remaining_battery_percent"),
        unit("remaining_range_electric", has("remaining_fuel") ? null : total), charging(of), isCharging),
      has("remaining_fuel") && level("fuel", [t("Fuel"), unit("remaining_fuel", null)].filter(Boolean).join(", "),
        of("remaining_fuel_percent"), unit("remaining_range_fuel", has("remaining_battery_percent") ? null : total)),
      notes(values),
      h("dl", null,
        either("door_lock_state", t("Lock"), t("Unlocked"), t("Locked")),
        has("lids") && fact(t("All closed"), allClosed(of("lids"), of("windows"))),
        has("mileage") && fact(t("Mileage"), unit("mileage")),
        has("climate_status") && fact(t("Climate"), climate === null ? UNKNOWN : climate === "inactive" ? t("Off") : stateOf(climate)),
        either("condition_based_services", t("Service"), t("Due"), t("Not due")),
        either("check_control_messages", t("Warnings"), t("Yes"), t("None"))),
      h("p", { class: "past-link" }, h("a", { href: `cars/${c.vin}/`, "aria-describedby": `car-${c.vin}` },
        c.has_history ? t("Charges, trips and topics") : t("Values and topics"))),
      h("details", { class: "values", "data-key": "values", "data-vin": c.vin, open: details !== undefined },
        h("summary", null, t("All values")),
        details && details.values && valueTable(details.values))));
}

function running(command) {
  const name = h("strong", null, nameOf(command.entity));
  const seconds = Math.max(0, Math.round((now() - Date.parse(command.received_at)) / 1000));
  return command.is_running ? t("{name}: sent, waiting for the car ({seconds} s)", { name, seconds })
    : t("{name}: waiting for the command before it", { name });
}

function valueTable(values) {
  const usual = values.filter((v) => !v.is_raw), raw = values.filter((v) => v.is_raw);
  return h("table", { "data-key": "table" },
    h("tbody", null, usual.map(valueRow)),
    raw.length > 0 && h("tbody", null, h("tr", null, h("th", { colspan: 2, scope: "colgroup" }, t("More from BMW"))), raw.map(valueRow)));
}

const valueRow = (v) => h("tr", { "data-key": v.topic, title: v.topic }, h("th", { scope: "row" }, nameOf(v.name)), h("td", null, valueText(v)));

const STATES = { door: [t("Open"), t("Closed")], window: [t("Open"), t("Closed")], opening: [t("Open"), t("Closed")], lock: [t("Unlocked"), t("Locked")],
  plug: [t("Plugged in"), t("Not plugged in")], battery_charging: [t("Charging"), t("Not charging")], problem: [t("Problem"), t("OK")] };

export function valueText({ value, unit, device_class: kind }) {
  if (value === null) return UNKNOWN;
  if (kind === "timestamp") return when(value);
  if (typeof value === "boolean") return (STATES[kind] || [t("On"), t("Off")])[value ? 0 : 1];
  if (typeof value === "number") return quantity(value, unit, exact);
  return unit ? `${value} ${unit}` : /^[a-z_]+$/i.test(value) || isState(value) ? stateOf(value) : value;
}

const fact = (name, value) => h("div", null, h("dt", null, name), h("dd", null, value));

function allClosed(lids, windows) {
  if (lids || windows) return t("No");
  return lids === null || windows === null ? UNKNOWN : t("Yes");
}

function level(key, name, percent, range, detail, isCharging) {
  const shown = percent === null ? UNKNOWN : `${number.format(percent)} %`;
  const width = Math.max(0, Math.min(100, percent || 0));
  const kind = isCharging ? "charging" : width < 15 ? "low" : "";
  return h("div", { class: "level", "data-key": key },
    h("div", null, h("span", null, h("strong", null, shown), h("span", { class: "soft" }, name)), h("strong", null, range)),
    percent !== null && h("svg", { class: `bar ${kind}`, role: "meter", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": width },
      h("rect", { height: 8, width: `${width}%`, rx: 4 })),
    detail && soft(detail));
}

function charging(of) {
  const status = of("charging_status"), end = of("charging_end_time"), target = of("charging_target");
  if (status === "charging") {
    const until = end && Date.parse(end) > now() ? clock(end) : null;
    if (target === null) return until ? t("Charging, until {time}", { time: until }) : t("Charging");
    return until ? t("Charging to {percent} %, until {time}", { percent: target, time: until }) : t("Charging to {percent} %", { percent: target });
  }
  if (status !== null && !["default", "invalid", "not_charging"].includes(status)) return stateOf(status);
  return { true: t("Plugged in"), false: t("Not plugged in") }[of("connection_status")];
}

// BMW's names of doors and services; one that is not here is shown as words
const PARTS = {
  leftFront: t("Left front door"), rightFront: t("Right front door"), leftRear: t("Left rear door"), rightRear: t("Right rear door"),
  hood: t("Hood"), trunk: t("Trunk"), tailgate: t("Tailgate"), sunRoof: t("Sunroof"), convertibleRoof: t("Roof"),
};
const WINDOWS = { leftFront: t("Left front window"), rightFront: t("Right front window"), leftRear: t("Left rear window"), rightRear: t("Right rear window"), rear: t("Rear window") };
const SERVICES = {
  oil: t("Engine oil"), engine_oil: t("Engine oil"), brake_fluid: t("Brake fluid"), vehicle_check: t("Vehicle check"), vehicle_tuv: t("Legal inspection"),
  emission_check: t("Emission check"), brake_pads_front: t("Front brake pads"), brake_pads_rear: t("Rear brake pads"), washing_fluid: t("Washing fluid"), tire_pressure: t("Tire pressure"),
};
const GRADES = { pending: t("pending"), overdue: t("overdue"), medium: t("medium"), high: t("high"), critical: t("critical") };
const graded = (word) => GRADES[word.toLowerCase()] || word.toLowerCase();

function notes(values) {
  const chips = [];
  const each = (key, isShown, text, kind) => {
    for (const [name, value] of Object.entries((values[key] && values[key].attributes) || {}))
      if (isShown(name, value)) chips.push(h("li", { class: kind(value) }, text(name, value)));
  };
  const isOpen = (_, value) => ["OPEN", "OPEN_TILT", "INTERMEDIATE"].includes(value);
  const amber = () => "warn";
  const red = (value) => (["OVERDUE", "HIGH", "CRITICAL"].includes(value) ? "bad" : "warn");
  each("lids", isOpen, (name) => t("{part} open", { part: PARTS[name] || words(name) }), amber);
  each("windows", isOpen, (name) => t("{part} open", { part: WINDOWS[name] || words(name) }), amber);
  each("condition_based_services", (name, value) => ["PENDING", "OVERDUE"].includes(value),
    (name, value) => `${SERVICES[name.toLowerCase()] || words(name)}: ${graded(value)}`, red);
  for (const { type, text, severity } of values.check_control_messages?.attributes?.messages || []) {
    if (severity === "LOW") continue; // all is well with it
    const grade = severity === "UNKNOWN" ? "" : `: ${graded(severity)}`;
    chips.push(h("li", { class: red(severity) }, `${text || SERVICES[type.toLowerCase()] || words(type)}${grade}`));
  }
  return chips.length > 0 && h("ul", { class: "chips", "aria-label": t("Needs attention"), "data-key": "notes" }, chips);
}
