"""A second opinion on the records: FerretDB, another implementation of the protocol (INGEST_NIGHTLY=1: its build takes two minutes)."""
from records_ import csv, documents, done, nothing_left, plain, receipts, site  # noqa: F401


def drop_many(s, first, count):
    for i in range(first, first + count):
        s.drop("alice", "f%d.csv" % i, csv(i))


def test_c_ferretdb_agrees(own_server, tmp_path):
    server = own_server("ferret")
    s = site(tmp_path, server)
    s.start()
    drop_many(s, 0, 120)
    s.drop("alice", "bad.csv", b"n,name\nx,y\n")
    s.until(lambda: len(done(s)) == 120)
    server.kill()
    drop_many(s, 200, 20)
    s.until(lambda: len(done(s)) == 140)
    server.start()
    s.caught_up()
    found, wanted = documents(s), receipts(s, "alice")
    assert set(found) == set(wanted) and len(found) == 141
    for key, receipt in wanted.items():
        document = plain(found[key])
        assert document["times"].pop("placed")
        del document["seconds"], receipt["seconds"]
        assert document == receipt
    assert set(documents(s, "jobs")) == {"alice/rows"}
    assert s.stop(["index expires of files cannot be made, documents stay when their time is over",
                   "index expires of runs cannot be made, documents stay when their time is over"]) == 0
