"""The sentence of each event at level info and above.

A sentence says what happened, and then what to do. `{name}` is a fact of the event: `{at!t}` is a
local time, `{count:# topic|# topics}` counts. Facts that are not in the sentence follow it as
`key=value`; `consequence` and `remedy` follow it as sentences of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias


@dataclass(frozen=True, slots=True)
class Choice:
    """A sentence that depends on one fact of the event."""

    key: str
    by_value: Mapping[str, str]
    otherwise: str

    def template(self, event: Mapping[str, Any]) -> str:
        """Return the template for this event."""
        return self.by_value.get(str(event.get(self.key)), self.otherwise)


_Table: TypeAlias = Mapping[str, str | Choice]

_DAEMON: Final[_Table] = {
    "started": "bmw2mqtt {version} has started. Accounts: {accounts}",
    "stopping": "Stopping…",
    "stopped": "Stopped",
    "setting_not_recommended": "Setting not recommended: {setting}",
    "task_recovered": "The task “{task}” runs again",
    "health_not_saved": "The health file cannot be written: {reason}",
    "measured_topic_read": "A number arrived on {topic}; it is used from now on",
    "measured_topic_not_read": "What arrives on {topic} is not used: {reason}",
    "homeassistant_started": "Home Assistant has started; everything is published to it again",
}

_BROKER: Final[_Table] = {
    "mqtt_connected": "Connected to the MQTT broker at {host}:{port}",
    "mqtt_unreachable": "No connection to the MQTT broker at {host}:{port}: {reason}. bmw2mqtt"
    " keeps trying",
    "mqtt_subscription_refused": "The broker does not let bmw2mqtt subscribe to {topic}",
    "mqtt_subscription_unanswered": "The broker did not confirm the subscription to {topics}",
    "mqtt_publish_refused": "The broker does not let bmw2mqtt publish to {topic}",
    "broker_limit": "Limit of the broker: {reason}",
    "broker_is_slow": "The broker did not confirm everything before the end",
    "message_refused": "The broker refused a message on {topic}: {reason}",
    "message_too_large": "A message on {topic} ({payload_bytes} bytes) is larger than the broker"
    " accepts ({broker_limit_bytes} bytes)",
    "message_left_out": "A message on {topic} is not sent any more: {reason}",
    "message_too_long": "A received message was too long ({packet_bytes} bytes; limit {limit_bytes}"
    " bytes)",
    "event_dropped": "An event on {topic} was not published: the broker does not accept it, or it"
    " was away too long",
    "relay_dropped": "Messages of BMW's stream were not passed on to the broker: too many are"
    " waiting for it",
    "too_many_retained_topics": "The broker has more than {topics:# retained topic|# retained"
    " topics} below mqtt.base_topic",
    "retained_topics_missing": "{topics:# retained topic is|# retained topics are} missing on the"
    " broker: {reason}",
    "stale_topics_removed": "Removed {topics:# retained topic|# retained topics} of an earlier run",
}

_COMMANDS: Final[_Table] = {
    "command_started": "Car {vin}: sending the command {entity}",
    "command_finished": Choice(
        "outcome",
        {
            "executed": "Car {vin}: the command {entity} was carried out",
            "ignored": "Car {vin}: the command {entity} had nothing to do: {detail}",
            "rejected": "Car {vin}: the command {entity} was refused: {detail}",
            "timed_out": "Car {vin}: the result of the command {entity} is not known: {detail}",
        },
        otherwise="Car {vin}: the command {entity} failed: {detail}",
    ),
    "command_refused": Choice(
        "reason",
        {
            "retained": "Refused a message on {topic}: it is retained; send it without the retain"
            " flag",
            "expired": "Refused a message on {topic}: it is too old; send it again",
            "invalid_payload": "Refused a message on {topic}: its payload is not valid",
            "unknown_account": "Refused a message on {topic}: there is no such account",
        },
        otherwise="Refused a message on {topic}: {reason}",
    ),
    "response_topic_refused": "No answer was sent to {topic}: it is one of bmw2mqtt's own topics."
    " Use another response topic",
    "account_command_received": Choice(
        "key",
        {
            "login": "Account {account}: a login was requested",
            "refresh": "Account {account}: a refresh was requested",
            "polling": "Account {account}: polling was paused or resumed",
        },
        otherwise="Account {account}: {key} was requested",
    ),
}

_ACCOUNTS: Final[_Table] = {
    "account_status": Choice(
        "status",
        {"ok": "Account {account}: everything is well"},
        otherwise="Account {account}: {reason}",
    ),
    "login_code_issued": "Account {account}: log in at BMW. Open {open} and confirm the code"
    " {confirm} before {until!t}",
    "login_failed": "Account {account}: {reason}",
    "logged_in": "Account {account}: logged in",
    "bmw_account_changed": "Account {account}: this login belongs to another BMW account than"
    " before",
    "polling_delayed": "bmw2mqtt was started {starts_within_an_hour:# time|# times} within an hour;"
    " to protect your BMW account, the next update is at {next_poll_at!t}",
    "container_shortened": "BMW does not accept the whole list of values; bmw2mqtt requests"
    " {descriptors} of {wanted}",
    "container_not_renewed": "BMW did not accept the list of values that bmw2mqtt requests:"
    " {reason}. Next try {retry_at!t}",
    "container_not_deleted": "BMW did not delete an old list of values: {reason}",
    "unknown_word": "BMW sent the unknown word “{word}” in {field}; please report it",
    "unknown_descriptor": "BMW sent the unknown value {field}; it is published as a raw reading."
    " Please report it",
}

_VEHICLES: Final[_Table] = {
    "vehicle_found": "Account {account}: found car {vin} ({model})",
    "vehicle_left": "Account {account}: car {vin} was removed",
    "vehicle_in_two_accounts": "Car {vin} is in two accounts: {belongs_to} publishes it,"
    " {left_out_of} leaves it out",
    "vehicle_missed": "Account {account}: BMW's list does not contain car {vin} at the moment; it"
    " stays for now",
    "vehicle_not_listed": "Account {account}: BMW's list does not contain car {vin} at the moment;"
    " it stays for now",
    "vehicle_removed": "Account {account}: car {vin} is removed, because BMW's list no longer"
    " contains it",
    "vehicle_refused": "Account {account}: BMW gives no data of car {vin}: {reason}",
    "vehicle_without_vin": "Account {account}: BMW's list contains a car without a valid VIN"
    " ({vin})",
    "vehicle_of_another_user": "Account {account}: this login is only a secondary user of car"
    " {vin}",
    "vin_missing": "BMW's list contains a {brand} without a VIN",
    "vehicles_not_listed": "Account {account}: BMW's list of cars cannot be read: {reason}",
    "vehicle_not_updated": "Account {account}: car {vin} cannot be updated: {reason}",
    "profile_not_received": "Account {account}: the basic data of car {vin} cannot be read:"
    " {reason}",
    "data_not_read": Choice(
        "what",
        {
            "vehicle_list": "Account {account}: BMW's list of cars cannot be read: {reason}",
            "basic_data": "Account {account}: the basic data of car {vin} cannot be read: {reason}",
            "image": "Account {account}: the picture of car {vin} cannot be read: {reason}",
            "charging_history": "Account {account}: the charging history of car {vin} cannot be"
            " read: {reason}",
        },
        otherwise="Account {account}: the values of car {vin} cannot be read: {reason}",
    ),
    "older_report_held_back": "Account {account}: BMW sent an old report of car {vin}; it is used"
    " from {until} on, unless a newer one arrives",
    "follow_up_read": "Account {account}: requested the values of car {vin} from BMW ({reason})",
}

_FILES: Final[_Table] = {
    "state_not_saved": "Account {account}: the state cannot be saved: {reason}",
    "tokens_not_saved": "Account {account}: the login cannot be saved: {reason}",
    "installation_id_not_saved": "The installation ID cannot be saved: {reason}",
    "image_not_saved": "The picture of a car cannot be saved: {reason}",
    "vehicle_not_saved": "Account {account}: the data of a car cannot be saved: {reason}",
    "readings_not_saved": "Readings cannot be saved in {file}: {reason}",
    "file_not_read": "{file} cannot be read: {reason}",
    "file_damaged": "{file} is damaged ({reason}); bmw2mqtt starts a new one and keeps the old one"
    " as {kept_as}",
    "file_not_set_aside": "The damaged file {file} cannot be renamed: {reason}",
    "damaged_file_kept": "The damaged file {file} cannot be renamed: {reason}",
    "data_dir_is_slow": "Saving to data_dir takes longer than {seconds:# second|# seconds}",
    "data_dir_not_writable": "{directory} cannot be written: {reason}",
    "data_dir_has_no_locks": "{directory} is on a file system without locks ({reason})",
    "charging_state_ignored": "The saved state of a charging session cannot be used ({reason});"
    " recording starts anew",
    "charging_state_discarded": "The saved state of a charging session cannot be used ({reason});"
    " recording starts anew",
    "charging_session_ignored": "Car {vin}: the saved charging session cannot be used ({reason})",
    "battery_12v_state_ignored": "Car {vin}: what was saved of the 12 V battery cannot be used"
    " ({reason}); it starts anew",
    "trip_state_ignored": "Car {vin}: the saved trip cannot be used ({reason}); recording starts"
    " anew",
    "history_not_used": "The history is not recorded: {reason}",
    "history_not_read": "The history cannot be read: {reason}. bmw2mqtt tries again",
    "history_not_saved": "The history cannot be saved: {reason}",
    "history_saved_again": "The history is saved again in {file}",
    "history_damaged": "The history {file} is damaged ({reason}); bmw2mqtt starts a new one and"
    " keeps the old one as {kept_as}",
    "meter_not_plausible": "The counter of {meter} is not used: {reason}",
    "history_positions_deleted": "Car {vin}: all recorded positions were deleted",
    "history_migrated": "The history {file} was updated to a new format; the old one is kept as"
    " {copy}",
}

_PAGE: Final[_Table] = {
    "page_opened": "Open {url} in a browser to see your cars",
    "page_listen_failed": "The page cannot be served at {host}:{port}: {reason}",
    "page_link_created": "Open {url} in a browser to see your cars; the link works once",
    "setup_waiting": Choice(
        "by",
        {
            "ingress": "Open BMW in the sidebar of Home Assistant to set up bmw2mqtt",
            "link": "Open {url} in a browser to set up bmw2mqtt; the link works once",
        },
        "Open {url} in a browser on this machine to set up bmw2mqtt",
    ),
    "setup_saved": "The setup has saved {settings}",
    "everything_removed": "Everything that bmw2mqtt has published is deleted from the broker"
    " ({count:# topic|# topics}). It publishes again after a restart",
    "page_token_refused": "Somebody at {client} entered a wrong token on the page",
}

_BUGS: Final[_Table] = {
    "daemon_crashed": "bmw2mqtt ends because of an internal error",
    "mqtt_crashed": "Internal error in the connection to the broker",
    "message_crashed": "Internal error with a message of the broker",
    "bug": "Internal error while saving a file",
    "bug_not_shown": "Internal error while reporting another one",
    "task_crashed": "Internal error in the task “{task}”; it starts again",
    "update_crashed": "Internal error while publishing an update",
    "publish_current_crashed": "Internal error while publishing a car",
    "availability_crashed": "Internal error while checking whether a car is up to date",
    "command_crashed": "Internal error while carrying out a command",
    "command_worker_crashed": "Internal error in a car's queue of commands",
    "poll_failed": "Internal error while requesting data from BMW",
    "poll_not_recorded": "Internal error while recording an update",
    "list_crashed": "Account {account}: internal error while reading BMW's list of cars",
    "image_crashed": "Account {account}: internal error with the picture of car {vin}",
    "vehicle_crashed": "Account {account}: internal error with the data of car {vin}",
    "profile_crashed": "Account {account}: internal error with the basic data of car {vin}",
    "vehicle_not_restored": "Account {account}: internal error while loading car {vin}",
    "readings_not_committed": "Account {account}: internal error while saving readings",
    "renewal_crashed": "Account {account}: internal error while renewing the login",
    "login_crashed": "Account {account}: internal error while logging in",
    "stream_crashed": "Internal error in the connection to BMW's stream",
    "stream_message_crashed": "Internal error with a message of BMW's stream",
    "history_crashed": "Internal error while recording the history",
    "history_record_refused": "A record of the history cannot be saved: {reason}",
    "page_request_crashed": "Internal error while answering a request of the page",
}

SENTENCES: Final[_Table] = {
    **_DAEMON,
    **_BROKER,
    **_COMMANDS,
    **_ACCOUNTS,
    **_VEHICLES,
    **_FILES,
    **_PAGE,
    **_BUGS,
}
