# ingestd - see README.md.  `make help` lists the targets.
CC      ?= cc
PKGS_BASE   = libcrypto
CSTD     = -std=gnu11
WARN     = -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
           -Wpointer-arith -Wwrite-strings -Wformat=2 -Werror
OPT     ?= -O2 -g
HARDEN   = -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
SANFLAGS = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
B       ?= build
ifeq ($(SAN),1)
B        = build/san
OPT      = -O1 -g
HARDEN   = $(SANFLAGS)
LDSAN    = $(SANFLAGS)
endif
# libFuzzer is clang's: coverage in every object, and its own main
ifeq ($(FUZZ),1)
CC       = clang
B        = build/libfuzzer
OPT      = -O1 -g
HARDEN   = $(SANFLAGS) -fsanitize=fuzzer-no-link
WARN     = -w
LDSAN    = $(SANFLAGS) -fsanitize=fuzzer
endif
VERSION := $(shell cat VERSION 2>/dev/null || echo 0)
CPPFLAGS += -I. -D_GNU_SOURCE -DINGEST_VERSION='"$(VERSION)"'
CFLAGS  += $(CSTD) $(OPT) $(WARN) $(HARDEN)
LDFLAGS += $(LDSAN) -pie

# A folder is an archive; the programs are chosen by which folders they take (tests/lint/LAYERS).
FOLDERS = watcher/base watcher/model watcher/arrival watcher/spool watcher/schedule watcher/admin \
          watcher/decode watcher/parse watcher/quality watcher/sink watcher/worker watcher/record watcher/notify watcher/ctl \
          watcher/daemon transforms
