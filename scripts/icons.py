"""Draws the pictures of the Home Assistant app and of the page: a car and radio waves."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FOLDER = Path(__file__).parent.parent / "homeassistant-app"
STATIC = FOLDER.parent / "bmw2mqtt" / "web" / "static"
SCALE = 8
BLUE, LIGHT = "#1c69d4", "#ffffff"


def car(size: int) -> Image.Image:
    """Return a square icon."""
    unit = size * SCALE / 128
    image = Image.new("RGBA", (size * SCALE, size * SCALE))
    draw = ImageDraw.Draw(image)

    def box(*numbers: float) -> list[float]:
        return [number * unit for number in numbers]

    draw.rounded_rectangle(box(4, 4, 124, 124), 28 * unit, fill=BLUE)
    for radius in (10, 20, 30):
        around = box(64 - radius, 46 - radius, 64 + radius, 46 + radius)
        draw.arc(around, 215, 325, fill=LIGHT, width=round(5 * unit))
    for colour, corners in (
        (LIGHT, (38, 72, 50, 54, 80, 54, 94, 72)),
        (BLUE, (46, 71, 54, 60, 64, 60, 64, 71)),
        (BLUE, (68, 71, 68, 60, 77, 60, 86, 71)),
    ):
        draw.polygon(box(*corners), fill=colour)
    draw.rounded_rectangle(box(20, 71, 108, 92), 8 * unit, fill=LIGHT)
    for centre in (42, 86):
        draw.ellipse(box(centre - 12, 80, centre + 12, 104), fill=BLUE)
        draw.ellipse(box(centre - 8, 84, centre + 8, 100), fill=LIGHT)
    return image.resize((size, size), Image.Resampling.LANCZOS)


def logo() -> Image.Image:
    """Return the icon with the name beside it."""
    image = Image.new("RGBA", (250, 100))
    image.paste(car(88), (0, 6))
    font = ImageFont.load_default(size=29)
    ImageDraw.Draw(image).text((99, 48), "bmw2mqtt", fill=BLUE, font=font, anchor="lm")
    return image


def maskable(size: int) -> Image.Image:
    """Return an icon that a phone may cut to any shape: blue to the edges, smaller drawing."""
    image = Image.new("RGBA", (size, size), BLUE)
    inner = car(round(size * 0.72))
    image.paste(inner, ((size - inner.width) // 2,) * 2, inner)
    return image


if __name__ == "__main__":
    car(192).save(STATIC / "icon-192.png", optimize=True)
    car(512).save(STATIC / "icon-512.png", optimize=True)
    maskable(512).save(STATIC / "icon-maskable-512.png", optimize=True)
    car(128).save(FOLDER / "icon.png", optimize=True)
    logo().save(FOLDER / "logo.png", optimize=True)
