"""A region per account, so that accounts of one region can use different servers."""

from typing import Any, Self

from bimmer_connected import const
from bimmer_connected.const import Regions


class AccountRegion(str):
    """A region for one account alone.

    The library finds servers and keys by region in module-wide tables. This one is equal to the
    region it stands for, and has its own entries in those tables.
    """

    __slots__ = ("value",)
    value: str
    """What the library writes into headers."""

    @classmethod
    def register(cls, region: Regions, server: str | None) -> Self:
        """Create a region and its entries in the library's tables; `server` replaces BMW's."""
        self = cls(region.value)
        self.value = region.value
        tables: tuple[dict[Any, Any], ...] = (
            const.SERVER_URLS_MYBMW,
            const.OCP_APIM_KEYS,
            const.APP_VERSIONS,
            const.USER_AGENTS,
        )
        for table in tables:
            if region in table:
                table[self] = table[region]
        if server is not None:
            tables[0][self] = server
        return self

    __eq__ = str.__eq__
    __hash__ = object.__hash__
