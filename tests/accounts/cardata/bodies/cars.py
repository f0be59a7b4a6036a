"""Cars of every kind: the descriptors, words and units that public reports of real cars name.

The values are invented. `null` and INVALID stand beside good readings, as BMW sends them.
"""

import json
from typing import Any

from tests.accounts.cardata.bodies.body import Body, Measured

_ENGINE = "drivetrain.electricEngine."
_CHARGING = f"{_ENGINE}charging."
_BATTERY = "powertrain.electric.battery."
_PORT = "body.chargingPort."
_NAVIGATION = "cabin.infotainment.navigation."
NEVER = Measured(None, None, None)
"""The car never supplied it."""
MINUTE, HOUR, DAY = 60, 3600, 86400


def measured(age_s: float, readings: dict[str, Any]) -> dict[str, Measured]:
    """Return readings of one moment; a tuple is value and unit."""
    return {
        name: Measured(*value, age_s) if isinstance(value, tuple) else Measured(value, None, age_s)
        for name, value in readings.items()
    }


def _position(age_s: float) -> dict[str, Measured]:
    return measured(
        age_s,
        {
            f"{_NAVIGATION}currentLocation.latitude": (48.177024, "degrees"),
            f"{_NAVIGATION}currentLocation.longitude": (11.559107, "degrees"),
            f"{_NAVIGATION}currentLocation.heading": (212, "degrees"),
            f"{_NAVIGATION}currentLocation.altitude": (519, "m"),
            f"{_NAVIGATION}currentLocation.fixStatus": "GPS_FIX_3D",
        },
    )


def _body(age_s: float, **changed: Any) -> dict[str, Measured]:
    """Return doors, windows, hood, trunk, lock, alarm and lights."""
    return measured(
        age_s,
        {
            **{
                f"cabin.door.row{row}.{side}.isOpen": False
                for row in (1, 2)
                for side in ("driver", "passenger")
            },
            **{
                f"cabin.window.row{row}.{side}.status": "CLOSED"
                for row in (1, 2)
                for side in ("driver", "passenger")
            },
            "body.hood.isOpen": False,
            "body.trunk.isOpen": False,
            "body.trunk.window.isOpen": False,
            "body.lights.isRunningOn": False,
            "cabin.sunroof.status": "CLOSED",
            "cabin.sunroof.tiltStatus": "CLOSED",
            "cabin.sunroof.relativePosition": (0, "%"),
            "cabin.door.lock.status": "SECURED",
            "cabin.door.status": "SECURED",
            "vehicle.antiTheftAlarmSystem.alarm.armStatus": "doorsTiltCabin",
            "vehicle.antiTheftAlarmSystem.alarm.isOn": False,
            **changed,
        },
    )


def _tires(age_s: float, front_kpa: int = 250, rear_kpa: int = 270) -> dict[str, Measured]:
    return measured(
        age_s,
        {
            f"chassis.axle.row{row}.wheel.{side}.tire.{name}": value
            for row, kpa in ((1, front_kpa), (2, rear_kpa))
            for side in ("left", "right")
            for name, value in (
                ("pressure", (kpa, "kPa")),
                ("pressureTarget", (kpa - 10, "kPa")),
                ("temperature", (17, "°C")),
            )
        },
    )


