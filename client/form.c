// SPDX-License-Identifier: ISC
/*
 * The forms of a message.  The plain one is a range of its queue file.  The one in seven bits is a
 * converted copy, made when the first peer needs it and at most once.  Knows no commands and no
 * recipients.
 */
#include "client/form.h"

#include <errno.h>
#include <unistd.h>

#include "client/convert.h"
#include "message/sevenbit.h"

/* The parts of a form, in their order.  The message is the range [at, at + size) of fd; octets that
 * go out in front of it are added before it. */
static void
lay_out(struct payload *p, const struct queue_facts *facts, int fd, uint64_t at, uint64_t size)
{
	payload_init(p, facts);
	payload_add_file(p, fd, at, size);
}

void
form_init(struct form *f, const struct delivery *d, const struct queue_entry *e)
{
	*f = (struct form){ .d = d, .converted_fd = -1 };
	lay_out(&f->plain, &e->facts, e->fd, e->content_at, e->content_size);
}

void
form_done(struct form *f)
{
	if (f->converted_fd >= 0)
		(void)close(f->converted_fd);
	f->converted_fd = -1;
}

/* Does the peer take octets of this kind? */
static bool
takes_body(const struct client_offer *peer, enum smtp_body body)
{
	if (body == SMTP_BODY_BINARYMIME)
		return peer->offers[SMTP_EXT_BINARYMIME];
	return body == SMTP_BODY_7BIT || peer->offers[SMTP_EXT_8BITMIME];
}

/* The message in seven bits, made at most once.  0; -ENOTSUP if it has no such form; -errno. */
static int
convert(struct form *f)
{
	struct facts facts;
	int fd = f->converted_fd;

	if (fd >= 0)
		return 0;
	if (f->unconvertible)
		return -ENOTSUP;
	fd = convert_sevenbit(&f->plain, &facts, &f->unconvertible);
	if (fd < 0)
		return fd;
	f->converted_fd = fd;
	/* No other fact can be true of a text in seven bits. */
	lay_out(&f->converted, &(struct queue_facts){
		.dot_line = facts.dot_line, .longest_line = facts.longest_line,
	}, fd, 0, facts.octets);
	transcript_fact(f->d->transcript, "converted to seven bits, %llu octets",
	    (unsigned long long)f->converted.size);
	return 0;
}

bool
form_for(struct form *f, const struct client_offer *peer, const struct payload **ret,
    struct outcome *ret_why)
{
	const enum smtp_body body = payload_body(&f->plain);
	const bool takes = takes_body(peer, body);
	const bool plain = takes &&
	    (body == SMTP_BODY_BINARYMIME || f->plain.facts.longest_line <= MIME_LINE_MAX);
	const int r = plain ? 0 : convert(f);

	if (r < 0 && r != -ENOTSUP) {
		outcome_set(ret_why, CAUSE_LOCAL, SL(""), r == -EIO ?
		    SL(PAYLOAD_UNREADABLE) : SL("no room for a copy in seven bits"));
		return false;
	}
	*ret = plain || r == -ENOTSUP ? &f->plain : &f->converted;
	return true;
}
