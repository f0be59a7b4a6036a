"""The reason codes of MQTT that the bridge acts on, for the broker and for BMW's stream."""

from enum import IntEnum


class MqttReason(IntEnum):
    """Return codes of MQTT 3.1.1 (`V3_`), reason codes of MQTT 5, and one code of paho's."""

    V3_VERSION_REFUSED = 1
    V3_CLIENT_ID_REFUSED = 2
    V3_SERVER_UNAVAILABLE = 3
    V3_BAD_LOGIN = 4
    V3_NOT_AUTHORIZED = 5
    PAHO_CONNECTION_LOST = 7
    UNSPECIFIED = 128
    """Also paho's code for a connection that broke off."""
    VERSION_REFUSED = 132
    CLIENT_ID_REFUSED = 133
    BAD_LOGIN = 134
    NOT_AUTHORIZED = 135
    SERVER_UNAVAILABLE = 136
    SERVER_BUSY = 137
    BANNED = 138
    SERVER_SHUTTING_DOWN = 139
    KEEP_ALIVE_TIMEOUT = 141
    SESSION_TAKEN_OVER = 142
    PACKET_TOO_LARGE = 149
    QUOTA_EXCEEDED = 151
    ADMINISTRATIVE_ACTION = 152
    RETAIN_REFUSED = 154
    QOS_REFUSED = 155
    USE_ANOTHER_SERVER = 156
    SERVER_MOVED = 157
    CONNECTION_RATE_EXCEEDED = 159


def reason_number(error: BaseException | None) -> int | None:
    """Return the reason code that the MQTT library gives with an error; `None`: it gives none."""
    code = getattr(error, "rc", None)
    number = getattr(code, "value", code)
    return number if isinstance(number, int) else None
