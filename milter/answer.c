// SPDX-License-Identifier: ISC
/*
 * Octets from a filter.  A filter may edit only what it asked for, and only at the end of a
 * message; the text of a reply must be one that a client can read.
 */
#include "milter/milter.h"

#include "milter/octets.h"
#include "milter/protocol.h"

const struct milter_row milter_rows[MILTER_STEPS] = {
	[MILTER_CONNECT] = { 'C', 0x1, 0x1000, 0, S("j {daemon_name} {daemon_addr} v _") },
	[MILTER_HELO] = { 'H', 0x2, 0x2000, 1, S("{tls_version} {cipher}") },
	[MILTER_MAIL] = { 'M', 0x4, 0x4000, 2,
	    S("i {auth_type} {auth_authen} {mail_addr} {mail_host}") },
	[MILTER_RCPT] = { 'R', 0x8, 0x8000, 3, S("i {rcpt_addr} {rcpt_host}") },
	[MILTER_DATA] = { 'T', 0x200, 0x10000, 4, S("i") },
	[MILTER_FIELD] = { 'L', 0x20, 0x80, -1, { 0 } },
	[MILTER_HEADER_END] = { 'N', 0x40, 0x40000, 6, S("i") },
	[MILTER_BODY] = { 'B', 0x10, 0x80000, -1, { 0 } },
	[MILTER_END] = { 'E', 0, 0, 5, S("i") },
};

void
milter_begin(struct milter *m)
{
	m->agreed = false;
	m->actions = m->steps = 0;
	m->got = 0;
	m->text = (struct buf)BUF(m->text_space);
	for (int i = 0; i < MILTER_STEPS; i++)
		m->macros[i][0] = '\0';
}

bool
milter_wants(const struct milter *m, enum milter_step step)
{
	return !(m->steps & milter_rows[step].unwanted);
}

bool
milter_answers(const struct milter *m, enum milter_step step)
{
	return !(m->steps & milter_rows[step].unanswered);
}

bool
milter_keeps_blank(const struct milter *m)
{
	return m->steps & MILTER_KEEP_BLANK;
}

/* The lists of macros that the filter wants.  A list that is too long is not used. */
static bool
take_lists(struct milter *m, struct slice data)
{
	uint32_t number;
	struct slice list;

	while (data.n) {
		if (!milter_take_number(&data, &number) || !milter_take_string(&data, &list))
			return false;
		for (int i = 0; i < MILTER_STEPS; i++) {
			if (milter_rows[i].list < 0 || (uint32_t)milter_rows[i].list != number ||
			    list.n >= MILTER_MACROS_MAX)
				continue;
			memcpy(m->macros[i], list.p, list.n);
			m->macros[i][list.n] = '\0';
		}
	}
	return true;
}

