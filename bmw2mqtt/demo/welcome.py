"""What the demo prints for whoever tries it."""

from typing import Final

from bmw2mqtt.config import Http, is_loopback
from bmw2mqtt.demo.broker import DemoBroker
from bmw2mqtt.web.setup.start_link import ANYWHERE, PLACEHOLDER, is_container, routed_address

_TEXT: Final = """
  Five simulated cars drive, park and charge on the MQTT broker at {host}:{port} ({program}).{busy}
  A day of theirs takes twelve minutes. Three belong to a MyBMW account. Two belong to CarData and
  appear in about 15 s, after its login. A third account, demo_login, waits for you: open the page
  and log in as with BMW. (The simulated BMW has no public certificate; accept it in the browser.)
  The page has a fortnight of the five cars' charges and trips.

  Page:            {page}{token}
  Topics:          mosquitto_sub -h {host} -p {port}{version} -v -t 'bmw2mqtt/#' -T '+/+/image/#'
  Home Assistant:  Settings > Devices & services > Add integration > MQTT,
                   broker {public_host}, port {port}, no user. The cars appear by themselves.{more}
  Stop:            Ctrl-C
"""


def welcome(broker: DemoBroker, wanted_port: int, page: Http) -> str:
    """Return the text."""
    host = shown_host(broker.bind)
    return _TEXT.format(
        host=broker.address,
        public_host=host,
        port=broker.port,
        program=broker.program.name,
        busy="" if broker.port == wanted_port else f"\n  (Port {wanted_port} is in use.)",
        page=f"http://{f'[{host}]' if ':' in host else host}:{page.port}/",
        token=f"  (access token: {page.token.get_secret_value()})" if page.token else "",
        version="" if broker.program.protocol == "5" else " -V 311",
        more="\n                   On another machine: start the demo with --bind 0.0.0.0"
        if is_loopback(broker.bind)
        else "",
    )


def shown_host(bind: str) -> str:
    """Return the address to open; a container does not know that of its machine."""
    return PLACEHOLDER if bind in ANYWHERE and is_container() else public_host(bind)


def public_host(bind: str) -> str:
    """Return the address by which others find this machine; `bind` itself, if it is one."""
    return routed_address() if bind in ANYWHERE else bind
