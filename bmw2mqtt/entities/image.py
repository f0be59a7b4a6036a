"""Pictures of a car."""

from bmw2mqtt.entities.base import Image
from bmw2mqtt.vehicle.snapshot import Vehicle

IMAGES: tuple[Image[Vehicle], ...] = (
    Image(
        key="vehicle",
        name="Picture",
        value=lambda vehicle: vehicle.image,
        exists=lambda vehicle: vehicle.image is not None,
    ),
)
