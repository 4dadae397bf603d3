// SPDX-License-Identifier: ISC
/*
 * Sessions that are resumed: under which demand, and with which octets.  openssl(1) makes an
 * authority, one below it, and certificates of that one.
 */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/tls.h"
#include "tests/lib/tap.h"
#include "tests/lib/tls_peer.h"

#define TIMEOUT_MS 20000

static const char make_all[] =
    TLS_PEER_ISSUE
    "issue middle root 30 basicConstraints=critical,CA:TRUE\n"
    "issue good middle 30 subjectAltName=DNS:mx.example\n"
    "issue other middle 30 subjectAltName=DNS:other.example\n"
    "issue late middle 0 subjectAltName=DNS:mx.example; sleep 1\n"
    "for leaf in good other late; do cat $leaf.pem middle.pem >$leaf.chain; done\n";

static struct stream client;

/* A server that resumes sessions of its former processes, and takes early data. */
static _Noreturn void
serve(int fd, const char *name, int version)
{
	static unsigned char keys[80];
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());
	char chain[100], key[100], text[100];
	SSL *ssl;
	int n;

	(void)alarm(30);
	(void)snprintf(chain, sizeof chain, "%s.chain", name);
	(void)snprintf(key, sizeof key, "%s.key", name);
	if (SSL_CTX_use_certificate_chain_file(c, chain) != 1 ||
	    SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_set_max_proto_version(c, version) != 1 ||
	    SSL_CTX_set_tlsext_ticket_keys(c, keys, sizeof keys) != 1 ||
	    SSL_CTX_set_max_early_data(c, 16384) != 1)
		_exit(9);
	(void)SSL_CTX_set_options(c, SSL_OP_NO_ANTI_REPLAY);
	ssl = SSL_new(c);
	if (SSL_set_fd(ssl, fd) != 1 || SSL_accept(ssl) != 1)
		_exit(1);
	n = snprintf(text, sizeof text, "%s%s\r\n", SSL_session_reused(ssl) ? "resumed" : "full",
	    SSL_get_early_data_status(ssl) == SSL_EARLY_DATA_NOT_SENT ? "" : ", early data");
	_exit(n <= 0 || SSL_write(ssl, text, n) != n || SSL_read(ssl, text, 1) > 0);
}

/* A session, and what was found of it. */
struct kept {
	int result;
	bool agrees;			/* both sides report the same, and no early data */
	bool secret;
	struct tls_facts facts;
	size_t n;
	uint8_t octets[TLS_SESSION_MAX];
};

/* Connect to a server with this certificate; d may offer a session. */
static struct kept
connect_to(struct tls_client *c, const char *certificate, int version,
    const struct tls_demand *d)
{
	struct kept k = { .n = 0 };
	char text[600];
	struct buf why = BUF(text);
	struct slice line;
	bool crlf;
	int fd;
	pid_t pid = tls_peer_start(&fd, certificate, version);

	stream_init(&client, fd, fd);
	k.result = tls_client_prepare(c, d, &why);
	if (k.result == 0)
		k.result = tls_connect(c, d, &client, TIMEOUT_MS, &k.facts, &why);
	if (k.result == 0) {
		k.agrees = stream_line(&client, 100, TIMEOUT_MS, &line, &crlf) == 1 &&
		    slice_eq(line, slice_str(k.facts.resumed ? "resumed" : "full"));
		k.n = tls_session_save(client.tls, k.octets, sizeof k.octets);
		k.secret = tls_session_is_secret(client.tls);
		tls_end(client.tls);
		tls_free(client.tls);
	}
	close(fd);
	(void)waitpid(pid, NULL, 0);
	return k;
}

/* The octets of a certificate, for the records 3 0 0 and 2 0 0. */
static struct tls_tlsa
record_of(unsigned usage, const char *file)
{
	FILE *f = fopen(file, "r");
	X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
	unsigned char *octets = NULL;
	const int n = i2d_X509(x, &octets);

	X509_free(x);
	if (n <= 0 || fclose(f) != 0)
		abort();
	return (struct tls_tlsa){ usage, 0, 0, octets, (size_t)n };
}

#define ANY	 { .name = "mx.example" }
#define VERIFIED { .name = "mx.example", .verify = true, .authorities = "root.pem" }

