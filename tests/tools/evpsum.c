/*
 * evpsum - SHA-256 of a file by libcrypto, and nothing else: the yardstick of the digest that our gate makes
 *
 *	evpsum FILE
 *
 * Windows of 64 KiB, as our stream reads.  What is above `cat` of the same file is the digest.
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

#define WINDOW 65536

int main(int argc, char **argv)
{
	static unsigned char window[WINDOW];
	unsigned char raw[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	unsigned n = 0;
	ssize_t got;

	if (fd < 0) {
		fputs("usage: evpsum FILE\n", stderr);
		return 2;
	}
	EVP_DigestInit_ex(c, EVP_sha256(), NULL);
	while ((got = read(fd, window, WINDOW)) > 0)
		EVP_DigestUpdate(c, window, (size_t)got);
	EVP_DigestFinal_ex(c, raw, &n);
	EVP_MD_CTX_free(c);
	for (unsigned i = 0; i < n; i++)
		printf("%02x", raw[i]);
	putchar('\n');
	return got < 0;
}
