// SPDX-License-Identifier: ISC
#include <stdlib.h>

#include "base/utf8.h"
#include "maildir/agent_frame.h"
#include "tests/fuzz/fuzz.h"

/* An answer that is taken has a result, a text that ends and may be shown, and parses again. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct agent_answer a, again;
	struct slice text;

	if (!agent_frame_parse(data, size, &a))
		return 0;
	if (a.result >= AGENT_RESULTS || (a.error != 0) != (a.result == AGENT_ERROR) ||
	    !memchr(a.text, '\0', sizeof a.text))
		abort();
	for (text = slice_str(a.text); text.n;) {
		const size_t n = utf8_printable(text);

		if (n == 0)
			abort();
		text = slice_skip(text, n);
	}
	if (!agent_frame_parse(&a, sizeof a, &again) || memcmp(&a, &again, sizeof a) != 0)
		abort();
	return 0;
}
