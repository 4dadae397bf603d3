// SPDX-License-Identifier: ISC
/*
 * Words with blanks between them: "0 1 -1 5 192.0.2.1 client.example", with "-" for no address.
 */
#include "session/handover.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "base/words.h"

#define REST_MAX 40

void
handover_format(struct buf *b, const struct handover *h)
{
	buf_fmt(b, "%d %d %d %d ", h->rfd, h->wfd, h->print_fd, h->config_fd);
	buf_add(b, h->client.n ? h->client : SL("-"));
	buf_chr(b, ' ');
	buf_add(b, h->helo);
}

bool
handover_fd(struct slice *text, int *ret)
{
	const struct slice word = words_next(text);
	uint64_t v;

	if (slice_eq(word, SL("-1"))) {
		*ret = -1;
		return true;
	}
	if (!slice_uint(word, INT32_MAX, &v))
		return false;
	*ret = (int)v;
	return true;
}

bool
handover_parse(struct handover *ret, const char *text)
{
	struct slice rest = slice_str(text);
	struct handover h;

	if (!handover_fd(&rest, &h.rfd) || !handover_fd(&rest, &h.wfd) ||
	    !handover_fd(&rest, &h.print_fd) || !handover_fd(&rest, &h.config_fd))
		return false;
	if (h.rfd < 0 || h.wfd < 0)
		return false;
	h.client = words_next(&rest);
	if (h.client.n == 0)
		return false;
	if (slice_eq(h.client, SL("-")))
		h.client.n = 0;
	h.helo = slice_trim(rest);
	*ret = h;
	return true;
}

int
handover_exec(const char *program, const struct options *options, const char *const *rest)
{
	const char *argv[3 + 2 * OPTIONS_OVERRIDES_MAX + REST_MAX + 1];
	size_t n = 0;

	argv[n++] = program;
	if (options->config_file) {
		argv[n++] = "-c";
		argv[n++] = options->config_file;
	}
	for (size_t i = 0; i < options->noverrides; i++) {
		argv[n++] = "-o";
		argv[n++] = options->overrides[i];
	}
	for (size_t i = 0; rest[i]; i++) {
		if (i == REST_MAX)
			return -E2BIG;
		argv[n++] = rest[i];
	}
	argv[n] = NULL;
	/* execv(3) changes none of the strings, although its prototype lacks const. */
	(void)execv(program, (char *const *)(uintptr_t)argv);
	return -errno;
}
