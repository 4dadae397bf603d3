// SPDX-License-Identifier: ISC
/*
 * The client's half of AUTH, played against scripted servers.
 */
#include "smtp/login.h"

#include "tests/lib/tap.h"

enum { PLAIN = SMTP_MECHANISM_PLAIN, LOGIN = SMTP_MECHANISM_LOGIN, XOAUTH2 = SMTP_MECHANISM_XOAUTH2 };

#define ANNA "AGFubmEAcGFzcw=="		/* \0anna\0pass */
#define TOKEN "dXNlcj1hbm5hAWF1dGg9QmVhcmVyIHBhc3MBAQ=="
#define JSON "eyJzdGF0dXMiOiI0MDEifQ=="	/* {"status":"401"} */

static const struct dialogue {
	const char *name;
	unsigned offered;
	bool token;
	struct { const char *sent, *reply; } turns[5];
	enum smtp_login_step end;
	const char *words;
} dialogues[] = {
	{ "PLAIN in one go", PLAIN, false, { { "AUTH PLAIN " ANNA, "235 2.7.0 in" } }, SMTP_LOGIN_DONE, "" },
	{ "PLAIN before LOGIN", PLAIN | LOGIN | XOAUTH2, false, { { "AUTH PLAIN " ANNA, "235 in" } }, SMTP_LOGIN_DONE, "" },
	{ "LOGIN where there is no PLAIN", LOGIN | XOAUTH2, false, { { "AUTH LOGIN", "334 VXNlcm5hbWU6" },
	    { "YW5uYQ==", "334 UGFzc3dvcmQ6" }, { "cGFzcw==", "235 in" } }, SMTP_LOGIN_DONE, "" },
	{ "LOGIN, whatever it calls what it wants", LOGIN, false, { { "AUTH LOGIN", "334 dXNlcg==" },
	    { "YW5uYQ==", "334" }, { "cGFzcw==", "235 in" } }, SMTP_LOGIN_DONE, "" },
	{ "a token goes by XOAUTH2 only", PLAIN | LOGIN | XOAUTH2, true, { { "AUTH XOAUTH2 " TOKEN, "235 in" } },
	    SMTP_LOGIN_DONE, "" },
	{ "no token for PLAIN", PLAIN | LOGIN, true, { { NULL, NULL } }, SMTP_LOGIN_NONE, "" },
	{ "no password for XOAUTH2", XOAUTH2, false, { { NULL, NULL } }, SMTP_LOGIN_NONE, "" },
	{ "nothing offered", 0, false, { { NULL, NULL } }, SMTP_LOGIN_NONE, "" },
	{ "PLAIN refused", PLAIN, false, { { "AUTH PLAIN " ANNA, "535 5.7.8 no" } }, SMTP_LOGIN_REFUSED, "" },
	{ "PLAIN put off", PLAIN, false, { { "AUTH PLAIN " ANNA, "454 4.7.0 later" } }, SMTP_LOGIN_REFUSED, "" },
	{ "LOGIN refused at the name", LOGIN, false, { { "AUTH LOGIN", "334 VXNlcm5hbWU6" }, { "YW5uYQ==", "535 no" } },
	    SMTP_LOGIN_REFUSED, "" },
	{ "LOGIN refused at once", LOGIN, false, { { "AUTH LOGIN", "504 5.5.4 not that" } }, SMTP_LOGIN_REFUSED, "" },
	{ "235 before the password is not believed", LOGIN, false, { { "AUTH LOGIN", "334 VXNlcm5hbWU6" },
	    { "YW5uYQ==", "235 in" } }, SMTP_LOGIN_REFUSED, "" },
	{ "XOAUTH2 tells why", XOAUTH2, true, { { "AUTH XOAUTH2 " TOKEN, "334 " JSON }, { "", "535 5.7.8 no" } },
	    SMTP_LOGIN_REFUSED, "{\"status\":\"401\"}" },
	{ "XOAUTH2 with words that are none", XOAUTH2, true, { { "AUTH XOAUTH2 " TOKEN, "334 what?" }, { "", "535 no" } },
	    SMTP_LOGIN_REFUSED, "" },
	{ "XOAUTH2 is not in by its own error", XOAUTH2, true, { { "AUTH XOAUTH2 " TOKEN, "334 " JSON }, { "", "235 in" } },
	    SMTP_LOGIN_REFUSED, "{\"status\":\"401\"}" },
	{ "a second challenge to PLAIN", PLAIN, false, { { "AUTH PLAIN " ANNA, "334 " }, { "*", "501 5.7.0 cancelled" } },
	    SMTP_LOGIN_REFUSED, "" },
	{ "a third to LOGIN, and it does not end", LOGIN, false, { { "AUTH LOGIN", "334 " }, { "YW5uYQ==", "334 " },
	    { "cGFzcw==", "334 " }, { "*", "334 " } }, SMTP_LOGIN_REFUSED, "" },
	{ "what is no reply", PLAIN, false, { { "AUTH PLAIN " ANNA, "hello" } }, SMTP_LOGIN_REFUSED, "" },
	{ "another code of success", PLAIN, false, { { "AUTH PLAIN " ANNA, "250 in" } }, SMTP_LOGIN_REFUSED, "" },
};

