"""Pictures of cars, seen from the side."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

from PIL import Image, ImageChops, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

Style = Literal["sedan", "suv", "hatch"]
Point = tuple[float, float]
Colour = tuple[int, int, int, int]

SIZE: Final = (800, 450)
OVERSAMPLING: Final = 2
WHEEL_RADIUS: Final = 58
WHEEL_Y: Final = 318
GLASS: Final = (38, 50, 62, 255)
GLASS_LIGHT: Final = (96, 116, 134, 255)
TRIM: Final = (22, 24, 27, 255)
RUBBER: Final = (24, 25, 28, 255)
RIM: Final = (176, 182, 189, 255)
RIM_DARK: Final = (96, 101, 108, 255)
HEADLIGHT: Final = (226, 238, 248, 255)
TAIL_LIGHT: Final = (196, 32, 38, 255)
SHADOW: Final = (0, 0, 0, 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silhouette:
    """The lines of a car that looks to the left, as points of smooth curves."""

    body: tuple[Point, ...]
    glass: tuple[Point, ...]
    pillar_x: tuple[float, float]
    """Where the pillar between the doors stands, at its foot and at its head."""
    wheels_x: tuple[float, float]
    shoulder_y: float


SILHOUETTES: Final[dict[Style, Silhouette]] = {
    "sedan": Silhouette(
        body=(
            (58, 312), (48, 290), (52, 258), (78, 232), (150, 212), (246, 198), (330, 152),
            (420, 130), (520, 134), (610, 164), (690, 198), (740, 208), (752, 232),
            (756, 280), (746, 314),
        ),
        glass=((262, 202), (338, 160), (422, 142), (516, 146), (594, 172), (640, 198)),
        pillar_x=(440, 430),
        wheels_x=(176, 610),
        shoulder_y=216,
    ),
    "suv": Silhouette(
        body=(
            (66, 312), (56, 286), (60, 240), (88, 210), (160, 190), (240, 178), (312, 118),
            (400, 94), (530, 92), (640, 104), (704, 150), (732, 190), (742, 250), (738, 314),
        ),
        glass=((256, 182), (324, 126), (404, 108), (532, 106), (630, 116), (684, 168), (690, 182)),
        pillar_x=(440, 432),
        wheels_x=(182, 608),
        shoulder_y=198,
    ),
    "hatch": Silhouette(
        body=(
            (78, 312), (66, 288), (70, 238), (98, 206), (170, 190), (250, 182), (302, 120),
            (380, 98), (540, 96), (664, 104), (706, 128), (716, 180), (730, 230), (726, 314),
        ),
        glass=((268, 186), (314, 128), (384, 112), (540, 110), (656, 118), (688, 142), (692, 186)),
        pillar_x=(448, 444),
        wheels_x=(188, 604),
        shoulder_y=202,
    ),
}  # fmt: skip


@cache
def draw_car(style: Style, colour: int) -> bytes:
    """Return a PNG of 800 x 450 with a transparent background; `colour` is 0xRRGGBB."""
    size = (SIZE[0] * OVERSAMPLING, SIZE[1] * OVERSAMPLING)
    ground = Image.new("RGBA", size)
    ImageDraw.Draw(ground).ellipse(_scaled((70, 352), (742, 392)), fill=SHADOW)
    image = ground.filter(ImageFilter.GaussianBlur(8 * OVERSAMPLING))
    car = Image.new("RGBA", size)
    _draw_body(ImageDraw.Draw(car), SILHOUETTES[style], colour)
    image.alpha_composite(_shaded(car))
    wheels = ImageDraw.Draw(image)
    for x in SILHOUETTES[style].wheels_x:
        _draw_wheel(wheels, x)
    buffer = io.BytesIO()
    image.resize(SIZE, Image.Resampling.LANCZOS).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _draw_body(draw: ImageDraw.ImageDraw, car: Silhouette, colour: int) -> None:
    paint = (colour >> 16 & 0xFF, colour >> 8 & 0xFF, colour & 0xFF, 255)
    draw.polygon(_scaled(*_smooth(car.body)), fill=paint)
    left, right = car.body[0][0] + 4, car.body[-1][0] - 4
    sill = ((left, 304), (right, 304), (right - 14, 332), (left + 16, 332))
    draw.polygon(_scaled(*sill), fill=TRIM)
    for x in car.wheels_x:
        draw.ellipse(_around((x, WHEEL_Y), WHEEL_RADIUS + 10), fill=TRIM)
    draw.polygon(_scaled(*_smooth(car.glass)), fill=GLASS)
    _draw_pillar(draw, car, paint)
    _draw_seams(draw, car, paint)
    _draw_lights(draw, car)


def _draw_pillar(draw: ImageDraw.ImageDraw, car: Silhouette, paint: Colour) -> None:
    foot, head = car.pillar_x
    top = min(y for _, y in car.glass) - 4
    bottom = max(y for _, y in car.glass) + 2
    draw.line(_scaled((foot, bottom), (head, top)), fill=TRIM, width=9 * OVERSAMPLING)
    front = car.glass[0]
    mirror = ((front[0] + 22, bottom - 22), (front[0] + 58, bottom - 2))
    draw.ellipse(_scaled(*mirror), fill=_tinted(paint, 0.82))


def _draw_seams(draw: ImageDraw.ImageDraw, car: Silhouette, paint: Colour) -> None:
    seam, light = _tinted(paint, 0.62), _tinted(paint, 1.28)
    front, rear = car.glass[0][0] + 6, car.glass[-1][0] - 26
    foot = car.pillar_x[0]
    for x in (front, foot, rear):
        line = ((x, car.shoulder_y - 8), (x - 6, 270), (x + 4, 304))
        draw.line(_scaled(*line), fill=seam, width=OVERSAMPLING * 2, joint="curve")
    left, right = car.body[3][0] + 24, car.body[-3][0] - 6
    y = car.shoulder_y + 14
    draw.line(_scaled((left, y + 8), (right, y)), fill=light, width=OVERSAMPLING * 2)
    draw.line(_scaled((left + 90, 288), (right - 110, 280)), fill=seam, width=OVERSAMPLING * 2)
    for x in (foot - 62, rear - 66):
        box = _scaled((x, y + 14), (x + 40, y + 21))
        draw.rounded_rectangle(box, radius=6, fill=_tinted(paint, 0.72))


def _draw_lights(draw: ImageDraw.ImageDraw, car: Silhouette) -> None:
    nose_x, nose_y = car.body[3]
    lamp = ((nose_x - 16, nose_y + 22), (nose_x + 56, nose_y + 6), (nose_x + 44, nose_y + 28))
    draw.polygon(_scaled(*lamp), fill=HEADLIGHT)
    tail_x, tail_y = car.body[-3]
    lamp = ((tail_x - 52, tail_y + 12), (tail_x - 5, tail_y + 6), (tail_x - 3, tail_y + 30))
    draw.polygon(_scaled(*lamp), fill=TAIL_LIGHT)


def _shaded(car: Image.Image) -> Image.Image:
    """Return the car as if lit from above: brighter on top, darker towards the ground."""
    column = Image.new("L", (1, car.height))
    column.putdata([_light(y / car.height) for y in range(car.height)])
    light = column.resize(car.size).convert("RGB")
    red_green_blue = ImageChops.multiply(car.convert("RGB"), light)
    shaded = red_green_blue.convert("RGBA")
    shaded.putalpha(car.getchannel("A"))
    return shaded


def _light(depth: float) -> int:
    """Return the light at a depth of the picture, 0 on top and 1 at the ground, up to 255."""
    return round(255 - 115 * min(max((depth - 0.3) / 0.45, 0.0), 1.0))


def _draw_wheel(draw: ImageDraw.ImageDraw, x: float) -> None:
    hub = (x, WHEEL_Y)
    draw.ellipse(_around(hub, WHEEL_RADIUS), fill=RUBBER)
    draw.ellipse(_around(hub, WHEEL_RADIUS - 12), fill=RIM_DARK)
    draw.ellipse(_around(hub, WHEEL_RADIUS - 16), fill=(58, 62, 67, 255))
    for spoke in range(10):
        angle = math.radians(36 * spoke)
        tip = (x + 43 * math.cos(angle), WHEEL_Y + 43 * math.sin(angle))
        draw.line(_scaled(hub, tip), fill=RIM, width=6 * OVERSAMPLING)
    draw.ellipse(_around(hub, 12), fill=RIM)
    draw.ellipse(_around(hub, 6), fill=RIM_DARK)


def _smooth(points: Sequence[Point], steps: int = 14) -> list[Point]:
    """Return a Catmull-Rom curve through the points."""
    padded = (points[0], *points, points[-1])
    curve: list[Point] = []
    for before, start, end, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for step in range(steps):
            t = step / steps
            x, y = (
                _catmull_rom(before[axis], start[axis], end[axis], after[axis], t)
                for axis in (0, 1)
            )
            curve.append((x, y))
    return [*curve, points[-1]]


def _catmull_rom(before: float, start: float, end: float, after: float, t: float) -> float:
    slope = end - before
    square = 2 * before - 5 * start + 4 * end - after
    cube = 3 * (start - end) + after - before
    return start + t * (slope + t * (square + t * cube)) / 2


def _tinted(colour: Colour, factor: float) -> Colour:
    red, green, blue, alpha = colour
    return (
        min(round(red * factor), 255),
        min(round(green * factor), 255),
        min(round(blue * factor), 255),
        alpha,
    )


def _around(centre: Point, radius: float) -> list[Point]:
    x, y = centre
    return _scaled((x - radius, y - radius), (x + radius, y + radius))


def _scaled(*points: Point) -> list[Point]:
    return [(x * OVERSAMPLING, y * OVERSAMPLING) for x, y in points]
