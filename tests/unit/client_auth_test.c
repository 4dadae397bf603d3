// SPDX-License-Identifier: ISC
/*
 * The client's half of AUTH, played against scripted servers.
 */
#include "smtp/client_auth.h"

#include "tests/lib/tap.h"

enum { PLAIN = CLIENT_AUTH_PLAIN, LOGIN = CLIENT_AUTH_LOGIN, XOAUTH2 = CLIENT_AUTH_XOAUTH2 };

#define ANNA "AGFubmEAcGFzcw=="		/* \0anna\0pass */
#define TOKEN "dXNlcj1hbm5hAWF1dGg9QmVhcmVyIHBhc3MBAQ=="
#define JSON "eyJzdGF0dXMiOiI0MDEifQ=="	/* {"status":"401"} */

static const struct dialogue {
	const char *name;
	unsigned offered;
	bool token;
	struct { const char *sent, *reply; } turns[5];
	enum client_auth_step end;
	const char *words;
} dialogues[] = {
	{ "PLAIN in one go", PLAIN, false, { { "AUTH PLAIN " ANNA, "235 2.7.0 in" } }, CLIENT_AUTH_DONE, "" },
	{ "PLAIN before LOGIN", PLAIN | LOGIN | XOAUTH2, false, { { "AUTH PLAIN " ANNA, "235 in" } }, CLIENT_AUTH_DONE, "" },
	{ "LOGIN where there is no PLAIN", LOGIN | XOAUTH2, false, { { "AUTH LOGIN", "334 VXNlcm5hbWU6" },
	    { "YW5uYQ==", "334 UGFzc3dvcmQ6" }, { "cGFzcw==", "235 in" } }, CLIENT_AUTH_DONE, "" },
	{ "LOGIN, whatever it calls what it wants", LOGIN, false, { { "AUTH LOGIN", "334 dXNlcg==" },
	    { "YW5uYQ==", "334" }, { "cGFzcw==", "235 in" } }, CLIENT_AUTH_DONE, "" },
	{ "a token goes by XOAUTH2 only", PLAIN | LOGIN | XOAUTH2, true, { { "AUTH XOAUTH2 " TOKEN, "235 in" } },
	    CLIENT_AUTH_DONE, "" },
	{ "no token for PLAIN", PLAIN | LOGIN, true, { { NULL, NULL } }, CLIENT_AUTH_NONE, "" },
	{ "no password for XOAUTH2", XOAUTH2, false, { { NULL, NULL } }, CLIENT_AUTH_NONE, "" },
	{ "nothing offered", 0, false, { { NULL, NULL } }, CLIENT_AUTH_NONE, "" },
	{ "PLAIN refused", PLAIN, false, { { "AUTH PLAIN " ANNA, "535 5.7.8 no" } }, CLIENT_AUTH_REFUSED, "" },
	{ "PLAIN put off", PLAIN, false, { { "AUTH PLAIN " ANNA, "454 4.7.0 later" } }, CLIENT_AUTH_REFUSED, "" },
	{ "LOGIN refused at the name", LOGIN, false, { { "AUTH LOGIN", "334 VXNlcm5hbWU6" }, { "YW5uYQ==", "535 no" } },
	    CLIENT_AUTH_REFUSED, "" },
	{ "LOGIN refused at once", LOGIN, false, { { "AUTH LOGIN", "504 5.5.4 not that" } }, CLIENT_AUTH_REFUSED, "" },
	{ "235 before the password is not believed", LOGIN, false, { { "AUTH LOGIN", "334 VXNlcm5hbWU6" },
	    { "YW5uYQ==", "235 in" } }, CLIENT_AUTH_REFUSED, "" },
	{ "XOAUTH2 tells why", XOAUTH2, true, { { "AUTH XOAUTH2 " TOKEN, "334 " JSON }, { "", "535 5.7.8 no" } },
	    CLIENT_AUTH_REFUSED, "{\"status\":\"401\"}" },
	{ "XOAUTH2 with words that are none", XOAUTH2, true, { { "AUTH XOAUTH2 " TOKEN, "334 what?" }, { "", "535 no" } },
	    CLIENT_AUTH_REFUSED, "" },
	{ "XOAUTH2 is not in by its own error", XOAUTH2, true, { { "AUTH XOAUTH2 " TOKEN, "334 " JSON }, { "", "235 in" } },
	    CLIENT_AUTH_REFUSED, "{\"status\":\"401\"}" },
	{ "a second challenge to PLAIN", PLAIN, false, { { "AUTH PLAIN " ANNA, "334 " }, { "*", "501 5.7.0 cancelled" } },
	    CLIENT_AUTH_REFUSED, "" },
	{ "a third to LOGIN, and it does not end", LOGIN, false, { { "AUTH LOGIN", "334 " }, { "YW5uYQ==", "334 " },
	    { "cGFzcw==", "334 " }, { "*", "334 " } }, CLIENT_AUTH_REFUSED, "" },
	{ "what is no reply", PLAIN, false, { { "AUTH PLAIN " ANNA, "hello" } }, CLIENT_AUTH_REFUSED, "" },
	{ "another code of success", PLAIN, false, { { "AUTH PLAIN " ANNA, "250 in" } }, CLIENT_AUTH_REFUSED, "" },
};

