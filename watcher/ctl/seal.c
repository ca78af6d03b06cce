/*
 * seal - ingestctl seal: a file encrypted to a tenant's key, for senders without age
 *
 * FILE.age stands beside FILE when all of it is on the disk; until then it has a name that nobody takes for data (delivery.md, Arrival).
 * The recipients are those of recipients.txt beside the tenant's in/, or of --recipients, which needs no ingestd.json.
 * Source: age-encryption.org/v1 (C2SP age.md).
 */
#include "watcher/base/base.h"
#include "watcher/base/age_key.h"
#include "watcher/base/fsutil.h"
#include "watcher/ctl/own.h"
#include "watcher/model/profile.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define RECIPIENTS_MAX 64 /* what a header may have here */
#define RECIPIENTS_FILE_MAX (64 * 1024)
#define VERSION_LINE "age-encryption.org/v1\n"

struct seal {
	const char *file;
	char *target;	 /* FILE.age */
	char *temporary; /* beside it */
	char *folder;
	unsigned char recipients[RECIPIENTS_MAX][AGE_KEY];
	char texts[RECIPIENTS_MAX][AGE_RECIPIENT_TEXT];
	size_t count;
	int in, out;
	uint64_t bytes;
};

/* --- recipients --- */

static int take_recipient(struct seal *s, const char *path, size_t number, struct span line, struct fault *f)
{
	while (line.n && strchr(" \t\r", line.p[line.n - 1]))
		line.n--;
	if (!line.n || line.p[0] == '#')
		return 0;
	if (s->count == RECIPIENTS_MAX)
		return fault_set(f, FAULT_CONFIG, "%s:%zu: more than %d recipients", path, number, RECIPIENTS_MAX);
	if (age_recipient_parse(line, s->recipients[s->count]) < 0)
		return fault_set(f, FAULT_CONFIG, "%s:%zu: \"%.*s\" is no recipient of age (age1...)", path, number,
				 line.n < 80 ? (int)line.n : 80, line.p);
	age_recipient_write(s->recipients[s->count], s->texts[s->count]);
	s->count++;
	return 0;
}

static int take_recipients(struct seal *s, const char *path, struct fault *f)
{
	struct strbuf text = STRBUF_INIT;
	size_t number = 0, n;
	int r = fs_read_file(path, RECIPIENTS_FILE_MAX, &text, f);

	for (const char *p = text.p, *end = text.p + text.n; r == 0 && p < end; p += n + 1) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));

		n = (size_t)((eol ? eol : end) - p);
		r = take_recipient(s, path, ++number, (struct span){p, n}, f);
	}
	strbuf_release(&text);
	if (r == 0 && !s->count)
		r = fault_set(f, FAULT_CONFIG, "%s names no recipient", path);
	return r;
}

static int find_recipients(const struct ctl_options *o, struct seal *s, struct fault *f)
{
	struct strbuf errors = STRBUF_INIT;
	struct config *c = NULL;
	char *path = NULL;
	int r;

	if (o->recipients)
		return take_recipients(s, o->recipients, f);
	if (!tenant_name_valid(span_of(o->tenant)))
		return fault_set(f, FAULT_CONFIG, "\"%s\" is no tenant's name: [a-z0-9][a-z0-9-]{0,38}", o->tenant);
	r = ctl_config(o, &c, &errors);
	if (r < 0)
		fault_set(f, FAULT_CONFIG, "%s", errors.p);
	if (r == 0) {
		path = xasprintf("%s/%s/recipients.txt", c->staging, o->tenant);
		r = access(path, F_OK);
		if (r < 0)
			fault_set(f, FAULT_CONFIG, "%s is not there; `ingestctl keygen %s` makes it", path, o->tenant);
	}
	if (r == 0)
		r = take_recipients(s, path, f);
	free(path);
	config_free(&c);
	strbuf_release(&errors);
	return r;
}

/* --- the header --- */

static void add_base64(struct strbuf *sb, const unsigned char *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | p[i];
		for (have += 8; have >= 6; have -= 6)
			strbuf_addc(sb, digits[bits >> (have - 6) & 63]);
	}
	if (have)
		strbuf_addc(sb, digits[bits << (6 - have) & 63]);
}

static int add_header(const struct seal *s, const unsigned char file_key[AGE_FILE_KEY], struct strbuf *sb,
		      struct fault *f)
{
	unsigned char share[AGE_KEY], body[AGE_BODY], mac[AGE_KEY];

	strbuf_adds(sb, VERSION_LINE);
	for (size_t i = 0; i < s->count; i++) {
		if (age_wrap(s->recipients[i], file_key, share, body) < 0)
			return fault_set(f, FAULT_CONFIG, "%s is a recipient that nobody can have", s->texts[i]);
		strbuf_adds(sb, "-> X25519 ");
		add_base64(sb, share, sizeof(share));
		strbuf_addc(sb, '\n');
		add_base64(sb, body, sizeof(body));
		strbuf_addc(sb, '\n');
	}
	strbuf_adds(sb, "---");
	age_header_mac(file_key, strbuf_span(sb), mac);
	strbuf_addc(sb, ' ');
	add_base64(sb, mac, sizeof(mac));
	strbuf_addc(sb, '\n');
	return 0;
}

/* --- the payload --- */

static int read_chunk(struct seal *s, unsigned char *buf, size_t *got, struct fault *f)
{
	return fs_pread_full(s->in, buf, AGE_CHUNK, (off_t)s->bytes, got, f);
}