/* The first connection is to `before`, the second to `after`, which gets its session. */
static const struct row {
	const char *what, *before, *after;
	struct tls_demand first, second;
	bool resumed;
	int version, want;
} rows[] = {
	{ "with any certificate", "other", "other", ANY, ANY, true, 0, 0 },
	{ "with any certificate, TLS 1.2", "other", "other", ANY, ANY, true, TLS1_2_VERSION, 0 },
	{ "verified twice", "good", "good", VERIFIED, VERIFIED, true, 0, 0 },
	{ "verified twice, TLS 1.2", "good", "good", VERIFIED, VERIFIED, true, TLS1_2_VERSION, 0 },
	{ "verified for the second connection only: the chain that was shown is good", "good",
	    "other", ANY, VERIFIED, true, 0, 0 },
	{ "a certificate of another name is not offered where it counts", "other", "good", ANY,
	    VERIFIED, false, 0, 0 },
	{ "nor one that has expired", "late", "good", ANY, VERIFIED, false, 0, 0 },
	{ "nor is the server believed", "other", "other", ANY, VERIFIED, false, 0, -EKEYREJECTED },
	{ "nor in TLS 1.2", "other", "other", ANY, VERIFIED, false, TLS1_2_VERSION, -EKEYREJECTED },
	{ "an authority that is not known any more", "good", "good", VERIFIED,
	    { .name = "mx.example", .verify = true, .authorities = "other.pem" }, false, 0,
	    -EKEYREJECTED },
};

static void
test_rows(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *w = &rows[i];
		struct tls_client c = { 0 }, again = { 0 };
		struct tls_demand second = w->second;
		struct kept a = connect_to(&c, w->before, w->version, &w->first), b;

		second.session = slice_of((const char *)a.octets, a.n);
		b = connect_to(&again, w->after, w->version, &second);
		if (!ok(a.result == 0 && !a.facts.resumed && a.agrees && a.n &&
			    b.result == w->want && b.facts.resumed == w->resumed &&
			    (b.result || (b.agrees && b.n && b.facts.verified == second.verify &&
			     b.secret == (w->version == TLS1_2_VERSION))),
			"%s", w->what))
			printf("# %d, %zu; %d, %d\n", a.result, a.n, b.result, b.facts.resumed);
		tls_client_done(&c);
		tls_client_done(&again);
	}
}

