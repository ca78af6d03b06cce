/*
 * main - the program ingest-record: the journal's records into MongoDB, for ingestd
 *
 * ingestd starts it with a socket as descriptor 3.  By hand it only says its version, or judges a connection string (--check).
 * libmongoc would write to standard error: its log handler is ours (store_log) and writes nothing, since each fault comes back from a call.
 * Exit: 0; 1 ingestd said what makes no sense; 2 usage; 78 --check: the connection string is wrong.
 */
#include "watcher/base/base.h"
#include "watcher/base/crash.h"
#include "watcher/base/fsutil.h"
#include "watcher/model/recording.h"
#include "watcher/record/serve.h"
#include "watcher/record/store.h"
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define EXIT_CONFIG 78
#define URI_MAX 16384

static void on_said(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

static int check(void)
{
	struct strbuf uri = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	struct store *s = NULL;
	int r = fs_read_fd(0, URI_MAX, &uri, &f);

	while (r == 0 && uri.n && uri.p[uri.n - 1] == '\n')
		strbuf_cut(&uri, uri.n - 1);
	if (r == 0)
		r = store_new(uri.p, "check", on_said, NULL, &s, &f);
	if (r < 0)
		fprintf(stderr, "ingest-record: %s\n", f.text);
	store_free(&s);
	explicit_bzero(uri.p, uri.n);
	strbuf_release(&uri);
	return r < 0 ? EXIT_CONFIG : 0;
}

static int run(void)
{
	struct fault f = FAULT_INIT;
	int type;
	socklen_t n = sizeof(type);

	if (getsockopt(RECORDING_SOCKET, SOL_SOCKET, SO_TYPE, &type, &n) < 0 || type != SOCK_SEQPACKET) {
		fprintf(stderr, "ingest-record: ingestd starts this program, see \"mongodb\" in ingestd.json\n");
		return EXIT_USAGE;
	}
	/* a recorder without its daemon must not go on */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (serve(RECORDING_SOCKET, &f) == 0)
		return 0;
	fprintf(stderr, "ingest-record: %s\n", f.text);
	return 1;
}

static void help(void)
{
	puts("usage: ingest-record              serve ingestd on descriptor 3\n"
	     "       ingest-record --check      is the connection string on standard input well-formed? exit 0 or 78\n"
	     "       ingest-record --crash-points   where tests may kill it\n"
	     "       ingest-record --version | --help");
}

static int dispatch(const char *word)
{
	if (!word)
		return run();
	if (strcmp(word, "--check") == 0)
		return check();
	if (strcmp(word, "--version") == 0)
		puts("ingest-record " INGEST_VERSION);
	else if (strcmp(word, "--help") == 0)
		help();
	else if (strcmp(word, "--crash-points") == 0)
		crash_points_print(stdout, "ingest-record");
	else {
		fprintf(stderr, "ingest-record: unknown option %s; see ingest-record --help\n", word);
		return EXIT_USAGE;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct fault f = FAULT_INIT;
	int code;

	signal(SIGPIPE, SIG_IGN);
	if (crash_init("ingest-record", &f) < 0) {
		fprintf(stderr, "ingest-record: %s\n", f.text);
		return EXIT_CONFIG;
	}
	mongoc_init();
	mongoc_log_set_handler(store_log, NULL);
	code = argc > 2 ? EXIT_USAGE : dispatch(argc > 1 ? argv[1] : NULL);
	mongoc_cleanup();
	return code;
}