/* A chunk is the last one when nothing can be read behind it. */
static int write_chunks(struct seal *s, struct age_cipher *c, struct fault *f)
{
	unsigned char *now = xmalloc(AGE_CHUNK), *next = xmalloc(AGE_CHUNK), *sealed = xmalloc(AGE_CHUNK + AGE_TAG);
	size_t n, behind = 1;
	int r = read_chunk(s, now, &n, f);

	for (uint64_t number = 0; r == 0 && behind > 0; number++) {
		unsigned char *other = now;

		s->bytes += n;
		r = read_chunk(s, next, &behind, f);
		if (r < 0)
			break;
		age_cipher_seal(c, number, behind == 0, now, n, sealed);
		r = fs_write_all(s->out, sealed, n + AGE_TAG, f);
		now = next;
		next = other;
		n = behind;
	}
	age_wipe(now, AGE_CHUNK);
	age_wipe(next, AGE_CHUNK);
	free(now);
	free(next);
	free(sealed);
	return r;
}

static int write_all(struct seal *s, struct fault *f)
{
	unsigned char file_key[AGE_FILE_KEY], nonce[AGE_NONCE], key[AGE_KEY];
	struct strbuf header = STRBUF_INIT;
	struct age_cipher *c;
	int r;

	age_random(file_key, sizeof(file_key));
	age_random(nonce, sizeof(nonce));
	age_payload_key(file_key, nonce, key);
	c = age_cipher_new(key);
	r = add_header(s, file_key, &header, f);
	strbuf_add(&header, nonce, sizeof(nonce));
	age_wipe(file_key, sizeof(file_key));
	age_wipe(key, sizeof(key));
	if (r == 0)
		r = fs_write_all(s->out, header.p, header.n, f);
	if (r == 0)
		r = write_chunks(s, c, f);
	if (r == 0)
		r = fs_fsync(s->out, s->temporary, f);
	age_cipher_free(&c);
	strbuf_release(&header);
	return r;
}

/* --- files --- */

/* Encrypted twice it would be refused at its arrival. */
static int check_file(const struct seal *s, struct fault *f)
{
	char head[sizeof(VERSION_LINE) - 1];
	struct stat st;
	size_t got;

	if (fstat(s->in, &st) < 0)
		return fault_errno(f, FAULT_CONFIG, "cannot look at %s", s->file);
	if (!S_ISREG(st.st_mode))
		return fault_set(f, FAULT_CONFIG, "%s is no regular file", s->file);
	if (fs_pread_full(s->in, head, sizeof(head), 0, &got, f) < 0)
		return -1;
	if (got == sizeof(head) && memcmp(head, VERSION_LINE, got) == 0)
		return fault_set(f, FAULT_CONFIG, "%s is encrypted by age already", s->file);
	return 0;
}

static int open_files(struct seal *s, struct fault *f)
{
	const char *slash = strrchr(s->file, '/');
	size_t n = slash ? (size_t)(slash - s->file) : 0;

	s->in = open(s->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (s->in < 0)
		return fault_errno(f, FAULT_CONFIG, "cannot open %s", s->file);
	if (check_file(s, f) < 0)
		return -1;
	s->folder = slash ? xasprintf("%.*s/", (int)n, s->file) : xstrdup("./");
	s->target = xasprintf("%s.age", s->file);
	s->temporary = xasprintf("%s.%s.age.%ld.tmp", s->folder, slash ? slash + 1 : s->file, (long)getpid());
	if (access(s->target, F_OK) == 0)
		return fault_set(f, FAULT_CONFIG, "%s is there already", s->target);
	s->out = open(s->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (s->out < 0)
		return fault_errno(f, FAULT_CONFIG, "cannot write %s", s->temporary);
	return 0;
}

static int give_name(const struct seal *s, struct fault *f)
{
	int dir = -1, r;

	if (renameat2(AT_FDCWD, s->temporary, AT_FDCWD, s->target, RENAME_NOREPLACE) < 0)
		return fault_errno(f, FAULT_CONFIG, "cannot name it %s", s->target);
	r = fs_open_dir(s->folder, &dir, f);
	if (r == 0)
		r = fs_fsync(dir, s->folder, f);
	fs_close(&dir);
	return r;
}

static int seal_file(const struct ctl_options *o, struct seal *s, struct fault *f)
{
	int r;

	if (find_recipients(o, s, f) < 0 || open_files(s, f) < 0)
		return -1;
	r = write_all(s, f);
	if (r == 0)
		r = give_name(s, f);
	if (r < 0)
		(void)unlink(s->temporary);
	return r;
}

static void print(const struct ctl_options *o, const struct seal *s)
{
	json_t *answer = json_pack("{sssssI}", "file", s->file, "sealed", s->target, "bytes", (json_int_t)s->bytes);
	json_t *list = json_array();

	for (size_t i = 0; i < s->count; i++)
		json_array_append_new(list, json_string(s->texts[i]));
	json_object_set_new(answer, "recipients", list);
	ctl_print(o, answer, NULL);
	json_decref(answer);
}

int command_seal(const struct ctl_options *o)
{
	struct seal s = {.in = -1, .out = -1};
	struct fault f = FAULT_INIT;
	int r;

	if (o->arg_count != 1 || !o->tenant == !o->recipients)
		return ctl_usage(o);
	s.file = o->args[0];
	r = seal_file(o, &s, &f);
	if (r == 0)
		print(o, &s);
	else
		fprintf(stderr, "ingestctl: %s\n", f.text);
	fs_close(&s.in);
	fs_close(&s.out);
	free(s.target);
	free(s.temporary);
	free(s.folder);
	return r == 0 ? CTL_OK : CTL_REFUSED;
}
