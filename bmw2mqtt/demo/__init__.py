"""The demo, which needs no BMW account: an MQTT broker, a simulated BMW and the bridge."""
