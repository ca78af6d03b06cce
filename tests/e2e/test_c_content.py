"""What is no text is found by its content, whatever it is called, and one sentence says what to send instead.  The files are made by the
tools that senders use."""
import bz2
import gzip
import io
import lzma
import os
import sqlite3
import subprocess
import tarfile
import zipfile

import pytest

from site_ import Site

ROWS = b"id,name\n" + b"".join(b"%d,row %d\n" % (i, i) for i in range(2000))
JOB = {"pattern": "*", "input": {"format": "csv", "header": True}, "same_name": "add",
       "index": {"name": "t", "mappings": {"properties": {"id": {"type": "long"}}}}}
UNPACK = "unpack it and send the text itself"
EXPORT = "export the table as CSV in UTF-8 and send that"
DATA = "send the data, not a document that shows it"
UTF8 = "convert it to UTF-8 and send that"


def pack(tmp, *argv, out="out", stdin=ROWS):
    """The tool's own file: `out`, or its standard output for out=None."""
    with open(tmp / "rows.csv", "wb") as f:
        f.write(stdin)
    done = subprocess.run(argv, cwd=tmp, capture_output=True, check=True)
    if out is None:
        return done.stdout
    with open(tmp / out, "rb") as f:
        return f.read()


def zipped(tmp, method=zipfile.ZIP_DEFLATED, names=("rows.csv",)):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name in names:
            z.writestr(name, ROWS)
    return out.getvalue()


def tarred(tmp, mode="w", form=tarfile.USTAR_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=form) as t:
        info = tarfile.TarInfo("rows.csv")
        info.size = len(ROWS)
        t.addfile(info, io.BytesIO(ROWS))
    return out.getvalue()


def xlsx(tmp):
    import openpyxl
    book = openpyxl.Workbook()
    for i in range(2000):
        book.active.append([i, "row %d" % i])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def xls(tmp):
    import xlwt
    book = xlwt.Workbook()
    sheet = book.add_sheet("rows")
    for i in range(2000):
        sheet.write(i, 0, i)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def avro(tmp):
    import avro.datafile
    import avro.io
    import avro.schema
    schema = avro.schema.parse('{"type": "record", "name": "row", "fields": [{"name": "id", "type": "long"}]}')
    out = io.BytesIO()
    writer = avro.datafile.DataFileWriter(out, avro.io.DatumWriter(), schema)
    for i in range(2000):
        writer.append({"id": i})
    writer.flush()
    return out.getvalue()


def sqlite(tmp):
    db = sqlite3.connect(tmp / "rows.db")
    db.execute("create table t (id)")
    db.commit()
    db.close()
    return (tmp / "rows.db").read_bytes()


