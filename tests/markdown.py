"""The guide's pages, taken apart."""

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
_FENCED = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)(?: title=\"(?P<title>[^\"]*)\")?\n"
    r"(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_INDENTED = re.compile(r"(?<=\n\n)(?:(?: {4}.*)?\n)*(?: {4}.*\n)")
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Snippet:
    """One block of code; `language` is empty where the page names none."""

    language: str
    title: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """One Markdown file."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    def snippets(self) -> list[Snippet]:
        """Blocks between fences, and in pages without fences those that are indented."""
        found = [
            Snippet(match["language"], match["title"], dedent(match["text"]))
            for match in _FENCED.finditer(self.text)
        ]
        if not found:
            found = [Snippet("", None, dedent(text)) for text in _INDENTED.findall(self.text)]
        return found

    def code(self) -> list[str]:
        """Everything that a person may copy: lines of blocks, and code within sentences."""
        lines = [line for snippet in self.snippets() for line in snippet.text.splitlines()]
        return [*lines, *_INLINE.findall(_FENCED.sub("", self.text))]

    def links(self) -> list[str]:
        """Links to files of the project."""
        return [link for link in _LINK.findall(self.text) if not link.startswith("http")]


def pages() -> list[Page]:
    """README, changelog, and the whole guide."""
    paths = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
    return [Page(path, path.read_text("utf-8")) for path in paths]
