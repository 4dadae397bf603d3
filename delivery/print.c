// SPDX-License-Identifier: ISC
/*
 * Prints messages on stdout, each as its envelope and then its text.  A message is printed in one
 * piece even if several workers print.  On a terminal, '?' replaces octets that it would obey.
 */
#include "delivery/print.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "maildir/mbox.h"
#include "smtp/address.h"

/* A record lock belongs to the process, so it separates workers that share one descriptor.  If the
 * descriptor cannot be locked, messages may mix: that is better than no print. */
static void
lock_output(short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };

	while (fcntl(STDOUT_FILENO, F_SETLKW, &lock) < 0 && errno == EINTR)
		;
}

static int
print_text(struct slice s)
{
	while (s.n) {
		ssize_t n = write(STDOUT_FILENO, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		s = slice_skip(s, (size_t)n);
	}
	return 0;
}

static int
print_line(const char *key, struct slice path, bool terminal)
{
	char space[SMTP_PATH_TEXT + 32];
	struct buf b = BUF(space);

	buf_fmt(&b, "%s: <%.*s>\n", key, (int)path.n, path.p);
	if (terminal)
		(void)text_clean(b.p, b.n, true);
	return b.full ? 0 : print_text(buf_slice(&b));
}

static int
print_message(const struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	const bool terminal = isatty(STDOUT_FILENO);
	char space[64];
	struct buf b = BUF(space);
	int r;

	if (terminal)
		text_init();
	buf_fmt(&b, "---------- message %s\n", e->id);
	r = print_text(buf_slice(&b));
	if (r == 0)
		r = print_line("from", e->from, terminal);
	for (size_t i = 0; i < n && r == 0; i++)
		r = print_line("to", e->rcpts[rcpts[i]].path, terminal);
	if (r == 0)
		r = print_text(SL("\n"));
	if (r == 0)
		r = mbox_write(STDOUT_FILENO, e, SL(""), terminal);
	if (r == 0)
		r = print_text(SL("---------- end\n"));
	return r;
}

void
deliver_print(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	struct outcome o;
	int r;

	lock_output(F_WRLCK);
	r = print_message(e, rcpts, n);
	lock_output(F_UNLCK);
	if (r < 0)
		outcome_set(&o, CAUSE_LOCAL, SL(""), slice_str(strerror(-r)));
	else
		outcome_set(&o, CAUSE_DELIVERED, SL(""), SL("printed"));
	attempt_report_all(d, e, rcpts, n, &o);
}
