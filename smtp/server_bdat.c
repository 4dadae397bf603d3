// SPDX-License-Identifier: ISC
/*
 * BDAT (RFC 3030): which one is welcome, and what answers it.  What it announces follows it at once, whatever the
 * reply will be: the main stores it or throws it away, and only then is there a reply.  session.c
 * calls; the octets themselves pass by here as a number only.
 */
#include "smtp/server_commands.h"

/* More is a mistake, and nobody wants to read it to its end: 1 TiB is also the largest message one can allow. */
#define CHUNK_MAX (UINT64_C(1) << 40)

/* Where the next command begins is not known any more. */
static struct smtp_reply
lost(void)
{
	struct smtp_reply r = SMTP_REPLY(501, "5.5.4 Syntax: BDAT octets [LAST]");

	r.next = SMTP_NEXT_CLOSE;
	return r;
}

struct smtp_reply
server_bdat(struct server_session *s, struct slice arg)
{
	struct slice last, octets = slice_cut(arg, ' ', &last);
	struct smtp_reply r;

	last = slice_trim(last);
	if (!slice_uint(octets, CHUNK_MAX, &s->chunk) || (last.n && !slice_ieq(last, SL("LAST"))))
		return lost();
	s->chunk_last = last.n > 0;
	if (s->state == SMTP_AT_RCPT || s->state == SMTP_AT_CHUNK)
		return (struct smtp_reply){ .next = SMTP_NEXT_CHUNK };
	if (s->state != SMTP_AT_MAIL)
		r = server_out_of_sequence(s);
	else if (s->refused && !s->server->lmtp)	/* RFC 2033 section 4.2: 503 */
		r = SMTP_REPLY(554, "5.5.1 Error: no valid recipients");
	else
		r = SMTP_REPLY(503, "5.5.1 Error: need RCPT command");
	r.next = SMTP_NEXT_DISCARD;
	return r;
}

struct smtp_reply
server_end_of_chunk(struct server_session *s, enum smtp_data_result result, struct slice detail)
{
	struct smtp_reply r;

	if (result == SMTP_DATA_QUEUED && !s->chunk_last) {
		s->state = SMTP_AT_CHUNK;
		s->text.n = 0;
		buf_str(&s->text, "2.0.0 Ok: ");
		buf_uint(&s->text, s->chunk);
		buf_str(&s->text, " octets received");
		return smtp_reply_made(s, 250);
	}
	r = server_end_of_data(s, result, detail);
	r.next = SMTP_NEXT_COMMAND;	/* whatever was wrong, the next command is where BDAT said */
	return r;
}
