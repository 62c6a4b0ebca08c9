"""Pages lead where they say, and say nothing of the machine they were written on."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.tree import ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_link_leads_somewhere() -> None:
    broken = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            if not target.startswith(("http://", "https://", "mailto:")) and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def test_every_page_is_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    queue = [ROOT / "README.md"]
    while queue:
        page = queue.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        targets = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8"))
        queue += [found for t in targets if (found := (page.parent / t).resolve()).is_file()]
    assert [str(page.relative_to(ROOT)) for page in PAGES if page.resolve() not in seen] == []


def test_the_readme_fits_two_screens() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 60


def test_no_page_and_no_source_names_a_machine() -> None:
    found = []
    files = [
        *PAGES,
        *(p for folder in ("config", "center", "health", "registry") for p in (ROOT / folder).rglob("*.py")),
    ]
    for page in files:
        text = page.read_text("utf-8")
        found += [
            f"{page.relative_to(ROOT)}: {path}" for path in re.findall(r"(?<![\w.])/(?:work|root|home)/\S+", text)
        ]
    assert found == []
