"""`python -m reference`: write the generated files anew."""

from reference import documents

for path, text in documents().items():
    path.write_text(text, encoding="utf-8")
