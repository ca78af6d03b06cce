/*
 * sink_sqlite_memory - SQLite's allocator: freed pieces are kept by size, so that the steady state
 * asks malloc for nothing
 *
 * Set once by sqlite_db_open before SQLite starts.  SQLite asks for some pieces a row and for page
 * buffers; all come back, and are handed out again from a list of their size class.  Memory held is
 * the most that was in use at once; SQLite's own limits (cache_size) bound that.  One thread.  Out
 * of memory gives NULL, which SQLite turns into SQLITE_NOMEM.
 */
#include "watcher/base/base.h"
#include "watcher/sink/sink_sqlite_table.h"

/* Four classes for each power of two: at most a fifth is lost. */
#define SMALLEST 64
#define CLASSES 60 /* up to 64 * 2^15 = 2 MiB; larger pieces go to malloc */

union piece {
	size_t class;	   /* in use */
	union piece *next; /* free */
	max_align_t align;
};

static union piece *free_lists[CLASSES];

static size_t class_size(size_t class)
{
	return ((size_t)SMALLEST << (class / 4)) / 4 * (4 + class % 4);
}

static size_t class_of(size_t n)
{
	size_t doubling = n <= SMALLEST ? 0 : (size_t)(63 - __builtin_clzll(n)) - 6;
	size_t class = doubling * 4;

	while (class_size(class) < n)
		class ++;
	return class;
}

/* A piece of a large class keeps its own size in its class field, beyond the numbers of classes. */
static void *take(int wanted)
{
	size_t n = (size_t)wanted;
	size_t class = class_of(n);
	union piece *p;

	if (class >= CLASSES) {
		p = malloc(sizeof(*p) + n);
		class = n;
	} else if (free_lists[class]) {
		p = free_lists[class];
		free_lists[class] = p->next;
	} else {
		p = malloc(sizeof(*p) + class_size(class));
	}
	if (!p)
		return NULL;
	p->class = class;
	return p + 1;
}

static void give(void *memory)
{
	union piece *p = (union piece *)memory - 1;
	size_t class = p->class;

	if (class >= CLASSES) {
		free(p);
		return;
	}
	p->next = free_lists[class];
	free_lists[class] = p;
}

static int size_of(void *memory)
{
	size_t class = memory ? ((union piece *)memory - 1)->class : 0;

	if (!memory)
		return 0;
	return (int)(class >= CLASSES ? class : class_size(class));
}

static void *resize(void *memory, int wanted)
{
	int have = size_of(memory);
	void *p;

	if (wanted <= have)
		return memory;
	p = take(wanted);
	if (!p)
		return NULL;
	memcpy(p, memory, (size_t)have);
	give(memory);
	return p;
}

static int round_up(int wanted)
{
	size_t class = class_of((size_t)wanted);

	return class >= CLASSES ? (wanted + 15) & ~15 : (int)class_size(class);
}

static int start(void *context UNUSED)
{
	return SQLITE_OK;
}

static void stop(void *context UNUSED)
{
}

void sqlite_memory_set_up(void)
{
	static const struct sqlite3_mem_methods methods = {
		take, give, resize, size_of, round_up, start, stop, NULL,
	};
	static bool done;

	if (done)
		return;
	done = true;
	/*
	 * Refused when SQLite has started already (a test with a handle of its own): then it keeps
	 * its own way.
	 */
	if (sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) != SQLITE_OK ||
	    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) != SQLITE_OK ||
	    sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK)
		return;
}
