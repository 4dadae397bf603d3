// SPDX-License-Identifier: ISC
/*
 * PLAIN, LOGIN and XOAUTH2 of a client, reply by reply.  The secret is copied into the lines and
 * nowhere else.  The sender of a line has to wipe it.
 */
#include "smtp/client_auth.h"

#include "base/base64.h"

#define COMMAND_MAX 512		/* octets of AUTH itself (RFC 4954 section 4) */
#define RESPONSE_MAX (CLIENT_AUTH_USER_MAX + CLIENT_AUTH_SECRET_MAX + 32)

static const struct {
	enum client_auth_mechanism mechanism;
	const char *name;
} names[] = {
	{ CLIENT_AUTH_PLAIN, "PLAIN" },
	{ CLIENT_AUTH_LOGIN, "LOGIN" },
	{ CLIENT_AUTH_XOAUTH2, "XOAUTH2" },
};

unsigned
client_auth_mechanisms(struct slice list)
{
	unsigned known = 0;

	while (list.n) {
		struct slice word = slice_trim(slice_cut(list, ' ', &list));

		for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
			if (slice_ieq(word, slice_str(names[i].name)))
				known |= names[i].mechanism;
	}
	return known;
}

const char *
client_auth_mechanism_name(enum client_auth_mechanism mechanism)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].mechanism == mechanism)
			return names[i].name;
	return "";
}

/* Add the only response in base64: NUL user NUL password, or a token (XOAUTH2 has no RFC). */
static void
put_response(struct buf *line, const struct client_auth *g)
{
	char space[RESPONSE_MAX];
	struct buf b = BUF(space);

	if (g->mechanism == CLIENT_AUTH_XOAUTH2) {
		buf_str(&b, "user=");
		buf_add(&b, g->user);
		buf_str(&b, "\001auth=Bearer ");
		buf_add(&b, g->secret);
		buf_str(&b, "\001\001");
	} else {
		buf_chr(&b, '\0');
		buf_add(&b, g->user);
		buf_chr(&b, '\0');
		buf_add(&b, g->secret);
	}
	line->full |= b.full;
	base64_encode(line, buf_slice(&b));
	explicit_bzero(space, b.n);
}

/* The response goes into the command if both fit: it saves a round trip (RFC 4954 section 4). */
static void
put_command(struct buf *line, struct client_auth *g)
{
	size_t bare;

	buf_str(line, "AUTH ");
	buf_str(line, client_auth_mechanism_name(g->mechanism));
	bare = line->n;
	if (g->mechanism == CLIENT_AUTH_LOGIN) {
		g->step = CLIENT_AUTH_USER;
	} else {
		buf_chr(line, ' ');
		put_response(line, g);
		g->step = CLIENT_AUTH_VERDICT;
		if (line->n + 2 > COMMAND_MAX && !line->full) {
			explicit_bzero(line->p + bare, line->n - bare);
			line->n = bare;
			g->step = CLIENT_AUTH_RESPONSE;
		}
	}
	buf_str(line, "\r\n");
}

unsigned
client_auth_usable(unsigned offered, bool is_token)
{
	return offered & (is_token ? CLIENT_AUTH_XOAUTH2 :
	    (unsigned)CLIENT_AUTH_PLAIN | CLIENT_AUTH_LOGIN);
}

bool
client_auth_start(struct client_auth *g, unsigned offered, struct slice user,
    struct slice secret, bool is_token, struct buf *line)
{
	*g = (struct client_auth){ .step = CLIENT_AUTH_NONE, .user = user, .secret = secret };
	g->words = (struct buf)BUF(g->words_space);
	offered = client_auth_usable(offered, is_token);
	if (offered == 0)
		return false;
	g->mechanism = (enum client_auth_mechanism)(offered & ~(offered - 1));	/* the lowest bit */
	put_command(line, g);
	return true;
}

/* XOAUTH2 sends its error as JSON in a challenge, and its reply after an empty response. */
static void
keep_error(struct client_auth *g, const struct smtp_peer_reply *r)
{
	char space[SMTP_PEER_TEXT];
	struct buf b = BUF(space);

	if (!base64_decode(&b, slice_trim(buf_slice(&r->text))))
		return;
	for (size_t i = 0; i < b.n && g->words.n < g->words.cap; i++)
		buf_chr(&g->words, b.p[i] >= ' ' && b.p[i] <= '~' ? b.p[i] : ' ');
}

static void
challenged(struct client_auth *g, const struct smtp_peer_reply *r, struct buf *line)
{
	switch (g->step) {
	case CLIENT_AUTH_RESPONSE:
		put_response(line, g);
		g->step = CLIENT_AUTH_VERDICT;
		break;
	case CLIENT_AUTH_USER:
		base64_encode(line, g->user);
		g->step = CLIENT_AUTH_PASSWORD;
		break;
	case CLIENT_AUTH_PASSWORD:
		base64_encode(line, g->secret);
		g->step = CLIENT_AUTH_VERDICT;
		break;
	default:
		if (g->mechanism == CLIENT_AUTH_XOAUTH2)
			keep_error(g, r);
		else
			buf_chr(line, '*');
		g->step = CLIENT_AUTH_CANCELLED;
	}
	buf_str(line, "\r\n");
}

bool
client_auth_reply(struct client_auth *g, const struct smtp_peer_reply *r, struct buf *line)
{
	if (!r->malformed && r->code == 334 && g->step != CLIENT_AUTH_CANCELLED) {
		challenged(g, r, line);
		return true;
	}
	/* 235 before everything is sent is not a login. */
	g->step = !r->malformed && r->code == 235 && g->step == CLIENT_AUTH_VERDICT ?
	    CLIENT_AUTH_DONE : CLIENT_AUTH_REFUSED;
	return false;
}
