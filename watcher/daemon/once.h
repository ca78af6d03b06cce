/*
 * once - `ingestd --once`: when is it through, and with which exit code
 *
 * Through: the profiles were looked at, the named starts have ended, nothing in in/ can be taken by waiting, no
 * file is in work/.  Or nothing
 * moved for --wait seconds.  0: all done; 3: a file or run that ended here failed or was held, or is left in
 * work/; 1: a start could not be
 * made, or what is left waits for the sink or the system.
 */
#ifndef DAEMON_ONCE_H
#define DAEMON_ONCE_H

struct ingestd;

void once_start(struct ingestd *d); /* --start too, with or without --once */
void once_stop(struct ingestd *d);

#endif
