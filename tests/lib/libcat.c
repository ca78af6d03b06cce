/*
 * libcat - what the libraries alone need for a file's layers; the yardstick of tests/bench/layers.py
 *
 *	libcat plain|gzip|zstd|xz|age FILE
 *
 * Windows of 64 KiB in and out, nothing is written, nothing but the library's own checks.  age: ChaCha20-Poly1305 by libcrypto over chunks
 * of 64 KiB, with some key: a tag that is wrong costs what a right one does.
 */
#include <fcntl.h>
#include <lzma.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define WINDOW 65536
#define TAG 16

static unsigned char in[WINDOW + TAG], out[WINDOW];
static unsigned long long produced;

static size_t more(int fd, size_t n)
{
	ssize_t got = read(fd, in, n);

	if (got < 0)
		exit(2);
	return (size_t)got;
}

static void run_plain(int fd)
{
	size_t n;

	while ((n = more(fd, WINDOW)) > 0)
		produced += n;
}

static void run_gzip(int fd)
{
	z_stream z = {0};
	int r = inflateInit2(&z, 15 + 16);

	while (r == Z_OK) {
		if (!z.avail_in) {
			z.avail_in = (unsigned)more(fd, WINDOW);
			z.next_in = in;
		}
		z.next_out = out;
		z.avail_out = WINDOW;
		r = inflate(&z, Z_NO_FLUSH);
		produced += WINDOW - z.avail_out;
	}
	if (r != Z_STREAM_END)
		exit(3);
	inflateEnd(&z);
}

static void run_zstd(int fd)
{
	ZSTD_DCtx *z = ZSTD_createDCtx();
	ZSTD_inBuffer zin = {in, 0, 0};
	size_t r = 1;

	while (r != 0) {
		ZSTD_outBuffer zout = {out, WINDOW, 0};

		if (zin.pos == zin.size)
			zin = (ZSTD_inBuffer){in, more(fd, WINDOW), 0};
		r = ZSTD_decompressStream(z, &zout, &zin);
		if (ZSTD_isError(r))
			exit(3);
		produced += zout.pos;
	}
	ZSTD_freeDCtx(z);
}

static void run_xz(int fd)
{
	lzma_stream z = LZMA_STREAM_INIT;
	lzma_ret r = lzma_stream_decoder(&z, UINT64_MAX, 0);

	while (r == LZMA_OK) {
		if (!z.avail_in) {
			z.avail_in = more(fd, WINDOW);
			z.next_in = in;
		}
		z.next_out = out;
		z.avail_out = WINDOW;
		r = lzma_code(&z, LZMA_RUN);
		produced += WINDOW - z.avail_out;
	}
	if (r != LZMA_STREAM_END)
		exit(3);
	lzma_end(&z);
}

static void run_age(int fd)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	unsigned char key[32] = {1}, nonce[12] = {0};
	size_t n;
	int some = 0, rest = 0;

	EVP_DecryptInit_ex(c, EVP_chacha20_poly1305(), NULL, key, NULL);
	while ((n = more(fd, WINDOW + TAG)) > TAG) {
		EVP_DecryptInit_ex(c, NULL, NULL, NULL, nonce);
		EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, in + n - TAG);
		EVP_DecryptUpdate(c, out, &some, in, (int)(n - TAG));
		(void)EVP_DecryptFinal_ex(c, out + some, &rest);
		produced += (unsigned)some;
	}
	EVP_CIPHER_CTX_free(c);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(int fd);
	} layers[] = {{"plain", run_plain}, {"gzip", run_gzip}, {"zstd", run_zstd}, {"xz", run_xz}, {"age", run_age}};
	int fd = argc == 3 ? open(argv[2], O_RDONLY) : -1;

	for (size_t i = 0; fd >= 0 && i < sizeof(layers) / sizeof(*layers); i++)
		if (strcmp(layers[i].name, argv[1]) == 0) {
			layers[i].run(fd);
			printf("%llu\n", produced);
			return 0;
		}
	fputs("usage: libcat plain|gzip|zstd|xz|age FILE\n", stderr);
	return 2;
}
