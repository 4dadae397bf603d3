// SPDX-License-Identifier: ISC
/*
 * One table of the attributes.
 */
#include "smtp/xclient.h"

#include "base/cidr.h"
#include "base/name.h"
#include "base/utf8.h"
#include "smtp/address.h"
#include "smtp/param.h"

static bool
is_printable(struct slice text)
{
	while (text.n) {
		const size_t n = utf8_printable(text);

		if (n == 0)
			return false;
		text = slice_skip(text, n);
	}
	return true;
}

static bool
take_text(struct smtp_xclient *x, enum smtp_xclient_id id, struct slice value)
{
	if (value.n == 0 || value.n > SMTP_XCLIENT_MAX || !is_printable(value))
		return false;
	memcpy(x->text[id], value.p, value.n);
	x->n[id] = value.n;
	return true;
}

static bool
take_name(struct smtp_xclient *x, struct slice value)
{
	return name_is_domain(value) && take_text(x, SMTP_XCLIENT_NAME, value);
}

static bool
take_helo(struct smtp_xclient *x, struct slice value)
{
	return smtp_domain_valid(value, false) && take_text(x, SMTP_XCLIENT_HELO, value);
}

static bool
take_login(struct smtp_xclient *x, struct slice value)
{
	return take_text(x, SMTP_XCLIENT_LOGIN, value);
}

static bool
take_proto(struct smtp_xclient *x, struct slice value)
{
	x->plain = slice_ieq(value, SL("SMTP"));
	return x->plain || slice_ieq(value, SL("ESMTP"));
}

/* "192.0.2.1" or "IPV6:2001:db8::1". */
static bool
parse_address(struct slice value, struct sockaddr_storage *ret)
{
	const struct slice tag = SL("IPV6:");
	const bool v6 = slice_has_iprefix(value, tag);
	const struct slice text = slice_skip(value, v6 ? tag.n : 0);
	unsigned char octets[16];
	socklen_t len;

	if (!ip_parse(v6 ? AF_INET6 : AF_INET, text, octets) ||
	    !address_parse(text, 0, ret, &len))
		return false;
	address_unmap(ret, &len);
	return true;
}

static bool
take_address(struct smtp_xclient *x, struct slice value)
{
	return parse_address(value, &x->address);
}

static bool
take_destination(struct smtp_xclient *x, struct slice value)
{
	return parse_address(value, &x->destination);
}

static bool
parse_port(struct slice value, uint16_t *ret)
{
	uint64_t port;

	if (!slice_uint(value, 65535, &port))
		return false;
	*ret = (uint16_t)port;
	return true;
}

static bool
take_port(struct smtp_xclient *x, struct slice value)
{
	return parse_port(value, &x->port);
}

static bool
take_destination_port(struct smtp_xclient *x, struct slice value)
{
	return parse_port(value, &x->destination_port);
}

static const struct {
	struct slice name;
	bool (*take)(struct smtp_xclient *x, struct slice value);
} attributes[SMTP_XCLIENT_IDS] = {
	[SMTP_XCLIENT_NAME] = { S("NAME"), take_name },
	[SMTP_XCLIENT_ADDR] = { S("ADDR"), take_address },
	[SMTP_XCLIENT_PORT] = { S("PORT"), take_port },
	[SMTP_XCLIENT_PROTO] = { S("PROTO"), take_proto },
	[SMTP_XCLIENT_HELO] = { S("HELO"), take_helo },
	[SMTP_XCLIENT_LOGIN] = { S("LOGIN"), take_login },
	[SMTP_XCLIENT_DESTADDR] = { S("DESTADDR"), take_destination },
	[SMTP_XCLIENT_DESTPORT] = { S("DESTPORT"), take_destination_port },
};

static enum smtp_xclient_id
find_attribute(struct slice name)
{
	enum smtp_xclient_id id = 0;

	while (id < SMTP_XCLIENT_IDS && !slice_ieq(name, attributes[id].name))
		id++;
	return id;
}

static bool
take_value(struct smtp_xclient *x, enum smtp_xclient_id id, struct slice xtext)
{
	const unsigned bit = 1U << id;
	char space[SMTP_XCLIENT_MAX];
	struct buf value = BUF(space);
	size_t n;

	if (slice_ieq(xtext, SL("[UNAVAILABLE]")) || slice_ieq(xtext, SL("[TEMPUNAVAIL]"))) {
		x->known &= ~bit;
		return true;
	}
	if (!smtp_xtext_valid(xtext, true, &n) || n > sizeof space)
		return false;
	smtp_xtext_decode(xtext, &value);
	x->known |= bit;
	return attributes[id].take(x, buf_slice(&value));
}

bool
smtp_xclient_take(struct smtp_xclient *x, struct slice arguments, struct slice *ret_bad)
{
	struct smtp_xclient now = { .given = 0 };
	struct slice all = arguments, rest = arguments;
	unsigned here = 0;

	/* Another client has nothing of the last one. */
	if (!(x->given & 1U << SMTP_XCLIENT_ADDR))
		now = *x;
	*ret_bad = slice_of(all.p, 0);
	while ((rest = slice_trim(rest)).n) {
		const struct slice word = slice_cut(rest, ' ', &rest);
		struct slice value, name = slice_cut(word, '=', &value);
		const enum smtp_xclient_id id = find_attribute(name);

		*ret_bad = name;
		if (id == SMTP_XCLIENT_IDS || name.n == word.n || here & 1U << id ||
		    !take_value(&now, id, value))
			return false;
		here |= 1U << id;
	}
	if (here == 0)
		return false;
	now.given |= here;
	*x = now;
	return true;
}
