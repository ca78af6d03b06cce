/*
 * test_stream - file and digest layers: order, offsets, looks that move nothing, a file cut while
 * it is read
 */
#include "watcher/base/base.h"
#include "watcher/decode/stream.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <unistd.h>

#define SIZE 200000

static int make_file(char *content)
{
	char name[] = "/tmp/test_stream.XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	unlink(name);
	for (size_t i = 0; i < SIZE; i++)
		content[i] = (char)(i * 7 + i / 251);
	assert_int_equal(write(fd, content, SIZE), SIZE);
	return fd;
}

static size_t read_all(struct stream *s, size_t step, char *out)
{
	struct fault f = FAULT_INIT;
	size_t have = 0, got;

	do {
		assert_int_equal(stream_read(s, out + have, step, &got, &f), 0);
		assert_true(got <= step && got <= STREAM_WINDOW);
		have += got;
	} while (got > 0);
	return have;
}

static void reads_in_order(void **state UNUSED)
{
	static const size_t steps[] = {1000, 4096, STREAM_WINDOW, 1 << 20};
	char *want = xmalloc(SIZE), *have = xmalloc(SIZE + (1 << 20));
	int fd = make_file(want);

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		uint64_t offset = i * 777;
		struct stream *s = stream_file_new(fd, offset);

		assert_int_equal(read_all(s, steps[i], have), SIZE - offset);
		assert_memory_equal(have, want + offset, SIZE - offset);
		stream_free(&s);
		assert_null(s);
	}
	close(fd);
	free(want);
	free(have);
}

static void digest_of_what_is_read(void **state UNUSED)
{
	char *want = xmalloc(SIZE), *have = xmalloc(2 * SIZE);
	unsigned char expected[DIGEST_SIZE], got[DIGEST_SIZE];
	int fd = make_file(want);
	struct stream *s = stream_digest_new(stream_file_new(fd, 0));
	struct fault f = FAULT_INIT;
	struct digest d;
	uint64_t bytes;
	size_t n;

	digest_init(&d);
	digest_add(&d, want, SIZE);
	digest_end(&d, expected);
	digest_release(&d);
	assert_int_equal(stream_read(s, have, 100, &n, &f), 0);
	assert_int_equal(n, 100);
	assert_int_equal(stream_look(s, 150000, have, 500, &n, &f), 0);
	assert_int_equal(n, 500);
	assert_memory_equal(have, want + 150000, 500);
	assert_int_equal(stream_look(s, SIZE + 5, have, 500, &n, &f), 0);
	assert_int_equal(n, 0);
	assert_int_equal(stream_look(s, UINT64_MAX, have, 500, &n, &f), 0);
	assert_int_equal(n, 0);
	assert_int_equal(stream_drain(s, &f), 0);
	stream_digest_end(s, got, &bytes);
	assert_int_equal(bytes, SIZE);
	assert_memory_equal(got, expected, DIGEST_SIZE);
	stream_free(&s);
	close(fd);
	free(want);
	free(have);
}

static void a_cut_file_just_ends(void **state UNUSED)
{
	char *want = xmalloc(SIZE), *have = xmalloc(2 * SIZE);
	int fd = make_file(want);
	struct stream *s = stream_file_new(fd, 0);
	struct fault f = FAULT_INIT;
	size_t n;

	assert_int_equal(stream_read(s, have, 1000, &n, &f), 0);
	assert_int_equal(ftruncate(fd, 1500), 0);
	assert_int_equal(stream_read(s, have, 1000, &n, &f), 0);
	assert_int_equal(n, 500);
	assert_int_equal(stream_read(s, have, 1000, &n, &f), 0);
	assert_int_equal(n, 0);
	stream_free(&s);
	close(fd);
	free(want);
	free(have);
}

static void a_bad_descriptor_is_a_fault(void **state UNUSED)
{
	int ends[2];
	struct stream *s;
	struct fault f = FAULT_INIT;
	char buf[10];
	size_t n;

	assert_int_equal(pipe(ends), 0);
	s = stream_digest_new(stream_file_new(ends[0], 0)); /* pread refuses a pipe */
	assert_int_equal(stream_read(s, buf, sizeof(buf), &n, &f), -1);
	assert_int_equal(f.kind, FAULT_SYSTEM);
	stream_free(&s);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_in_order),
		cmocka_unit_test(digest_of_what_is_read),
		cmocka_unit_test(a_cut_file_just_ends),
		cmocka_unit_test(a_bad_descriptor_is_a_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
