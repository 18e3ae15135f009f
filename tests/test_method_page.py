"""docs/method.md has every section that code and configs point to."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
MENTION = re.compile(r"\bmethods? (\d+(?:\.\d+)?(?:(?:, | and )\d+(?:\.\d+)?)*)")


def test_every_section_that_is_named_is_there():
    headings = set(re.findall(r"^#+ (\d+(?:\.\d+)?)\b", (ROOT / "docs" / "method.md").read_text(), re.MULTILINE))
    assert {str(number) for number in range(1, 14)} <= headings
    files = [path for room in ("hpa_lit", "conf", "tests", "benchmarks") for path in (ROOT / room).rglob("*")]
    named = {}
    for path in files:
        if path.suffix in (".py", ".yaml", ".md"):
            for match in MENTION.finditer(path.read_text()):
                named |= dict.fromkeys(re.findall(r"\d+(?:\.\d+)?", match[1]), path)
    assert len(named) > 15
    assert {number: path for number, path in named.items() if number not in headings} == {}
