"""MkDocs hook: lists the decision records, and copies files outside docs/ to the site.

The icon is the page's.

Files of the project that pages link to, such as `../docker/acl.conf`, are copied below `project/`
on the site, and links are changed to match.
"""

import posixpath
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel

_PLACE: Final = "project"
_ICON: Final = "bmw2mqtt/web/static/icon.svg"
_FOR_DEVELOPERS: Final = ("adr/", "architecture.md", "project/CHANGELOG", "project/CONTRIBUTING")
_LINK: Final = re.compile(r"(\]\()([\w./-]+)(?=[)#])")


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
    project = Path(config.docs_dir).parent
    files.append(File.generated(config, "assets/icon.svg", abs_src_path=str(project / _ICON)))
    for page in files.documentation_pages():
        for _, link in _LINK.findall(page.content_string):
            place = _place(page.src_uri, link)
            source = project / place.removeprefix(f"{_PLACE}/")
            if place.startswith(f"{_PLACE}/") and source.is_file() and place not in files.src_uris:
                files.append(
                    File.generated(
                        config,
                        place,
                        abs_src_path=str(source),
                        inclusion=InclusionLevel.NOT_IN_NAV,
                    )
                )
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Point links at where their files are on the site; hide developers' pages from the search."""
    if page.file.src_uri.startswith(_FOR_DEVELOPERS):
        page.meta["search"] = {"exclude": True}
    if page.file.src_uri == "index.md":
        page.meta["hide"] = ["toc"]
    here = posixpath.dirname(page.file.src_uri) or "."

    def follow(match: re.Match[str]) -> str:
        return match[1] + posixpath.relpath(_place(page.file.src_uri, match[2]), here)

    return _LINK.sub(follow, markdown)


def _place(page: str, link: str) -> str:
    """Return where on the site a link leads that is relative to the page's file."""
    inside = page.startswith(f"{_PLACE}/")
    file = page.removeprefix(f"{_PLACE}/") if inside else f"docs/{page}"
    target = posixpath.normpath(posixpath.join(posixpath.dirname(file), link))
    if target.startswith("docs/"):
        return target.removeprefix("docs/")
    return f"{_PLACE}/{target}"
