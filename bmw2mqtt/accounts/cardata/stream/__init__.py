"""BMW's MQTT stream: one connection per account, reconnects, disconnect reasons."""
