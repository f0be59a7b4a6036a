"""The sentences of the source code that can reach the page, and what of them is not translated."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from html.parser import HTMLParser
from typing import Final

from bmw2mqtt.translations import MESSAGES, NAMES, PAGE, STATES, templates, translations
from tests.package_source import PACKAGE, modules

ELSEWHERE: Final = re.compile(
    r"cli/|demo/|simulator/|log/|homeassistant/|translations/"  # the terminal, the log, BMW's side
    r"|mqtt/tools/daemon_login|accounts/\w+/backend"  # the login on a terminal
    r"|web/(vehicle_)?metrics|web/setup/texts_"  # Prometheus; texts by keys, compared elsewhere
)
"""Modules whose sentences are read elsewhere, not on the page."""
WHOLE: Final = re.compile(
    r"config/|web/|files\.py|network_errors\.py|entities/payload|history/edits"
    r"|accounts/(data_folder|tls|scheduler)"
    r"|accounts/cardata/(status|http|auth/\w+|rest/(client|quota|vehicle_list)"
    r"|stream/(disconnect_reasons|reconnect_policy|relayed))\.py"
    r"|accounts/mybmw/(auth/|library/errors|commands|command_results)"
    r"|mqtt/(client|errors|packets|transport|command|tools/(broker_check|cleanup))"
)
"""Modules of which every sentence counts, because some reach the page by way of variables."""
ROOTS: Final = {"Bmw2MqttError", "CommandRefused", "CommandResult", "Unreadable"}
"""What carries a sentence to the page, with everything derived from it; and aiohttp's errors."""
SHORTEST: Final = 3
"""Words of the shortest sentence."""
NEXT_TRY: Final = re.compile(
    r"[;,] (trying again( later| in some hours| tomorrow)?|waiting until then)$"
)
_VALUE: Final = "\N{BLACK SQUARE}"
"""Stands for a value in a sentence."""
_JOINED: Final = {"wrong": "", "_error": f"{_VALUE} "}
"""Functions of `config.values` that make one sentence of two; `_error` puts the value in front."""
_NO_SENTENCE: Final = re.compile(r"\n|<|=\"|'self'|^(SELECT|UPDATE|INSERT|DELETE|CREATE|PRAGMA) ")
"""Files, HTML (see `test_translations`), headers, SQL."""


def speaking_modules() -> Iterator[tuple[str, ast.Module]]:
    """Yield the modules whose sentences can reach the page, each by its path."""
    for module in modules().values():
        name = module.path.relative_to(PACKAGE).as_posix()
        if not ELSEWHERE.match(name):
            yield name, module.tree


@cache
def carriers() -> frozenset[str]:
    """Return the names of the classes that carry a sentence to the page."""
    bases = {
        node.name: {ast.unparse(base).split(".")[-1] for base in node.bases}
        for module in modules().values()
        for node in module.nodes
        if isinstance(node, ast.ClassDef)
    }
    found: set[str] = set()
    while more := {name for name, above in bases.items() if above & (found | ROOTS)} - found:
        found |= more
    return frozenset(found | ROOTS)


def sentences(root: ast.AST, constants: Mapping[str, ast.expr] = {}) -> Iterator[str]:
    """Yield the texts below a node, with a mark for each value; not docstrings, not the log's."""
    left_out: set[int] = set()

    def whole(node: ast.expr) -> str:
        return next(sentences(constants.get(ast.unparse(node), node), constants), _VALUE)

    for node in ast.walk(root):
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_docstring or (isinstance(node, ast.Call) and _is_log(node.func)):
            left_out |= {id(part) for part in ast.walk(node)}
        if id(node) in left_out:
            continue
        if isinstance(node, ast.Call) and ast.unparse(node.func) in _JOINED:
            left_out |= {id(part) for part in ast.walk(node)}
            yield _JOINED[ast.unparse(node.func)] + "; ".join(map(whole, node.args))
        if isinstance(node, ast.JoinedStr):
            left_out |= {id(part) for part in node.values}
            parts = (p.value if isinstance(p, ast.Constant) else _VALUE for p in node.values)
            yield "".join(map(str, parts))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def shown(name: str, module: ast.Module) -> set[str]:
    """Return the sentences of a module that can reach the page."""
    constants = {
        ast.unparse(node.target if isinstance(node, ast.AnnAssign) else node.targets[0]): node.value
        for node in module.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
    }
    roots: Iterator[ast.AST] = iter([module])
    if not WHOLE.match(name):
        roots = (
            constants.get(ast.unparse(part), part)
            for node in ast.walk(module)
            if isinstance(node, ast.Call) and _carries(node.func)
            for part in (*node.args, *(keyword.value for keyword in node.keywords))
        )
    found = {text for root in roots for text in sentences(root, constants)}
    return {text for text in found if not _NO_SENTENCE.search(text)}


