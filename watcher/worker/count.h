/*
 * count - how many documents of deliveries are in their sinks; for the check of the journal
 *
 *	count_serve(config or NULL, fd)      until the other side closes; the exit status: 0, 1 no configuration
 *
 * A question is a line, TENANT TAB SINK TAB INDEX TAB DELIVERY TAB ROWS; its answer is a line, the number, or "!" and why there is none.
 * Nothing is made and nothing is changed; credentials are read as the daemon reads them, the tenant's own first.
 */
#ifndef WORKER_COUNT_H
#define WORKER_COUNT_H

int count_serve(const char *config, int fd);

#endif
