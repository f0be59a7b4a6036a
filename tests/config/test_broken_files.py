"""Settings: what a person is told when a file is wrong."""

import pytest

from tests.config.loading import EU, HOME, VIN, home, problems

BROKEN = {
    "no account": (
        "mqtt: {host: broker}\n",
        (
            "accounts: no account is configured; add one, for example "
            "accounts: {eu: {backend: cardata, client_id: …}}, or start bmw2mqtt run and set it up"
            " in a browser"
        ),
    ),
    "unknown section": (
        HOME + "homeasistant: {enabled: true}\n",
        "homeasistant: unknown key; did you mean homeassistant?",
    ),
    "unknown key": (
        home("regoin: china"),
        "accounts.home.regoin: unknown key; did you mean region?",
    ),
    "unlike any key": (
        HOME + "log: {xyz: 1}\n",
        "log.xyz: unknown key; possible keys: level, format",
    ),
    "key of cardata": (
        home("request_budget: 40"),
        (
            "accounts.home.request_budget: belongs to backend cardata; remove it or set "
            "backend: cardata"
        ),
    ),
    "key of mybmw": (
        EU % ", read_only: true",
        ("accounts.eu.read_only: belongs to backend mybmw; remove it or set backend: mybmw"),
    ),
    "no backend": (
        "accounts: {home: {username: me}}\n",
        (
            "accounts.home.backend: missing; use mybmw (the login of the BMW app) or "
            "cardata (BMW's customer API)"
        ),
    ),
    "empty account": (
        "accounts: {home: }\n",
        (
            "accounts.home.backend: missing; use mybmw (the login of the BMW app) or "
            "cardata (BMW's customer API)"
        ),
    ),
    "other backend": (
        HOME.replace("mybmw", "bmw"),
        'accounts.home.backend: "bmw" is not a valid backend; use mybmw or cardata',
    ),
    "no username": (
        "accounts: {home: {backend: mybmw, password: s3cret}}\n",
        (
            "accounts.home.username: missing; add the e-mail address of the BMW login "
            "(china: phone number with the 86 prefix)"
        ),
    ),
    "no password": (
        "accounts: {home: {backend: mybmw, username: me}}\n",
        (
            "accounts.home.password: missing; add it, or set "
            "$BMW2MQTT_ACCOUNTS__HOME__PASSWORD or $BMW2MQTT_ACCOUNTS__HOME__PASSWORD_FILE"
        ),
    ),
    "no client id": (
        "accounts: {eu: {backend: cardata}}\n",
        ("accounts.eu.client_id: missing; add the CarData client ID from BMW's customer portal"),
    ),
    "client id": (
        "accounts: {eu: {backend: cardata, client_id: abc}}\n",
        (
            'accounts.eu.client_id: "abc" is not a client ID; copy it from BMW\'s '
            "portal (36 characters)"
        ),
    ),
    "one client in two accounts": (
        """
accounts:
  eu: {backend: cardata, client_id: 0F000000-0000-0000-0000-000000000000}
  us: {backend: cardata, client_id: 0f000000-0000-0000-0000-000000000000}
""",
        "accounts.us.client_id: already used by account eu; remove one of them",
    ),
    "account name": (
        HOME.replace("home", "My Home"),
        (
            'accounts.My Home: "My Home" is not a valid account name; use a-z, 0-9 and _ only, '
            "for example my_home"
        ),
    ),
    "account is text": (
        "accounts: {home: mybmw}\n",
        (
            "accounts.home: is a single value; write keys below it: backend (mybmw or cardata) "
            "and what it needs"
        ),
    ),
    "accounts are a list": (
        "accounts: [{backend: mybmw}]\n",
        "accounts: is a list; write keys below it: names of your choice",
    ),
    "region": (
        home("region: europe"),
        (
            'accounts.home.region: "europe" is not a valid region; use china, '
            "north_america or rest_of_world"
        ),
    ),
    "half a home": (
        HOME + "history: {home: {longitude: 11}}\n",
        ("history.home.latitude: missing; set both latitude and longitude, or neither"),
    ),
    "price": (
        HOME + "history: {price_per_kwh: 32 ct}\n",
        ('history.price_per_kwh: "32 ct" is not a valid price; use the price of 1 kWh, like 0.32'),
    ),
    "currency": (
        HOME + "history: {currency: Euro}\n",
        ('history.currency: "EURO" is not a valid currency; use three letters, for example EUR'),
    ),
    "radius": (
        HOME + "history: {home: {latitude: 48, longitude: 11, radius_m: 1}}\n",
        ('history.home.radius_m: "1" is not a valid radius; use metres from 10 to 5000'),
    ),
    "half a location": (
        home("location: {latitude: 48.1}"),
        ("accounts.home.location.longitude: missing; set both latitude and longitude, or neither"),
    ),
    "location": (
        home("location: {latitude: nan, longitude: 11}"),
        (
            'accounts.home.location.latitude: "nan" is not a valid latitude; use degrees '
            "from -90 to 90"
        ),
    ),
    "poll interval": (
        home("poll_interval: -1"),
        (
            'accounts.home.poll_interval: "-1" is not a valid number of seconds; use a whole '
            "number, 0 or more"
        ),
    ),
    "server": (
        home("server: 'https://bmw.example'"),
        (
            'accounts.home.server: "https://bmw.example" is not a valid server; write host or '
            "host:port, without scheme or path"
        ),
    ),
    "read_only": (
        home("read_only: maybe"),
        ('accounts.home.read_only: "maybe" is neither true nor false; use true or false'),
    ),
    "ca_file": (
        home("ca_file: no.pem"),
        (
            'accounts.home.ca_file: "no.pem": no such file or directory; correct the '
            "path or remove it"
        ),
    ),
    "ca_file is a directory": (
        HOME + "mqtt: {tls: {ca_file: secrets}}\n",
        'mqtt.tls.ca_file: "secrets": it is a folder; correct the path or remove it',
    ),
    "certificate without key": (
        HOME + "mqtt: {tls: {cert_file: config.yaml}}\n",
        ("mqtt.tls.key_file: key_file is missing; set both cert_file and key_file, or neither"),
    ),
    "key without certificate": (
        HOME + "mqtt: {tls: {key_file: config.yaml}}\n",
        ("mqtt.tls.key_file: cert_file is missing; set both cert_file and key_file, or neither"),
    ),
    "request budget": (
        EU % ", request_budget: 51",
        (
            'accounts.eu.request_budget: "51" is not a valid request budget; use a whole number '
            "from 1 to 50 (BMW's limit)"
        ),
    ),
    "battery capacity": (
        HOME + f"vehicles: {{{VIN}: {{battery_capacity_kwh: 80 kWh}}}}\n",
        (
            f'vehicles.{VIN}.battery_capacity_kwh: "80 kWh" is not a valid battery capacity; '
            "use the usable kWh, for example 80.7"
        ),
    ),
    "relay prefix": (
        EU % ", relay_prefix: 'bmw/#'",
        'accounts.eu.relay_prefix: "bmw/#" contains a wildcard; remove + and #',
    ),
    "web address": (
        EU % ", api_url: api.bmw.example",
        (
            'accounts.eu.api_url: "api.bmw.example" is not a valid web address; start it '
            "with https:// or http://"
        ),
    ),
    "port": (
        HOME + "mqtt: {port: 70000}\n",
        'mqtt.port: "70000" is not a valid port; use a whole number from 1 to 65535',
    ),
    "host": (
        HOME + "mqtt: {host: 'mqtt://broker:1883'}\n",
        ('mqtt.host: "mqtt://broker:1883" is not a valid host; write host: broker, port: 1883'),
    ),
    "protocol": (
        HOME + "mqtt: {protocol: 4}\n",
        'mqtt.protocol: "4" is not a supported MQTT version; use 5 or 3.1.1',
    ),
    "keepalive": (
        HOME + "mqtt: {keepalive: 0}\n",
        (
            'mqtt.keepalive: "0" is not a valid keepalive; use a whole '
            "number of seconds from 1 to 65535"
        ),
    ),
    "wildcard": (
        HOME + "mqtt: {base_topic: cars/+}\n",
        'mqtt.base_topic: "cars/+" contains a wildcard; remove + and #',
    ),
    "slash": (
        HOME + "mqtt: {base_topic: /cars/}\n",
        'mqtt.base_topic: "/cars/" starts or ends with /; write "cars"',
    ),
    "slash and wildcard": (
        HOME + "mqtt: {base_topic: '/cars/#'}\n",
        'mqtt.base_topic: "/cars/#" starts or ends with /; write "cars"',
    ),
    "dollar": (
        HOME + "homeassistant: {status_topic: $SYS/x}\n",
        (
            'homeassistant.status_topic: "$SYS/x" starts with $; choose '
            "another topic: $ is reserved for the broker"
        ),
    ),
    "control character in a topic": (
        HOME + 'homeassistant: {status_topic: "a\\nb"}\n',
        (
            'homeassistant.status_topic: "a\\nb" contains a control character (U+000A) at position '
            "2; type it again instead of pasting it"
        ),
    ),
    "same topics": (
        HOME + "mqtt: {base_topic: homeassistant}\n",
        (
            "mqtt.base_topic: mqtt.base_topic and homeassistant.discovery_prefix are "
            'both "homeassistant"; give them different topics'
        ),
    ),
    "relay among our topics": (
        EU % ", relay_prefix: bmw2mqtt/",
        (
            'accounts.eu.relay_prefix: "bmw2mqtt/" is inside mqtt.base_topic, where '
            "bmw2mqtt's own topics are; choose another, for example bmw/"
        ),
    ),
    "relay among Home Assistant's topics": (
        EU % ", relay_prefix: ha/device/x" + "homeassistant: {discovery_prefix: ha}\n",
        (
            'accounts.eu.relay_prefix: "ha/device/x" is inside homeassistant.discovery_prefix, '
            "where bmw2mqtt's own topics are; choose another, for example bmw/"
        ),
    ),
    "stream topic with a wildcard": (
        EU % ", stream_topic: 'bmw/#'",
        'accounts.eu.stream_topic: "bmw/#" contains a wildcard; remove + and #',
    ),
    "stream read among our topics": (
        EU % ", stream_topic: bmw2mqtt/raw",
        (
            'accounts.eu.stream_topic: "bmw2mqtt/raw" overlaps mqtt.base_topic, where '
            "bmw2mqtt's own topics are; write the topic below which the other program publishes"
        ),
    ),
    "stream read where it is relayed": (
        EU % ", stream_topic: bmw, relay_prefix: bmw/",
        (
            'accounts.eu.relay_prefix: "bmw/" overlaps accounts.eu.stream_topic "bmw"; '
            "choose another prefix, or remove it"
        ),
    ),
    "unknown key of mybmw": (
        home("strem_port: 9"),
        (
            "accounts.home.strem_port: unknown key; possible keys: backend, username, password, "
            "region, captcha_token, poll_interval, read_only, location, server, ca_file"
        ),
    ),
    "unknown key of cardata": (
        EU % ", usrname: me",
        (
            "accounts.eu.usrname: unknown key; possible keys: backend, client_id, poll_interval, "
            "request_budget, follow_up_reads, relay_prefix, stream_topic, auth_url, api_url, "
            "stream_host, stream_port, ca_file"
        ),
    ),
    "VIN": (
        HOME + "vehicles: {WBA123: {name: Daily}}\n",
        (
            'vehicles.WBA123: "WBA123" is not a valid VIN; use the 17 letters and digits from '
            "the vehicle registration"
        ),
    ),
    "open status page": (
        HOME + "http: {host: 0.0.0.0, token: ' '}\n",
        (
            "http.token: missing, but http.host 0.0.0.0 opens the page to the network; "
            "set a token or use http.host 127.0.0.1"
        ),
    ),
    "log level": (
        HOME + "log: {level: verbose}\n",
        'log.level: "verbose" is not a valid log level; use debug, info, warning or error',
    ),
    "log format": (
        HOME + "log: {format: xml}\n",
        'log.format: "xml" is not a valid log format; use auto, console or json',
    ),
    "a list for a value": (
        HOME + "mqtt: {host: [a, b]}\n",
        "mqtt.host: expects one value; put text in quotes",
    ),
    "no space after the colon": (
        home("captcha_token:s3cret"),
        (
            "accounts.home.captcha_token: the space after the colon is missing; "
            "write captcha_token: VALUE"
        ),
    ),
    "no mapping": (
        "just text\n",
        "does not contain settings; write lines like mqtt: {host: broker}",
    ),
    "special character": (
        "mqtt:\n  password: *s3cret\n",
        (
            "line 2, column 13: found undefined alias; correct it "
            "(put text with special characters in quotes)"
        ),
    ),
    "key twice": (
        "mqtt:\n  host: a\n  port: 1\n  host: b\n",
        'line 4, column 3: duplicate key "host" (also in line 2); remove one of them',
    ),
    "secret key twice": (
        "mqtt:\n  ? a:s3cret\n  ? a:s3cret\n",
        'line 3, column 5: duplicate key "a" (also in line 2); remove one of them',
    ),
    "tab": (
        "mqtt:\n\thost: a\n",
        "line 2, column 1: indented with a tab; use spaces",
    ),
    "control character": (
        "mqtt: {host: \x01}\n",
        "contains control characters; remove them",
    ),
}


@pytest.mark.parametrize(("text", "problem"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_file(text, problem):
    assert problems(text) == [f"config.yaml: {problem}"]


def test_a_syntax_error_has_line_and_column():
    (problem,) = problems("mqtt:\n  host: [broker\n")
    # The words between are those of libyaml, or of PyYAML where libyaml is not there.
    assert problem.startswith("config.yaml: line 3, column 1: ")
    assert problem.endswith("; correct it (put text with special characters in quotes)")
