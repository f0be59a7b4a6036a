"""Simulated cars that drive to work and back and charge, whatever API reports them."""

from .drive import REPORT_EVERY, TIME_LAPSE, ChargePhase, ChargingPlan, SimulatedDrive
from .models import DIESEL, ELECTRIC, PLUGIN_HYBRID, Brand, CarModel
from .past import PAST_DAYS, PastEvent, PastKind, past

__all__ = [
    "DIESEL",
    "ELECTRIC",
    "PAST_DAYS",
    "PLUGIN_HYBRID",
    "REPORT_EVERY",
    "TIME_LAPSE",
    "Brand",
    "CarModel",
    "ChargePhase",
    "ChargingPlan",
    "PastEvent",
    "PastKind",
    "SimulatedDrive",
    "past",
]
