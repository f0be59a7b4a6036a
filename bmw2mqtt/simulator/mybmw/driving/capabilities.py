"""The capabilities of a simulated car, as the app API lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bmw2mqtt.simulator.driving import CarModel
    from bmw2mqtt.simulator.mybmw.cars import Json

ALWAYS_OFFERED: Final = (
    "climateNow",
    "horn",
    "isRemoteHistorySupported",
    "lights",
    "lock",
    "remoteSoftwareUpgrade",
    "sendPoi",
    "speechThirdPartyAlexa",
    "unlock",
    "vehicleFinder",
)
OFFERED_WITH_PLUG: Final = (
    "isBmwChargingSupported",
    "isChargeNowForBusinessSupported",
    "isChargingHistorySupported",
    "isChargingPlanSupported",
    "isDCSContractManagementSupported",
    "isScanAndChargeSupported",
)
OFFERED_WITH_CHARGING_SETTINGS: Final = (
    "isChargingHospitalityEnabled",
    "isChargingLoudnessEnabled",
    "isChargingPowerLimitEnabled",
    "isChargingSettingsEnabled",
    "isChargingTargetSocEnabled",
    "isEasyChargeEnabled",
)
NEVER_OFFERED: Final = (
    "inCarCamera",
    "inCarCameraDwa",
    "isCarSharingSupported",
    "isClimateTimerWeeklyActive",
    "isCustomerEsimSupported",
    "isDataPrivacyEnabled",
    "isEvGoChargingSupported",
    "isLocationBasedChargingSettingsSupported",
    "isNonLscFeatureEnabled",
    "isPersonalPictureUploadSupported",
    "isPlugAndChargeSupported",
    "isRemoteEngineStartEnabled",
    "isRemoteEngineStartSupported",
    "isRemoteHistoryDeletionSupported",
    "isRemoteParkingEes25Active",
    "isRemoteParkingSupported",
    "isRemoteServicesActivationRequired",
    "isRemoteServicesBookingRequired",
    "isSustainabilityAccumulatedViewEnabled",
    "isSustainabilitySupported",
    "isThirdPartyAppStoreSupported",
    "isWifiHotspotServiceSupported",
    "remote360",
    "speechThirdPartyAlexaSDK",
    "surroundViewRecorder",
)


def capabilities(model: CarModel) -> Json:
    """Return a car's capabilities."""
    has_plug = model.battery is not None
    has_settings = model.battery is not None and model.battery.has_settings
    commands = {
        "chargingControl": ["START", "STOP"],
        "flapControl": ["NOT_SUPPORTED"],
        "plugControl": ["NOT_SUPPORTED"],
    }
    activated = ("doorLock", "doorUnlock", "hornBlow", "lightFlash")
    absent = ("inCarCamera", "inCarCameraDwa", "remote360", "surroundViewRecorder")
    return {
        "a4aType": "BLUETOOTH",
        "alarmSystem": model.has_alarm,
        "climateFunction": model.climate,
        "digitalKey": {
            "bookedServicePackage": "SMACC_1_5",
            "isDigitalKeyFirstSupported": False,
            "readerGraphics": "readerGraphics",
            "state": "ACTIVATED",
            "vehicleSoftwareUpgradeRequired": False,
        },
        "isClimateTimerSupported": not has_plug,
        "isMiniChargingSupported": has_plug and model.brand == "mini",
        "lastStateCallState": "ACTIVATED",
        "locationBasedCommerceFeatures": {
            "fueling": False,
            "parking": False,
            "reservations": False,
        },
        "remoteChargingCommands": commands if has_settings else {},
        "remoteServices": {
            **{name: {"id": name, "state": "ACTIVATED"} for name in activated},
            **{name: {"id": name} for name in absent},
        },
        "specialThemeSupport": [],
        "vehicleStateSource": "LAST_STATE_CALL",
        **dict.fromkeys(ALWAYS_OFFERED, True),
        **dict.fromkeys(OFFERED_WITH_PLUG, has_plug),
        **dict.fromkeys(OFFERED_WITH_CHARGING_SETTINGS, has_settings),
        **dict.fromkeys(NEVER_OFFERED, False),
    }
