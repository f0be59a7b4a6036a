"""The sliding puzzle of the login of china: a picture with a gap."""

from __future__ import annotations

import io
import secrets
from typing import Final

from PIL import Image, ImageDraw

SIZE: Final = (120, 90)
GAP_SIZE: Final = (20, 80)
GAP_TOP: Final = 4
GAP_COLOUR: Final = (220, 230, 221)
COLOUR: Final = (70, 110, 150)
PIECE_OFFSET: Final = 26  # pixels between the piece's left edge, which the app reports, and the gap


def draw_puzzle() -> tuple[bytes, float]:
    """Return a PNG and the correct position of the piece, as a fraction of the width."""
    width = SIZE[0]
    left = secrets.choice(range(PIECE_OFFSET, width - GAP_SIZE[0] - 1))
    image = Image.new("RGB", SIZE, COLOUR)
    right, bottom = left + GAP_SIZE[0] - 1, GAP_TOP + GAP_SIZE[1] - 1
    ImageDraw.Draw(image).rectangle((left, GAP_TOP, right, bottom), fill=GAP_COLOUR)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue(), (left - PIECE_OFFSET) / width
