#!/bin/sh
# Root is needed for this alone: Home Assistant owns /data and the options in it.
set -eu
install -d -m 0700 "$BMW2MQTT_DATA_DIR"
install -m 0600 /data/options.json "$BMW2MQTT_CONFIG"
chown -R 10001:10001 "$BMW2MQTT_DATA_DIR"
exec setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs bmw2mqtt "$@"
