// SPDX-License-Identifier: ISC
/*
 * A session gives words and files to the program that goes on with it: the argument of --resume,
 * and the configuration.  The first octet chooses.  All is the same after it was given once more.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/texts.h"
#include "session/handover.h"
#include "tests/fuzz/fuzz.h"

static void
take_words(struct slice text)
{
	char words[HANDOVER_MAX + 1], space[2 * HANDOVER_MAX];
	struct handover h, again;
	struct buf b = BUF(space);

	text.n = text.n < HANDOVER_MAX ? text.n : HANDOVER_MAX;
	memcpy(words, text.p ? text.p : "", text.n);
	words[text.n] = '\0';
	if (!handover_parse(&h, words))
		return;
	must(h.rfd >= 0 && h.wfd >= 0 && h.print_fd >= -1 && h.config_fd >= -1);
	handover_format(&b, &h);
	must(!b.full && handover_parse(&again, buf_cstr(&b)));
	must(again.rfd == h.rfd && again.wfd == h.wfd && again.print_fd == h.print_fd &&
	    again.config_fd == h.config_fd && slice_eq(again.client, h.client) &&
	    slice_eq(again.helo, h.helo));
}

static void
take_files(struct slice octets)
{
	const int fd = memfd_create("files", MFD_CLOEXEC);
	struct config_texts t, again;
	int sealed;

	must(fd >= 0 && write(fd, octets.n ? octets.p : "", octets.n) == (ssize_t)octets.n);
	if (config_texts_load(&t, fd) == 0) {
		sealed = config_texts_seal(&t);
		must(sealed >= 0 && config_texts_load(&again, sealed) == 0 && again.n == t.n);
		for (size_t i = 0; i < t.n; i++)
			must(strcmp(t.list[i].name, again.list[i].name) == 0 &&
			    slice_eq(t.list[i].text, again.list[i].text));
		config_texts_done(&again);
		config_texts_done(&t);
		(void)close(sealed);
	}
	(void)close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice rest = slice_of((const char *)data + 1, size ? size - 1 : 0);

	if (size && data[0] == 'r')
		take_words(rest);
	else if (size)
		take_files(rest);
	return 0;
}
