"""Reads YAML with every value as the text that was written, and with common mistakes noted.

Not pydantic-settings' own YAML source: it reads `0123` as a number, accepts duplicate keys, and
reports no line or column.
"""

import re
from typing import Any, Final, NamedTuple, Self

import yaml

try:
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # PyYAML was built without libyaml
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]

_TAG: Final = "tag:yaml.org,2002:"
_RESOLVED_TAGS: Final = {f"{_TAG}null", f"{_TAG}merge"}
_CONSTRUCTED_TAGS: Final = {f"{_TAG}{name}" for name in ("null", "str", "seq", "map")}
_KNOWN_TAGS: Final = {"!secret", "!env_var", "!include"}
"""Of Home Assistant and others. Any other word after a `!` may be part of a password."""
_CUT: Final = re.compile(r"\s+#\S")
_TYPOGRAPHIC: Final = "“”„‟‘’‚«»"  # noqa: RUF001 - these are meant


class Mistake(NamedTuple):
    """What is wrong with how a value is written, and the remedy."""

    what: str
    remedy: str


CUT: Final = Mistake(
    "ends at a blank and #, because there a comment begins",
    "put the value in quotes if # is part of it, otherwise write a blank after #",
)
QUOTES: Final = Mistake("is in typographic quotes", 'use straight ones (") or none')
UNKNOWN_TAG: Final = Mistake("begins with !, which is a tag in YAML", "put the value in quotes")


class WrittenText(str):
    """A value as it was written."""

    __slots__ = ("mistake",)
    mistake: Mistake | None

    def __new__(cls, text: str, mistake: Mistake | None) -> Self:
        """Return the text with its mistake."""
        written = super().__new__(cls, text)
        written.mistake = mistake
        return written


class _TextLoader(_SafeLoader):
    """Keeps every scalar but null as text, and refuses duplicate keys."""

    lines: tuple[str, ...] = ()
    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own interface
        first: [entry for entry in entries if entry[0] in _RESOLVED_TAGS]
        for first, entries in _SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's own interface
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line = key.start_mark.line + 1
            if key.value in seen:
                name = key.value.partition(":")[0]  # what follows a colon may be a secret
                raise yaml.MarkedYAMLError(
                    problem=f'duplicate key "{name}" (also in line {seen[key.value]})',
                    problem_mark=key.start_mark,
                )
            seen[key.value] = line
        return super().construct_mapping(node, deep=deep)

    def mistake_in(self, node: yaml.ScalarNode) -> Mistake | None:
        """Return what is wrong with how a value is written."""
        if node.style:  # in quotes: it is meant as it is
            return None
        mark = node.end_mark
        rest = self.lines[mark.line][mark.column :] if mark.line < len(self.lines) else ""
        if _CUT.match(rest):
            return CUT
        is_quoted = node.value[:1] in _TYPOGRAPHIC and node.value[-1:] in _TYPOGRAPHIC
        return QUOTES if node.value and is_quoted else None


def _text(loader: _TextLoader, node: yaml.ScalarNode) -> WrittenText:
    return WrittenText(str(loader.construct_scalar(node)), loader.mistake_in(node))


def _tagged(_: _TextLoader, node: yaml.Node) -> WrittenText:
    known = node.tag if node.tag in _KNOWN_TAGS else None
    mistake = Mistake(f"{known} is not supported", "write the value itself") if known else None
    return WrittenText("", mistake or UNKNOWN_TAG)


_TextLoader.yaml_constructors = {
    **{tag: _SafeLoader.yaml_constructors[tag] for tag in _CONSTRUCTED_TAGS},
    None: _tagged,
    f"{_TAG}str": _text,
}


def read_text(text: str) -> Any:
    """Return the document in a YAML text; every value is `WrittenText`, or `None` if empty.

    Raises:
        yaml.YAMLError: the text is not YAML, or has a key twice.
    """
    loader = _TextLoader(text)
    loader.lines = tuple(text.split("\n"))
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
