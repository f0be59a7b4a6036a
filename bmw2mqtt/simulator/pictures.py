"""The pictures that BMW sends of the simulated cars."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

Picture = Literal["hatch_red", "sedan_black", "sedan_blue", "suv_green", "suv_grey"]


@cache
def read_picture(name: Picture) -> bytes:
    """Return a PNG of 800 x 450 pixels with a transparent background."""
    return files(__package__).joinpath("images", f"{name}.png").read_bytes()
