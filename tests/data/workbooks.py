"""Workbooks for tests, of as little XML as readers accept."""

from __future__ import annotations

import io
import zipfile
from xml.sax.saxutils import escape, quoteattr

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
_FORMATS = "http://schemas.openxmlformats.org"
_RELATIONS = f"{_FORMATS}/officeDocument/2006/relationships"
_MAIN = f"{_FORMATS}/spreadsheetml/2006/main"


def zipped(files: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def column(index: int) -> str:
    """A, B, ... Z, AA, ..."""
    return (column(index // 26 - 1) if index > 25 else "") + chr(65 + index % 26)


def xlsx_cell(value: object, place: str) -> str:
    """A cell; None is an absent one, and ("style", number) one whose style is a date."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return f'<c r="{place}" s="1"><v>{value[1]}</v></c>'
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, (int, float)):
        return f'<c r="{place}"><v>{value!r}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def xlsx_rows(rows: list[list[object]]) -> str:
    return "".join(
        f'<row r="{y}">{"".join(xlsx_cell(cell, f"{column(x)}{y}") for x, cell in enumerate(row))}</row>'
        for y, row in enumerate(rows, 1)
    )


def _xml(tag: str, inside: str, namespace: str, more: str = "") -> str:
    return f'{_HEAD}<{tag} xmlns="{namespace}" {more}>{inside}</{tag}>'


def _relation(key: str, kind: str, target: str) -> str:
    return f'<Relationship Id="{key}" Type="{_RELATIONS}/{kind}" Target="{target}"/>'


def xlsx(**sheets: list[list[object]] | str) -> bytes:
    """An Excel workbook; a sheet is its rows of cells, or its XML."""
    listed, related, parts = "", _relation("rId0", "styles", "styles.xml"), {}
    for i, (title, rows) in enumerate(sheets.items(), 1):
        listed += f'<sheet name={quoteattr(title)} sheetId="{i}" r:id="rId{i}"/>'
        related += _relation(f"rId{i}", "worksheet", f"worksheets/sheet{i}.xml")
        cells = rows if isinstance(rows, str) else xlsx_rows(rows)
        parts[f"xl/worksheets/sheet{i}.xml"] = _xml("worksheet", f"<sheetData>{cells}</sheetData>", _MAIN)
    relations = f"{_FORMATS}/package/2006/relationships"
    styles = '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
    return zipped(
        {
            "[Content_Types].xml": _xml("Types", "", f"{_FORMATS}/package/2006/content-types"),
            "_rels/.rels": _xml("Relationships", _relation("rId1", "officeDocument", "xl/workbook.xml"), relations),
            "xl/workbook.xml": _xml("workbook", f"<sheets>{listed}</sheets>", _MAIN, f'xmlns:r="{_RELATIONS}"'),
            "xl/_rels/workbook.xml.rels": _xml("Relationships", related, relations),
            "xl/styles.xml": _xml("styleSheet", styles, _MAIN),
            **parts,
        }
    )


def ods(rows: str) -> bytes:
    """An OpenDocument workbook with one sheet of these rows, in XML."""
    name = "urn:oasis:names:tc:opendocument:xmlns"
    spaces = " ".join(f'xmlns:{part}="{name}:{part}:1.0"' for part in ("office", "table", "text"))
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": f'{_HEAD}<m:manifest xmlns:m="{name}:manifest:1.0"></m:manifest>',
            "content.xml": f"{_HEAD}<office:document-content {spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="S">{rows}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        }
    )
