/*
 * sshd_line - one line of what `internal-sftp -l INFO` says through syslog
 *
 *	struct sshd_line l;
 *	if (sshd_line_parse(text, &l)) ... l.kind, l.time_ms, l.pid, l.name, l.other ...
 *
 * A line is TIME HOST TAG[PID]: MESSAGE, TIME in RFC 3339 (rsyslog's RSYSLOG_FileFormat, syslog-ng's
 * ISODATE).  These three are the syslog daemon's and sshd's; in the message a tenant's path stands between
 * quotes which are not escaped, so that a name may hold `" bytes read 0 written 9`: the message is read from
 * its end.  sshd writes other bytes of a path as vis(3) does (\nnn, \\, \n); they are put back.
 *
 * Paths are those of a chroot: they are made plain (//, /./, /../), and only what lies in /in/ itself has a
 * name.  A line that is none of these, or cut (sshd stops at 1 KiB), is no evidence for anything: false.
 * Sources: sftp-server.c of OpenSSH 9.2 (messages), vis(3), RFC 3339.
 */
#ifndef MODEL_SSHD_LINE_H
#define MODEL_SSHD_LINE_H

#include "watcher/base/span.h"

enum sshd_kind {
	SSHD_OPEN,    /* for writing */
	SSHD_CLOSE,
	SSHD_FORCED,  /* the session ended with the file open */
	SSHD_RENAME,  /* name to other; its failure is told by the next line */
	SSHD_REMOVE,
	SSHD_RESIZE,  /* cut or grown by its name, or through an open handle */
	SSHD_TOUCH,   /* mode, owner or times: the bytes stay */
	SSHD_LINK,    /* other is a new name of what is unknown */
	SSHD_FAILED,  /* the request before it, or a write of this process, failed */
	SSHD_UNCLEAR, /* a new name whose two paths cannot be told apart */
};

struct sshd_line {
	enum sshd_kind kind;
	int64_t time_ms;
	unsigned long pid;
	uint64_t written; /* close, forced */
	bool has_name;    /* it lies in /in/ */
	bool has_other;
	char name[256];   /* the bytes of the file's name */
	char other[256];
};

bool sshd_line_parse(struct span line, struct sshd_line *out);

#endif
