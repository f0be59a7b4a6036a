"""Every number of the charging rules, in one place.

Times are timedeltas, percentages are points of the state of charge (SoC), power is in watts unless
the name says otherwise.
"""

from datetime import timedelta

# Time stamps
FUTURE_TOLERANCE = timedelta(minutes=5)
"""A stamp further ahead of its arrival is wrong; the arrival time replaces it."""
BURST_TOLERANCE = timedelta(seconds=10)
"""Readings of one moment carry stamps that differ by up to this much."""

# Begin, pause, end
CHARGING_POWER_W = 100.0
"""Power from here on counts as charging."""
FLAP = timedelta(seconds=120)
"""A shorter pause does not end the block."""
MERGE_WITHOUT_PLUG = timedelta(minutes=30)
"""A car without a plug signal: a longer break ends the session."""
LONGEST_SILENCE = timedelta(hours=24)
"""A charge without any message for this long is over."""
EXPECTED_END_READ = timedelta(minutes=5)
"""How long after the expected end one REST read is due."""
EXPECTED_END_OVER = timedelta(hours=2)
"""How long after the expected end a charge without an answer is over."""
READ_SPACING = timedelta(hours=1)
"""At most one such read per vehicle in this time."""
RESTORE_GRACE = timedelta(minutes=10)
"""After a restart, how long the car has to report before an assumed end applies."""
LONGEST_REMAINING = timedelta(days=14)
"""A longer remaining time is not valid."""
NOT_CHARGING_NOTICE = timedelta(minutes=15)
"""Plugged in without charging for so long is worth an event."""

# Movement
MOVED_KM = 1.0
MOVED_M = 100.0
ODOMETER_SETTLES = timedelta(minutes=10)
"""An odometer reading measured this early in a charge may belong to the drive before it."""
FASTEST_KMH = 350.0
"""A position that implies more is wrong."""
KM_PER_MILE = 1.609344
MILES_TOLERANCE = 0.005
"""An odometer step by the factor 1.609 within this share is a fault of units, not a drive."""

# State of charge
START_WINDOW = timedelta(seconds=120)
"""A SoC measured up to this long after the start is the SoC at the start."""
LATE_START_POINTS = 3.0
LATE_READING = timedelta(seconds=60)
"""A SoC measured up to this long after the end always completes the session."""
LATE_READING_PARKED = timedelta(hours=12)
"""The same as long as the car has not moved."""
RESENT_POINTS = 3.0
"""A fall of at least this much to the SoC before the charge is a repeated old reading."""
SPIKE_POINTS = 18.0
SPIKE_HOLD = timedelta(minutes=30)
MISSED_POINTS = 5.0
MISSED_SILENCE = timedelta(minutes=5)
MISSED_KM = 1.0
TARGET_TOLERANCE_POINTS = 1.0
KNOWN_SOCS = 8
"""How many SoC readings are remembered to recognise one that comes again without a stamp."""

# What is shown
POWER_UNKNOWN = timedelta(minutes=30)
"""Power that was not measured again for so long is unknown."""
STEADY_END = timedelta(minutes=2)
"""Cars round minutes; an end that moves by no more is the same end."""
END_TIME_SHOWN = timedelta(hours=1)
"""An end time further back is unknown."""
UNKNOWN_WORD_HOLD = timedelta(minutes=2)
"""How long the last status stays after BMW sent UNKNOWN or INVALID."""

# Energy
HELD = timedelta(seconds=600)
"""A power sample is valid for at most this long."""
COVERED_SHARE = 0.8
"""The integral of power counts if samples cover this share of the charging time."""
CLAMP_BELOW_POINTS = 1.0
CLAMP_ABOVE_POINTS = 2.0
AC_EFFICIENCY = 0.93
DC_EFFICIENCY = 0.97
DC_POWER_KW = 25.0
"""More than this is direct current."""
FAILED_POINTS = 3.0
FAILED_KWH = 0.5
"""A session that gained less than both charged nothing worth a row."""
UNPROVEN_POINTS = 1.0
"""What a whole percent leaves open: the counter of a running charge leaves it out."""
ACTIVE_BLOCK_KW = 0.1
"""A block of BMW's record above this counts for the mean power."""
MIN_CAPACITY_KWH = 5.0
MAX_CAPACITY_KWH = 150.0
MIN_BATTERY_SIZE_KWH = 1.0
"""BMW sends 0 and 1 for a battery size that it does not know."""

# Wallbox meter
METER_MIN_KWH = 0.2
METER_LOW_FACTOR = 0.9
METER_LOW_KWH = 1.5
METER_HIGH_FACTOR = 1.8
METER_MAX_KW = 22.0
METER_JUMP_KWH = 0.5
METER_LEAD = timedelta(minutes=5)
"""How long before the car reports a charge the wallbox may have begun to count it."""
METER_LONGEST_LEAD = timedelta(hours=2)
"""The same for a car that reports late."""
METER_TAIL = timedelta(minutes=15)
"""How long after the end the last reading of a charge may come, or before it."""
METER_STEP = timedelta(seconds=30)
"""Readings that follow one another more closely are thinned."""
METER_KEPT = timedelta(days=1)
"""How long readings are remembered."""

# BMW's charging history
RECORD_MATCH = timedelta(minutes=30)
RECORD_ABSORB = timedelta(minutes=5)
