// SPDX-License-Identifier: ISC
/*
 * Steps that this filter does not need are declined where the server can leave them out, and so is
 * the wait for an answer to steps that are only looked at.
 */
#include "milter/filter.h"

#include "milter/octets.h"
#include "milter/protocol.h"

/* The step has no use, whoever the client is. */
#define DECLINED (0x200U | 0x100U)	/* DATA, unknown commands */

void
filter_begin(struct filter *f)
{
	f->version = f->actions = f->steps = 0;
	f->agreed = false;
	f->got = 0;
	f->hostname[0] = f->id[0] = f->user[0] = '\0';
}

bool
filter_keeps_blank(const struct filter *f)
{
	return f->steps & MILTER_KEEP_BLANK;
}

/* A value that is too long for its place counts as none. */
static void
keep_macro(char place[FILTER_MACRO_MAX], struct slice value)
{
	if (value.n >= FILTER_MACRO_MAX)
		value.n = 0;
	if (value.n)
		memcpy(place, value.p, value.n);
	place[value.n] = '\0';
}

static bool
take_macros(struct filter *f, struct slice data)
{
	struct slice name, value;
	char step;

	if (data.n == 0)
		return false;
	step = data.p[0];
	data = slice_skip(data, 1);
	if (step == 'M')		/* the login may have gone with a new session */
		f->user[0] = '\0';
	while (data.n) {
		if (!milter_take_string(&data, &name) || !milter_take_string(&data, &value))
			return false;
		if (slice_eq(name, SL("j")) || slice_eq(name, SL("{j}")))
			keep_macro(f->hostname, value);
		else if (slice_eq(name, SL("i")) || slice_eq(name, SL("{i}")))
			keep_macro(f->id, value);
		else if (slice_eq(name, SL("{auth_authen}")))
			keep_macro(f->user, value);
	}
	return true;
}

/* hostname NUL family [port address NUL] */
static bool
take_connect(struct slice data, struct filter_step *ret)
{
	if (!milter_take_string(&data, &ret->name) || data.n == 0)
		return false;
	if (data.p[0] != '4' && data.p[0] != '6')
		return data.p[0] == 'U' || data.p[0] == 'L';
	ret->ipv6 = data.p[0] == '6';
	data = slice_skip(data, 3);
	if (!milter_take_string(&data, &ret->value))
		return false;
	if (slice_has_iprefix(ret->value, SL("IPv6:")))
		ret->value = slice_skip(ret->value, 5);
	return true;
}

static bool
take_options(struct filter *f, struct slice data)
{
	return !f->agreed && milter_take_number(&data, &f->version) &&
	    milter_take_number(&data, &f->actions) && milter_take_number(&data, &f->steps) &&
	    f->version >= MILTER_OLDEST;
}

static bool
take_data(struct filter *f, struct slice data, struct filter_step *ret)
{
	switch (ret->kind) {
	case FILTER_OPTIONS:
		return take_options(f, data);
	case FILTER_CONNECT:
		return take_connect(data, ret);
	case FILTER_HELO:
	case FILTER_MAIL:
	case FILTER_RCPT:
		return milter_take_string(&data, &ret->value);
	case FILTER_FIELD:
		return milter_take_string(&data, &ret->name) &&
		    milter_take_string(&data, &ret->value);
	case FILTER_BODY:
	case FILTER_END:
		ret->value = data;
		return true;
	default:
		return true;
	}
}