CASES = {
    "zip": (zipped, "a zip archive", UNPACK),
    "zip, stored": (lambda t: zipped(t, zipfile.ZIP_STORED), "a zip archive", UNPACK),
    "zip of several": (lambda t: zipped(t, names=("a.csv", "b.csv")), "a zip archive", UNPACK),
    "zip, empty": (lambda t: zipped(t, names=()), "an empty zip archive", UNPACK),
    "bzip2": (lambda t: bz2.compress(ROWS), "a bzip2 file", UNPACK),
    "bzip2 -1, the tool's": (lambda t: pack(t, "bzip2", "-1", "-k", "-c", "rows.csv", out=None), "a bzip2 file", UNPACK),
    "bzip2, empty": (lambda t: bz2.compress(b""), "a bzip2 file", UNPACK),
    "7z": (lambda t: pack(t, "7zz", "a", "out.7z", "rows.csv", out="out.7z"), "a 7z archive", UNPACK),
    "zip of 7z": (lambda t: pack(t, "7zz", "a", "-tzip", "out.zip", "rows.csv", out="out.zip"), "a zip archive", UNPACK),
    "tar": (tarred, "a tar archive", UNPACK),
    "tar, GNU": (lambda t: tarred(t, form=tarfile.GNU_FORMAT), "a tar archive", UNPACK),
    "tar, pax": (lambda t: tarred(t, form=tarfile.PAX_FORMAT), "a tar archive", UNPACK),
    "tar.bz2": (lambda t: tarred(t, "w:bz2"), "a bzip2 file", UNPACK),
    "lz4": (lambda t: pack(t, "lz4", "-q", "-c", "rows.csv", out=None), "an lz4 file", UNPACK),
    "lzip": (lambda t: pack(t, "lzip", "-k", "-c", "rows.csv", out=None), "an lzip file", UNPACK),
    "lzma": (lambda t: lzma.compress(ROWS, lzma.FORMAT_ALONE), "an lzma file", UNPACK),
    "gzip": (lambda t: gzip.compress(ROWS), "gzip", "this tenant may send csv and txt"),
    "xz": (lambda t: lzma.compress(ROWS), "xz", "this tenant may send csv and txt"),
    "zstd": (lambda t: pack(t, "zstd", "-q", "-c", "rows.csv", out=None), "zstd", "this tenant may send csv and txt"),
    "rar": (lambda t: b"Rar!\x1a\x07\x01\x00" + bytes(range(256)), "a RAR archive", UNPACK),
    "xlsx": (xlsx, "an Excel or Office document (xlsx)", EXPORT),
    "xls": (xls, "an old Office document (xls, doc)", EXPORT),
    "parquet": (lambda t: b"PAR1\x15\x04\x15\x10" + bytes(range(256)) + b"PAR1", "a Parquet file", EXPORT),
    "orc": (lambda t: b"ORC\n\x0b\x00\x00" + bytes(range(256)), "an ORC file", EXPORT),
    "avro": (avro, "an Avro file", EXPORT),
    "sqlite": (sqlite, "an SQLite database", EXPORT),
    "pdf": (lambda t: pack(t, "groff", "-Tpdf", "rows.csv", out=None), "a PDF document", DATA),
    "postscript": (lambda t: pack(t, "groff", "-Tps", "rows.csv", out=None), "a PostScript document", DATA),
    "html": (lambda t: pack(t, "groff", "-Thtml", "rows.csv", out=None), "an HTML page", DATA),
    "html, a login page": (lambda t: b"\r\n  <HTML>\n<head><title>Log in</title></head></HTML>\n", "an HTML page", DATA),
    "xml": (lambda t: b'<?xml version="1.0"?>\n<rows><row id="1"/></rows>\n', "an XML document", EXPORT),
    "utf-16, as Excel's Unicode text": (lambda t: ROWS.decode().encode("utf-16"), "text in UTF-16", UTF8),
    "utf-16le": (lambda t: ROWS.decode().encode("utf-16-le"), "text in UTF-16 without a byte order mark", UTF8),
    "utf-16be": (lambda t: ROWS.decode().encode("utf-16-be"), "text in UTF-16 without a byte order mark", UTF8),
    "utf-32": (lambda t: ROWS.decode().encode("utf-32"), "text in UTF-32", UTF8),
    "a program": (lambda t: open("/bin/true", "rb").read(), "a program", "send text in UTF-8"),
}


@pytest.fixture(scope="module")
def placed(tmp_path_factory):
    """All cases in one run, each under the name of a csv and under the name of nothing known."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.tenant("alice", {"formats": ["csv", "txt"], "arrival": {"settle_seconds": 0}}, t=JOB)
    names = {}
    for k, (case, (make, _, _)) in enumerate(CASES.items()):
        data = make(tmp_path_factory.mktemp("make"))
        names[case] = ["%02d.csv" % k, "%02d.dat" % k]
        for name in names[case]:
            site.drop("alice", name, data)
    site.drop("alice", "good.csv", ROWS)
    done = site.once("--wait", "60")
    assert done.returncode == 3, done.stderr
    yield site, names


@pytest.mark.parametrize("case", CASES)
def test_content_that_is_no_text_says_what_to_send_instead(placed, case):
    site, names = placed
    _, what, instead = CASES[case]
    for name in names[case]:
        r = site.receipt("alice", "failed", name)
        assert r["state"] == "failed" and r["rows"] is None
        assert r["reason"].startswith("File format not allowed: the content is " + what), r["reason"]
        assert instead in r["reason"] and r["reason"].count("\n") == 0


def test_the_text_beside_them_is_taken(placed):
    site, _ = placed
    assert site.receipt("alice", "done", "good.csv")["rows"]["indexed"] == 2000
    assert len(site.rows("alice", "alice-t")) == 2000  # and no row of another