lib      = $(B)/lib/$(notdir $(1)).a
srcs     = $(wildcard $(1)/*.c)

DAEMON_LIBS = daemon admin schedule spool arrival model base
WORKER_LIBS = worker sink quality parse decode transforms model base
CTL_LIBS    = ctl model base
RECORD_LIBS = record model base
NOTIFY_LIBS = notify model base
DAEMON_LINK = -lev -lmicrohttpd -lsqlite3 -ljansson -lsystemd -lcrypto
WORKER_LINK = -lcurl -lsqlite3 -ljansson -lonig -lunistring -lcrypto -lz -lzstd -llzma -lm
CTL_LINK    = -lcurl -ljansson -lcrypto
NOTIFY_LINK = -lcurl -ljansson -lcrypto
RECORD_LINK = -lmongoc-1.0 -lbson-1.0 -ljansson -lcrypto
paths       = $(addprefix $(B)/lib/,$(addsuffix .a,$(1)))

.PHONY: all help deps demo demo-up check check-fast check-fuzz check-nightly bench bench-smoke bench-filters bench-layers scale lint unit clean
all: $(B)/ingestd $(B)/ingest-worker $(B)/ingest-record $(B)/ingest-notify $(B)/ingestctl

$(B)/ingestd: $(call paths,$(DAEMON_LIBS))
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(call paths,$(DAEMON_LIBS)) $(DAEMON_LINK)
$(B)/ingest-worker: $(call paths,$(WORKER_LIBS))
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(call paths,$(WORKER_LIBS)) $(WORKER_LINK)
$(B)/ingest-record: $(call paths,$(RECORD_LIBS))
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(call paths,$(RECORD_LIBS)) $(RECORD_LINK)
$(B)/ingest-notify: $(call paths,$(NOTIFY_LIBS))
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(call paths,$(NOTIFY_LIBS)) $(NOTIFY_LINK)
$(B)/ingestctl: $(call paths,$(CTL_LIBS))
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(call paths,$(CTL_LIBS)) $(CTL_LINK)

# objects and archives
define folder_rules
$(call lib,$(1)): $(patsubst %.c,$(B)/obj/%.o,$(call srcs,$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rules,$(f))))

# libmongoc's headers lie in folders of their own
MONGOC_FLAGS = $(subst -I,-isystem ,$(shell pkg-config --cflags libmongoc-1.0))
$(B)/obj/watcher/record/%.o $(B)/unit/record/%: CPPFLAGS += $(MONGOC_FLAGS)

# code for an instruction set that is asked for at run time (parse/plain.h)
ifeq ($(shell uname -m),x86_64)
$(B)/obj/watcher/parse/plain_avx2.o: CFLAGS += -mavx2 -mbmi -mbmi2
endif

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "CC $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
-include $(shell find $(B)/obj $(B)/unit -name '*.d' 2>/dev/null)

# unit tests: tests/unit/<folder>/test_<module>.c, linked with its folder and what that may use
UNIT_SRCS  = $(wildcard tests/unit/*/test_*.c)
UNIT_BINS  = $(patsubst tests/%.c,$(B)/%,$(UNIT_SRCS))
unit_libs_base       = base
unit_libs_model      = model base
unit_libs_arrival    = arrival model base
unit_libs_spool      = spool model base
unit_libs_schedule   = schedule model base
unit_libs_admin      = admin model base
unit_libs_decode     = decode model base
unit_libs_parse      = parse model base
unit_libs_quality    = quality model base
unit_libs_sink       = sink model base
unit_libs_transforms = transforms model base
unit_libs_worker     = $(WORKER_LIBS)
unit_libs_ctl        = ctl model base
unit_libs_record     = $(RECORD_LIBS)
unit_libs_daemon     = $(DAEMON_LIBS)
unit_link_base       = -lcurl -lcrypto
unit_link_model      = -ljansson -lcrypto
unit_link_arrival    = -lev -ljansson -lcrypto
unit_link_spool      = -lev -lsqlite3 -ljansson -lcrypto
unit_link_schedule   = -lev -ljansson -lcrypto
unit_link_admin      = -lev -lmicrohttpd -ljansson -lcrypto
unit_link_decode     = -ljansson -lcrypto -lz -lzstd -llzma
unit_link_parse      = -ljansson -lcrypto
unit_link_quality    = -ljansson -lcrypto
unit_link_sink       = -lcurl -lsqlite3 -ljansson -lcrypto
unit_link_transforms = -lonig -lunistring -ljansson -lcrypto -lm
unit_link_worker     = $(WORKER_LINK)
unit_link_ctl        = $(CTL_LINK)
unit_link_record     = $(RECORD_LINK)
unit_link_daemon     = $(DAEMON_LINK)
.SECONDEXPANSION:
$(UNIT_BINS): $(B)/unit/%: tests/unit/%.c $$(call paths,$$(unit_libs_$$(firstword $$(subst /, ,$$*))))
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP $(LDFLAGS) -o $@ $< $(call paths,$(unit_libs_$(firstword $(subst /, ,$*)))) \
		-lcmocka $(unit_link_$(firstword $(subst /, ,$*)))
# programs of the tests that show one stage alone
$(B)/tools/streamcat: tests/lib/streamcat.c $(call paths,decode model base)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(call paths,decode model base) -ljansson -lcrypto -lz -lzstd -llzma
$(B)/tools/libcat: tests/lib/libcat.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< -lcrypto -lz -lzstd -llzma
# programs of the benchmarks (tests/tools)
TOOL_NAMES = cost rowgen replay evpsum sqlbare smallfiles
tool_link_rowgen  = -lcrypto
tool_link_replay  = -lcurl
tool_link_evpsum  = -lcrypto
tool_link_sqlbare = -lsqlite3
$(TOOL_NAMES:%=$(B)/tools/%): $(B)/tools/%: tests/tools/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(tool_link_$*)
$(B)/tools/bulksink: tests/tools/bulksink.c tests/tools/bulkserve.c tests/tools/bulkserve.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^) -lz
$(B)/tools/onepass: tests/tools/onepass.c $(call paths,$(WORKER_LIBS))
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(call paths,$(WORKER_LIBS)) $(WORKER_LINK)
bench_tools = $(addprefix $(B)/tools/,$(TOOL_NAMES) bulksink onepass libcat)
# a worker that makes the calls its input names: confined as the worker is, and not at all
TAKEN_OVER = $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@
$(B)/tools/taken-over/ingest-worker: tests/lib/taken_over.c $(call paths,$(WORKER_LIBS))
	@mkdir -p $(@D)
	$(TAKEN_OVER) $< $(call paths,$(WORKER_LIBS)) $(WORKER_LINK)
