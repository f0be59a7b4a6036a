"""The numbers of the rules about trips, in one place."""

from datetime import timedelta

PARKED_RADIUS_M = 50
"""A position this far from the parked one is a movement."""
STEP_M = 35
"""Two positions closer than this are the same place."""
MAX_SPEED_KMH = 320
"""A position or odometer step that needs more than this did not happen."""
STANDING_KMH = 3
"""Slower than this on average over a gap: the car stood in between."""
DOOR_BEFORE_START = timedelta(seconds=300)
DOOR_AFTER_STOP = timedelta(seconds=20)
CLOSE_AFTER = timedelta(seconds=300)
"""Without movement, with a sign of standing."""
CLOSE_SILENT_AFTER = timedelta(seconds=1800)
"""Without movement and without a sign of standing."""
BLOCK_AGE = timedelta(seconds=900)
"""An older trip end block says nothing about the present."""
SETTLE = timedelta(seconds=60)
"""How long an odometer step of a car that reports at the end only waits for the rest of a burst."""
CLOSE_MOVING_AFTER = timedelta(hours=12)
"""The car said that it moves, and nothing since: the word may be left over."""
DRIVING_KMH = 10
"""So fast on average, from the start to a late word that it stands: it drove all the time."""
CONFIRM_AFTER = timedelta(seconds=20)
"""Two different positions of a drive are at least this far apart in time."""
FUTURE = timedelta(minutes=5)
"""A measured time further ahead than this comes from a wrong clock."""
TRIP_END = timedelta(seconds=60)
"""Values measured this long before the last movement still describe the end of the trip."""
LATE_SOC = timedelta(minutes=15)
LATE_ODOMETER = timedelta(hours=12)
LATE_ODOMETER_KM = 2
ROAD_FACTOR = 1.5
"""A road is at most so much longer than the line through the positions on it."""

ODOMETER_STEP_KM = 1
MILES = 1.609344
BIG_STEP_KM = 1000
"""A step this large needs a second reading."""
NEAR_KM = 100
"""Two readings this close to each other confirm each other."""
SCALE_READINGS = 5
"""So many readings in a row in the other unit: the first one was wrong, not these."""
GPS_ONLY_KM = 2
"""Longer distances are not taken from positions."""
NOISE_KM = 0.5
NOISE = timedelta(seconds=120)

SOC_POINTS = 3
"""A smaller difference says nothing about consumption: SoC comes in whole percents."""
SOC_BEFORE_START = timedelta(minutes=10)
SOC_AFTER_START = timedelta(seconds=120)
PLAUSIBLE_KWH_100KM = (5, 80)

REFUEL_L = 5
REFUEL_PERCENT = 8
REFUEL_WINDOW = timedelta(minutes=10)
FUEL_DISTANCE_KM = 100
"""Litres per 100 km over less than this are noise: a tank is known to a few litres."""
PLAUSIBLE_L_100KM = (1, 40)

TRACK_POINTS = 2000
