// SPDX-License-Identifier: ISC
/*
 * The forms of a message.  The plain one is a range of its queue file.  The one in seven bits is a
 * converted copy, made when the first peer needs it and at most once.  A signature covers the
 * octets that are sent, so each form has its own.  Knows no commands and no recipients.
 */
#include "client/form.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/convert.h"
#include "client/signer.h"
#include "message/sevenbit.h"

/* Get the signatures of the message, or of a copy of it, malloc'ed; *ret is NULL if it has none.
 * False with the outcome in *ret_why. */
static bool
sign(const struct form *f, int copy, uint64_t size, char **ret, struct outcome *ret_why)
{
	static char space[SIGNER_FIELDS_MAX + 1];
	struct buf text = BUF(space);
	enum sign_result result;

	*ret = NULL;
	if (!f->d->signer)
		return true;
	result = signer_ask(f->d->signer, &(struct sign_question){
		.id = f->e->id, .copy = copy, .size = size,
	}, &text);
	if (result == SIGNED)
		*ret = strdup(buf_cstr(&text));
	else if (result == UNSIGNED)
		transcript_fact(f->d->transcript, "not signed: %s", buf_cstr(&text));
	if (result == UNABLE || (result == SIGNED && !*ret)) {
		outcome_set(ret_why, CAUSE_LOCAL, SL(""), result == UNABLE ? buf_slice(&text)
									   : SL("out of memory"));
		return false;
	}
	return true;
}

/* The parts of a form, in their order: our signatures, then the message, the range [at, at + size)
 * of fd.  False with the outcome in *ret_why. */
static bool
lay_out(struct form *f, struct payload *p, const struct queue_facts *facts, int fd, uint64_t at,
    uint64_t size, struct outcome *ret_why)
{
	char **signatures = &f->signatures[p == &f->converted];

	if (!sign(f, fd == f->e->fd ? -1 : fd, size, signatures, ret_why))
		return false;
	payload_init(p, facts);
	if (*signatures)
		payload_add_octets(p, slice_str(*signatures));
	payload_add_file(p, fd, at, size);
	return true;
}

void
form_init(struct form *f, const struct delivery *d, const struct queue_entry *e)
{
	*f = (struct form){ .d = d, .e = e, .converted_fd = -1 };
	payload_init(&f->content, &e->facts);
	payload_add_file(&f->content, e->fd, e->content_at, e->content_size);
}

static void
drop_copy(struct form *f)
{
	if (f->converted_fd >= 0)
		(void)close(f->converted_fd);
	f->converted_fd = -1;
}

void
form_done(struct form *f)
{
	drop_copy(f);
	for (size_t i = 0; i < sizeof f->signatures / sizeof f->signatures[0]; i++) {
		free(f->signatures[i]);
		f->signatures[i] = NULL;
	}
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
convert(struct form *f, struct facts *ret)
{
	int fd;

	if (f->unconvertible)		/* there is no copy for any peer */
		return -ENOTSUP;
	fd = convert_sevenbit(&f->content, ret, &f->unconvertible);
	if (fd < 0)
		return fd;
	f->converted_fd = fd;
	transcript_fact(f->d->transcript, "converted to seven bits, %llu octets",
	    (unsigned long long)ret->octets);
	return 0;
}

/* Make f->converted.  True also if there is no such form. */
static bool
make_converted(struct form *f, struct outcome *ret_why)
{
	struct facts facts;
	int r;

	drop_copy(f);
	r = convert(f, &facts);
	if (r == -ENOTSUP)
		return true;
	if (r < 0) {
		outcome_set(ret_why, CAUSE_LOCAL, SL(""), r == -EIO ?
		    SL(PAYLOAD_UNREADABLE) : SL("no room for a copy in seven bits"));
		return false;
	}
	return lay_out(f, &f->converted, &(struct queue_facts){
		.dot_line = facts.dot_line, .longest_line = facts.longest_line,
		.eight_bit = facts.eight_bit,
	}, f->converted_fd, 0, facts.octets, ret_why);
}

/* Does the peer take the converted message, if there is one? */
static bool
is_taken(struct form *f, const struct client_offer *peer)
{
	if (f->converted.nparts && takes_body(peer, payload_body(&f->converted)))
		return true;
	if (f->converted.nparts)
		f->unconvertible = "its header fields hold 8-bit text";
	return false;
}

bool
form_for(struct form *f, const struct client_offer *peer, const struct payload **ret,
    struct outcome *ret_why)
{
	const struct queue_entry *e = f->e;
	const enum smtp_body body = payload_body(&f->content);
	const bool plain = takes_body(peer, body) &&
	    (body == SMTP_BODY_BINARYMIME || e->facts.longest_line <= MIME_LINE_MAX);

	if (!plain && !f->converted.nparts && !make_converted(f, ret_why))
		return false;
	*ret = plain || !is_taken(f, peer) ? &f->plain : &f->converted;
	return (*ret)->nparts || lay_out(f, &f->plain, &e->facts, e->fd, e->content_at,
	    e->content_size, ret_why);
}
