"""The bridge's side of the MQTT broker: topics, session, publisher, what is retained there.

The only room that imports the MQTT library, and it knows nothing of BMW.
"""
