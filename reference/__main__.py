"""`python -m reference`: write the generated files."""

from reference import documents

for path, text in documents().items():
    path.write_text(text, encoding="utf-8")
