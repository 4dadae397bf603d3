// SPDX-License-Identifier: ISC
/*
 * Walks the table of extensions (smtp/extension) for the client's half.
 */
#include "smtp/client_offer.h"

#include <assert.h>

#include "smtp/param.h"
#include "smtp/server.h"

static_assert(CLIENT_COMMAND_MAX > sizeof "MAIL FROM:<> SIZE= BODY=BINARYMIME\r\n" + 20 +
    SMTP_PATH_TEXT + SMTP_PARAMS_MAX, "any command fits");

void
client_offer_init(struct client_offer *o)
{
	*o = (struct client_offer){ 0 };
}

static bool
is_among(struct slice words, struct slice keyword)
{
	while (words.n)
		if (slice_ieq(slice_cut(words, ' ', &words), keyword))
			return keyword.n > 0;
	return false;
}

void
client_offer_line(struct client_offer *o, struct slice line)
{
	struct slice argument, keyword;
	enum smtp_extension_id id;

	line = slice_trim(line);
	keyword = slice_cut(line, ' ', &argument);
	if (is_among(o->ignore, keyword))
		return;
	/* "AUTH=" is older than RFC 2554; some servers announce both forms. */
	if (slice_has_iprefix(keyword, SL("AUTH="))) {
		argument = slice_skip(line, 5);
		keyword.n = 4;
	}
	id = smtp_extension_find(keyword);
	if (id != SMTP_EXT_NONE && (!smtp_extension(id)->read_argument ||
	    smtp_extension(id)->read_argument(o, slice_trim(argument))))
		o->offers[id] = true;
}

void
client_offer_end(struct client_offer *o)
{
	o->esmtp = true;
	for (enum smtp_extension_id id = SMTP_EXT_NONE; id < SMTP_EXTENSIONS; id++) {
		const enum smtp_extension_id needs = smtp_extension(id)->needs;

		if (needs != SMTP_EXT_NONE && !o->offers[needs])
			o->offers[id] = false;
	}
}

void
client_offer_ehlo(struct client_offer *o, struct slice text)
{
	(void)slice_cut(text, '\n', &text);	/* the first line is the server's name */
	while (text.n)
		client_offer_line(o, slice_cut(text, '\n', &text));
	client_offer_end(o);
}

static void
put_param(struct buf *b, const struct client_offer *o, const struct smtp_parameter *p,
    const struct smtp_param *param)
{
	char space[SMTP_PARAMS_MAX];
	struct buf ascii = BUF(space);
	struct slice value = param->value;

	if (!o->offers[SMTP_EXT_SMTPUTF8] && !slice_is_ascii(value)) {
		if (!p->put_ascii)
			return;
		p->put_ascii(value, &ascii);
		value = buf_slice(&ascii);
	}
	if (!ascii.full && (!p->portable || p->portable(value)))
		smtp_param_add(b, param->keyword, value);
}

static void
put_params(struct buf *b, const struct client_offer *o, struct slice params, enum smtp_command of)
{
	struct smtp_param param;

	while (smtp_param_take(&params, &param) == SMTP_PARAM_TAKEN) {
		enum smtp_extension_id id;
		const struct smtp_parameter *p = smtp_parameter_find(param.keyword, of, &id);

		if (p && p->passed && o->offers[id])
			put_param(b, o, p, &param);
	}
}

void
client_mail(struct buf *b, const struct client_offer *o, struct slice path, struct slice params,
    uint64_t size, enum smtp_body body)
{
	buf_str(b, "MAIL FROM:<");
	buf_add(b, path);
	buf_chr(b, '>');
	if (o->offers[SMTP_EXT_SIZE] && size > 0) {
		buf_str(b, " SIZE=");
		buf_uint(b, size);
	}
	if (o->offers[SMTP_EXT_8BITMIME] && body == SMTP_BODY_8BITMIME)
		buf_str(b, " BODY=8BITMIME");
	if (o->offers[SMTP_EXT_BINARYMIME] && body == SMTP_BODY_BINARYMIME)
		buf_str(b, " BODY=BINARYMIME");
	put_params(b, o, params, SMTP_OF_MAIL);
	buf_str(b, "\r\n");
}

void
client_rcpt(struct buf *b, const struct client_offer *o, struct slice path, struct slice params)
{
	buf_str(b, "RCPT TO:<");
	buf_add(b, path);
	buf_chr(b, '>');
	put_params(b, o, params, SMTP_OF_RCPT);
	buf_str(b, "\r\n");
}
