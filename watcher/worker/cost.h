/*
 * cost - what one job used of the machine
 *
 *	cost_open()                    once, before the process is confined
 *	struct cost c;
 *	cost_begin(&c);                when the job came; also sets the kernel's peak back, where it lets us
 *	cost_pause(&c), cost_go_on(&c) what the process does between is others'
 *	cost_cpu_us(&c)                user and system time since then
 *	cost_peak_rss()                bytes; since cost_begin, or since the process started where the peak cannot be set back
 *
 * Source: getrusage(2), proc(5) for clear_refs and VmHWM.  Nothing fails: what cannot be had is 0.
 */
#ifndef WORKER_COST_H
#define WORKER_COST_H

#include "watcher/base/base.h"

struct cost {
	uint64_t cpu_us; /* of the process, at the begin or when it went on */
	uint64_t spent;	 /* before that */
	bool paused;
};

/* Once, while /proc can still be opened. */
void cost_open(void);
void cost_begin(struct cost *c);
void cost_pause(struct cost *c);
void cost_go_on(struct cost *c);
/* Its share of what was done for many. */
void cost_add(struct cost *c, uint64_t us);
uint64_t cost_process_us(void);
uint64_t cost_cpu_us(const struct cost *c);
uint64_t cost_peak_rss(void);

#endif
