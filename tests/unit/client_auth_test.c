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
	const char *words;		/* of the server's own error; NULL: none */
} dialogues[] = {
	{ .name = "PLAIN in one go",
	  .offered = PLAIN, .turns = { { "AUTH PLAIN " ANNA, "235 2.7.0 in" } },
	  .end = CLIENT_AUTH_DONE },
	{ .name = "PLAIN before LOGIN",
	  .offered = PLAIN | LOGIN | XOAUTH2, .turns = { { "AUTH PLAIN " ANNA, "235 in" } },
	  .end = CLIENT_AUTH_DONE },
	{ .name = "LOGIN where there is no PLAIN",
	  .offered = LOGIN | XOAUTH2,
	  .turns = { { "AUTH LOGIN", "334 VXNlcm5hbWU6" }, { "YW5uYQ==", "334 UGFzc3dvcmQ6" },
	    { "cGFzcw==", "235 in" } },
	  .end = CLIENT_AUTH_DONE },
	{ .name = "LOGIN, whatever its prompts are",
	  .offered = LOGIN,
	  .turns = { { "AUTH LOGIN", "334 dXNlcg==" }, { "YW5uYQ==", "334" },
	    { "cGFzcw==", "235 in" } },
	  .end = CLIENT_AUTH_DONE },
	{ .name = "a token goes by XOAUTH2 only",
	  .offered = PLAIN | LOGIN | XOAUTH2, .token = true,
	  .turns = { { "AUTH XOAUTH2 " TOKEN, "235 in" } }, .end = CLIENT_AUTH_DONE },
	{ .name = "no token for PLAIN",
	  .offered = PLAIN | LOGIN, .token = true, .end = CLIENT_AUTH_NONE },
	{ .name = "no password for XOAUTH2", .offered = XOAUTH2, .end = CLIENT_AUTH_NONE },
	{ .name = "nothing offered", .end = CLIENT_AUTH_NONE },
	{ .name = "PLAIN refused",
	  .offered = PLAIN, .turns = { { "AUTH PLAIN " ANNA, "535 5.7.8 no" } },
	  .end = CLIENT_AUTH_REFUSED },
	{ .name = "PLAIN refused for now",
	  .offered = PLAIN, .turns = { { "AUTH PLAIN " ANNA, "454 4.7.0 later" } },
	  .end = CLIENT_AUTH_REFUSED },
	{ .name = "LOGIN refused at the name",
	  .offered = LOGIN,
	  .turns = { { "AUTH LOGIN", "334 VXNlcm5hbWU6" }, { "YW5uYQ==", "535 no" } },
	  .end = CLIENT_AUTH_REFUSED },
	{ .name = "LOGIN refused at once",
	  .offered = LOGIN, .turns = { { "AUTH LOGIN", "504 5.5.4 not that" } },
	  .end = CLIENT_AUTH_REFUSED },
	{ .name = "235 before the password is not believed",
	  .offered = LOGIN,
	  .turns = { { "AUTH LOGIN", "334 VXNlcm5hbWU6" }, { "YW5uYQ==", "235 in" } },
	  .end = CLIENT_AUTH_REFUSED },
	{ .name = "XOAUTH2 gives a reason",
	  .offered = XOAUTH2, .token = true,
	  .turns = { { "AUTH XOAUTH2 " TOKEN, "334 " JSON }, { "", "535 5.7.8 no" } },
	  .end = CLIENT_AUTH_REFUSED, .words = "{\"status\":\"401\"}" },
	{ .name = "XOAUTH2 with a reason that is not base64",
	  .offered = XOAUTH2, .token = true,
	  .turns = { { "AUTH XOAUTH2 " TOKEN, "334 what?" }, { "", "535 no" } },
	  .end = CLIENT_AUTH_REFUSED },
	{ .name = "235 to the end of an XOAUTH2 error is not believed",
	  .offered = XOAUTH2, .token = true,
	  .turns = { { "AUTH XOAUTH2 " TOKEN, "334 " JSON }, { "", "235 in" } },
	  .end = CLIENT_AUTH_REFUSED, .words = "{\"status\":\"401\"}" },
	{ .name = "a second challenge to PLAIN",
	  .offered = PLAIN,
	  .turns = { { "AUTH PLAIN " ANNA, "334 " }, { "*", "501 5.7.0 cancelled" } },
	  .end = CLIENT_AUTH_REFUSED },
	{ .name = "a third challenge to LOGIN, and one more",
	  .offered = LOGIN,
	  .turns = { { "AUTH LOGIN", "334 " }, { "YW5uYQ==", "334 " }, { "cGFzcw==", "334 " },
	    { "*", "334 " } },
	  .end = CLIENT_AUTH_REFUSED },
	{ .name = "garbage in place of a reply",
	  .offered = PLAIN, .turns = { { "AUTH PLAIN " ANNA, "hello" } },
	  .end = CLIENT_AUTH_REFUSED },
	{ .name = "another code of success",
	  .offered = PLAIN, .turns = { { "AUTH PLAIN " ANNA, "250 in" } },
	  .end = CLIENT_AUTH_REFUSED },
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
		is(buf_slice(&line), slice_str(want), "the line sent");
		smtp_peer_reply_init(&r);
		(void)smtp_peer_reply_line(&r, slice_str(d->turns[turn].reply));
		line.n = 0;
		more = client_auth_reply(&g, &r, &line);
	}
	ok(!more && g.step == d->end && (turn == 5 || !d->turns[turn].sent), "%s", d->name);
	is(buf_slice(&g.words), slice_str(d->words ? d->words : ""), "the server's words");
}

