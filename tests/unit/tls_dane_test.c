// SPDX-License-Identifier: ISC
/*
 * Certificates beside records of DANE (RFC 7671, RFC 7672 section 3): which ones fit.  openssl(1)
 * makes a root, an authority below it, and certificates of that authority.
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

#define TIMEOUT_MS  20000
#define RECORDS_MAX 2

static const char make_all[] =
    TLS_PEER_ISSUE
    "issue middle root 30 basicConstraints=critical,CA:TRUE\n"
    "issue good middle 30 subjectAltName=DNS:mx.example\n"
    "issue other middle 30 subjectAltName=DNS:other.example\n"
    "issue wild middle 30 subjectAltName=DNS:*.example.net\n"
    "issue late middle 0 subjectAltName=DNS:mx.example; sleep 1\n"
    "openssl req -x509 $key -keyout self.key -out self.pem -days 30 -subj /CN=self\n"
    "for leaf in good other wild late; do\n"
    "	cat $leaf.pem middle.pem >$leaf-middle.chain\n"
    "	cat $leaf.pem middle.pem root.pem >$leaf-root.chain\n"
    "	cp $leaf.pem $leaf.chain\n"
    "done; cp self.pem self.chain\n";

/* A record of a certificate, or of another one. */
struct named {
	unsigned usage, selector, matching;
	const char *of;			/* NULL: there is none */
	size_t cut;			/* octets of its data that are left out */
};

