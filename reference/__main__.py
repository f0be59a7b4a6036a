"""`python -m reference`: write the generated files."""

from reference import DOCUMENTS

for path, generate in DOCUMENTS.items():
    path.write_text(generate(), encoding="utf-8")
