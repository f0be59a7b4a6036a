"""BMW's accounts: each turns what BMW sends into `Vehicle` snapshots and carries out commands.

One folder per backend. What they share (when to ask, what to keep on disk, how many requests were
made) lies here. No account knows of MQTT.
"""
