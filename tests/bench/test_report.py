"""What a bench says of itself: figures held against promises, sections put between marks and nowhere else."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bench.harness import Machine
from bench.plot import Line, svg
from bench.report import PAGE, SECTIONS, Bound, Result, Table, markdown, splice

MACHINE = Machine("Some CPU", 2, 23.5, "6.1", "3.11.7")


def result(*bounds: Bound) -> Result:
    return Result("onvif", "python -m bench.onvif", "2026-01-01 00:00 UTC", MACHINE, 0.1, bounds=list(bounds))


@pytest.mark.parametrize(
    ("value", "most", "least", "held"),
    [(0.8, 0.8, None, True), (0.81, 0.8, None, False), (80, None, 80, True), (79.9, None, 80, False)],
)
def test_a_figure_is_held_against_its_promise(
    value: float, most: float | None, least: float | None, held: bool
) -> None:
    assert Bound("what", value, "ms", most, least).held is held


def test_one_broken_promise_breaks_the_result() -> None:
    good, bad = Bound("a", 1, "", most=2), Bound("b", 3, "", most=2)
    assert result(good).held
    assert not result(good, bad).held


def test_a_section_names_command_date_machine_and_load() -> None:
    text = markdown(result(Bound("CPU a call", 0.64231, "ms", most=1)))
    assert "`python -m bench.onvif`, 2026-01-01 00:00 UTC, 2 cores of Some CPU, 23.5 GiB" in text
    assert "load before the run 0.10" in text
    assert "| CPU a call | 0.642 ms | <= 1 | yes |" in text


def test_a_broken_promise_is_bold() -> None:
    text = markdown(result(Bound("devices found", 7499, "of 7500", least=7500)))
    assert "| devices found | 7,499 of 7500 | >= 7500 | **no** |" in text


def test_a_table_has_its_rows() -> None:
    one = result()
    one.tables = [Table("Ways", ("way", "ms"), (("ours", "0.7"), ("theirs", "46")))]
    assert "| way | ms |\n| --- | ---: |\n| ours | 0.7 |\n| theirs | 46 |" in markdown(one)


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    begin, end = "<!-- bench:onvif begin (generated) -->", "<!-- bench:onvif end -->"
    page = f"before\n{begin}\nold\n{end}\nafter\n"
    once = splice(page, "onvif", "new")
    assert once == f"before\n{begin}\nnew\n{end}\nafter\n"
    assert splice(once, "onvif", "new") == once


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no marks for onvif"):
        splice("a page", "onvif", "new")


@pytest.mark.parametrize("name", SECTIONS)
def test_the_page_has_a_place_for_every_bench(name: str) -> None:
    page = PAGE.read_text("utf-8")
    assert splice(page, name, "x") != page


def test_a_plot_is_sound_svg_with_every_point_in_the_picture() -> None:
    lines = [Line("a & b", ((480, 14.0), (2000, 14.5), (7500, 15.0))), Line("c", ((480, 1.0), (7500, 2.0)))]
    root = ElementTree.fromstring(svg("Cost <per> check", "cameras", "ms", lines))
    circles = list(root.iter("{http://www.w3.org/2000/svg}circle"))
    assert len(circles) == 5
    assert all(0 < float(c.get("cx", "")) < 720 and 0 < float(c.get("cy", "")) < 360 for c in circles)
    heights = [float(c.get("cy", "")) for c in circles]
    assert heights[0] > heights[1] > heights[2]
    labels = "".join(root.itertext())
    assert "a & b" in labels
    assert "7,500" in labels


def test_a_plot_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="without points"):
        svg("t", "x", "y", [Line("a", ())])