/* A response too long for the command waits for its challenge. */
static void
check_lengths(void)
{
	static char secret[CLIENT_AUTH_SECRET_MAX + 1], user[CLIENT_AUTH_USER_MAX];
	static char space[CLIENT_AUTH_LINE];
	struct client_auth g;
	struct smtp_peer_reply r;
	struct buf line = BUF(space);

	memset(secret, 'x', sizeof secret);
	memset(user, 'u', sizeof user);
	ok(client_auth_start(&g, PLAIN, SL("anna"), slice_of(secret, 365), false, &line) &&
	    line.n <= 512 && g.step == CLIENT_AUTH_VERDICT,
	    "a response that fits goes with the command (%zu)", line.n);
	line.n = 0;
	ok(client_auth_start(&g, PLAIN, SL("anna"), slice_of(secret, 370), false, &line),
	    "a response that does not fit");
	is(buf_slice(&line), SL("AUTH PLAIN\r\n"), "waits");
	/* The octets x in base64: eHh4. */
	ok(!memchr(space + line.n, 'e', sizeof space - line.n),
	    "and leaves nothing in the array");
	smtp_peer_reply_init(&r);
	(void)smtp_peer_reply_line(&r, SL("334 "));
	line.n = 0;
	ok(client_auth_reply(&g, &r, &line) && line.n == (370 + 6 + 2) / 3 * 4 + 2,
	    "until the server asks for it");
	for (int token = 0; token < 2; token++) {
		line.n = 0;
		(void)client_auth_start(&g, PLAIN | XOAUTH2, slice_of(user, sizeof user),
		    slice_of(secret, CLIENT_AUTH_SECRET_MAX), token, &line);
		line.n = 0;
		ok(client_auth_reply(&g, &r, &line) && !line.full && line.n <= CLIENT_AUTH_LINE,
		    "the longest %s fits into the longest line (%zu)", token ? "token" : "password",
		    line.n);
	}
	line = (struct buf)BUF(space);
	(void)client_auth_start(&g, LOGIN, SL("anna"), slice_of(secret, sizeof secret), false,
	    &line);
	(void)client_auth_start(&g, PLAIN, slice_of(user, sizeof user),
	    slice_of(secret, sizeof secret), false, &line);
	ok(line.full || line.n < CLIENT_AUTH_LINE, "a longer one overflows no array");
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