def _carries(function: ast.expr) -> bool:
    name = ast.unparse(function)
    return name.split(".")[-1] in carriers() or name.startswith("web.HTTP")


def _is_log(function: ast.expr) -> bool:
    """Return whether a call writes to the log, so that its words are of no page."""
    return ast.unparse(function).startswith("log.")


def untranslated(language: str, text: str) -> set[str]:
    """Return the parts of a sentence that stay English; it may begin with a verb."""
    return min((_parts(language, start + text) for start in ("", f"{_VALUE} ")), key=len)


def _parts(language: str, text: str) -> set[str]:
    known = _known(language)
    text = NEXT_TRY.sub("", text)
    if text in known:
        return set()
    for template in templates(language):
        if found := template.pattern.fullmatch(text):
            return set().union(*(_parts(language, part) for part in found.groups()))
    words = [word for word in text.split() if any(map(str.isalpha, word))]
    return {text} if len(words) >= SHORTEST else set()


@cache
def _known(language: str) -> frozenset[str]:
    kinds = (MESSAGES, NAMES, PAGE, STATES)
    return frozenset(text for kind in kinds for text in translations(language, kind))


# The words of HTML and of scripts, which have to be filled in

_READ_ALOUD: Final = {"aria-label", "title", "alt", "placeholder"}
_COPIED: Final = {"code", "pre", "textarea", "script", "style"}
_WORD: Final = re.compile(r"[^\W\d_]{2,}|[{}]")
_SCRIPT_LITERAL: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`')
_NOT_READ: Final = re.compile(r"(?<![\w.])t\(\s*$|(class|rel|confirm): $|^import .*|headers")


class _Words(HTMLParser):
    """Collects what a visitor reads or hears, without what is to be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._copied = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {value for name, value in attrs if name in _READ_ALOUD and value}
        self._copied = self._copied or (tag if tag in _COPIED else "")

    def handle_endtag(self, tag: str) -> None:
        self._copied = "" if tag == self._copied else self._copied

    def handle_data(self, data: str) -> None:
        if not self._copied:
            self.found.add(data.strip())


def words_in_html(text: str) -> set[str]:
    """Return the words between tags, and those of attributes that screen readers read aloud."""
    parser = _Words()
    parser.feed(text if "<" in text else f"<i {text}>")  # attributes alone
    parser.close()
    return {words for words in parser.found if _WORD.search(words)}


def pages_in_python() -> Iterator[tuple[str, str]]:
    """Yield the pieces of HTML of the pages, each with its module."""
    for name, module in speaking_modules():
        if name.startswith("web/"):
            html = (text for text in sentences(module) if re.search(r"<\w|\w=\"", text))
            yield from ((name, text) for text in html)


def words_in_script(source: str) -> set[str]:
    """Return the texts of a script that `t` does not look up: phrases, capitalised words."""
    found = set()
    for line in source.splitlines():
        code = re.sub(r"(^|\s)//.*", "", line)
        for literal in _SCRIPT_LITERAL.finditer(code):
            text = re.sub(r"\$\{[^}]*\}", "", literal[0][1:-1])
            is_phrase = re.match(r"[A-Z][a-z]", text) or re.search(r"[a-z]{2} +[a-z]{2}", text)
            if is_phrase and not _NOT_READ.search(code[: literal.start()]):
                found.add(text)
    return found
