"""Each step that the two programs name is reached, killed at, and the restart loses nothing and doubles nothing.

The list is the programs' own (--crash-points); a name that no scenario reaches is a failure.  What lies on disk at the kill is printed
with `-s`.
"""
import gzip
import hashlib
import json
import os
import shutil
import subprocess

import pytest

import kills
from books import JOB, backdate, csv_of, loaded, once_with_a_slow_store, removed, settled, states, stored
from layers_ import age, keygen
from site_ import BUILD, Site

BIG = 30_000  # rows: several batches


def points():
    out = []
    for program in ("ingestd", "ingest-worker"):
        text = subprocess.run([os.path.join(BUILD, program), "--crash-points"], capture_output=True, text=True,
                              check=True).stdout
        out += [line.split("\t")[0] for line in text.splitlines()]
    return out


# --- scenarios: before (to the point where the kill is armed), options of the run, and what must be true in the end ---

class Plain:
    """One file with rejects, by a job that is seen for the first time."""
    args = ()

    def before(self, site):
        site.tenant("bob", t=JOB)
        site.drop("bob", "a.csv", csv_of(40, 3))

    def between(self, site):
        pass

    def after(self, site):
        assert dict(settled(site)) == {"a.csv": 1}
        loaded(site, "a.csv", 40, 3)
        assert states(site) == ["PLACED"]


class Big(Plain):
    """A load that takes a checkpoint, since its store is slow."""
    slow_store = True

    def before(self, site):
        site.tenant("bob", t=JOB)
        site.drop("bob", "a.csv", csv_of(BIG, 3))

    def after(self, site):
        settled(site)
        loaded(site, "a.csv", BIG, 3)


class Undo(Plain):
    """A file that was changed on disk behind a checkpoint: no row of it may stay."""

    def before(self, site):
        site.tenant("bob", t=JOB)
        site.drop("bob", "a.csv", csv_of(BIG))
        once = site.path("first")
        once_with_a_slow_store(site, {"INGEST_CRASH_AT": "checkpoint.committed", "INGEST_CRASH_ONCE": once})
        assert os.path.exists(once) and len(stored(site, "bob", "bob-t")) > 0
        folder, = os.listdir(site.path("staging", "bob", "work"))
        path = site.path("staging", "bob", "work", folder, "a.csv")
        os.chmod(path, 0o600)
        with open(path, "r+b") as f:
            f.seek(-2, os.SEEK_END)
            f.write(b"#")
        os.chmod(path, 0o400)

    def after(self, site):
        settled(site, findings=["altered"])
        assert "SHA-256" in site.receipt("bob", "failed", "a.csv")["reason"]
        assert stored(site, "bob", "bob-t") == []


class Waiting(Plain):
    """The store cannot be opened for a while."""

    def before(self, site):
        super().before(site)
        os.makedirs(site.path("var", "data", "bob", "data.db"))
        self.args = ("--wait", "1")

    def between(self, site):
        self.args = ()
        shutil.rmtree(site.path("var", "data", "bob", "data.db"))


class Sidecar(Plain):
    """A file that comes with NAME.sha256: the two are never parted, and no row is read before they agree."""
    MANIFEST = {"arrival": {"level": "manifest", "settle_seconds": 0}}

    def before(self, site):
        site.tenant("bob", self.MANIFEST, t=JOB)
        content = csv_of(40, 3)
        site.drop("bob", "a.csv", content)
        site.drop("bob", "a.csv.sha256", b"%s  a.csv\n" % hashlib.sha256(content).hexdigest().encode())

    def after(self, site):
        super().after(site)
        assert "a.csv.sha256" in site.names("bob", "done")


class Manifest(Sidecar):
    """The same with NAME.manifest.json."""

    def before(self, site):
        super().before(site)
        with open(site.path("staging", "bob", "in", "a.csv.sha256")) as f:
            digest = f.read().split()[0]
        os.unlink(f.name)
        size = os.path.getsize(site.path("staging", "bob", "in", "a.csv"))
        site.drop("bob", "a.csv.manifest.json", json.dumps(
            {"files": [{"name": "a.csv", "size": size, "sha256": digest, "rows": 43}]}).encode())

    def after(self, site):
        Plain.after(self, site)
        assert "a.csv.manifest.json" in site.names("bob", "done")


