"""Files of every kind for tests, made here: PDFs by hand, so that nothing has to be believed about who made them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from io import BytesIO

from pypdf import PdfReader, PdfWriter


def pdf(pages: Sequence[str], *, title: str = "", bookmarks: Sequence[tuple[int, str]] = ()) -> bytes:
    """A PDF with a line of text for every line of a page; bookmarks as page and heading, all at the top."""
    return _written([_content(page) for page in pages], title, bookmarks)


def encrypted_pdf(password: str) -> bytes:
    """One that wants a password."""
    writer = PdfWriter(PdfReader(BytesIO(pdf(["A secret."]))))
    writer.encrypt(password, algorithm="RC4-128")
    return _bytes(writer)


def pdf_bomb(megabytes: int) -> bytes:
    """One whose page is small and swells to so much."""
    return _written([b"BT /F1 12 Tf (" + b"a" * (megabytes << 20) + b") Tj ET"], "", ())


def _content(page: str) -> bytes:
    lines = [line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)") for line in page.split("\n")]
    shown = " ".join(f"({line}) Tj T*" for line in lines)
    return f"BT /F1 12 Tf 14 TL 50 750 Td {shown} ET".encode("latin-1")


def _written(contents: Sequence[bytes], title: str, bookmarks: Sequence[tuple[int, str]]) -> bytes:
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, content in enumerate(contents):
        packed = zlib.compress(content, 9)
        page = (
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {5 + 2 * number} 0 R >>"
        )
        head = f"<< /Length {len(packed)} /Filter /FlateDecode >>\nstream\n".encode()
        objects += [page.encode(), head + packed + b"\nendstream"]
    data = _assembled(objects)
    if not title and not bookmarks:
        return data
    writer = PdfWriter(PdfReader(BytesIO(data)))
    writer.add_metadata({"/Title": title})
    for number, heading in bookmarks:
        writer.add_outline_item(title=heading, page_number=number)
    return _bytes(writer)


def _assembled(objects: Sequence[bytes]) -> bytes:
    data, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n" % number + one + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return data + (
        b"xref\n0 %d\n0000000000 65535 f \n" % size
        + table
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(data))
    )


def _bytes(writer: PdfWriter) -> bytes:
    output = BytesIO()
    writer.write(output)
    return output.getvalue()
