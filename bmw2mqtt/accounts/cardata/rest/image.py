"""Pictures of cars: BMW promises PNG and sends JPEG at times; we promise PNG and keep to it."""

from io import BytesIO

from bmw2mqtt.vehicle.errors import BadAnswer

PNG, _JPEG = b"\x89PNG", b"\xff\xd8\xff"


def as_png(image: bytes) -> bytes:
    """Return a picture as PNG; a JPEG takes a moment, so call it in a thread.

    Raises:
        BadAnswer: it is no picture.
    """
    if image.startswith(PNG):
        return image
    if not image.startswith(_JPEG):
        raise BadAnswer("BMW sent a picture that is none; trying again later")
    from PIL import Image  # noqa: PLC0415 - seldom needed

    png = BytesIO()
    try:
        with Image.open(BytesIO(image), formats=["JPEG"]) as picture:
            picture.save(png, "PNG")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise BadAnswer("BMW sent a picture that is damaged; trying again later") from error
    return png.getvalue()
