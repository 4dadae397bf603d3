// SPDX-License-Identifier: ISC
#include <stdlib.h>
#include <string.h>

#include "strangers/transfer.h"
#include "tests/fuzz/fuzz.h"

/* The octets of a frame that is accepted are the only ones for it.  Short inputs are filled up. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char octets[TRANSFER_OCTETS] = { 0 }, again[TRANSFER_OCTETS];
	struct transfer t;

	if (size > sizeof octets) {
		if (transfer_parse(data, size, &t))
			abort();
		return 0;
	}
	if (size)
		memcpy(octets, data, size);
	if (!transfer_parse(octets, sizeof octets, &t))
		return 0;
	if (t.n > TRANSFER_NAME_MAX || memchr(t.name, '\n', t.n))
		abort();
	transfer_encode(&t, again);
	if (memcmp(octets, again, sizeof again) != 0)
		abort();
	return 0;
}
