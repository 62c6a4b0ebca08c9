"""The interoperation page: what it says of good, bad and defective, and that the committed one is the matrix's."""

from __future__ import annotations

import pytest

from tests.interop.matrix import CASES, Case, Row
from tests.interop.report import PAGE, page
from tests.interop.viewers import VIEWS, Seen, View

GOOD = Case("some-server", "main", "h264", "high", 640, 360)
SILENT = Case("some-server", "sub", "h264", "high", 640, 360, "udp", defect="sends nothing")


def test_a_row_says_what_came_of_it() -> None:
    text = page([Row(GOOD, True, "h264 High 640x360 by tcp", 41.6)], {"some-server": "1.2"})
    assert "| some-server | main | tcp | none | h264 High 640x360 by tcp | yes | 42 ms |" in text
    assert "| some-server | 1.2 |" in text
    assert "1 tried, 1 as they must be, 0 not." in text
    assert "Defects" not in text


def test_it_says_when_and_on_what_it_was_measured() -> None:
    assert "Measured 2026-01-01 10:00 UTC on " in page([], {}, when="2026-01-01 10:00 UTC")
    assert "Measured 20" in PAGE.read_text("utf-8")


def test_a_failure_is_counted_and_bold() -> None:
    text = page([Row(GOOD, False, "timeout: no answer"), Row(GOOD, True, "fine")], {})
    assert "2 tried, 1 as they must be, 1 not." in text
    assert "| timeout: no answer | **no** |  |" in text


def test_a_defect_of_the_server_stands_beside_our_words() -> None:
    text = page([Row(SILENT, True, "no_stream: PLAY was accepted, but no packet came")], {})
    assert "* some-server, sub by udp: sends nothing.\n  Ours: no_stream: PLAY was accepted" in text


def test_onvif_rows_stand_in_a_table_of_their_own() -> None:
    text = page([], {}, [("a, b", True, "2 streams"), ("c, d", False, "not tried: none")])
    assert "| a, b | 2 streams | yes |\n| c, d | not tried: none | **no** |" in text
    assert "## ONVIF" not in page([], {})


def test_viewers_stand_in_a_table_of_their_own() -> None:
    good, bad = Seen("a browser", "b", "directly", "h264"), Seen("c", "d", "e", "h264", ("stands still",))
    text = page([], {}, (), [good, bad])
    assert "| a browser | b | directly | h264 | yes |\n| c | d | e | h264; stands still | **no** |" in text
    assert "## Viewers" not in page([], {})


def test_names_of_cases_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_committed_page_holds_every_case(case: Case) -> None:
    """Else somebody changed the matrix and did not run the report."""
    head = f"| {case.server} | {case.stream} | {case.transport} | {case.login} | "
    assert PAGE.read_text("utf-8").count(head) == 1


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: f"{view.who} {view.source} {view.how}")
def test_the_committed_page_holds_every_viewer(view: View) -> None:
    assert PAGE.read_text("utf-8").count(f"| {view.who} | {view.source} | {view.how} | ") == 1
