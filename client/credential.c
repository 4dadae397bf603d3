// SPDX-License-Identifier: ISC
/*
 * A secret is read for each login, so that a new one needs no restart, and wiped after it.
 */
#include "client/credential.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/route.h"
#include "config/secret.h"
#include "client/token.h"

/* The content of the file, appended to b. */
static int
read_file(const char *name, struct buf *b, struct buf *why)
{
	char space[4096];
	struct buf path = BUF(space);
	ssize_t n;
	int r = secret_path(&path, slice_str(name)), fd;

	if (r < 0) {
		buf_fmt(why, "%s: %s", name, r == -ENOENT ?
		    "there are no credentials: set LoadCredential= in the unit" : strerror(-r));
		return r;
	}
	fd = secret_open(space, why);
	if (fd < 0)
		return fd;
	while ((n = read(fd, b->p + b->n, b->cap - b->n)) > 0)
		b->n += (size_t)n;
	r = n < 0 ? -errno : 0;
	(void)close(fd);
	if (r < 0)
		buf_fmt(why, "%s: %s", space, strerror(-r));
	return r;
}

/* The secret is the first line: text, and not empty. */
static int
take_line(struct credential *c, const char *source, struct buf *why)
{
	struct slice rest, line = slice_cut(buf_slice(&c->secret), '\n', &rest);
	const char *wrong = NULL;

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	for (size_t i = 0; i < line.n; i++)
		if ((unsigned char)line.p[i] < ' ' || line.p[i] == 127)
			wrong = "the first line has control characters";
	if (line.n > CLIENT_AUTH_SECRET_MAX)
		wrong = "the first line is too long";
	if (line.n == 0)
		wrong = "the first line is empty";
	if (wrong) {
		buf_fmt(why, "%s: %s", source, wrong);
		return -EINVAL;
	}
	explicit_bzero(c->space + line.n, sizeof c->space - line.n);
	c->secret.n = line.n;
	return 0;
}

int
credential_get(const struct route *r, struct credential *ret, struct buf *why)
{
	int e;

	ret->secret = (struct buf)BUF(ret->space);
	ret->is_token = r->token_command != NULL;
	if (ret->is_token)
		e = token_run(r->token_command, TOKEN_TIMEOUT_MS, &ret->secret, why);
	else
		e = read_file(r->password_file, &ret->secret, why);
	if (e == 0)
		e = take_line(ret, ret->is_token ? "token-command" : r->password_file, why);
	if (e < 0)
		credential_wipe(ret);
	return e;
}

void
credential_wipe(struct credential *c)
{
	explicit_bzero(c, sizeof *c);
}

static bool
is_good(const struct route *r, struct buf *why)
{
	static struct credential secret;
	char space[ROUTE_COMMAND_MAX + 1];
	int e = 0;

	if (r->token_command) {		/* not run: it may ask a person */
		(void)snprintf(space, sizeof space, "%.*s", (int)strcspn(r->token_command, " \t"),
		    r->token_command);
		if (access(space, X_OK) < 0) {
			buf_fmt(why, "%s: %s", space, strerror(errno));
			return false;
		}
	} else if (r->password_file &&
	    (r->password_file[0] == '/' || getenv("CREDENTIALS_DIRECTORY"))) {
		e = credential_get(r, &secret, why);
		credential_wipe(&secret);
	}
	return e == 0;
}

unsigned
credential_check(const struct config *c, const struct config_report *report)
{
	unsigned mistakes = 0;

	for (size_t i = 0; i < c->nroutes; i++) {
		const struct route *r = &c->routes[i];
		char space[700], text[400];
		struct buf b = BUF(space), why = BUF(text);

		if (is_good(r, &why))
			continue;
		buf_fmt(&b, "[%s %.255s] %s: %s", r->by_sender ? "sender" : "route", r->pattern,
		    r->token_command ? "token-command" : "password-file", buf_cstr(&why));
		report->error(report->ctx, NULL, 0, buf_cstr(&b));
		mistakes++;
	}
	return mistakes;
}
