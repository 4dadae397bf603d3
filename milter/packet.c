// SPDX-License-Identifier: ISC
/*
 * Packets to a filter: four octets of length, a command, data.
 */
#include "milter/milter.h"

#include "milter/octets.h"
#include "milter/protocol.h"

void
milter_close(struct buf *out, size_t place)
{
	char space[4] = { 0 };
	struct buf length = BUF(space);

	if (out->full || out->n < place + 5 || out->n - place - 5 > MILTER_DATA_MAX) {
		out->full = true;
		return;
	}
	milter_put_number(&length, (uint32_t)(out->n - place - 4));
	memcpy(out->p + place, space, sizeof space);
}

void
milter_put_options(struct buf *out)
{
	const size_t place = milter_open_packet(out, 'O');

	milter_put_number(out, MILTER_VERSION);
	milter_put_number(out, MILTER_ACTIONS);
	milter_put_number(out, MILTER_OFFERED);
	milter_close(out, place);
}

size_t
milter_open(struct buf *out, enum milter_step step)
{
	return milter_open_packet(out, milter_rows[step].command);
}

void
milter_put_string(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		buf_chr(out, text.p[i] ? text.p[i] : ' ');
	buf_chr(out, '\0');
}

void
milter_put_bare(struct buf *out, char command)
{
	milter_close(out, milter_open_packet(out, command));
}

size_t
milter_open_macros(struct buf *out, enum milter_step step)
{
	const size_t place = milter_open_packet(out, 'D');

	buf_chr(out, milter_rows[step].command);
	return place;
}

void
milter_put_macro(struct buf *out, struct slice name, struct slice value)
{
	if (name.n > 1)
		buf_chr(out, '{');
	buf_add(out, name);
	buf_str(out, name.n > 1 ? "}" : "");
	buf_chr(out, '\0');
	milter_put_string(out, value);
}

struct slice
milter_macros(const struct milter *m, enum milter_step step)
{
	return m->macros[step][0] ? slice_str(m->macros[step]) : milter_rows[step].macros;
}

static bool
is_separator(char c)
{
	return c == ' ' || c == ',' || c == '\t' || c == '\r' || c == '\n';
}

bool
milter_macro_next(struct slice *list, struct slice *ret)
{
	size_t n = 0;

	while (list->n && is_separator(list->p[0]))
		*list = slice_skip(*list, 1);
	while (n < list->n && !is_separator(list->p[n]))
		n++;
	*ret = slice_of(list->p, n);
	*list = slice_skip(*list, n);
	if (ret->n > 2 && ret->p[0] == '{' && ret->p[ret->n - 1] == '}')
		*ret = slice_of(ret->p + 1, ret->n - 2);
	return n > 0;
}
