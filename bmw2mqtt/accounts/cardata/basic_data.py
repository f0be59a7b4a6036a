"""BMW's basic data of a car: its model, drive train, equipment. Every field may be missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONGEST = 255
_BRANDS = {
    **dict.fromkeys(("bmw", "bmwi", "bmwm"), "BMW"),
    "mini": "MINI",
    **dict.fromkeys(("toyota", "supra", "toyotasupra"), "TOYOTA"),
    "rollsroyce": "Rolls-Royce",
    "bmwmotorrad": "BMW Motorrad",
}
"""Brands as people know them, by BMW's word in lower case without anything between its parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicData:
    """A car's fixed facts, as BMW spells them."""

    brand: str | None = None
    model: str | None = None
    drive_train: str | None = None
    """BMW's word: `BEV`, `PHEV`, `CONV`, `MHEV`."""
    software_version: str | None = None
    is_left_hand_drive: bool | None = None
    battery_capacity_kwh: float | None = None

    @classmethod
    def parse(cls, raw: Any) -> "BasicData":
        """Read BMW's answer; what is not there, or not of its kind, is unknown."""
        fields: Mapping[Any, Any] = raw if isinstance(raw, dict) else {}
        brand = _text(fields, "brand")
        return cls(
            brand=_brand(brand) if brand else None,
            model=_text(fields, "modelName"),
            drive_train=_text(fields, "driveTrain", "propulsionType"),
            software_version=_text(fields, "puStep"),
            is_left_hand_drive=_is_left_hand_drive(_text(fields, "steering")),
            # reessNominalCapacityGross is in ampere hours, though BMW does not say so.
            battery_capacity_kwh=_capacity_kwh(_text(fields, "hvsMaxEnergyAbsolute")),
        )


def _text(fields: Mapping[Any, Any], *names: str) -> str | None:
    """Return the first field that is not empty, as text; BMW mixes numbers and text."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and (text := value.strip()[:LONGEST]):
            return text
    return None


def _brand(word: str) -> str:
    key = "".join(character for character in word.lower() if character.isalnum())
    return _BRANDS.get(key, word)


def _capacity_kwh(text: str | None) -> float | None:
    """Read a capacity; 0 and 1 mean unknown."""
    try:
        number = float(text or "nan")
    except ValueError:
        return None
    return number if 1 < number <= 1000 else None  # noqa: PLR2004 - no car has a battery of a MWh


def _is_left_hand_drive(steering: str | None) -> bool | None:
    word = (steering or "").upper()
    if word in {"LL", "LHD", "LEFT"}:
        return True
    if word in {"RL", "RR", "RHD", "RIGHT"}:
        return False
    return None