static const struct row {
	const char *what, *chain, *key;
	struct named records[RECORDS_MAX];
	const char *base, *name, *domain;
	int want;
	const char *text;		/* of the record that fits, or a part of the reason */
} rows[] = {
	{ "3 1 1", "good-middle", "good", { { 3, 1, 1, "good", 0 } }, "mx.example", "", "", 0,
	    "3.1.1:" },
	{ "3 1 2", "good-middle", "good", { { 3, 1, 2, "good", 0 } }, "mx.example", "", "", 0,
	    "3.1.2:" },
	{ "3 0 1", "good", "good", { { 3, 0, 1, "good", 0 } }, "mx.example", "", "", 0, "3.0.1:" },
	{ "3 0 0", "good-middle", "good", { { 3, 0, 0, "good", 0 } }, "mx.example", "", "", 0,
	    "3.0.0:" },
	{ "3 1 0", "good", "good", { { 3, 1, 0, "good", 0 } }, "mx.example", "", "", 0, "3.1.0:" },
	{ "3 1 1 of a certificate that signed itself", "self", "self", { { 3, 1, 1, "self", 0 } },
	    "mx.example", "", "", 0, "3.1.1:" },
	{ "3 1 1 of one that has expired: dates do not count", "late", "late",
	    { { 3, 1, 1, "late", 0 } }, "mx.example", "", "", 0, "3.1.1:" },
	{ "3 1 1 of one for another name: names do not count", "other-middle", "other",
	    { { 3, 1, 1, "other", 0 } }, "mx.example", "", "", 0, "3.1.1:" },
	{ "3 1 1 of another certificate", "good-middle", "good", { { 3, 1, 1, "other", 0 } },
	    "mx.example", "", "", -EKEYREJECTED, "no matching DANE TLSA records" },
	{ "2 1 1 of the authority", "good-middle", "good", { { 2, 1, 1, "middle", 0 } },
	    "mx.example", "", "", 0, "2.1.1:" },
	{ "2 0 1 of the authority", "good-middle", "good", { { 2, 0, 1, "middle", 0 } },
	    "mx.example", "", "", 0, "2.0.1:" },
	{ "2 0 0 of a root that was not sent", "good-middle", "good", { { 2, 0, 0, "root", 0 } },
	    "mx.example", "", "", 0, "2.0.0:" },
	{ "2 1 0 of a root that was not sent", "good-middle", "good", { { 2, 1, 0, "root", 0 } },
	    "mx.example", "", "", 0, "2.1.0:" },
	{ "2 1 1 of a root that was sent", "good-root", "good", { { 2, 1, 1, "root", 0 } },
	    "mx.example", "", "", 0, "2.1.1:" },
	{ "2 1 1 of a root that was not sent", "good-middle", "good", { { 2, 1, 1, "root", 0 } },
	    "mx.example", "", "", -EKEYREJECTED, "no matching DANE TLSA records" },
	{ "2 1 1, another name", "other-middle", "other", { { 2, 1, 1, "middle", 0 } },
	    "mx.example", "", "", -EKEYREJECTED, "ostname mismatch" },
	{ "2 1 1, the name of the MX record", "good-middle", "good", { { 2, 1, 1, "middle", 0 } },
	    "end.example.net", "mx.example", "", 0, "2.1.1:" },
	{ "2 1 1, the name of the domain", "good-middle", "good", { { 2, 1, 1, "middle", 0 } },
	    "end.example.net", "mx.example.net", "mx.example", 0, "2.1.1:" },
	{ "2 1 1, a wildcard", "wild-middle", "wild", { { 2, 1, 1, "middle", 0 } },
	    "mx.example.net", "", "", 0, "2.1.1:" },
	{ "2 1 1, a wildcard is for one label", "wild-middle", "wild", { { 2, 1, 1, "middle", 0 } },
	    "a.mx.example.net", "", "", -EKEYREJECTED, "ostname mismatch" },
	{ "2 1 1, expired", "late-middle", "late", { { 2, 1, 1, "middle", 0 } }, "mx.example",
	    "", "", -EKEYREJECTED, "expired" },
	{ "a wrong 3 1 1 beside a right 2 1 1", "good-middle", "good",
	    { { 3, 1, 1, "other", 0 }, { 2, 1, 1, "middle", 0 } }, "mx.example", "", "", 0,
	    "2.1.1:" },
	{ "a wrong 3 1 1 beside a right 3 1 1: the next key", "good-middle", "good",
	    { { 3, 1, 1, "other", 0 }, { 3, 1, 1, "good", 0 } }, "mx.example", "", "", 0,
	    "3.1.1:" },
	{ "a wrong 3 1 2 beside a right 3 1 1: the strongest digest counts", "good-middle", "good",
	    { { 3, 1, 2, "other", 0 }, { 3, 1, 1, "good", 0 } }, "mx.example", "", "",
	    -EKEYREJECTED, "no matching DANE TLSA records" },
	{ "a digest that is too short beside a right one", "good-middle", "good",
	    { { 3, 1, 1, "good", 1 }, { 3, 1, 1, "good", 0 } }, "mx.example", "", "", 0,
	    "3.1.1:" },
	{ "none that OpenSSL can use", "good-middle", "good",
	    { { 3, 1, 9, "good", 0 }, { 3, 7, 1, "good", 0 } }, "mx.example", "", "", -EINVAL,
	    "Invalid argument" },
	{ "a base with an underscore", "good-middle", "good", { { 3, 1, 1, "good", 0 } },
	    "_mx.example", "", "", 0, "3.1.1:" },
};

static struct stream client;

static _Noreturn void
serve(int fd, const char *chain, const char *key)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());
	char text[300];
	SSL *ssl;
	int n;

	(void)alarm(30);
	if (SSL_CTX_use_certificate_chain_file(c, chain) != 1 ||
	    SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1)
		_exit(9);
	ssl = SSL_new(c);
	if (SSL_set_fd(ssl, fd) != 1 || SSL_accept(ssl) != 1)
		_exit(1);
	n = snprintf(text, sizeof text, "%s\r\n",
	    SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
	_exit(n <= 0 || SSL_write(ssl, text, n) != n || SSL_read(ssl, text, 1) > 0);
}

