"""The English texts of the setup. They may contain HTML; what is filled in is escaped."""

from typing import Final

ENGLISH: Final = {
    "language.own": "English",
    "title": "Set up bmw2mqtt",
    "settings": "Settings",
    "skip": "Skip to content",
    "steps": "Steps",
    "step": "Step {number} of {count}",
    "step.language": "Language and units",
    "step.broker": "MQTT broker",
    "step.car": "Your car",
    "step.portal": "BMW’s portal",
    "step.login": "Log in",
    "step.done": "Done",
    "continue": "Continue",
    "back": "Back",
    "fixed": "Set by {place}. Change it there.",
    "page": "To the page with your cars",
    "busy": "One moment …",
    "quoted": "“{text}”",
    "missing": "Please fill this in.",
    "copy": "Copy",
    "copied": "Copied",
    "form.old": "This form is no longer valid. Check it and send it again.",
    "problems": "This was not saved:",
    "start.title": "Welcome",
    "start.text": (
        "A few questions, and your car’s values arrive at your MQTT broker. You can change every"
        " answer later."
    ),
    "start.choose": "Which language do you prefer?",
    "start.units": "And which units?",
    "start.units.note": (
        "This browser remembers them for bmw2mqtt’s pages. On the broker all values are metric;"
        " Home Assistant converts them to its own units."
    ),
    "units.metric": "km, °C, bar, L",
    "units.uk": "mi, °C, psi, L",
    "units.us": "mi, °F, psi, gal",
    "start.wrong.title": "Open the link from the log",
    "start.wrong.text": (
        "This page opens with the one-time link that bmw2mqtt prints when it starts. For example:"
        " <code>docker logs bmw2mqtt</code>. A link works once; restart bmw2mqtt for a new one."
    ),
    "start.app.title": "Open this page in Home Assistant",
    "start.app.text": "Press <strong>BMW</strong> in the sidebar of Home Assistant.",
    "start.token.text": "Or enter the access token (<code>http.token</code> in the configuration).",
    "start.token.label": "Access token",
    "start.token.button": "Sign in",
    "broker.title": "Where is your MQTT broker?",
    "broker.text": (
        "bmw2mqtt sends your car’s values to an MQTT broker, for example Mosquitto. Home"
        " Assistant, evcc, openHAB and others read them there."
    ),
    "broker.found": "Home Assistant’s broker was found. You can use it as it is.",
    "broker.host": "Name or address",
    "broker.host.hint": "For example 192.168.1.10 or homeassistant.local",
    "broker.port": "Port",
    "broker.port.hint": "Usually 1883, with TLS 8883",
    "broker.username": "User name",
    "broker.username.hint": "Leave it empty if the broker needs none",
    "broker.password": "Password",
    "broker.password.kept": "There is a password already. Leave this empty to keep it.",
    "broker.tls": "Encrypt the connection (TLS)",
    "broker.test": "Test",
    "broker.testing": "Testing …",
    "broker.anyway": "Save anyway",
    "broker.ok": "The broker works: bmw2mqtt can connect, publish and subscribe.",
    "broker.failed": "The broker cannot be used yet:",
    "broker.container": (
        "bmw2mqtt runs in a container, where {host} is the container itself. Enter the broker’s"
        " name in the same Docker network, or the address of the machine it runs on."
    ),
    "car.title": "Where is your car registered?",
    "car.europe": "In the EU, the UK or another European country with BMW CarData",
    "car.europe.text": (
        "BMW’s official interface for customers. Free of charge and read-only: values yes, remote"
        " commands no."
    ),
    "car.elsewhere": "Somewhere else",
    "car.elsewhere.text": (
        "Only the interface of the BMW app is left. <strong>BMW has blocked it for other programs"
        " since 29 September 2025.</strong> It is unlikely to work."
    ),
    "portal.title": "Create access in BMW’s portal",
    "portal.text": (
        "This takes about ten minutes, most of it waiting for BMW’s pages. Use a private window"
        " without an ad blocker. You need to be the <strong>primary user</strong> of the car."
    ),
    "portal.1": "<strong>Log in</strong> at BMW:",
    "portal.1.note": "Another country’s site works too if it shows the tile of the next step.",
    "portal.2": (
        "Choose your car, then the tile <strong>BMW CarData</strong> (or MINI CarData). Accept"
        " the terms."
    ),
    "portal.3": (
        "Under <em>Technical access</em> press <strong>Create CarData client</strong>. Copy the"
        " <strong>client ID</strong> and paste it below: it may be gone after a reload."
    ),
    "portal.4": (
        "Switch on <strong>CarData API</strong> and wait up to two minutes. Then switch on"
        " <strong>CarData Stream</strong> and wait again. If an error appears, reload BMW’s page."
    ),
    "portal.5": (
        "Do <strong>not</strong> press <em>Authenticate device</em>. bmw2mqtt does that in the"
        " next step."
    ),
    "portal.helper": "Or let a helper select everything in your tab at BMW",
    "portal.6": (
        "<strong>Configure the data stream</strong>, for each car: press <em>Load more</em> until"
        " every row is there, tick all of them, save. A car without ticks sends nothing."
    ),
    "drawing.create": "Create CarData client",
    "drawing.more": "Load more",
    "client.label": "Client ID",
    "client.hint": "36 characters, like 1a2b3c4d-1234-5678-9abc-1a2b3c4d5e6f",
    "client.good": "This looks like a client ID.",
    "client.short": "A client ID has 32 letters a-f and digits, in five groups.",
    "client.example": (
        "This is the value of the example. Copy your own client ID from BMW’s portal."
    ),
    "client.missing": "Paste the client ID from BMW’s portal.",
    "mybmw.title": "The login of the BMW app",
    "mybmw.text": (
        "<strong>BMW has blocked this interface for other programs since 29 September"
        " 2025.</strong> It is unlikely to work, and wrong passwords can lock your account. If"
        " your car is in Europe, use CarData."
    ),
    "mybmw.username": "User name of the BMW app",
    "mybmw.username.hint": "The e-mail address; in China the phone number with the prefix 86",
    "mybmw.password": "Password",
    "mybmw.region": "Region",
    "mybmw.region.rest_of_world": "Rest of the world",
    "mybmw.region.north_america": "North America",
    "mybmw.region.china": "China",
    "login.title": "Log in at BMW",
    "login.starting": "bmw2mqtt starts with the new settings …",
    "login.requested": "bmw2mqtt is asking BMW for a code …",
    "login.code": "Confirm this code at BMW",
    "login.code.text": (
        "Open BMW’s page, log in, compare the code, and wait for BMW’s success message. Then come"
        " back here."
    ),
    "login.open": "Open BMW’s page",
    "login.qr": "Or scan this with your phone:",
    "login.qr.label": "QR code of BMW’s page with the code",
    "login.expires": "The code expires in {time}.",
    "login.new": "Get a new code",
    "login.again": "Check the client ID",
    "login.other": "Log in on the page",
    "login.waiting": "Logged in. Waiting for the first value",
    "login.waiting.text": (
        "This takes a minute or two. <strong>Lock or unlock the car once</strong>, with the key"
        " or the BMW app: then it reports."
    ),
    "done.title": "Your car is connected",
    "done.text": "Values keep arriving by themselves. A parked car is silent; that is normal.",
    "done.none": "No car has sent a value yet.",
    "done.homeassistant": "Home Assistant",
    "done.homeassistant.app": (
        "Your car is there already: <em>Settings → Devices &amp; services → MQTT</em>."
    ),
    "done.homeassistant.text": (
        "If Home Assistant uses this broker already, your car is there: <em>Settings → Devices"
        " &amp; services → MQTT</em>. If not: <em>Add integration → MQTT</em>, broker"
        " <code>{host}</code>, port <code>{port}</code>."
    ),
    "done.evcc": "evcc",
    "done.evcc.text": "Add a vehicle of type <code>custom</code> that reads these topics:",
    "done.evcc.link": "The whole configuration",
    "done.other": "Everything else",
    "done.other.text": "Each value has a topic of its own. To see them all:",
    "overview.restarting": "Saved. bmw2mqtt starts with the new settings …",
    "overview.broker": "MQTT broker",
    "overview.accounts": "Accounts",
    "overview.connected": "connected",
    "overview.disconnected": "not connected",
    "overview.change": "Change",
    "overview.login": "Log in",
    "overview.add": "Add an account",
    "overview.remove": "Remove",
    "overview.remove.confirm": "Remove the account {name}? Its cars disappear from the broker.",
    "overview.remove.yes": "Remove {name}",
    "overview.link": "Open on another device",
    "overview.link.text": "This link works once and opens this page without a token:",
    "overview.link.button": "Create a link",
    "overview.local": (
        "The page opens on this machine only. To open it from others, set <code>http.host</code>"
        " and <code>http.token</code>."
    ),
    "overview.file": "Saved in <code>{file}</code>.",
    "value.remaining_battery_percent": "State of charge",
    "value.remaining_range_electric": "Electric range",
    "value.charging_target": "Charging target",
    "value.remaining_fuel_percent": "Fuel",
    "value.remaining_fuel": "Fuel",
    "value.remaining_range_fuel": "Fuel range",
    "value.remaining_range_total": "Range",
    "value.mileage": "Odometer",
}