SERVICES = json.dumps(
    [
        {
            "id": "1",
            "title": "Engine oil",
            "description": "Next change at the latest by the stated date.",
            "date": "2027-03",
            "status": "OK",
            "unitOfLengthRemaining": "12000",
        },
        {
            "id": "3",
            "title": "Brake fluid",
            "description": "Next change due at the latest by the stated date.",
            "date": "2026-12",
            "status": "PENDING",
            "unitOfLengthRemaining": "-",
        },
        {
            "id": "100",
            "title": "Vehicle check",
            "description": "Next visual inspection.",
            "date": "2028-05",
            "status": "OK",
            "unitOfLengthRemaining": "28000",
        },
        {
            "id": "32",
            "title": "§ Vehicle inspection",
            "description": "Next statutory inspection.",
            "date": "2027-07",
            "status": "OK",
            "unitOfLengthRemaining": "null",
        },
    ]
)
ELECTRIC_SERVICES = json.dumps([item for item in json.loads(SERVICES) if item["id"] != "1"])
MESSAGES = json.dumps(
    [
        {
            "id": "143",
            "messageType": "CCM",
            "text": "Tyre pressure loss. Stop carefully.",
            "status": "NULL",
            "severity": "HIGH",
            "unitOfLengthRemaining": "41190",
        },
        {
            "id": "164",
            "messageType": "CCM",
            "text": "Washer fluid low.",
            "status": "NULL",
            "severity": "LOW",
            "unitOfLengthRemaining": "41240",
        },
    ]
)


def _service(age_s: float, services: str, messages: str | None = "[]") -> dict[str, Measured]:
    return measured(
        age_s,
        {
            "status.conditionBasedServices": services,
            "status.checkControlMessages": messages,
            "status.conditionBasedServicesCount": 9,
            "status.serviceDistance.next": (12000, "km"),
            "status.serviceDistance.yellow": (2000, "km"),
            "status.serviceTime.inspectionDateLegal": "01.07.2027 00:00 UTC",
            "electricalSystem.battery.voltage": (14.2, "V"),
            "electricalSystem.battery.stateOfCharge": (91, "%"),
            "electricalSystem.battery.serviceDemand.replace": 200,
            "electricalSystem.battery.serviceDemand.recharge": "ASN_isFalse",
        },
    )


_RESTING_PLUG = {
    f"{_PORT}status": "DISCONNECTED",
    f"{_PORT}dcStatus": "DISCONNECTED",
    f"{_PORT}combinedStatus": "DISCONNECTED",
    f"{_CHARGING}connectorStatus": "DISCONNECTED",
    f"{_PORT}lockedStatus": "CHARGING_CABLE_NOT_LOCKED",
    "powertrain.tractionBattery.charging.port.anyPosition.flap.isOpen": False,
}

