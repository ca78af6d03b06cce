/*
 * fuzz_message - hostile messages between ingestd and a worker: the packet's parser (a worker taken over can write what it likes)
 *
 * Checked: no crash, no leak; what is taken is written again, read again, and written the same; no taken message carries a text longer
 * than a packet, a digest or a name that is none.
 */
#include "watcher/base/base.h"
#include "watcher/base/ipc.h"
#include "watcher/model/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf first = STRBUF_INIT, second = STRBUF_INIT;
	struct fault f = FAULT_INIT;
	struct message m, again;

	if (message_parse((struct span){(const char *)data, size}, &m, &f) < 0) {
		CHECK(f.kind != FAULT_NONE && f.text[0]);
		return 0;
	}
	CHECK(!m.sha256[0] || strlen(m.sha256) == DIGEST_HEX - 1);
	CHECK(!m.delivery[0] || strlen(m.delivery) == DELIVERY_TEXT - 1);
	CHECK(m.stanza_count <= MESSAGE_STANZAS);
	message_write(&m, &first);
	CHECK(first.n <= IPC_MAX);
	if (message_parse(strbuf_span(&first), &again, &f) < 0)
		CHECK(!"what we write we read");
	message_write(&again, &second);
	CHECK(first.n == second.n && memcmp(first.p, second.p, first.n) == 0);
	message_release(&m);
	message_release(&again);
	strbuf_release(&first);
	strbuf_release(&second);
	return 0;
}
