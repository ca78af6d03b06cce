"""Every zone of the system's database: the date filter's times against Python's zoneinfo, which reads the same files its own way.

Probed are the turns of the clock (both sides, and times that are there twice or not at all) of some years, one of them far behind the
tables, where only the file's footer says what the zone does.
"""
import datetime
import json
import random
import zoneinfo

from test_filters import run

FILTER = 'date { match => ["d", "ISO8601"] timezone => "%{z}" target => "t" tag_on_failure => ["bad"] }'
EPOCH = datetime.datetime(1970, 1, 1)
YEARS = (1987, 2024, 2090)


def names():
    return sorted(n for n in zoneinfo.available_timezones() if not n.startswith(("right/", "posix/")))


def turns(zone, year):
    """Local times around the changes of that year."""
    utc = datetime.timezone.utc
    last, out = None, []
    for hour in range(0, 366 * 24, 12):
        moment = datetime.datetime(year, 1, 1, tzinfo=utc) + datetime.timedelta(hours=hour)
        here = moment.astimezone(zone)
        if last is not None and here.utcoffset() != last:
            out += [here.replace(tzinfo=None) + datetime.timedelta(minutes=m) for m in range(-780, 90, 29)]
        last = here.utcoffset()
    return out


def probes(chosen):
    rng = random.Random(5)
    for name in chosen:
        zone = zoneinfo.ZoneInfo(name)
        local = [EPOCH + datetime.timedelta(seconds=rng.randint(-5000000000, 8000000000)) for _ in range(10)]
        for year in YEARS:
            local += turns(zone, year)
        for t in local:
            yield name, zone, t


def meant(zone, local):
    """Of a time that is there twice the earlier; None: the clocks skipped it."""
    utc = local.replace(tzinfo=zone, fold=0).astimezone(datetime.timezone.utc)
    if utc.astimezone(zone).replace(tzinfo=None) != local:
        return None
    return utc.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def test_every_zone_against_zoneinfo(tmp_path):
    rows, want = [], []
    for name, zone, local in probes(names()):
        rows.append({"z": name, "d": local.strftime("%Y-%m-%dT%H:%M:%S")})
        want.append(meant(zone, local))
    done = run(tmp_path, {"filter": FILTER, "input": rows})
    got = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(names()) > 400 and len(rows) > 20000 and want.count(None) > 500
    assert len(got) == len(rows)
    wrong = [(r, g.get("t"), w) for r, g, w in zip(rows, got, want) if g.get("t") != w]
    assert not wrong, wrong[:5]
    print(f"{len(names())} zones, {len(rows)} local times, {want.count(None)} of them skipped by the clocks")