ELECTRIC = Body(
    name="electric",
    basic={
        "brand": "BMW_I",
        "modelName": "i4 eDrive40",
        "bodyType": "GC",
        "driveTrain": "BEV",
        "steering": "LL",
        "puStep": "0726",
        "hvsMaxEnergyAbsolute": "81.1",
    },
    readings={
        **measured(
            5 * HOUR,
            {
                "vehicle.travelledDistance": (41250, "km"),
                "isMoving": False,
                "drivetrain.engine.isActive": False,
                "drivetrain.engine.isIgnitionOn": False,
                f"{_ENGINE}kombiRemainingElectricRange": (287, "km"),
                "drivetrain.lastRemainingRange": (287, "km"),
                "drivetrain.totalRemainingRange": (0, "km"),
                f"{_ENGINE}remainingElectricRange": (301, "km"),
                "drivetrain.batteryManagement.header": (63, "%"),
                f"{_BATTERY}stateOfCharge.displayed": (63, "%"),
                "trip.segment.end.drivetrain.batteryManagement.hvSoc": (63.4, "%"),
                "trip.segment.end.travelledDistance": (41250, "km"),
                "trip.segment.end.time": "01.11.2026 05:00:00 UTC",
                "cabin.infotainment.hmi.distanceUnit": "KILOMETERS",
                **_RESTING_PLUG,
                f"{_CHARGING}status": "NOCHARGING",
                f"{_CHARGING}hvStatus": "INVALID",
                f"{_BATTERY}charging.power": (0, "W"),
                f"{_CHARGING}phaseNumber": "1-PHASES",
                "drivetrain.fuelSystem.level": (0, "%"),
                "drivetrain.fuelSystem.remainingFuel": (0, "l"),
                "drivetrain.internalCombustionEngine.engine.ect": (-48, "°C"),
            },
        ),
        **measured(
            9 * HOUR,
            {
                f"{_CHARGING}level": (79, "%"),
                f"{_CHARGING}timeRemaining": (0, "min"),
                f"{_CHARGING}timeToFullyCharged": (0, "min"),
                f"{_CHARGING}method": "NO_CHARGING",
                f"{_CHARGING}reasonChargingEnd": "HV_BATTERY_FULLY_CHARGED",
                f"{_BATTERY}preconditioning.state": "OFF",
            },
        ),
        **measured(
            30 * DAY,
            {
                f"{_BATTERY}stateOfCharge.target": (80, "%"),
                f"{_BATTERY}charging.acLimit.selected": (16, "A"),
                "drivetrain.batteryManagement.maxEnergy": (80.9, "kWh"),
                "drivetrain.batteryManagement.batterySizeMax": (0, "kWh"),
                f"{_BATTERY}stateOfHealth.displayed": (97, "%"),
                "drivetrain.avgElectricRangeConsumption": (19.3, "kWh/100km"),
                f"{_CHARGING}consumptionOverLifeTime.overall.gridEnergy": (9120.4, "kWh"),
                f"{_CHARGING}profile.climatizationActive": True,
                "cabin.climate.timers.weekdaysTimer1.action": "ACTIVATE",
                "cabin.climate.timers.weekdaysTimer1.hour": 7,
                "cabin.climate.timers.weekdaysTimer1.minute": 30,
                "cabin.climate.timers.overwriteTimer.action": "DEACTIVATE",
                "cabin.climate.timers.overwriteTimer.hour": 0,
                "cabin.climate.timers.overwriteTimer.minute": 0,
            },
        ),
        **measured(
            4 * HOUR,
            {
                "vehicle.preConditioning.activity": "inactive",
                "vehicle.preConditioning.remainingTime": (0, "min"),
                "vehicle.preConditioning.error": "OK",
                "cabin.hvac.preconditioning.status.comfortState": "NOT_ACTIVE",
            },
        ),
        **_position(5 * HOUR),
        **_body(4 * HOUR + 0.52),
        **_tires(5 * HOUR),
        **_service(2 * DAY, ELECTRIC_SERVICES, MESSAGES),
        f"{_PORT}statusClearText": NEVER,
        "vehicle.speedRange.upperBound": NEVER,
        "cabin.sunroof.overallStatus": Measured("INVALID", None, 4 * HOUR),
        "cabin.convertible.roofStatus": Measured("INVALID", None, 4 * HOUR),
    },
)

CHARGING_ELECTRIC = Body(
    name="electric that charges",
    basic={**ELECTRIC.basic, "modelName": "iX1 xDrive30"},
    readings={
        **ELECTRIC.readings,
        **measured(
            90 * MINUTE,
            {
                f"{_PORT}status": "CONNECTED",
                f"{_PORT}combinedStatus": "CONNECTED",
                f"{_CHARGING}connectorStatus": "CONNECTED",
                f"{_PORT}lockedStatus": "CHARGING_CABLE_LOCKED",
                "powertrain.tractionBattery.charging.port.anyPosition.flap.isOpen": True,
                f"{_CHARGING}status": "CHARGINGACTIVE",
                f"{_CHARGING}hvStatus": "CHARGING",
                f"{_CHARGING}method": "AC_TYPE2PLUG",
                f"{_CHARGING}phaseNumber": "3-PHASES",
                f"{_CHARGING}acVoltage": (231, "V"),
            },
        ),
        **measured(
            2 * MINUTE,
            {
                "drivetrain.batteryManagement.header": (63, "%"),
                f"{_BATTERY}stateOfCharge.displayed": (63, "%"),
                f"{_CHARGING}level": (63, "%"),
                f"{_BATTERY}charging.power": (10850, "W"),
                f"{_CHARGING}acAmpere": (16, "A"),
                f"{_CHARGING}timeRemaining": (74, "min"),
                f"{_CHARGING}timeToFullyCharged": (150, "min"),
                f"{_ENGINE}remainingElectricRange": (291, "km"),
            },
        ),
    },
)

