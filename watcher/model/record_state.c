/*
 * record_state - the states that a file's record can show; see the header
 *
 * Called with what a person asked for.  The names are those of RECORD_STATES, in its order.
 */
#include "watcher/base/base.h"
#include "watcher/model/record_state.h"

bool record_state_known(const char *name)
{
	static const char names[] = ", " RECORD_STATES ", ";
	char *word = xasprintf(", %s, ", name);
	bool known = *name && !strchr(name, ',') && strstr(names, word);

	free(word);
	return known;
}