static enum milter_kind
agree(struct milter *m, char command, struct slice data)
{
	uint32_t version;

	if (command != 'O' || !milter_take_number(&data, &version) ||
	    !milter_take_number(&data, &m->actions) || !milter_take_number(&data, &m->steps))
		return MILTER_BROKEN;
	if (version < MILTER_OLDEST || version > MILTER_VERSION)
		return MILTER_BROKEN;
	if (m->actions & ~(uint32_t)MILTER_ACTIONS || m->steps & ~(uint32_t)MILTER_OFFERED)
		return MILTER_BROKEN;
	if (!take_lists(m, data))
		return MILTER_BROKEN;
	m->agreed = true;
	return MILTER_CONTINUE;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "5.7.1 " at the start of a line: its class must be that of the code. */
static bool
status_fits(struct slice line, char class)
{
	if (line.n < 2 || !is_digit(line.p[0]) || line.p[1] != '.')
		return true;		/* no status code */
	return line.p[0] == class;
}

/* Add one line of a reply.  "%%" is a percent sign, as sendmail reads it. */
static bool
add_line(struct milter *m, struct slice line)
{
	for (size_t i = 0; i < line.n; i++) {
		if ((unsigned char)line.p[i] < ' ' || line.p[i] == 0x7f)
			return false;
		buf_chr(&m->text, line.p[i]);
		if (line.p[i] == '%' && i + 1 < line.n && line.p[i + 1] == '%')
			i++;
	}
	return !m->text.full;
}

/* "550 5.7.1 no", or several lines "550-..." with CRLF between them. */
static enum milter_kind
take_reply(struct milter *m, struct slice data, struct milter_answer *ret)
{
	struct slice rest, line;
	const char *code;

	if (!milter_take_string(&data, &rest) || rest.n < 3 ||
	    (rest.p[0] != '4' && rest.p[0] != '5') || !is_digit(rest.p[1]) || !is_digit(rest.p[2]))
		return MILTER_BROKEN;
	m->text.n = 0;
	m->text.full = false;
	for (code = rest.p; rest.n;) {
		if (rest.p != code)
			buf_chr(&m->text, '\n');
		line = slice_cut(rest, '\n', &rest);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n < 3 || memcmp(line.p, code, 3) != 0 ||
		    (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-'))
			return MILTER_BROKEN;
		line = slice_skip(line, line.n > 3 ? 4 : 3);
		if (!status_fits(line, code[0]) || !add_line(m, line))
			return MILTER_BROKEN;
	}
	ret->code = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
	ret->text = buf_slice(&m->text);
	return MILTER_REFUSE;
}

static enum milter_kind
refuse(struct milter_answer *ret, int code, struct slice text)
{
	ret->code = code;
	ret->text = text;
	return MILTER_REFUSE;
}

/* The data of an edit. */
static enum milter_kind
take_edit(const struct milter *m, char command, struct slice data, struct milter_answer *ret)
{
	static const struct edit {
		char command;
		uint32_t needs;			/* one of these bits */
		bool index, name;
		enum milter_kind kind;
	} edits[] = {
		{ 'h', MILTER_MAY_ADD_FIELD, false, true, MILTER_ADD_FIELD },
		{ 'i', MILTER_MAY_ADD_FIELD, true, true, MILTER_INSERT_FIELD },
		{ 'm', MILTER_MAY_CHANGE_FIELD, true, true, MILTER_CHANGE_FIELD },
		{ '+', MILTER_MAY_ADD_RCPT, false, false, MILTER_ADD_RCPT },
		{ '2', MILTER_MAY_ADD_RCPT | MILTER_MAY_ADD_RCPT_PARAMS, false, false,
		    MILTER_ADD_RCPT },
		{ '-', MILTER_MAY_DROP_RCPT, false, false, MILTER_DROP_RCPT },
		{ 'e', MILTER_MAY_CHANGE_SENDER, false, false, MILTER_NEW_SENDER },
		{ 'q', MILTER_MAY_QUARANTINE, false, false, MILTER_QUARANTINE },
	};

	if (command == 'b') {
		ret->value = data;
		return m->actions & MILTER_MAY_CHANGE_BODY ? MILTER_NEW_BODY : MILTER_BROKEN;
	}
	for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
		const struct edit *e = &edits[i];

		if (e->command != command)
			continue;
		if (!(m->actions & e->needs) ||
		    (e->index && !milter_take_number(&data, &ret->index)) ||
		    (e->name && !milter_take_string(&data, &ret->name)) ||
		    !milter_take_string(&data, &ret->value))
			return MILTER_BROKEN;
		return e->kind;
	}
	return MILTER_BROKEN;
}

/* A whole packet. */
static enum milter_kind
take_packet(struct milter *m, enum milter_step step, struct milter_answer *ret)
{
	const char command = m->in[4];
	const struct slice data = slice_of(m->in + 5, m->got - 5);

	if (!m->agreed)
		return agree(m, command, data);
	switch (command) {
	case 'c':
		return MILTER_CONTINUE;
	case 'a':
		return MILTER_ACCEPT;
	case 'p':
		return MILTER_WORKING;
	case 'r':
		return refuse(ret, 550, SL("5.7.1 Command rejected"));
	case 't':
	case 'f':
		return refuse(ret, 451, SL("4.7.1 Service unavailable - try again later"));
	case '4':
		return refuse(ret, 421, SL("4.7.0 Server closing connection"));
	case 'y':
		return take_reply(m, data, ret);
	case 'd':
		return step == MILTER_CONNECT || step == MILTER_HELO ? MILTER_BROKEN :
		    MILTER_DISCARD;
	case 's':
		return step == MILTER_BODY && m->steps & MILTER_CAN_SKIP ? MILTER_SKIP :
		    MILTER_BROKEN;
	default:
		return step == MILTER_END ? take_edit(m, command, data, ret) : MILTER_BROKEN;
	}
}

void
milter_take(struct milter *m, struct slice *in, enum milter_step step, struct milter_answer *ret)
{
	const int r = milter_collect(m->in, MILTER_PACKET_MAX, &m->got, in);

	*ret = (struct milter_answer){ .kind = r < 0 ? MILTER_BROKEN : MILTER_MORE };
	if (r <= 0)
		return;
	ret->kind = take_packet(m, step, ret);
	m->got = 0;
}
