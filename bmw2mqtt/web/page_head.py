"""The head of the pages that the server renders."""


def page_head(*, language: str, title: str, root: str, style: str, script: str, more: str) -> str:
    """Return a page up to its body.

    `root` is the relative address of the first page, `style` its own style sheet beside that of all
    pages, `more` further elements. Title and elements are HTML.
    """
    return f"""<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="{root}icon.svg">
<link rel="stylesheet" href="{root}page.css">
<link rel="stylesheet" href="{root}{style}">
<script src="{root}{script}" type="module"></script>
{more}</head>
"""