static void
play(const struct dialogue *d)
{
	struct smtp_login g;
	struct smtp_peer_reply r;
	char space[SMTP_LOGIN_LINE], want[100];
	struct buf line = BUF(space);
	bool more = smtp_login_start(&g, d->offered, SL("anna"), SL("pass"), d->token, &line);
	size_t turn = 0;

	for (; more && turn < 5 && d->turns[turn].sent; turn++) {
		(void)snprintf(want, sizeof want, "%s\r\n", d->turns[turn].sent);
		is(buf_slice(&line), slice_str(want), "what is said");
		smtp_peer_reply_init(&r);
		(void)smtp_peer_reply_line(&r, slice_str(d->turns[turn].reply));
		line.n = 0;
		more = smtp_login_reply(&g, &r, &line);
	}
	ok(!more && g.step == d->end && (turn == 5 || !d->turns[turn].sent), "%s", d->name);
	is(buf_slice(&g.words), slice_str(d->words), "and what it has said itself");
}

/* Longer than a command may be: AUTH alone, and the response when it is asked for. */
static void
check_lengths(void)
{
	static char secret[SMTP_LOGIN_SECRET_MAX + 1], user[SMTP_LOGIN_USER_MAX], space[SMTP_LOGIN_LINE];
	struct smtp_login g;
	struct smtp_peer_reply r;
	struct buf line = BUF(space);

	memset(secret, 'x', sizeof secret);
	memset(user, 'u', sizeof user);
	ok(smtp_login_start(&g, PLAIN, SL("anna"), slice_of(secret, 365), false, &line) && line.n <= 512 &&
	    g.step == SMTP_LOGIN_VERDICT, "what fits into a command goes with it (%zu)", line.n);
	line.n = 0;
	ok(smtp_login_start(&g, PLAIN, SL("anna"), slice_of(secret, 370), false, &line), "and what does not");
	is(buf_slice(&line), SL("AUTH PLAIN\r\n"), "waits");
	ok(!memchr(space + line.n, 'e', sizeof space - line.n), "and has left nothing behind");	/* eHh4 */
	smtp_peer_reply_init(&r);
	(void)smtp_peer_reply_line(&r, SL("334 "));
	line.n = 0;
	ok(smtp_login_reply(&g, &r, &line) && line.n == (370 + 6 + 2) / 3 * 4 + 2, "until it is asked for");
	for (int token = 0; token < 2; token++) {
		line.n = 0;
		(void)smtp_login_start(&g, PLAIN | XOAUTH2, slice_of(user, sizeof user),
		    slice_of(secret, SMTP_LOGIN_SECRET_MAX), token, &line);
		line.n = 0;
		ok(smtp_login_reply(&g, &r, &line) && !line.full && line.n <= SMTP_LOGIN_LINE,
		    "the longest %s fits into the longest line (%zu)", token ? "token" : "password", line.n);
	}
	line = (struct buf)BUF(space);
	(void)smtp_login_start(&g, LOGIN, SL("anna"), slice_of(secret, sizeof secret), false, &line);
	(void)smtp_login_start(&g, PLAIN, slice_of(user, sizeof user), slice_of(secret, sizeof secret), false, &line);
	ok(line.full || line.n < SMTP_LOGIN_LINE, "what is longer than that overflows no array");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++)
		play(&dialogues[i]);
	check_lengths();
	ok(strcmp(smtp_mechanism_name(SMTP_MECHANISM_XOAUTH2), "XOAUTH2") == 0, "names");
	return tap_done();
}