class Encrypted(Plain):
    """A file for a key of the tenant."""

    def before(self, site):
        site.tenant("bob", {"arrival": {"settle_seconds": 0}, "formats": ["csv", "gz", "age"]}, t=JOB)
        site.drop("bob", "a.csv.gz.age", age(gzip.compress(csv_of(40, 3)), "-r", keygen(site, "bob")))

    def after(self, site):
        settled(site)
        loaded(site, "a.csv.gz.age", 40, 3)


class Held(Plain):
    """Two jobs match."""

    def before(self, site):
        site.tenant("bob", t=JOB, u=JOB)
        site.drop("bob", "a.csv", csv_of(4))

    def after(self, site):
        settled(site)
        assert site.receipt("bob", "held", "a.csv")["state"] == "held"
        assert states(site) == ["HELD"] and stored(site, "bob", "bob-t") == []


class Run(Plain):
    """A manual job's run of two files."""
    args = ("--start", "bob/t")

    def before(self, site):
        site.tenant("bob", t={**JOB, "trigger": "manual"})
        site.drop("bob", "a.csv", csv_of(40, 3))
        site.drop("bob", "b.csv", csv_of(30))

    def after(self, site):
        if site.names("bob", "in"):  # the run was killed before it was known to anyone: it is started again
            site.once("--start", "bob/t")
        settled(site)
        loaded(site, "a.csv", 40, 3)
        loaded(site, "b.csv", 30)


class RunOfManifest(Plain):
    """A run that a manifest starts; every pass of each step of it: test_kill_in_a_run.py."""

    def before(self, site):
        content = csv_of(40, 3)
        site.tenant("bob", t={**JOB, "trigger": "manifest"})
        site.drop("bob", "a.csv", content)
        site.drop("bob", "all.manifest.json", json.dumps({"job": "t", "files": [
            {"name": "a.csv", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}]}).encode())

    def after(self, site):
        settled(site)
        loaded(site, "a.csv", 40, 3)


class Adopted(Plain):
    """An entry of work/ that the journal does not know."""

    def before(self, site):
        super().before(site)
        once = site.path("first")
        site.once(env={"INGEST_CRASH_AT": "claim.before-journal", "INGEST_CRASH_ONCE": once})
        assert os.path.exists(once) and len(os.listdir(site.path("staging", "bob", "work"))) == 1


class Withdrawn(Plain):
    """A row CLAIMED whose file is gone: the claim was not durable; the file is back in in/."""

    def before(self, site):
        super().before(site)
        once = site.path("first")
        site.once(env={"INGEST_CRASH_AT": "claim.journaled", "INGEST_CRASH_ONCE": once})
        folder, = os.listdir(site.path("staging", "bob", "work"))
        where = site.path("staging", "bob", "work", folder)
        os.rename(os.path.join(where, "a.csv"), site.path("staging", "bob", "in", "a.csv"))
        os.chmod(site.path("staging", "bob", "in", "a.csv"), 0o644)
        shutil.rmtree(where)

    def after(self, site):
        settled(site)
        loaded(site, "a.csv", 40, 3)


class Old(Plain):
    """Placed 31 days ago, kept for 30."""

    def before(self, site):
        site.tenant("bob", {"arrival": {"settle_seconds": 0}, "retention": {"done_days": 30}}, t=JOB)
        site.drop("bob", "a.csv", csv_of(40, 3))
        site.once()
        backdate(site, 31)

    def after(self, site):
        assert dict(settled(site)) == {} and site.names("bob", "done") == []
        assert len(stored(site, "bob", "bob-t")) == 40 and removed(site) == [True]


class Linked(Plain):
    """A second name is made for the file while it is claimed: the claim proves wrong and goes back."""

    def before(self, site):
        super().before(site)
        self.slow = True

    def between(self, site):
        self.slow = False
        for base, _, names in os.walk(site.path("staging")):
            for name in names:
                if name == ".other":
                    os.unlink(os.path.join(base, name))


class Replace(Plain):
    """Other bytes under the same name, which replace the first: those go when these are stored."""

    def before(self, site):
        site.tenant("bob", t={**JOB, "same_name": "replace"})
        site.drop("bob", "a.csv", csv_of(40, 3))
        site.once()
        self.old = site.receipt("bob", "done", "a.csv")
        site.drop("bob", "a.csv", csv_of(60, 1))

    def after(self, site):
        assert site.names("bob", "work") == [] and site.names("bob", "in") == []
        gone = site.receipt("bob", "failed", "a.csv")
        assert (gone["id"], gone["state"], gone["rows"]["unsent"]) == (self.old["id"], "undone", 40)
        # the old file may have lain in done/ when the new one came there
        name, = [n for n in site.names("bob", "done") if n.startswith("a.csv") and n + ".receipt.json" in
                 site.names("bob", "done")]
        new = loaded(site, name, 60, 1)
        assert new["replaces"] == gone["id"] and gone["replaced_by"] == new["id"]
        assert all(r["_id"].startswith(new["delivery"]) for r in stored(site, "bob", "bob-t"))
        assert states(site) == ["PLACED", "PLACED"]