HYBRID = Body(
    name="plug-in hybrid",
    basic={
        "brand": "BMW",
        "modelName": "330e xDrive Touring",
        "driveTrain": "PHEV",
        "steering": "LL",
    },
    readings={
        **measured(
            3 * HOUR,
            {
                "vehicle.travelledDistance": ("62170", "km"),
                f"{_ENGINE}kombiRemainingElectricRange": (31, "km"),
                "drivetrain.lastRemainingRange": (471, "km"),
                "drivetrain.fuelSystem.level": (72, "%"),
                "drivetrain.fuelSystem.remainingFuel": (29, "l"),
                "drivetrain.batteryManagement.header": (66, "%"),
                **_RESTING_PLUG,
                f"{_PORT}status": "CONNECTED",
                f"{_PORT}combinedStatus": "CONNECTED",
                f"{_CHARGING}connectorStatus": "CONNECTED",
                f"{_CHARGING}status": "CHARGINGENDED",
                f"{_CHARGING}hvStatus": "FINISHED_NOT_FULL",
                f"{_CHARGING}hvpmFinishReason": "CHARGING_GOAL_REACHED",
                "isMoving": "ASN_isFalse",
                "drivetrain.internalCombustionEngine.engine.ect": (34, "°C"),
            },
        ),
        **measured(
            20 * DAY,
            {
                f"{_BATTERY}stateOfCharge.target": (100, "%"),
                "drivetrain.batteryManagement.maxEnergy": (10.4, "kWh"),
                "drivetrain.batteryManagement.batterySizeMax": (1, "kWh"),
                "drivetrain.fuelSystem.consumptionOverLifeTime.overall.fuel": (2511, "l"),
            },
        ),
        "vehicle.preConditioning.activity": Measured("standby", None, 3 * HOUR),
        **_position(3 * HOUR),
        **_body(3 * HOUR),
        **_tires(3 * HOUR),
        **_service(8 * DAY, SERVICES),
        f"{_ENGINE}remainingElectricRange": Measured("INVALID", "km", 3 * HOUR),
        f"{_BATTERY}stateOfCharge.displayed": NEVER,
        "cabin.convertible.roofStatus": NEVER,
    },
)

PETROL = Body(
    name="petrol",
    basic={"brand": "BMW", "modelName": "330i", "driveTrain": "CONV", "steering": "LL"},
    readings={
        **measured(
            HOUR,
            {
                "vehicle.travelledDistance": (18400, "km"),
                "drivetrain.fuelSystem.level": (55, "%"),
                "drivetrain.fuelSystem.remainingFuel": (32, None),
                "drivetrain.lastRemainingRange": (512, "km"),
                "drivetrain.fuelSystem.consumptionOverLifeTime.overall.fuel": (1402, "l"),
                "drivetrain.internalCombustionEngine.engine.ect": (88, "°C"),
                "trip.segment.end.drivetrain.batteryManagement.hvSoc": (50, "%"),
                "drivetrain.batteryManagement.header": (0, "%"),
                f"{_BATTERY}stateOfCharge.target": (80, "%"),
                "drivetrain.batteryManagement.batterySizeMax": (0, "kWh"),
                f"{_ENGINE}kombiRemainingElectricRange": (0, "km"),
                f"{_PORT}status": "DISCONNECTED",
                f"{_CHARGING}status": "NOCHARGING",
                f"{_BATTERY}charging.acLimit.selected": (0, "A"),
                f"{_CHARGING}profile.climatizationActive": False,
                "vehicle.preConditioning.activity": "inactive",
            },
        ),
        **_position(HOUR),
        **_body(HOUR),
        **_tires(HOUR, 220, 220),
        **_service(DAY, SERVICES),
    },
)

