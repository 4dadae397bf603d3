// SPDX-License-Identifier: ISC
/*
 * The record of a key in the DNS.  The record that is to be published has no fault, and none with
 * another key is taken for it.
 */
#include <string.h>

#include "base/base64.h"
#include "message/dkim_record.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice key = SL("a key that is public"), text = slice_of((const char *)data,
	    size);
	char space[DKIM_RECORD_MAX], digits[100];
	struct buf record = BUF(space), encoded = BUF(digits);
	const char *fault = dkim_record_fault(text, "ed25519", key);

	base64_encode(&encoded, key);
	/* The digits may be folded. */
	must(fault ? fault[0] != '\0' : memchr(text.p, encoded.p[0], text.n) != NULL);
	must(fault || memmem(text.p, text.n, "ed25519", 7));
	dkim_record(&record, "ed25519", key);
	must(!record.full && !dkim_record_fault(buf_slice(&record), "ed25519", key));
	must(dkim_record_fault(buf_slice(&record), "rsa", key) != NULL);
	/* Octets behind the record change nothing but its other tags. */
	if (size < sizeof space - 200) {
		buf_str(&record, "; n=");
		buf_add(&record, text);
		fault = dkim_record_fault(buf_slice(&record), "ed25519", key);
		must(!fault || (text.n && memchr(text.p, ';', text.n)));
	}
	return 0;
}
