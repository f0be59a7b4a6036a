"""The picture of a vehicle: PNG, whatever format BMW sends."""

import io

PNG = b"\x89PNG"
LARGEST_PIXELS = 50_000_000


def to_png(image: bytes) -> bytes:
    """Return a picture as PNG; empty if it is not a picture.

    It takes some tenths of a second for a JPEG: call it in a thread.
    """
    if not image or image.startswith(PNG):
        return image
    from PIL import Image  # noqa: PLC0415 - slow to import, and BMW mostly sends PNG

    try:
        with Image.open(io.BytesIO(image)) as picture:
            if picture.width * picture.height > LARGEST_PIXELS:
                return b""
            converted = io.BytesIO()
            picture.save(converted, "PNG")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return b""
    return converted.getvalue()
