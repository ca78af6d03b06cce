/*
 * rowgen - rows of the 11-column VM trace, about 307 bytes each, the same ones every time
 *
 *	rowgen [-q PERCENT] [-r] [-s FIRST] ROWS >FILE
 *
 * -q: that share of the rows has a quoted field with a separator and doubled quotes in it; -r: CRLF; -s: skip what comes before row
 * FIRST (a slice of the same trace).  A header comes first.  On standard error: rows, bytes and SHA-256 of what was written, so that a
 * result can name its input.  Columns and lengths are the real trace's (tests/lib/trace.py has its shares too, at a fiftieth of the
 * speed); numbers have 17 digits, as the trace's do.  Random numbers: xoshiro256**, Blackman and Vigna, public domain.
 */
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER (1u << 20)
#define ROW_MAX 512
#define SUBSCRIPTIONS 6000
#define DEPLOYMENTS 35000
#define HUNDRED 100000000000000000ull /* 100 with 15 decimals */
#define DECIMALS 15
#define LAST 2592000u /* seconds of the trace */
#define STEP 300u

static const char header[] = "vm_id,subscription_id,deployment_id,timestamp_vm_created,timestamp_vm_deleted,"
			     "max_cpu,average_cpu,p96_max_cpu,vm_category,vm_virtual_core_count_bucket,"
			     "vm_memory_bucket";
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static struct output {
	char text[BUFFER];
	size_t n;
	unsigned long long bytes;
	EVP_MD_CTX *digest;
} out;

static uint64_t state[4] = {0x9e3779b97f4a7c15ull, 0xbf58476d1ce4e5b9ull, 0x94d049bb133111ebull,
			    0x2545f4914f6cdd1dull};
static char subscription[SUBSCRIPTIONS][64], deployment[DEPLOYMENTS][88];

static uint64_t rotate(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

static uint64_t next(void)
{
	uint64_t r = rotate(state[1] * 5, 7) * 9, t = state[1] << 17;

	state[2] ^= state[0];
	state[3] ^= state[1];
	state[1] ^= state[2];
	state[0] ^= state[3];
	state[2] ^= t;
	state[3] = rotate(state[3], 45);
	return r;
}

/* 0 <= r < limit */
static uint64_t below(uint64_t limit)
{
	return (uint64_t)(((unsigned __int128)next() * limit) >> 64);
}

static void flush(void)
{
	size_t done = 0;

	EVP_DigestUpdate(out.digest, out.text, out.n);
	while (done < out.n) {
		ssize_t k = write(STDOUT_FILENO, out.text + done, out.n - done);

		if (k < 0) {
			perror("rowgen: cannot write");
			exit(1);
		}
		done += (size_t)k;
	}
	out.bytes += out.n;
	out.n = 0;
}

static void put(const char *p, size_t n)
{
	memcpy(out.text + out.n, p, n);
	out.n += n;
}

static void put_text(const char *s)
{
	put(s, strlen(s));
}

static void put_number(uint64_t value, size_t least)
{
	char text[24];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value || sizeof(text) - at < least);
	put(text + at, sizeof(text) - at);
}

static void put_cpu(uint64_t value)
{
	const uint64_t one = HUNDRED / 100;

	put_number(value / one, 1);
	put(".", 1);
	put_number(value % one, DECIMALS);
	put(",", 1);
}

/* n letters of base64 */
static void word(char *to, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint64_t r = next();

		for (int j = 0; j < 10 && i < n; j++, r >>= 6)
			to[i++] = letters[r & 63];
	}
}

static void put_category(unsigned quoted)
{
	uint64_t share = below(100);
	const char *name = share < 39 ? "Delay-insensitive" : share < 42 ? "Interactive" : "Unknown";

	if (below(100) < quoted) {
		put("\"", 1);
		put_text(name);
		put_text(", \"\"x\"\"\"");
	} else {
		put_text(name);
	}
	put(",", 1);
}

static void put_row(unsigned quoted, const char *end)
{
	static const unsigned cores[] = {2, 4, 8, 24, 30}, memory[] = {2, 4, 8, 32, 64, 70};
	uint64_t average = below(HUNDRED), most = average + below(HUNDRED - average);
	uint64_t p96 = average + below(most - average + 1), created = below(LAST / STEP) * STEP;
	char id[65];

	word(id, 64);
	id[64] = ',';
	put(id, sizeof(id));
	put(subscription[below(SUBSCRIPTIONS)], 64);
	put(",", 1);
	put(deployment[below(DEPLOYMENTS)], 88);
	put(",", 1);
	put_number(created, 1);
	put(",", 1);
	put_number(created + below((LAST - created) / STEP + 1) * STEP, 1);
	put(",", 1);
	put_cpu(most);
	put_cpu(average);
	put_cpu(p96);
	put_category(quoted);
	put_number(cores[below(5)], 1);
	put(",", 1);
	put_number(memory[below(6)], 1);
	put_text(end);
}

static void begin(void)
{
	out.digest = EVP_MD_CTX_new();
	EVP_DigestInit_ex(out.digest, EVP_sha256(), NULL);
	for (size_t i = 0; i < SUBSCRIPTIONS; i++)
		word(subscription[i], 64);
	for (size_t i = 0; i < DEPLOYMENTS; i++) {
		word(deployment[i], 86);
		memcpy(deployment[i] + 86, "==", 2);
	}
}

static void finish(unsigned long long rows)
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	flush();
	EVP_DigestFinal_ex(out.digest, raw, &n);
	EVP_MD_CTX_free(out.digest);
	fprintf(stderr, "rows=%llu bytes=%llu sha256=", rows, out.bytes);
	for (unsigned i = 0; i < n; i++)
		fprintf(stderr, "%02x", raw[i]);
	fputc('\n', stderr);
}

int main(int argc, char **argv)
{
	unsigned long long rows, first = 1;
	const char *end = "\n";
	unsigned quoted = 0;
	int o;

	while ((o = getopt(argc, argv, "q:rs:")) != -1) {
		if (o == 'q')
			quoted = (unsigned)atoi(optarg);
		else if (o == 'r')
			end = "\r\n";
		else if (o == 's')
			first = strtoull(optarg, NULL, 10);
	}
	if (optind + 1 != argc || quoted > 100 || !first) {
		fputs("usage: rowgen [-q PERCENT] [-r] [-s FIRST] ROWS >FILE\n", stderr);
		return 2;
	}
	rows = strtoull(argv[optind], NULL, 10);
	begin();
	for (unsigned long long i = 1; i < first; i++) {
		put_row(quoted, end);
		out.n = 0;
	}
	put_text(header);
	put_text(end);
	for (unsigned long long i = 0; i < rows; i++) {
		put_row(quoted, end);
		if (out.n > BUFFER - ROW_MAX)
			flush();
	}
	finish(rows);
	return 0;
}