static pid_t
start(int *ret_fd, const struct row *row)
{
	char chain[100], key[100], number[16];
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		abort();
	(void)snprintf(chain, sizeof chain, "%s.chain", row->chain);
	(void)snprintf(key, sizeof key, "%s.key", row->key);
	(void)snprintf(number, sizeof number, "%d", pair[1]);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)close(pair[0]);
		(void)execl("/proc/self/exe", "tls_dane_test", number, chain, key, NULL);
		_exit(9);
	}
	(void)close(pair[1]);
	*ret_fd = pair[0];
	return pid;
}

/* The data of a record. */
static size_t
record_data(const struct named *r, uint8_t ret[2000])
{
	char path[100];
	FILE *file;
	X509 *x;
	unsigned char *der = NULL;
	unsigned n = 0;
	int size;

	(void)snprintf(path, sizeof path, "%s.pem", r->of);
	file = fopen(path, "r");
	x = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
	if (!x)
		abort();
	(void)fclose(file);
	size = r->selector == 1 ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der) :
	    i2d_X509(x, &der);
	if (size <= 0 || size > 2000)
		abort();
	if (r->matching == 0) {
		n = (unsigned)size;
		memcpy(ret, der, n);
	} else {
		(void)EVP_Digest(der, (size_t)size, ret, &n,
		    r->matching == 2 ? EVP_sha512() : EVP_sha256(), NULL);
	}
	OPENSSL_free(der);
	X509_free(x);
	return n - r->cut;
}

static void
test_row(const struct row *row, struct tls_client *c)
{
	static uint8_t data[RECORDS_MAX][2000];
	struct tls_tlsa records[RECORDS_MAX];
	struct tls_dane dane = { .records = records, .base = row->base,
		.names = { row->name, row->domain } };
	const struct tls_demand d = { .name = "not.used.example", .dane = &dane };
	struct tls_facts facts = { 0 };
	struct slice line;
	char text[600];
	struct buf why = BUF(text);
	bool crlf, good;
	pid_t pid;
	int fd, r;

	for (; dane.n < RECORDS_MAX && row->records[dane.n].of; dane.n++) {
		const struct named *named = &row->records[dane.n];

		records[dane.n] = (struct tls_tlsa){ named->usage, named->selector,
			named->matching, data[dane.n], record_data(named, data[dane.n]) };
	}
	pid = start(&fd, row);
	stream_init(&client, fd, fd);
	r = tls_client_prepare(c, &d, &why);
	if (r == 0)
		r = tls_connect(c, &d, &client, TIMEOUT_MS, &facts, &why);
	good = r == row->want && strstr(r == 0 ? facts.tlsa : buf_cstr(&why), row->text);
	if (r == 0) {
		good = good && facts.verified && strlen(facts.tlsa) == 6 + 16 &&
		    stream_line(&client, 1000, TIMEOUT_MS, &line, &crlf) == 1 &&
		    slice_eq(line, slice_str(row->base));
		tls_end(client.tls);
		tls_free(client.tls);
	}
	if (r == -EKEYREJECTED)
		good = good && slice_has_prefix(buf_slice(&why),
		    SL("its certificate does not fit the TLSA records of "));
	(void)close(fd);
	(void)waitpid(pid, NULL, 0);
	if (!ok(good, "%s: %s", row->what, row->want ? "refused" : "fits"))
		printf("# %d: %s %s\n", r, facts.tlsa, buf_cstr(&why));
}

int
main(int argc, char **argv)
{
	char dir[] = "/tmp/tls_dane_test.XXXXXX", command[100];
	struct tls_client c = { 0 };

	(void)signal(SIGPIPE, SIG_IGN);
	if (argc == 4)
		serve(atoi(argv[1]), argv[2], argv[3]);
	(void)alarm(100);
	if (!mkdtemp(dir) || chdir(dir) < 0)
		abort();
	if (!ok(system(make_all) == 0, "certificates are made"))
		return tap_done();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		test_row(&rows[i], &c);
	ok(!c.knows_some, "no authority of the system was read");
	tls_client_done(&c);
	(void)snprintf(command, sizeof command, "rm -r %s", dir);
	if (system(command) != 0)
		abort();
	return tap_done();
}
