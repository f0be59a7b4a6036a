"""BMW's words become readable ones: none of BMW's lists is left without a meaning."""

import pytest

from bmw2mqtt.accounts.cardata.snapshot import words
from bmw2mqtt.entities.catalogue import catalogue
from bmw2mqtt.vehicle.states import ChargingEndReason, ChargingMethod
from tests.tables import check_rows

ENGINE = "vehicle.drivetrain.electricEngine.charging."
CLIMATE = "vehicle.vehicle.preConditioning."
BATTERY = "vehicle.powertrain.electric.battery."
ALARM = "vehicle.vehicle.antiTheftAlarmSystem.alarm."


def options(descriptor: str) -> tuple[str, ...]:
    return catalogue()[descriptor].options


@pytest.mark.parametrize(
    ("descriptor", "table"),
    [
        (f"{ALARM}armStatus", words.ALARMS),
        (f"{CLIMATE}error", words.PRECONDITIONING_ERRORS),
        (f"{BATTERY}preconditioning.state", words.BATTERY_PRECONDITIONING),
    ],
)
def test_every_word_of_a_list_is_known(descriptor: str, table: dict[str, object]) -> None:
    keys = {option.lower().replace("_", "") for option in options(descriptor)}
    assert keys
    assert keys <= table.keys()


def test_every_reason_of_bmws_lists_has_a_meaning() -> None:
    reasons = {*options(f"{ENGINE}reasonChargingEnd"), *options(f"{ENGINE}hvpmFinishReason")}

    def check(word: str) -> None:
        assert words.charging_end_reason(word) is not ChargingEndReason.OTHER

    check_rows(sorted(reasons), check, str)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("CHARGING_GOAL_REACHED", ChargingEndReason.TARGET_REACHED),
        ("CUSTOMER_INTERACTION_APP_UNPLUG_CABLE_ONCE", ChargingEndReason.STOPPED_BY_DRIVER),
        ("customer_interaction_ac_charging_stop_via_key", ChargingEndReason.STOPPED_BY_DRIVER),
        ("HV_BATTERY_FULLY_CHARGED", ChargingEndReason.FULLY_CHARGED),
        ("INFRASTRUCTURE_NO_ENERGY_TRANSFER", ChargingEndReason.STATION_FAULT),
        ("VEHICLE_CABLE_LOCKING_ERROR", ChargingEndReason.VEHICLE_FAULT),
        ("FLEXCHARGER_PE_FAULT", ChargingEndReason.CABLE_FAULT),
        ("NO_CHARGING_END_SINCE_IPF_WAKEUP", None),
        ("A_WORD_OF_NEXT_YEAR", ChargingEndReason.OTHER),
    ],
)
def test_reasons_of_an_end(word: str, reason: ChargingEndReason | None) -> None:
    assert words.charging_end_reason(word) is reason


@pytest.mark.parametrize(
    ("word", "method"),
    [
        ("NOCHARGING", ChargingMethod.NOT_CHARGING),
        ("AC_TYPE2PLUG", ChargingMethod.AC_TYPE_2),
        ("ac_type1plug", ChargingMethod.AC_TYPE_1),
        ("AC_TYP2COMBO", ChargingMethod.AC_COMBO),
        ("DC_CCS2PLUG", ChargingMethod.DC),
        ("DC", ChargingMethod.DC),
        ("GBT", ChargingMethod.OTHER),
    ],
)
def test_methods(word: str, method: ChargingMethod) -> None:
    assert words.charging_method(word) is method
