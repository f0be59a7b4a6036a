"""Strict JSON for our own files: what is damaged or odd is refused, when written and when read."""

import json
import math
from collections.abc import Mapping
from typing import Any


def encode(document: Mapping[str, Any]) -> bytes:
    """Return a document as bytes.

    Raises:
        ValueError: it contains what `decode` refuses: NaN, infinity, half a surrogate pair.
    """
    try:
        return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, RecursionError) as error:
        raise ValueError(f"cannot be written as JSON ({type(error).__name__})") from error


def decode(content: bytes) -> dict[str, Any]:
    """Return the document in these bytes.

    Raises:
        ValueError: it is damaged: not UTF-8, not a JSON object, a key that occurs twice, NaN or
            infinity, half a surrogate pair, nested too deeply.
    """
    try:
        document = json.loads(
            content.decode("utf-8-sig"),
            object_pairs_hook=_unique,
            parse_constant=_refuse,
            parse_float=_finite,
        )
        if b"\\u" in content:
            json.dumps(document, ensure_ascii=False).encode()  # half a pair is no text
    except UnicodeEncodeError as error:
        raise ValueError("it has half a surrogate pair") from error
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(document, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 - the file's fault
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key occurs twice")
    return document


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not a number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number
