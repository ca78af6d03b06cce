"""ratios - what performance is held to, by name: how a figure comes of the contenders' rows, its floor and its stretch.

`most`: the ratio may not be above; `least`: not below.  A ratio whose contenders did not run is left out.  What counts is the ratio of
the medians; the least and the most of any round stand beside it.
"""


class Ratio:
    def __init__(self, name, what, of, floor, stretch, least=False):
        self.name, self.what, self.of, self.floor, self.stretch, self.least = name, what, of, floor, stretch, least


def short(value):
    return "%.3g" % value if value < 1 else "%.2f" % value


class Found:
    def __init__(self, ratio, value, rounds=()):
        self.ratio, self.value, self.rounds = ratio, value, rounds

    def meets(self, bar):
        return self.value >= bar if self.ratio.least else self.value <= bar

    @property
    def verdict(self):
        return "stretch met" if self.meets(self.ratio.stretch) else "floor met" if self.meets(self.ratio.floor) else "NOT MET"

    def line(self):
        sign = "≥" if self.ratio.least else "≤"
        spread = "%s..%s" % (short(min(self.rounds)), short(max(self.rounds))) if self.rounds else ""
        return (self.ratio.name, self.ratio.what, short(self.value), spread, "%s %g" % (sign, self.ratio.floor),
                "%s %g" % (sign, self.ratio.stretch), self.verdict)

    def record(self):
        return {"name": self.ratio.name, "what": self.ratio.what, "value": self.value, "rounds": list(self.rounds), "floor": self.ratio.floor,
                "stretch": self.ratio.stretch, "verdict": self.verdict}


ALL = [
    Ratio("L1", "load pass / cat", lambda m: m["load pass"] / m["cat"], 7, 4.5),
    Ratio("L2", "file to POST / replay", lambda m: m["file to POST, plain"] / m["replay of ready bodies"], 2, 1.6),
    Ratio("L3", "digest in the gate / bare SHA-256 above cat",
          lambda m: (m["gate pass"] - m["a pass, no digest"]) / (m["SHA-256 (EVP)"] - m["cat"]), 1.15, 1.05),
    Ratio("L4", "convert, every row quoted / none", lambda m: m["convert, q100"] / m["convert, plain"], 1.6, 1.25),
    Ratio("L5", "file to SQLite / bare loop", lambda m: m["file to SQLite"] / m["SQLite, bare loop"], 1.25, 1.1),
    Ratio("L7", "load pass, full / csv + mutate", lambda m: m["load pass, full"] / m["load pass, csv + mutate"], 8, 4),
    Ratio("gate", "gate pass / load of file to POST",
          lambda m: m["gate pass"] / (m["file to POST, plain"] - m["gate pass"]), 0.35, 0.35),
    Ratio("gate", "gate pass, digest apart / load of file to POST",
          lambda m: m["a pass, no digest"] / (m["file to POST, plain"] - m["gate pass"]), 0.35, 0.35),
    Ratio("P1", "Telegraf / file to POST", lambda m: m["Telegraf"] / m["file to POST, plain"], 30, 60, least=True),
    Ratio("P1", "Telegraf / file to POST, memory", lambda m: m["Telegraf", "peak"] / m["file to POST, plain", "peak"], 10, 10, least=True),
    Ratio("P2", "elasticsearch-py / file to POST",
          lambda m: m["elasticsearch-py streaming_bulk"] / m["file to POST, plain"], 17, 30, least=True),
    Ratio("P3", "syslog-ng / file to POST", lambda m: m["syslog-ng"] / m["file to POST, plain"], 11, 20, least=True),
    Ratio("P4", "rsyslog / file to POST", lambda m: m["rsyslog mmnormalize"] / m["file to POST, plain"], 17, 30, least=True),
    Ratio("P5", "Polars / load pass, to a file", lambda m: m["Polars, 1 thread, to a file"] / m["load pass, to a file"], 2, 3, least=True),
    Ratio("P5", "DuckDB / load pass, to a file", lambda m: m["DuckDB, 1 thread, to a file"] / m["load pass, to a file"], 3, 4, least=True),
]


def figures(rows, of_row, peak_of_row):
    return {**{name: of_row(row) for name, row in rows.items()}, **{(name, "peak"): peak_of_row(row) for name, row in rows.items()}}


def of(rows):
    medians = figures(rows, lambda row: row.median, lambda row: row.peak)
    rounds = [figures(rows, lambda row: row.costs[k].cpu * 1e6 / row.rows, lambda row: row.costs[k].peak)
              for k in range(min((len(row.costs) for row in rows.values()), default=0))]
    found = []
    for ratio in ALL:
        try:
            found.append(Found(ratio, ratio.of(medians), [ratio.of(r) for r in rounds]))
        except (KeyError, ZeroDivisionError):
            continue
    return found