static const struct filter_row {
	char command;
	enum filter_kind kind;
	uint32_t unanswered;		/* the bit of steps that the server does not wait for */
} rows[] = {
	{ 'O', FILTER_OPTIONS, 0 },
	{ 'C', FILTER_CONNECT, 0x1000 },
	{ 'H', FILTER_HELO, 0x2000 },
	{ 'M', FILTER_MAIL, 0x4000 },
	{ 'R', FILTER_RCPT, 0x8000 },
	{ 'T', FILTER_DATA, 0x10000 },
	{ 'L', FILTER_FIELD, 0x80 },
	{ 'N', FILTER_HEADER_END, 0x40000 },
	{ 'B', FILTER_BODY, 0x80000 },
	{ 'E', FILTER_END, 0 },
	{ 'U', FILTER_UNKNOWN, 0x20000 },
	{ 'A', FILTER_ABORT, UINT32_MAX },
	{ 'Q', FILTER_QUIT, UINT32_MAX },
	{ 'K', FILTER_QUIT_SESSION, UINT32_MAX },
};

static void
take_packet(struct filter *f, struct filter_step *ret)
{
	const char command = f->in[4];
	const struct slice data = slice_of(f->in + 5, f->got - 5);

	if (command == 'D') {
		ret->kind = f->agreed && take_macros(f, data) ? FILTER_MORE : FILTER_BROKEN;
		return;
	}
	ret->kind = FILTER_BROKEN;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (rows[i].command != command)
			continue;
		ret->kind = rows[i].kind;
		ret->answer = rows[i].unanswered != UINT32_MAX &&
		    !(f->steps & rows[i].unanswered);
		if ((!f->agreed && ret->kind != FILTER_OPTIONS && ret->kind != FILTER_QUIT) ||
		    !take_data(f, data, ret))
			ret->kind = FILTER_BROKEN;
	}
}

void
filter_take(struct filter *f, struct slice *in, struct filter_step *ret)
{
	int r;

	do {
		*ret = (struct filter_step){ .kind = FILTER_MORE };
		r = milter_collect(f->in, FILTER_PACKET_MAX, &f->got, in);
		if (r > 0) {
			take_packet(f, ret);
			f->got = 0;
		}
	} while (r > 0 && ret->kind == FILTER_MORE);
	if (r < 0)
		ret->kind = FILTER_BROKEN;
}

bool
filter_put_options(struct filter *f, struct buf *out, bool rcpt)
{
	const uint32_t needs = MILTER_MAY_ADD_FIELD | MILTER_MAY_CHANGE_FIELD;
	/* HELO, the fields, the end of the header section and the body need no answer. */
	const uint32_t wanted = DECLINED | (rcpt ? 0 : 0x8) | MILTER_KEEP_BLANK | 0x2000 | 0x80 |
	    0x40000 | 0x80000;
	size_t place;

	if ((f->actions & needs) != needs)
		return false;
	f->steps &= wanted;
	f->agreed = true;
	place = milter_open_packet(out, 'O');
	milter_put_number(out, f->version < MILTER_VERSION ? f->version : MILTER_VERSION);
	milter_put_number(out, needs);
	milter_put_number(out, f->steps);
	milter_close(out, place);
	return true;
}

void
filter_put_answer(struct buf *out, char command)
{
	milter_put_bare(out, command);
}

void
filter_put_reply(struct buf *out, struct slice reply)
{
	const size_t place = milter_open_packet(out, 'y');

	for (size_t i = 0; i < reply.n; i++) {
		buf_chr(out, reply.p[i]);
		if (reply.p[i] == '%')		/* sendmail reads formats */
			buf_chr(out, '%');
	}
	buf_chr(out, '\0');
	milter_close(out, place);
}

void
filter_put_insert(const struct filter *f, struct buf *out, struct slice name, struct slice value)
{
	const size_t place = milter_open_packet(out, 'i');

	milter_put_number(out, 0);
	milter_put_string(out, name);
	buf_str(out, filter_keeps_blank(f) ? " " : "");
	milter_put_string(out, value);
	milter_close(out, place);
}

void
filter_put_remove(struct buf *out, struct slice name, uint32_t n)
{
	const size_t place = milter_open_packet(out, 'm');

	milter_put_number(out, n);
	milter_put_string(out, name);
	milter_put_string(out, SL(""));
	milter_close(out, place);
}
