/*
 * driver - runs a fuzz target where clang's libFuzzer is absent
 *
 *	fuzz_NAME CORPUS [SECONDS [SEED]]
 *
 * Every file of the corpus goes in once; then, for so many seconds, files of it changed at random: bytes flipped, parts cut out, doubled,
 * taken from another file.  It has no eye for coverage, as libFuzzer has; what it finds is found by its sanitizers and the target's
 * checks, and the bytes stand in ./crash-NAME then (written before each run, removed at the end).
 */
#include "watcher/base/base.h"
#include "watcher/base/clock.h"
#include "watcher/base/fsutil.h"
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#define FILES 4096
#define SIZE_MAX_ 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct strbuf files[FILES];
static size_t count;
static uint64_t state;
static char *crash;

static uint64_t draw(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below ? state % below : 0;
}

static void load(const char *folder)
{
	DIR *d = opendir(folder);
	struct fault f = FAULT_INIT;
	struct dirent *e;

	CHECK(d != NULL);
	while ((e = readdir(d)) && count < FILES) {
		char *path = fs_join(folder, e->d_name);

		strbuf_init(&files[count]);
		if (e->d_name[0] != '.' && fs_read_file(path, SIZE_MAX_, &files[count], &f) == 0)
			count++;
		free(path);
	}
	closedir(d);
}

static void run(const struct strbuf *sb)
{
	int fd = open(crash, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	CHECK(fd >= 0 && write(fd, sb->p, sb->n) == (ssize_t)sb->n && close(fd) == 0);
	LLVMFuzzerTestOneInput((const uint8_t *)sb->p, sb->n);
}

/* A piece of `from` goes in at a random place of sb. */
static void insert(struct strbuf *sb, struct span piece)
{
	size_t at = (size_t)draw(sb->n + 1);

	strbuf_reserve(sb, piece.n);
	memmove(sb->p + at + piece.n, sb->p + at, sb->n - at);
	memcpy(sb->p + at, piece.p, piece.n);
	sb->n += piece.n;
}

static struct span piece_of(const struct strbuf *sb)
{
	size_t from = (size_t)draw(sb->n), n = (size_t)draw(1 + (sb->n - from < 40 ? sb->n - from : 40));

	return (struct span){sb->p + from, n};
}

static void change(struct strbuf *sb)
{
	struct strbuf copy = STRBUF_INIT;
	size_t at;

	switch (draw(4)) {
	case 0:
		if (sb->n)
			sb->p[draw(sb->n)] ^= (char)(1u << draw(8));
		break;
	case 1:
		at = (size_t)draw(sb->n + 1);
		copy.n = (size_t)draw(1 + (sb->n - at < 40 ? sb->n - at : 40));
		memmove(sb->p + at, sb->p + at + copy.n, sb->n - at - copy.n);
		sb->n -= copy.n;
		copy.n = 0;
		break;
	case 2:
		strbuf_addspan(&copy, piece_of(sb));
		insert(sb, strbuf_span(&copy));
		break;
	default:
		insert(sb, piece_of(&files[draw(count)]));
		break;
	}
	strbuf_release(&copy);
}

int main(int argc, char **argv)
{
	int64_t end = clock_mono_ms() + (argc > 2 ? atoll(argv[2]) * 1000 : 0);
	const char *name = strrchr(argv[0], '/');
	struct strbuf sb = STRBUF_INIT;
	uint64_t runs = 0;

	if (argc < 2) {
		fputs("usage: fuzz_NAME CORPUS [SECONDS [SEED]]\n", stderr);
		return 2;
	}
	state = argc > 3 ? strtoull(argv[3], NULL, 10) | 1 : (uint64_t)clock_now_ms() | 1;
	printf("seed %llu\n", (unsigned long long)state);
	fflush(stdout);
	crash = xasprintf("crash-%s", name ? name + 1 : argv[0]);
	load(argv[1]);
	CHECK(count > 0);
	for (size_t i = 0; i < count; i++, runs++)
		run(&files[i]);
	while (clock_mono_ms() < end) {
		strbuf_reset(&sb);
		strbuf_addspan(&sb, strbuf_span(&files[draw(count)]));
		for (uint64_t n = 1 + draw(6); n > 0 && sb.n < SIZE_MAX_; n--)
			change(&sb);
		run(&sb);
		runs++;
	}
	unlink(crash);
	printf("%llu runs of %zu files, no finding\n", (unsigned long long)runs, count);
	strbuf_release(&sb);
	for (size_t i = 0; i < count; i++)
		strbuf_release(&files[i]);
	free(crash);
	return 0;
}
