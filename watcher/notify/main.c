/*
 * main - the program ingest-notify: webhooks told of the ends of runs, for ingestd
 *
 * ingestd starts it with a socket as descriptor 3.  By hand it only says its version, or signs as it would (--sign), for who
 * writes a receiver.
 * Exit: 0; 1 ingestd said what makes no sense; 2 usage.
 */
#include "watcher/base/base.h"
#include "watcher/base/clock.h"
#include "watcher/base/confine.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/notice.h"
#include "watcher/model/secret_file.h"
#include "watcher/notify/serve.h"
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define EXIT_USAGE 2

static int run(void)
{
	const struct confinement reach = {.network = true, .any_port = true};
	struct fault f = FAULT_INIT;
	int type;
	socklen_t n = sizeof(type);

	if (getsockopt(NOTICE_SOCKET, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_SEQPACKET) {
		fprintf(stderr, "ingest-notify: ingestd starts this program, see \"webhooks\" in ingestd.json\n");
		return EXIT_USAGE;
	}
	/* without its daemon it must not go on */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* what receivers answer is anybody's */
	if (confine(&reach, &f) == 0 && serve(NOTICE_SOCKET, &f) == 0)
		return 0;
	fprintf(stderr, "ingest-notify: %s\n", f.text);
	return 1;
}

static int sign(const char *file)
{
	struct strbuf body = STRBUF_INIT, out = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	char *secret = NULL;
	int r = secret_file_line(-1, file, "secret file", &secret, &f);

	if (r == 0)
		r = fs_read_fd(0, NOTICE_BODY_MAX, &body, &f);
	if (r == 0) {
		notice_sign(span_of(secret), clock_now_ms() / 1000, strbuf_span(&body), &out);
		puts(out.p);
	} else {
		fprintf(stderr, "ingest-notify: %s\n", f.text);
	}
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
	strbuf_release(&out);
	strbuf_release(&body);
	return r < 0 ? 1 : 0;
}

static int usage(FILE *to, int code)
{
	fputs("usage: ingest-notify               serve ingestd on descriptor 3\n"
	      "       ingest-notify --sign FILE   X-Ingestd-Signature of the body on standard input, under the secret in FILE\n"
	      "       ingest-notify --version | --help\n",
	      to);
	return code;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 1)
		return run();
	if (argc == 3 && strcmp(argv[1], "--sign") == 0)
		return sign(argv[2]);
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("ingest-notify " INGEST_VERSION) < 0;
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout, 0);
	return usage(stderr, EXIT_USAGE);
}
