"""docs/asyncapi.yaml: the topics for programs, as AsyncAPI 3.0."""

import re
from typing import Any, Final

import yaml

from bmw2mqtt import __version__
from reference.channels import Channel, channels, schemas

_PARAMETERS: Final = {
    "vin": "The car's VIN: 17 capital letters and digits",
    "account": "The account's name in the configuration",
    "relay_prefix": "The setting relay_prefix",
}
_INTRODUCTION: Final = """\
Topics of bmw2mqtt with the default base_topic and discovery_prefix. A car or an account has only
the topics of its own entities. All messages have QoS 1. An unknown value is the literal None.
"""


class _Dumper(yaml.SafeDumper):
    """Writes every schema in full: anchors are hard to read."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's own interface
        return True


def asyncapi() -> str:
    """Return the document, YAML."""
    every = list(channels())
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "bmw2mqtt",
            "version": __version__,
            "description": _INTRODUCTION,
            "license": {"name": "MIT"},
        },
        "servers": {"broker": {"host": "localhost:1883", "protocol": "mqtt"}},
        "channels": {channel.id: _channel(channel) for channel in every},
        "operations": {channel.id: _operation(channel) for channel in every},
        "components": {
            "schemas": schemas(),
            "parameters": {name: {"description": text} for name, text in _PARAMETERS.items()},
        },
    }
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _channel(channel: Channel) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", channel.address)
    parameters = {name: {"$ref": f"#/components/parameters/{name}"} for name in names}
    return {
        "address": channel.address,
        "summary": channel.summary,
        **({"parameters": parameters} if parameters else {}),
        "messages": {
            "message": {"contentType": channel.content_type, "payload": channel.payload},
        },
    }


def _operation(channel: Channel) -> dict[str, Any]:
    binding = {"qos": 1, "retain": channel.is_retained}
    return {
        "action": channel.action,
        "channel": {"$ref": f"#/channels/{channel.id}"},
        "messages": [{"$ref": f"#/channels/{channel.id}/messages/message"}],
        "bindings": {"mqtt": binding},
    }
