"""Device discovery of Home Assistant over MQTT.

Pure functions of the tables and a snapshot. What Home Assistant accepts:
https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
"""
