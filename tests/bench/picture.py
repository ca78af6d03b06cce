"""picture - where the time of file to POST goes, as bars: what its parts cost alone, in the same run."""

WIDTH = 48
PARTS = [
    ("read, twice", lambda m: 2 * m["cat"]),
    ("cut into fields, check types, twice", lambda m: 2 * (m["a pass, no digest"] - m["cat"])),
    ("SHA-256", lambda m: m["gate pass"] - m["a pass, no digest"]),
    ("write ids and documents", lambda m: m["load pass"] - m["a pass, no digest"]),
    ("HTTP: libcurl and the kernel", lambda m: m["replay of ready bodies"]),
]
WHOLE = "file to POST, plain"


def of(rows):
    """Lines of text, or none: a part did not run."""
    m = {name: row.median for name, row in rows.items()}
    try:
        parts = [(name, max(0.0, part(m))) for name, part in PARTS]
        whole = m[WHOLE]
    except KeyError:
        return []
    parts.append(("answers read, journal, start, the rest", max(0.0, whole - sum(v for _, v in parts))))
    lines = ["%s, %.2f c/M" % (WHOLE, whole)]
    for name, value in parts:
        lines.append("  %-38s %5.2f  %s" % (name, value, "#" * round(WIDTH * value / whole)))
    return lines