/* Records of DANE count as they are now. */
static void
test_dane(void)
{
	const struct tls_tlsa good = record_of(3, "good.pem"), other = record_of(3, "other.pem"),
			      middle = record_of(2, "middle.pem");
	const struct {
		const char *what;
		const struct tls_tlsa *first, *second;
		bool resumed;
		int want;
		const char *tlsa;
	} cases[] = {
		{ "the same record", &good, &good, true, 0, "3.0.0:" },
		{ "a record of the authority, by the chain that is kept", &middle, &middle, true, 0,
		    "2.0.0:" },
		{ "another record that fits", &good, &middle, true, 0, "2.0.0:" },
		{ "a record that fits no more", &good, &other, false, -EKEYREJECTED, "" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct tls_dane first = { cases[i].first, 1, "mx.example", { "", "" } };
		const struct tls_dane second = { cases[i].second, 1, "mx.example", { "", "" } };
		struct tls_demand d = { .name = "mx.example", .dane = &first };
		struct tls_client c = { 0 };
		struct kept a = connect_to(&c, "good", 0, &d), b;

		d.dane = &second;
		d.session = slice_of((const char *)a.octets, a.n);
		b = connect_to(&c, "good", 0, &d);
		ok(a.n && !a.facts.resumed && b.facts.resumed == cases[i].resumed &&
		    b.result == cases[i].want && (b.result || (b.agrees && b.facts.verified)) &&
		    strncmp(b.facts.tlsa, cases[i].tlsa, strlen(cases[i].tlsa)) == 0,
		    "DANE: %s", cases[i].what);
		tls_client_done(&c);
	}
	OPENSSL_free((void *)(uintptr_t)good.octets);
	OPENSSL_free((void *)(uintptr_t)other.octets);
	OPENSSL_free((void *)(uintptr_t)middle.octets);
}

/* A resumed session is kept in its turn, with its chain. */
static void
test_line(void)
{
	struct tls_demand d = VERIFIED;
	struct tls_client c = { 0 };
	struct kept k = connect_to(&c, "good", 0, &d);
	bool all = true;

	for (int i = 0; i < 4; i++) {
		struct kept next;

		d.session = slice_of((const char *)k.octets, k.n);
		next = connect_to(&c, "good", 0, &d);
		all &= next.facts.resumed && next.facts.verified && next.n > 1000;
		k = next;
	}
	ok(all, "one session after the other is resumed");
	tls_client_done(&c);
}

/* Another process made the octets: any may come. */
static void
test_damage(void)
{
	struct tls_demand d = VERIFIED;
	struct tls_client c = { 0 };
	struct kept k = connect_to(&c, "good", 0, &d), b;
	unsigned full = 0, good = 0, n = 0;

	for (size_t i = 0; i < k.n; i += i < 8 ? 1 : 97, n++) {
		d.session = slice_of((const char *)k.octets, i);
		b = connect_to(&c, "good", 0, &d);
		full += b.result == 0 && b.agrees && !b.facts.resumed && b.facts.verified;
	}
	/* Cut between two certificates it is a session with a shorter chain, which is no proof. */
	ok(n > 10 && full == n, "a session that is cut: a full handshake");
	n = 0;
	for (size_t i = 0; i < k.n; i += 61, n++) {
		struct kept damaged = k;

		damaged.octets[i] ^= 0x55;
		d.session = slice_of((const char *)damaged.octets, k.n);
		b = connect_to(&c, "good", 0, &d);
		/* The time or the ticket of a session may be damaged, and all else be good. */
		good += b.result < 0 || (b.agrees && b.facts.verified);
	}
	ok(n > 10 && good == n, "a session with another octet proves nothing that is not so");
	tls_client_done(&c);
}

static void
test_size(void)
{
	const struct tls_demand d = ANY;
	struct tls_client c = { 0 };
	char text[100];
	struct buf why = BUF(text);
	uint8_t octets[TLS_SESSION_MAX];
	struct tls_facts facts;
	struct slice line;
	size_t n;
	bool crlf;
	int fd;
	const pid_t pid = tls_peer_start(&fd, "good", 0);

	stream_init(&client, fd, fd);
	if (ok(tls_client_prepare(&c, &d, &why) == 0 &&
		    tls_connect(&c, &d, &client, TIMEOUT_MS, &facts, &why) == 0 &&
		    stream_line(&client, 100, TIMEOUT_MS, &line, &crlf) == 1, "connected")) {
		n = tls_session_save(client.tls, octets, sizeof octets);
		ok(n && tls_session_save(client.tls, octets, n) == n, "a session fits exactly");
		ok(tls_session_save(client.tls, octets, n - 1) == 0 &&
		    tls_session_save(client.tls, octets, 2) == 0 &&
		    tls_session_save(client.tls, octets, 0) == 0, "one that does not fit is none");
		tls_end(client.tls);
		tls_free(client.tls);
	}
	close(fd);
	(void)waitpid(pid, NULL, 0);
	tls_client_done(&c);
}

#define OF_DANE(i) { .name = "mx.example", .dane = &danes[i] }

/* Each part of a demand has a name of its own. */
static void
test_keys(void)
{
	static const uint8_t octets[] = { 1, 2, 3 };
	const struct tls_tlsa records[] = { { 3, 1, 1, octets, 3 }, { 3, 1, 1, octets, 2 } };
	const struct tls_dane danes[] = {
		{ records, 1, "mx.example", { "", "" } },
		{ &records[1], 1, "mx.example", { "", "" } },
		{ records, 2, "mx.example", { "", "" } }, { records, 1, "mx2.example", { "", "" } },
		{ records, 1, "mx.example", { "d.example", "" } },
		{ records, 1, "mx.example", { "", "d.example" } },
	};
	const struct tls_demand demands[] = {
		ANY, VERIFIED, { .name = "mx2.example" }, { .name = "mx.example", .verify = true },
		{ .name = "mx.example", .dns_names = true },
		{ .name = "mx.example", .authorities = "root.pem" },
		OF_DANE(0), OF_DANE(1), OF_DANE(2), OF_DANE(3), OF_DANE(4), OF_DANE(5),
	};
	const size_t n = sizeof demands / sizeof demands[0];
	uint8_t keys[sizeof demands / sizeof demands[0] + 1][TLS_SESSION_KEY];
	uint8_t same[TLS_SESSION_KEY];
	unsigned twins = 0;
	bool good = tls_session_key(&demands[0], "192.0.2.2:25", keys[n]);

	for (size_t i = 0; i < n; i++)
		good = good && tls_session_key(&demands[i], "192.0.2.1:25", keys[i]);
	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j < i; j++)
			twins += memcmp(keys[i], keys[j], TLS_SESSION_KEY) == 0;
	ok(good && twins == 0, "each host and each demand has a key of its own");
	ok(tls_session_key(&demands[0], "192.0.2.1:25", same) &&
	    memcmp(same, keys[0], sizeof same) == 0, "and always the same");
}

int
main(int argc, char **argv)
{
	char dir[] = "/tmp/tls_session_test.XXXXXX", command[100];

	(void)signal(SIGPIPE, SIG_IGN);
	if (argc == 4)
		serve(atoi(argv[1]), argv[2], atoi(argv[3]));
	(void)alarm(100);
	if (!mkdtemp(dir) || chdir(dir) < 0)
		abort();
	if (!ok(system(make_all) == 0, "certificates are made"))
		return tap_done();
	test_rows();
	test_dane();
	test_line();
	test_damage();
	test_size();
	test_keys();
	(void)snprintf(command, sizeof command, "rm -r %s", dir);
	if (system(command) != 0)
		abort();
	return tap_done();
}
