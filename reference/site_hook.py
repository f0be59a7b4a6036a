"""What the site does beyond MkDocs: lists the decisions, takes along files outside docs/.

Pages link to files of the project, `../docker/acl.conf`. Those are copied below `project/` on the
site, and the links follow them.
"""

import posixpath
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel

_PLACE: Final = "project"
_LINK: Final = re.compile(r"(\]\()((?:\.\./)+[\w./-]+)(?=[)#])")


def on_config(config: MkDocsConfig) -> None:
    """Put a page for each decision in the place of their folder."""
    for section in config.nav or ():
        for pages in section.values():
            for page in pages if isinstance(pages, list) else ():
                for title, target in page.items():
                    if target.endswith("/"):
                        page[title] = _pages_in(Path(config.docs_dir), target)


def _pages_in(docs: Path, folder: str) -> list[str]:
    return sorted(path.relative_to(docs).as_posix() for path in (docs / folder).glob("*.md"))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files outside docs/ that pages link to."""
    docs = Path(config.docs_dir)
    for page in files.documentation_pages():
        for _, link in _LINK.findall(page.content_string):
            target = _outside(page.src_uri, link)
            if target and files.get_file_from_path(f"{_PLACE}/{target}") is None:
                source = docs.parent / target
                if source.is_file():
                    files.append(
                        File.generated(
                            config,
                            f"{_PLACE}/{target}",
                            abs_src_path=str(source),
                            inclusion=InclusionLevel.NOT_IN_NAV,
                        )
                    )
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Point links to files outside docs/ at their copies."""

    def follow(match: re.Match[str]) -> str:
        target = _outside(page.file.src_uri, match[2])
        if target is None:
            return match[0]
        here = posixpath.dirname(page.file.src_uri)
        return match[1] + posixpath.relpath(f"{_PLACE}/{target}", here or ".")

    return _LINK.sub(follow, markdown)


def _outside(page: str, link: str) -> str | None:
    """Return the file of the project that a link leads to, or `None` if it stays in docs/."""
    target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), link))
    return None if target.startswith("docs/") else target
