#!/bin/sh
# Makes passwords for everybody on the broker and a token for the status page, where there are none.
# Runs as root in the broker's image before the broker starts. To change a password, write another
# one into its file and run: docker compose -f docker/compose.with-broker.yaml up -d --force-recreate
set -eu
umask 077
secrets=/secrets
broker=/broker
mosquitto=1883:1883 # the user of eclipse-mosquitto
bridge=10001        # the user and group of bmw2mqtt
owner=$(stat -c %u "$secrets") # you, who cloned the project

secret() { # FILE: make it unless it is there
  [ -s "$1" ] || head -c 24 /dev/urandom | base64 | tr -d '\n' | tr '+/' '-_' >"$1"
}

secret $secrets/bmw2mqtt/bmw2mqtt_http__token
secret $secrets/bmw2mqtt/bmw2mqtt_mqtt__password
for user in dashboard family homeassistant; do
  secret "$secrets/mqtt_$user"
  chown "$owner" "$secrets/mqtt_$user"
done

# You own what the bridge reads; its group may read it, whatever the mask you made a file with.
chown "$owner:$bridge" $secrets/bmw2mqtt $secrets/bmw2mqtt/bmw2mqtt_*
chmod 0750 $secrets/bmw2mqtt
chmod u=rw,g=r,o= $secrets/bmw2mqtt/bmw2mqtt_*

# The broker gets hashes only.
passwords=$broker/passwords.new
: >"$passwords"
echo "bmw2mqtt:$(cat $secrets/bmw2mqtt/bmw2mqtt_mqtt__password)" >>"$passwords"
for user in dashboard family homeassistant; do
  echo "$user:$(cat "$secrets/mqtt_$user")" >>"$passwords"
done
mosquitto_passwd -U "$passwords"
cp /setup/acl.conf $broker/acl.conf
chown $mosquitto $broker "$passwords" $broker/acl.conf
chmod 0600 "$passwords" $broker/acl.conf
mv "$passwords" $broker/passwords
