"""Typed documents in `data_dir`: validated once, when they are read.

Files outlive versions, are edited by hand, and are written while the clock is wrong. So a field
that is not valid becomes its default instead of spoiling the document, and times have bounds: what
lies in the future, or too far back, was written by a wrong clock or has become meaningless.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)


class StateDocument(BaseModel):
    """A document whose fields all have defaults; an invalid field or list item is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def parse(cls, content: Any, now: datetime) -> Self:
        """Validate what was read from a file; anything but a JSON object gives the defaults."""
        return cls.model_validate(content if isinstance(content, dict) else {}, context=now)

    def content(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return self.model_dump(mode="json", exclude_none=True)

    @field_validator("*", mode="wrap")
    @classmethod
    def _leave_out_invalid(
        cls, value: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> Any:
        if info.context is None:  # made by our own code, not read from a file
            return validate(value)
        for candidate in (value, _valid_part(value, validate)):
            try:
                return validate(candidate)
            except ValidationError:
                continue
        field = cls.model_fields[str(info.field_name)]
        return field.get_default(call_default_factory=True)


def _valid_part(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Return the items of a list or the entries of an object that are valid on their own."""
    if isinstance(value, list):
        return [item for item in value if _is_valid([item], validate)]
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if _is_valid({key: item}, validate)}
    return value


def _is_valid(value: Any, validate: ValidatorFunctionWrapHandler) -> bool:
    try:
        validate(value)
    except ValidationError:
        return False
    return True


def _read_time(value: object) -> datetime:
    """Read an ISO 8601 time; one without offset is UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise ValueError("it is not a time")  # noqa: TRY004 - the file's fault
    return value if value.tzinfo else value.replace(tzinfo=UTC)


Time = Annotated[datetime, BeforeValidator(_read_time)]


def within(*, past: timedelta | None = None, future: timedelta | None = None) -> AfterValidator:
    """Return the bounds of a time, as distances from the moment when the document is read.

    Args:
        past: it must be less long ago; `None`: any time.
        future: how far ahead it may lie; `None`: any time.
    """

    def check(at: datetime, info: ValidationInfo) -> datetime:
        now = info.context
        if isinstance(now, datetime):
            if future is not None and at - now > future:
                raise ValueError("it lies too far in the future")
            if past is not None and now - at >= past:
                raise ValueError("it is too long ago")
        return at

    return AfterValidator(check)


PastTime = Annotated[Time, within(future=timedelta())]
"""A time that is over; one in the future was written by a wrong clock."""