DIESEL = Body(
    name="diesel without basic data of its drive train",
    basic={"brand": "BMW", "modelName": "X3 xDrive20d", "steering": "LL"},
    readings={
        **measured(
            2 * DAY,
            {
                "vehicle.travelledDistance": (99800, "km"),
                "drivetrain.fuelSystem.remainingFuel": (48, "l"),
                "drivetrain.fuelSystem.level": (80, "%"),
                "drivetrain.lastRemainingRange": (801, "km"),
                "trip.segment.end.drivetrain.batteryManagement.hvSoc": (0, "%"),
                "electricalSystem.battery.voltage": (12.4, "V"),
            },
        ),
        **measured(
            2 * DAY,
            {
                "cabin.door.status": "CLOSED",
                "cabin.door.lock.status": "LOCKED",
                "cabin.door.row1.driver.isOpen": "CLOSED",
                "body.trunk.isOpen": "OPEN",
            },
        ),
        f"{_PORT}status": NEVER,
        f"{_CHARGING}status": NEVER,
    },
)

MILD_HYBRID = Body(
    name="mild hybrid",
    basic={"brand": "BMW", "modelName": "X5 xDrive40d", "driveTrain": "MHEV", "steering": "LL"},
    readings={
        **measured(
            6 * HOUR,
            {
                "vehicle.travelledDistance": (30120, "km"),
                "drivetrain.fuelSystem.remainingFuel": (61, "l"),
                "drivetrain.fuelSystem.level": (76, "%"),
                "drivetrain.totalRemainingRange": (890, "km"),
                "drivetrain.batteryManagement.header": (54, "%"),
                f"{_CHARGING}status": "NOCHARGING",
                f"{_CHARGING}hvStatus": "NOT_CHARGING",
                "electricalSystem.battery48V.stateOfHealth.displayed": (88, "%"),
                f"{_BATTERY}stateOfHealth.displayed": (0, "%"),
            },
        ),
        **_body(6 * HOUR, **{"cabin.sunroof.status": "INTERMEDIATE"}),
        **_tires(6 * HOUR),
        **_service(DAY, SERVICES),
    },
)

MINI = Body(
    name="MINI",
    basic={"brand": "MINI", "modelName": "Cooper SE", "propulsionType": "BEV", "steering": "RL"},
    readings={
        **measured(
            30 * MINUTE,
            {
                "vehicle.travelledDistance": (20110, "km"),
                "drivetrain.batteryManagement.header": (44, "%"),
                f"{_ENGINE}remainingElectricRange": (92, "km"),
                "drivetrain.lastRemainingRange": (0, "km"),
                f"{_CHARGING}status": "NOCHARGING",
                "powertrain.tractionBattery.charging.port.anyPosition.isPlugged": False,
                "cabin.door.status": "UNLOCKED",
                "cabin.window.row1.driver.status": "OPEN",
                "cabin.window.row1.passenger.status": "CLOSED",
                "cabin.door.row1.driver.isOpen": True,
                "cabin.door.row1.passenger.isOpen": False,
                "drivetrain.batteryManagement.batterySizeMax": (32.6, "kWh"),
                "cabin.convertible.roofStatus": "CLOSED_SECURED",
            },
        ),
        **_position(30 * MINUTE),
    },
)

SUPRA = Body(
    name="Supra",
    basic={
        "brand": "Toyota-Supra",
        "modelName": "Supra 3.0",
        "driveTrain": "CONV",
        "steering": "LL",
    },
    readings={
        **measured(
            DAY,
            {
                "vehicle.travelledDistance": (7001, "km"),
                "drivetrain.fuelSystem.remainingFuel": (20, "l"),
                "drivetrain.lastRemainingRange": (240, "km"),
                "cabin.door.status": "LOCKED",
                "cabin.door.row1.driver.isOpen": False,
                "cabin.door.row1.passenger.isOpen": False,
                "status.checkControlMessages": "[]",
            },
        ),
    },
)

