/*
 * capabilities - those of this process; see the header
 *
 * Called by the daemon at its start and by confine.  By the bare calls: three numbers need no library.
 */
#include "watcher/base/base.h"
#include "watcher/base/capabilities.h"
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WORDS _LINUX_CAPABILITY_U32S_3

static int get(struct __user_cap_data_struct data[WORDS])
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};

	return (int)syscall(SYS_capget, &header, data);
}

static uint64_t join(uint32_t low, uint32_t high)
{
	return low | (uint64_t)high << 32;
}

uint64_t capabilities_now(void)
{
	struct __user_cap_data_struct data[WORDS];

	return get(data) < 0 ? 0 : join(data[0].effective, data[1].effective);
}

bool capabilities_have(uint64_t set)
{
	return (capabilities_now() & set) == set;
}

/* Before CAP_SETPCAP goes. */
static void drop_bounds(uint64_t set)
{
	for (int i = 0; i < 64 && prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		if (!(set & CAP(i)))
			(void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
}

int capabilities_keep(uint64_t set, struct fault *f)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[WORDS];

	if (get(data) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fault_errno(f, FAULT_SYSTEM, "capabilities");
	if (capabilities_have(CAP(CAP_SETPCAP)))
		drop_bounds(set);
	for (int i = 0; i < WORDS; i++) {
		data[i].permitted &= (uint32_t)(set >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0; /* and so nothing is ambient */
	}
	if (syscall(SYS_capset, &header, data) < 0)
		return fault_errno(f, FAULT_SYSTEM, "cannot drop capabilities");
	return 0;
}
