"""Rows of a CSV file as spreadsheets write it: separator, encoding, padding and header forms are recognised."""

import codecs
import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hub.domain.errors import RefusedError

if TYPE_CHECKING:
    from _csv import Reader

# Excel writes a semicolon where the comma is the decimal sign, and tabs in its "Unicode text".
_SEPARATORS = (",", ";", "\t")
_UTF16 = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# The first line that programs write for Excel, such as `sep=;`; it is no row.
_SEPARATOR_SAID = re.compile(r"sep=([,;\t])[ \t]*\r?\n", re.IGNORECASE)
# How the files of spreadsheets begin: a ZIP archive (xlsx, ods, numbers), and Excel's old format (xls).
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
# Characters; the longest thing that a file brings is a certificate in base64.
_FIELD_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file, each with its line, the last one where it has several, and the names of its columns."""

    columns: list[str]
    rows: Iterator[tuple[int, dict[str, str]]]


def rows_of(path: Path) -> Rows:
    """Open a CSV file; RefusedError when it is none, or empty.

    The first row that is not empty names the columns; case, width and surrounding blanks of a name mean nothing. Empty
    rows, and columns without a name and values, are dropped. In a row, the key "" holds a value beyond the columns.
    """
    text = _text(path)
    said = _SEPARATOR_SAID.match(text)
    separator = said[1] if said else _separator(text)
    # The line stays, empty, so that each row keeps its number.
    text = text[said.end() - 1 :] if said else text
    records = _records(path, csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    header = next(records, None)
    if header is None:
        message = f"{path}: the file is empty; its first line names the columns."
        raise RefusedError(message)
    names = [_name(name) for name in header[1]]
    return Rows([name for name in names if name], _rows(names, records))


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        message = f"{path}: it can't be read ({error.strerror})."
        raise RefusedError(message) from error
    if content.startswith(_WORKBOOKS):
        message = f'{path}: this is a workbook, not a CSV file; save it as CSV (in Excel: "CSV UTF-8").'
        raise RefusedError(message)
    encoding = _UTF16.get(content[:2]) or _utf16_without_mark(content) or "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        cure = 'save it as UTF-8 (in Excel: "CSV UTF-8"), not as Shift_JIS'
        message = (
            f"{path}: this is not {'UTF-16' if 'utf-16' in encoding else 'UTF-8'} (at byte {error.start}); {cure}."
        )
        raise RefusedError(message) from error


def _utf16_without_mark(content: bytes) -> str:
    """Recognise UTF-16 without a byte order mark by the zero bytes of its ASCII header."""
    head = content[:64]
    if len(head) < 4 or 0 not in head:  # noqa: PLR2004 - two characters
        return ""
    return "utf-16-be" if head[0] == 0 else "utf-16-le" if head[1] == 0 else ""


def _separator(text: str) -> str:
    """Take the separator that the header has most of; a comma where it has none."""
    header = next((line for line in text.splitlines() if line.strip(" ,;\t\ufeff")), "")
    counts = Counter({separator: header.count(separator) for separator in _SEPARATORS})
    return counts.most_common(1)[0][0]


def _records(path: Path, reader: "Reader") -> Iterator[tuple[int, list[str]]]:
    """Give the rows that hold something, each with its line; an error names the line where its row begins."""
    csv.field_size_limit(_FIELD_LIMIT)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            message = f"{path}:{line}: this is no CSV: {_cause(error)}."
            raise RefusedError(message) from error
        if any(field.strip() for field in record):
            yield reader.line_num, record


def _cause(error: csv.Error) -> str:
    said = str(error)
    if "field limit" in said:
        return f"a field is longer than {_FIELD_LIMIT} characters"
    if "unexpected end of data" in said:
        return 'a quote (") that is opened here is never closed'
    if "expected after" in said:
        return 'after a closing quote (") a separator must follow; write a quote inside a field twice ("")'
    return said


def _rows(names: list[str], records: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, dict[str, str]]]:
    for line, record in records:
        row = dict.fromkeys((name for name in names if name), "")
        for place, value in enumerate(record):
            name = names[place] if place < len(names) else ""
            if name:
                row[name] = _trimmed(name, value)
            elif value.strip():
                row[""] = value
        yield line, row


def _name(written: str) -> str:
    return unicodedata.normalize("NFKC", written).strip().replace(" ", "_").casefold()


def _trimmed(column: str, value: str) -> str:
    # A space at a password's end is part of it: what was given is what logs in.
    return value if column == "password" else value.strip()
