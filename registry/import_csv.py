"""Pure: a point inventory from bytes (CSV in UTF-8 or GB18030, with or without BOM) to rows, with findings."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from config.errors import Kind, XueliangError
from config.text import printable
from registry.import_columns import column_of, is_mandatory, title

MAX_BYTES = 20 * 1024 * 1024
MAX_ROWS = 20_000
MAX_COLUMNS = 200
MAX_CELL = 2_000
#: Spreadsheets begin with titles and notes, merged over the columns.
_MAX_PREAMBLE = 20
#: A table in which fewer headers than this are known is not a point inventory.
_MIN_KNOWN = 2


class Level(StrEnum):
    ERROR = "error"  # the file is not taken
    WARNING = "warning"  # it is taken; somebody should look
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """``line`` counts the lines of the file from 1; ``column`` is our name for it, or ``""`` for the whole row."""

    line: int
    column: str
    level: Level
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """``values`` holds the cells that are not empty, by our name of the column. Not shown: it may hold a password."""

    line: int
    values: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Inventory:
    """``digest`` is the SHA-256 of the file; ``mandatory`` the columns the file itself marks with an asterisk."""

    digest: str
    encoding: str
    columns: tuple[str, ...]
    mandatory: frozenset[str]
    ignored: tuple[str, ...]
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]


def parse(data: bytes) -> Inventory:
    """Raises ``TOO_LARGE`` over a cap and ``INVALID`` for what is no table of points; all else is a finding."""
    if len(data) > MAX_BYTES:
        raise XueliangError(Kind.TOO_LARGE, f"a file of {len(data)} bytes, more than {MAX_BYTES}")
    text, encoding = _decode(data)
    table = _records(text)
    findings: list[Finding] = []
    preamble: list[tuple[int, list[str]]] = []
    for line, cells in table:
        preamble.append((line, cells))
        if len(preamble) == _MAX_PREAMBLE:
            break
    head = max(range(len(preamble)), key=lambda n: (_known(preamble[n][1]), -n), default=None)
    if head is None or _known(preamble[head][1]) < _MIN_KNOWN:
        raise XueliangError(
            Kind.INVALID,
            f"no line of headers in the first {_MAX_PREAMBLE} lines",
            fix="Give a table whose headers are those of the inventory, at least 点位名称 and IP地址 or 国标编码",
        )
    columns, ignored, mandatory = _header(*preamble[head], findings)
    rows: list[Row] = []
    for line, cells in _chain(preamble[head + 1 :], table):
        if not any(cell.strip() for cell in cells):
            continue
        if len(rows) == MAX_ROWS:
            raise XueliangError(Kind.TOO_LARGE, f"more than {MAX_ROWS} rows", fix="Part the file into several")
        rows.append(_row(line, cells, columns, findings))
    if not rows:
        findings.append(Finding(preamble[head][0], "", Level.ERROR, "empty", "the table has headers and no rows"))
    used = tuple(column for column in columns if column is not None)
    digest = hashlib.sha256(data).hexdigest()
    return Inventory(digest, encoding, used, mandatory, ignored, tuple(rows), tuple(findings))


def _decode(data: bytes) -> tuple[str, str]:
    candidates = ["utf-16"] if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ["utf-8-sig", "gb18030"]
    error: UnicodeDecodeError | None = None
    for encoding in candidates:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as caught:
            error = error or caught
            continue
        if "\x00" in text:
            break
        return text, encoding
    where = f"byte {error.start}" if error is not None else "a zero byte in it"
    raise XueliangError(
        Kind.INVALID,
        f"the file is neither UTF-8 nor GB18030 text ({where})",
        fix="Save the table as CSV (UTF-8); a spreadsheet itself (.xlsx) is not read here",
    )


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells. Raises ``INVALID`` or ``TOO_LARGE`` at the line where the table ends being one."""
    first = text[:10_000]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise XueliangError(
                Kind.INVALID, f"the table breaks off: {error}", where=f"line {line}", fix="Check the quotation marks"
            ) from error
        if len(cells) > MAX_COLUMNS:
            raise XueliangError(Kind.TOO_LARGE, f"{len(cells)} columns, more than {MAX_COLUMNS}", where=f"line {line}")
        yield line, cells


def _chain(
    begun: list[tuple[int, list[str]]], rest: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[int, list[str]]]:
    yield from begun
    yield from rest


def _known(cells: list[str]) -> int:
    return len({column for cell in cells[:MAX_COLUMNS] if (column := column_of(cell[:80]))})


def _header(
    line: int, cells: list[str], findings: list[Finding]
) -> tuple[list[str | None], tuple[str, ...], frozenset[str]]:
    columns: list[str | None] = []
    ignored: list[str] = []
    for cell in cells:
        column = column_of(cell[:80])
        if column is None and cell.strip():
            ignored.append(printable(cell.strip(), 80))
        if column is not None and column in columns:
            text = f"a second column for {title(column)}; only the first is read"
            findings.append(Finding(line, column, Level.WARNING, "column_twice", text))
            column = None
        columns.append(column)
    if ignored:
        text = f"columns not known and not read: {', '.join(ignored)}"
        findings.append(Finding(line, "", Level.WARNING, "column_unknown", printable(text, 500)))
    if "name" not in columns:
        findings.append(Finding(line, "name", Level.ERROR, "column_missing", f"no column {title('name')}"))
    marked = {c for c, cell in zip(columns, cells, strict=True) if c is not None and is_mandatory(cell)}
    return columns, tuple(ignored), frozenset(marked | {"name"})


def _row(line: int, cells: list[str], columns: list[str | None], findings: list[Finding]) -> Row:
    values: dict[str, str] = {}
    for column, cell in zip(columns, cells, strict=False):
        if column is None or not cell.strip():
            continue
        if len(cell) > MAX_CELL:
            text = f"{title(column)} has {len(cell)} characters, more than {MAX_CELL}"
            findings.append(Finding(line, column, Level.ERROR, "cell_too_long", text))
            continue
        values[column] = cell.strip()
    if any(cell.strip() for cell in cells[len(columns) :]):
        text = "more cells than headers: is a comma missing its quotation marks?"
        findings.append(Finding(line, "", Level.ERROR, "cells_too_many", text))
    return Row(line, values)