$(B)/tools/unconfined/ingest-worker: tests/lib/taken_over.c $(call paths,$(WORKER_LIBS))
	@mkdir -p $(@D)
	$(TAKEN_OVER) -DUNCONFINED $< $(call paths,$(WORKER_LIBS)) $(WORKER_LINK)
# fuzz targets, with FUZZ=1
FUZZ_NAMES = $(sort $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c)))
$(B)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(call paths,$(WORKER_LIBS))
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(call paths,$(WORKER_LIBS)) $(WORKER_LINK)
$(B)/fuzz/fuzz_http: tests/fuzz/fuzz_http.c $(call paths,admin model base)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< $(call paths,admin model base) $(unit_link_admin)
unit: $(UNIT_BINS)
	@tests/lib/run-unit $(UNIT_BINS)

clean:
	rm -rf build

help:
	@sed -n 's/^## //p' Makefile
## deps          install the Debian packages that are missing (root or sudo; else prints the line to run)
deps:
	@tests/lib/deps
# a name with blanks or quotes is one argument
demo_file = $(if $(FILE),'$(subst ','\'',$(FILE))')
## demo          build, two tenants, real files through the whole path, and what came of them
demo: deps
	@$(MAKE) -s all
	@tests/lib/demo $(demo_file)
## demo-up       the same, and leaves the daemon up
demo-up: deps
	@$(MAKE) -s all
	@UP=1 tests/lib/demo $(demo_file)
## check         lint, unit, golden, end-to-end, crash, fuzz targets; last line `N passed, N failed, N skipped`
check: deps
	@tests/lib/check full
## check-nightly the same with longer suites: kills and faults of the sinks; FerretDB
check-nightly: deps
	@INGEST_NIGHTLY=1 INGEST_CHAOS_KILLS=400 INGEST_FAULT_FILES=100 INGEST_KILLS=4400 INGEST_KILLS_SEARCH=480 \
		INGEST_KILLS_LARGE=100 INGEST_KILLS_LARGE_SEARCH=20 INGEST_KILL_ROUND=40 INGEST_SOAK_SECONDS=1800 tests/lib/check full
## check-fast    lint, unit, golden, end-to-end on SQLite
check-fast:
	@tests/lib/check fast
## check-fuzz    each fuzz target by libFuzzer for FUZZ_SECONDS (20), from its corpus, with sanitizers
check-fuzz: deps
	@$(MAKE) -s -j2 FUZZ=1 $(FUZZ_NAMES:%=build/libfuzzer/fuzz/fuzz_%)
	@for f in $(FUZZ_NAMES); do tests/lib/fuzz build/libfuzzer/fuzz/fuzz_$$f tests/fuzz/corpus/$$f || exit 1; done
## bench         CPU seconds per million rows: yardsticks, ours, peers; ratios; a table, and build/bench.json (20 min, BENCH=options)
bench: all $(bench_tools)
	@python3 tests/bench/bench.py --json build/bench.json $(BENCH)
## bench-smoke   the ratios against generous floors, within a minute
bench-smoke: all $(bench_tools)
	@python3 tests/bench/smoke.py
## bench-filters CPU seconds per million rows of ten typical filter texts; a table, and build/bench-filters.json
bench-filters: all
	@python3 tests/bench/filters.py --json build/bench-filters.json
## bench-layers  CPU seconds per million rows of each compression and of encryption, beside the library's own figure
bench-layers: all $(B)/tools/streamcat $(B)/tools/libcat
	@python3 tests/bench/layers.py --json build/bench-layers.json
## scale         thousands of tenants, waiting files, workers, file sizes: memory, CPU, descriptors, time (SCALE=options)
scale: all $(bench_tools)
	@python3 tests/bench/scale.py $(SCALE)
## lint          layers, doors, banned functions, sizes, ACCEPTANCE
lint:
	@python3 tests/lint/lint.py
