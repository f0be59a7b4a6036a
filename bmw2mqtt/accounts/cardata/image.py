"""Pictures of cars: BMW documents PNG and sometimes sends JPEG; bmw2mqtt publishes PNG."""

from io import BytesIO

from bmw2mqtt.vehicle.errors import BadAnswer

PNG, _JPEG = b"\x89PNG", b"\xff\xd8\xff"


def as_png(image: bytes) -> bytes:
    """Return a picture as PNG. Converting a JPEG takes a moment: call it in a thread.

    Raises:
        BadAnswer: it is not a picture.
    """
    if image.startswith(PNG):
        return image
    if not image.startswith(_JPEG):
        raise BadAnswer("BMW sent something that is not a picture; trying again later")
    from PIL import Image  # noqa: PLC0415 - seldom needed

    png = BytesIO()
    try:
        with Image.open(BytesIO(image), formats=["JPEG"]) as picture:
            picture.save(png, "PNG")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise BadAnswer("BMW sent a damaged picture; trying again later") from error
    return png.getvalue()
