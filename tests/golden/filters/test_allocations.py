"""Rows cost no allocation and no regular expression compiled: 1,000 and 3,000 rows through a filter take the same number of calls of malloc, calloc and realloc.

Counted by a preloaded counter in the real program.  The one exception is Oniguruma's own: a search that matches moves the match stack to the
heap and frees it at its end, one call a search.
"""
import os
import subprocess

import pytest

from test_filters import ROOT, WORKER

ROW = 'a%d,2026-01-02T03:04:05Z,{"k":[1,2]},Grüße %%41 x y'
FILTERS = {
    "csv": 'csv { separator => ";" columns => ["a"] }',
    "csv with conversions": 'csv { columns => ["a", "b", "c", "d", "e", "f"] convert => { "a" => "integer" "f" => "boolean" } }',
    "date": 'csv { } date { match => ["column2", "ISO8601"] }',
    "dissect": 'dissect { mapping => { "message" => "%{a},%{b},%{c}" } convert_datatype => { "a" => "int" } }',
    "json": 'mutate { replace => { "message" => \'{"a":{"b":[1,2.5,"x"]}}\' } } json { source => "message" }',
    "split": 'split { terminator => "," }',
    "truncate": 'truncate { length_bytes => 5 }',
    "urldecode": 'urldecode { field => "message" }',
    "prune by a name": 'prune { blacklist_names => ["^zz"] }',
    "mutate": 'mutate { rename => { "message" => "m" } uppercase => ["m"] } mutate { lowercase => ["m"] capitalize => ["m"] '
              'strip => ["m"] } mutate { split => { "m" => "," } join => { "m" => ";" } copy => { "m" => "n" } '
              'merge => { "n" => "m" } update => { "m" => "%{n}" } }',
    "gsub without a match": 'mutate { gsub => ["message", "zz+", "y"] }',
    "conditions": 'if [message] == "x" or [a][b] in ["x", "y"] or "q" in [message] { mutate { add_tag => ["t"] } } else { drop { } }',
}
SEARCHES = {
    "condition": ('if [message] =~ /^a\\d/ { mutate { add_field => { "t" => "1" } } }', 1),
    "gsub": ('mutate { gsub => ["message", "^a(\\d)", "\\1"] }', 1),
}


REGEXES = 'if [message] =~ /^a\\d/ or [message] !~ "x$" { mutate { gsub => ["message", "a+", "b", "[f]", "(c)", "%{message}"] } }\n' \
          'prune { blacklist_names => ["^zz", "^yy$"] whitelist_values => { "f" => "." } }'
ONIG_COUNT = r'''
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static int calls, fd = 2;
int onig_new(void **re, const void *p, const void *end, unsigned o, void *enc, void *syntax, void *info)
{
	int (*next)(void **, const void *, const void *, unsigned, void *, void *, void *) = dlsym(RTLD_NEXT, "onig_new");
	calls++;
	return next(re, p, end, o, enc, syntax, info);
}
__attribute__((constructor)) static void begin(void) { fd = open(getenv("ONIG_COUNT_FILE"), O_WRONLY | O_CREAT | O_TRUNC, 0600); }
__attribute__((destructor)) static void end(void) { dprintf(fd, "%d", calls); }
'''


def compiled(tmp_path, so, text, rows):
    config, log = tmp_path / "filter", tmp_path / "onig"
    config.write_text(text)
    done = subprocess.run([WORKER, "--filter", "--filter-file", str(config), "--input", "ndjson"],
                          input=b"".join(b'{"message":"a%d","f":"c"}\n' % i for i in range(rows)), capture_output=True,
                          env={**os.environ, "LD_PRELOAD": str(so), "ONIG_COUNT_FILE": str(log)})
    assert done.returncode == 0 and done.stdout.count(b"\n") == rows, done.stderr
    return int(log.read_text())


def test_regular_expressions_are_compiled_once(tmp_path):
    (tmp_path / "count.c").write_text(ONIG_COUNT)
    so = tmp_path / "count.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", so, tmp_path / "count.c", "-ldl"], check=True)
    assert compiled(tmp_path, so, REGEXES, 1) == compiled(tmp_path, so, REGEXES, 2000) == 7
    # one of the event is compiled when it changes, and only then
    dynamic = 'mutate { gsub => ["f", "%{message}", "x"] }'
    assert compiled(tmp_path, so, dynamic, 100) == 100
    assert compiled(tmp_path, so, 'mutate { gsub => ["message", "^%{f}", "x"] }', 100) == 1


@pytest.fixture(scope="module")
def counter(tmp_path_factory):
    so = tmp_path_factory.mktemp("count") / "malloc_count.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", so, os.path.join(ROOT, "tests", "lib", "malloc_count.c")], check=True)
    return so


def calls(tmp_path, counter, text, rows):
    config, log = tmp_path / "filter", tmp_path / ("log%d" % rows)
    config.write_text("filter { %s }" % text)
    done = subprocess.run([WORKER, "--filter", "--filter-file", str(config)], input="".join(ROW % i + "\n" for i in range(rows)).encode(),
                          capture_output=True, env={**os.environ, "LD_PRELOAD": str(counter), "MALLOC_COUNT_FILE": str(log)})
    assert done.returncode == 0, done.stderr
    return int(log.read_text().split()[2])


@pytest.mark.parametrize("name", FILTERS)
def test_a_row_allocates_nothing(tmp_path, counter, name):
    assert calls(tmp_path, counter, FILTERS[name], 3000) == calls(tmp_path, counter, FILTERS[name], 1000)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_that_matches_allocates_once_in_the_library(tmp_path, counter, name):
    text, searches = SEARCHES[name]
    assert calls(tmp_path, counter, text, 3000) - calls(tmp_path, counter, text, 1000) <= 2000 * searches
