// SPDX-License-Identifier: ISC
/*
 * Nobody gets a notice about a letter: the next report says what this one said.
 */
#include "reports/letter.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/words.h"
#include "message/encode.h"
#include "notice/notice.h"

#define HEAD_OCTETS 4096	/* fields and text, and what servers on the way add */
#define FOLD_AT	    72

uint64_t
letter_octets(const struct letter *l)
{
	const uint64_t lines = (l->file.n + 56) / 57;	/* base64: 57 octets a line of 76 */

	return HEAD_OCTETS + lines * 78;
}

/* The subject, with line ends where it has blanks. */
static void
add_subject(struct notice *n, const char *subject)
{
	struct slice rest = slice_str(subject), word;
	size_t column = SL("Subject:").n;

	notice_raw(n, SL("Subject:"));
	while ((word = words_next(&rest)).n) {
		if (column + 1 + word.n > FOLD_AT) {
			notice_raw(n, SL("\r\n"));
			column = 0;
		}
		notice_raw(n, SL(" "));
		notice_raw(n, word);
		column += 1 + word.n;
	}
	notice_raw(n, SL("\r\n"));
}

static void
add_head(struct notice *n, const struct letter *l)
{
	notice_line(n, "From: <%s>", l->from);
	notice_line(n, "To: <%s>", l->to);
	add_subject(n, l->subject);
	notice_date(n, "Date", clock_wall_s());
	notice_line(n, "Message-ID: <%s>", l->id);
	notice_line(n, "Auto-Submitted: auto-generated");
	for (size_t i = 0; l->fields && l->fields[i]; i++)
		notice_line(n, "%s", l->fields[i]);
	notice_line(n, "MIME-Version: 1.0");
	notice_line(n, "Content-Type: multipart/%s;", l->multipart);
	notice_line(n, "\tboundary=\"=_%s\"", n->message.id);
}

static int
add_encoded(void *ctx, struct slice octets)
{
	struct notice *n = ctx;

	notice_raw(n, octets);
	return n->error;
}

static void
add_file(struct notice *n, const struct letter *l)
{
	const struct mime_sink sink = { add_encoded, n };

	notice_blank(n);
	notice_line(n, "--=_%s", n->message.id);
	notice_line(n, "Content-Type: %s;", l->type);
	notice_line(n, "\tname=\"%s\"", l->file_name);
	notice_line(n, "Content-Disposition: attachment;");
	notice_line(n, "\tfilename=\"%s\"", l->file_name);
	notice_line(n, "Content-Transfer-Encoding: base64");
	notice_blank(n);
	(void)mime_base64(l->file, &sink);
	notice_last_part(n);
}

int
letter_send(const struct queue *q, const struct letter *l, char ret_id[QUEUE_ID_SIZE])
{
	const struct notice_envelope envelope = {
		.from = slice_str(l->from), .to = slice_str(l->to), .protocol = "report",
	};
	struct notice *n = calloc(1, sizeof *n);
	int r;

	if (!n)
		return -ENOMEM;
	notice_begin(n, q, &envelope);
	add_head(n, l);
	notice_part(n, "text/plain; charset=us-ascii", "Explanation", false);
	for (size_t i = 0; l->text[i]; i++)
		notice_line(n, "%s", l->text[i]);
	add_file(n, l);
	r = notice_commit(n);
	if (r == 0)
		memcpy(ret_id, n->message.id, QUEUE_ID_SIZE);
	notice_done(n);
	free(n);
	return r;
}