static void
play(const struct dialogue *d)
{
	struct client_auth g;
	struct smtp_peer_reply r;
	char space[CLIENT_AUTH_LINE], want[100];
	struct buf line = BUF(space);
	bool more = client_auth_start(&g, d->offered, SL("anna"), SL("pass"), d->token, &line);
	size_t turn = 0;

	for (; more && turn < 5 && d->turns[turn].sent; turn++) {
		(void)snprintf(want, sizeof want, "%s\r\n", d->turns[turn].sent);
		is(buf_slice(&line), slice_str(want), "what is said");
		smtp_peer_reply_init(&r);
		(void)smtp_peer_reply_line(&r, slice_str(d->turns[turn].reply));
		line.n = 0;
		more = client_auth_reply(&g, &r, &line);
	}
	ok(!more && g.step == d->end && (turn == 5 || !d->turns[turn].sent), "%s", d->name);
	is(buf_slice(&g.words), slice_str(d->words), "and what it has said itself");
}

/* Longer than a command may be: AUTH alone, and the response when it is asked for. */
static void
check_lengths(void)
{
	static char secret[CLIENT_AUTH_SECRET_MAX + 1], user[CLIENT_AUTH_USER_MAX], space[CLIENT_AUTH_LINE];
	struct client_auth g;
	struct smtp_peer_reply r;
	struct buf line = BUF(space);

	memset(secret, 'x', sizeof secret);
	memset(user, 'u', sizeof user);
	ok(client_auth_start(&g, PLAIN, SL("anna"), slice_of(secret, 365), false, &line) && line.n <= 512 &&
	    g.step == CLIENT_AUTH_VERDICT, "what fits into a command goes with it (%zu)", line.n);
	line.n = 0;
	ok(client_auth_start(&g, PLAIN, SL("anna"), slice_of(secret, 370), false, &line), "and what does not");
	is(buf_slice(&line), SL("AUTH PLAIN\r\n"), "waits");
	ok(!memchr(space + line.n, 'e', sizeof space - line.n), "and has left nothing behind");	/* eHh4 */
	smtp_peer_reply_init(&r);
	(void)smtp_peer_reply_line(&r, SL("334 "));
	line.n = 0;
	ok(client_auth_reply(&g, &r, &line) && line.n == (370 + 6 + 2) / 3 * 4 + 2, "until it is asked for");
	for (int token = 0; token < 2; token++) {
		line.n = 0;
		(void)client_auth_start(&g, PLAIN | XOAUTH2, slice_of(user, sizeof user),
		    slice_of(secret, CLIENT_AUTH_SECRET_MAX), token, &line);
		line.n = 0;
		ok(client_auth_reply(&g, &r, &line) && !line.full && line.n <= CLIENT_AUTH_LINE,
		    "the longest %s fits into the longest line (%zu)", token ? "token" : "password", line.n);
	}
	line = (struct buf)BUF(space);
	(void)client_auth_start(&g, LOGIN, SL("anna"), slice_of(secret, sizeof secret), false, &line);
	(void)client_auth_start(&g, PLAIN, slice_of(user, sizeof user), slice_of(secret, sizeof secret), false, &line);
	ok(line.full || line.n < CLIENT_AUTH_LINE, "what is longer than that overflows no array");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++)
		play(&dialogues[i]);
	check_lengths();
	ok(strcmp(client_auth_mechanism_name(CLIENT_AUTH_XOAUTH2), "XOAUTH2") == 0, "names");
	return tap_done();
}
