// SPDX-License-Identifier: ISC
/*
 * A message with signatures, and the record of their key in its first line.  The octets that each
 * signature covers are put, and none of them may be out of bounds.
 */
#include <stdlib.h>

#include "auth/dkim_message.h"
#include "message/field.h"
#include "tests/fuzz/fuzz.h"

static struct dkim_message m;

static void
take(void *ctx, struct slice octets)
{
	uint64_t *sum = ctx;

	for (size_t i = 0; i < octets.n; i++)
		*sum += (unsigned char)octets.p[i];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_of((const char *)data, size), record;
	char hashes[DKIM_FORMS][DKIM_HASH_OCTETS] = { { 0 } };
	uint64_t sum = 0;
	const struct dkim_sink sinks[DKIM_FORMS] = { { take, &sum }, { take, &sum } };
	struct dkim_key key;
	struct field f;

	record = slice_cut(rest, '\n', &rest);
	dkim_message_begin(&m);
	while (field_next(&rest, FIELD_TO_EMPTY_LINE, &f))
		dkim_message_field(&m, f.name, field_value(&f));
	dkim_message_header_end(&m, 1000, sinks);
	dkim_message_body(&m, rest);
	dkim_message_end(&m);
	for (size_t i = 0; i < m.nsignatures; i++) {
		char space[600];
		struct buf name = BUF(space);

		if (m.signatures[i].result != DKIM_PENDING)
			continue;
		(void)dkim_signature_key_name(&m.signatures[i], &name);
		(void)dkim_key_read(&key, record, &m.signatures[i]);
		dkim_message_put(&m, i, &sinks[0]);
	}
	dkim_message_hashes(&m, hashes);
	if (m.nsignatures > DKIM_SIGNATURES || !*dkim_word(DKIM_PASS))
		abort();
	return 0;
}