RANGE_EXTENDER = Body(
    name="i3 with range extender",
    basic={"brand": "BMWi", "modelName": "i3 94 REX", "driveTrain": "BEV_REX", "steering": "LL"},
    readings={
        **measured(
            7 * HOUR,
            {
                "vehicle.travelledDistance": (88000, "km"),
                "drivetrain.batteryManagement.header": (70, "%"),
                f"{_ENGINE}kombiRemainingElectricRange": (120, "km"),
                f"{_NAVIGATION}remainingRange": (110, "km"),
                "drivetrain.fuelSystem.remainingFuel": (7, "l"),
                "drivetrain.fuelSystem.level": (78, "%"),
                f"{_CHARGING}status": "NOCHARGING",
                f"{_CHARGING}hvStatus": "WAITING_FOR_CHARGING",
                f"{_PORT}status": "CONNECTED",
                "cabin.door.status": "SELECTIVELOCKED",
                "drivetrain.batteryManagement.maxEnergy": (27.2, "kWh"),
            },
        ),
        "drivetrain.lastRemainingRange": NEVER,
        "drivetrain.totalRemainingRange": NEVER,
    },
)

BRITISH = Body(
    name="British, in miles",
    basic={"brand": "BMW", "modelName": "iX1 xDrive30", "driveTrain": "BEV", "steering": "RL"},
    readings={
        **measured(
            HOUR,
            {
                "cabin.infotainment.hmi.distanceUnit": "MILES",
                "cabin.infotainment.displayUnit.distance": "mi",
                "vehicle.travelledDistance": (25632, None),
                "trip.segment.end.travelledDistance": (25632, None),
                f"{_ENGINE}kombiRemainingElectricRange": (178, "mi"),
                "drivetrain.lastRemainingRange": (178, None),
                "drivetrain.batteryManagement.header": (80, "%"),
                f"{_CHARGING}status": "NOCHARGING",
                f"{_PORT}status": "DISCONNECTED",
                "drivetrain.avgElectricRangeConsumption": (3.2, "mi/kWh"),
                "cabin.door.row1.driver.isOpen": True,
                "cabin.door.row1.passenger.isOpen": False,
                "cabin.window.row1.driver.status": "OPEN",
            },
        ),
        **_service(DAY, ELECTRIC_SERVICES, MESSAGES),
        "status.serviceDistance.next": Measured(7456, "mi", DAY),
    },
)

NEW_CLASS = Body(
    name="Neue Klasse",
    basic={"brand": "BMW", "modelName": "iX3 50 xDrive", "driveTrain": "BEV", "steering": "LL"},
    readings={
        **measured(
            20 * MINUTE,
            {
                "vehicle.travelledDistance": (3100, "km"),
                f"{_BATTERY}stateOfCharge.displayed": (57, "%"),
                f"{_ENGINE}kombiRemainingElectricRange": (411, "km"),
                f"{_PORT}combinedStatus": "DISCONNECTED",
                f"{_CHARGING}hvStatus": "NOT_CHARGING",
                "cabin.hvac.preconditioning.status.comfortState": "COMFORT_HEATING",
                "cabin.hvac.preconditioning.status.remainingRunningTime": (1500, "s"),
                "drivetrain.avgElectricRangeConsumption": (2777774, "kWh/100km"),
                "cabin.door.status": "LOCKED",
                f"{_BATTERY}charging.acLimit.max": (32, "A"),
            },
        ),
    },
)

BODIES = (
    ELECTRIC,
    CHARGING_ELECTRIC,
    HYBRID,
    PETROL,
    DIESEL,
    MILD_HYBRID,
    MINI,
    SUPRA,
    RANGE_EXTENDER,
    BRITISH,
    NEW_CLASS,
)