SCENARIO = {
    "retaking.before-commit": Replace, "retaking.committed": Replace, "retake.before-rename": Replace,
    "retake.renamed": Replace, "retake.fsynced": Replace, "replacing.before-commit": Replace,
    "replacing.committed": Replace,
    "checkpoint.before-commit": Big, "checkpoint.committed": Big, "rejects-fsync": Big, "checkpoint": Big,
    "undoing.before-commit": Undo, "undoing.committed": Undo, "undone.before-commit": Undo,
    "undone.committed": Undo, "undo": Undo,
    "claim.before-sidecar": Sidecar, "claim.sidecar-renamed": Sidecar, "place.sidecar-renamed": Sidecar,
    "prove": Sidecar, "list": RunOfManifest,
    "unwrap": Encrypted, "unwrap.answered": Encrypted,
    "waiting.before-commit": Waiting, "waiting.committed": Waiting,
    "held.before-commit": Held, "held.committed": Held,
    "run.before-commit": Run, "run.committed": Run,
    "recover.adopted": Adopted, "recover.withdrawn": Withdrawn,
    "retention.removed": Old,
    "claim.before-undo": Linked, "claim.undone": Linked,
}
WANTED = """fsync digest decode parse transform verdict send ack checkpoint rejects-durable receipt-tmp
receipt-rename""".split()


def test_the_list_has_the_steps_of_the_issue():
    assert set(WANTED) <= set(points())


def start_slowly(site, env):
    """The daemon with a second between its rename of the claim and what follows; meanwhile the file gets another name."""
    trace = ["strace", "-f", "-qq", "-o", site.path("trace"), "-e", "trace=renameat2", "-e",
             "inject=renameat2:delay_exit=1500000:when=1"]
    daemon = subprocess.Popen([*trace, os.path.join(BUILD, "ingestd"), "-c", site.path("ingestd.json"), "--once",
                               "--wait", "3"], env={**os.environ, **env})
    work = site.path("staging", "bob", "work")

    def claimed():
        return os.path.isdir(work) and any("a.csv" in os.listdir(os.path.join(work, a)) for a in os.listdir(work))
    site.until(claimed)
    folder, = os.listdir(work)
    os.link(os.path.join(work, folder, "a.csv"), site.path("staging", "bob", "work", ".other"))
    daemon.wait(timeout=60)


WITH_A_SIDECAR = """claim.before-mkdir claim.before-rename claim.renamed claim.owned claim.before-journal claim.journaled
receipt.durable placing.committed place.receipt-renamed place.renamed placed.committed""".split()


@pytest.mark.parametrize("point", ["claim.sidecar-renamed", "claim.renamed", "prove", "place.sidecar-renamed"])
def test_killed_here_with_a_manifest(tmp_path, point):
    kill_and_start(tmp_path, point, Manifest())


@pytest.mark.parametrize("point", WITH_A_SIDECAR)
def test_killed_here_with_a_sidecar(tmp_path, point):
    kill_and_start(tmp_path, point, Sidecar())


@pytest.mark.parametrize("point", points())
def test_killed_here_and_started_again(tmp_path, point):
    kill_and_start(tmp_path, point, SCENARIO.get(point, Plain)())


def kill_and_start(tmp_path, point, scenario):
    site = Site(tmp_path)
    scenario.before(site)
    once = site.path("crashed")
    env = {"INGEST_CRASH_AT": point, "INGEST_CRASH_ONCE": once}
    if getattr(scenario, "slow", False):
        start_slowly(site, env)
    elif getattr(scenario, "slow_store", False):
        once_with_a_slow_store(site, env)
    else:
        site.once(*scenario.args, env=env)
    assert os.path.exists(once), "the point was not reached"
    kills.add()
    print("\n%-28s %s" % (point, " ".join(sorted(
        os.path.relpath(os.path.join(base, name), site.path("staging", "bob"))
        for base, _, names in os.walk(site.path("staging", "bob")) for name in names))))
    scenario.between(site)
    site.once(*scenario.args)
    scenario.after(site)
