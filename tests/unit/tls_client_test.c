// SPDX-License-Identifier: ISC
/*
 * The client's side of TLS against the server's side, and against peers with errors.  openssl(1)
 * makes the certificates.
 */
#include <errno.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/tls.h"
#include "tests/lib/tap.h"
#include "tests/lib/tls_peer.h"

#define TIMEOUT_MS 20000

/* Make an authority and certificates, signed by it or by themselves. */
static const char make_all[] =
    "set -e; exec >log 2>&1 </dev/null\n"
    "key='-nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256'\n"
    "openssl req -x509 $key -keyout ca.key -out ca.pem -days 30 -subj /CN=authority\n"
    "leaf() { # NAME DAYS NAMES\n"
    "	openssl req $key -keyout $1.key -out $1.csr -subj /CN=ignored\n"
    "	echo subjectAltName=$3 >$1.ext\n"
    "	openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key \\\n"
    "	    -CAcreateserial -days $2 -extfile $1.ext -out $1.pem\n"
    "}\n"
    "mkdir folder\n"
    "cp ca.pem folder/$(openssl x509 -hash -noout -in ca.pem).0\n"
    "leaf good 30 DNS:mx.example\n"
    "leaf expired 0 DNS:mx.example\n"
    "leaf wild 30 DNS:*.example.net\n"
    "leaf address 30 IP:192.0.2.1\n"
    "leaf other 30 DNS:a.example.net,DNS:b.example.net\n"
    "openssl req -x509 $key -keyout self.key -out self.pem -days 30 -subj /CN=mx.example \\\n"
    "    -addext subjectAltName=DNS:mx.example\n"
    "openssl req -x509 -nodes -newkey rsa:1024 -keyout weak.key -out weak.pem -days 30 \\\n"
    "    -subj /CN=mx.example\n";

enum fault { NONE, CLOSES, GARBAGE, SILENT, OLD, WEAK, FLOOD, DRIP, AFTER };

static struct stream server, client;

/* A server with an old protocol or a short key, which tls_server() refuses. */
static _Noreturn void
serve_weak(int fd, const char *chain, const char *key, int version, bool flood)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());
	char text[300];
	SSL *ssl;
	int n;

	SSL_CTX_set_security_level(c, 0);
	if (SSL_CTX_set_max_proto_version(c, version) != 1 ||
	    SSL_CTX_use_certificate_chain_file(c, chain) != 1 ||
	    SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1)
		_exit(9);
	ssl = SSL_new(c);
	if (SSL_set_fd(ssl, fd) != 1 || SSL_accept(ssl) != 1)
		_exit(1);
	/* Records without data, without end. */
	while (flood && SSL_new_session_ticket(ssl) == 1 && SSL_do_handshake(ssl) == 1)
		;
	n = snprintf(text, sizeof text, "%s\r\n",
	    SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
	while (n > 0 && SSL_write(ssl, text, n) == n)
		n = SSL_read(ssl, text, sizeof text);
	_exit(0);
}

/* Send a ServerHello, one octet at a time. */
static _Noreturn void
drip(int fd)
{
	const char head[] = { 22, 3, 3, 0x40, 0 };

	(void)!write(fd, head, sizeof head);
	while (write(fd, "\2", 1) == 1)
		usleep(20000);
	_exit(0);
}

static _Noreturn void
serve(int fd, const char *certificate, enum fault fault)
{
	char chain[100], key[100], why[600];
	struct tls_pair pair = { .chain = chain, .key = key };
	struct buf b = BUF(why);
	struct tls_facts facts;
	struct slice line;
	struct tls *t;
	bool crlf;

	(void)alarm(30);
	if (fault == CLOSES)
		_exit(0);
	if (fault == GARBAGE)
		_exit(write(fd, "220 and now for something completely different\r\n", 48) != 48 ||
		    read(fd, why, sizeof why) < 0 || read(fd, why, sizeof why) < 0);
	if (fault == DRIP)
		drip(fd);
	if (fault == SILENT)
		_exit(read(fd, why, 1) == 1 && pause() == 0);
	(void)snprintf(chain, sizeof chain, "%s.pem", certificate);
	(void)snprintf(key, sizeof key, "%s.key", certificate);
	if (fault == OLD || fault == WEAK || fault == FLOOD)
		serve_weak(fd, chain, key, fault == OLD ? TLS1_VERSION : TLS1_3_VERSION,
		    fault == FLOOD);
	stream_init(&server, fd, fd);
	if (tls_server(&t, &pair, 1, false, &b) < 0 ||
	    tls_handshake(t, &server, TIMEOUT_MS, &facts, &b) < 0)
		_exit(1);
	if (fault == AFTER)
		_exit(0);
	/* Send the name that the client asked for, then return each line. */
	(void)stream_write(&server, slice_str(facts.server_name), TIMEOUT_MS);
	(void)stream_write(&server, SL("\r\n"), TIMEOUT_MS);
	while (stream_line(&server, 1000, TIMEOUT_MS, &line, &crlf) == 1) {
		(void)stream_write(&server, line, TIMEOUT_MS);
		(void)stream_write(&server, SL("\r\n"), TIMEOUT_MS);
	}
	tls_end(t);
	_exit(0);
}

static const struct handshake {
	const char *name, *certificate;
	enum fault fault;
	const char *asked;
	bool verify;
	int want;
	const char *why;		/* a part of the reason */
	int other;			/* a result that is also right */
} handshakes[] = {
	{ .name = "good, verified", .certificate = "good", .asked = "mx.example", .verify = true,
	    .want = 0, .why = "" },
	{ .name = "good, its name in other letters", .certificate = "good", .asked = "MX.Example",
	    .verify = true, .want = 0, .why = "" },
	{ .name = "a name among several", .certificate = "other", .asked = "b.example.net",
	    .verify = true, .want = 0, .why = "" },
	{ .name = "a wildcard", .certificate = "wild", .asked = "mx.example.net", .verify = true,
	    .want = 0, .why = "" },
	{ .name = "an address", .certificate = "address", .asked = "192.0.2.1", .verify = true,
	    .want = 0, .why = "" },
	{ .name = "another address", .certificate = "address", .asked = "192.0.2.2", .verify = true,
	    .want = -EKEYREJECTED, .why = "not for 192.0.2.2" },
	{ .name = "a wildcard is for one label", .certificate = "wild", .asked = "a.mx.example.net",
	    .verify = true, .want = -EKEYREJECTED,
	    .why = "its certificate is not for a.mx.example.net, but for *.example.net" },
	{ .name = "the wrong name", .certificate = "other", .asked = "mx.example", .verify = true,
	    .want = -EKEYREJECTED,
	    .why = "its certificate is not for mx.example, but for a.example.net, b.example.net" },
	{ .name = "the subject does not count if there are other names", .certificate = "good",
	    .asked = "ignored", .verify = true, .want = -EKEYREJECTED, .why = "not for ignored" },
	{ .name = "expired", .certificate = "expired", .asked = "mx.example", .verify = true,
	    .want = -EKEYREJECTED, .why = "its certificate has expired on 20" },
	{ .name = "self-signed", .certificate = "self", .asked = "mx.example", .verify = true,
	    .want = -EKEYREJECTED, .why = "self-signed certificate" },
	{ .name = "a short key", .certificate = "weak", .fault = WEAK, .asked = "mx.example",
	    .verify = true, .want = -EKEYREJECTED, .why = "cannot be verified" },
	{ .name = "not verified: the wrong name", .certificate = "other", .asked = "mx.example",
	    .want = 0, .why = "" },
	{ .name = "not verified: expired", .certificate = "expired", .asked = "mx.example",
	    .want = 0, .why = "" },
	{ .name = "not verified: self-signed", .certificate = "self", .asked = "mx.example",
	    .want = 0, .why = "" },
	{ .name = "not verified: a short key", .certificate = "weak", .fault = WEAK,
	    .asked = "mx.example", .want = 0, .why = "" },
	{ .name = "a server that closes", .fault = CLOSES, .asked = "mx.example",
	    .want = -ECONNRESET, .why = "", .other = -EPIPE },
	{ .name = "a server without TLS", .fault = GARBAGE, .asked = "mx.example", .want = -EPROTO,
	    .why = "wrong version number" },
	{ .name = "H130 TLS 1.0 only", .certificate = "good", .fault = OLD, .asked = "mx.example",
	    .want = -EPROTO, .why = "protocol version" },
	{ .name = "a silent server", .fault = SILENT, .asked = "mx.example", .want = -ETIMEDOUT,
	    .why = "timed out" },
	{ .name = "a server that sends one octet at a time", .fault = DRIP, .asked = "mx.example",
	    .want = -ETIMEDOUT, .why = "timed out" },
};

/* Send two lines, receive them again, and end. */
static bool
talk(const struct handshake *h)
{
	const bool address = h->asked[0] == '1';
	struct slice line;
	bool crlf, good;

	good = stream_line(&client, 1000, TIMEOUT_MS, &line, &crlf) == 1 &&
	    slice_eq(line, slice_str(address ? "" : h->asked));
	for (int i = 0; i < 2 && good; i++)
		good = stream_write(&client, SL("hello\r\n"), TIMEOUT_MS) == 0 &&
		    stream_line(&client, 1000, TIMEOUT_MS, &line, &crlf) == 1 &&
		    slice_eq(line, SL("hello"));
	return good && stream_quiet(&client);
}

static void
test_handshake(const struct handshake *h, struct tls_client *c, const char *authorities)
{
	const struct tls_demand d = { .name = h->asked, .verify = h->verify,
		.authorities = authorities };
	struct tls_facts facts = { 0 };
	char text[600];
	struct buf why = BUF(text);
	int fd, r, status = 0;
	bool good;
	pid_t pid = tls_peer_start(&fd, h->certificate ? h->certificate : "",
	    (int)h->fault);

	stream_init(&client, fd, fd);
	r = tls_client_prepare(c, &d, &why);
	if (r == 0)
		r = tls_connect(c, &d, &client,
		    h->fault == SILENT || h->fault == DRIP ? 200 : TIMEOUT_MS, &facts, &why);
	good = (r == h->want || (h->other && r == h->other)) &&
	    strcasestr(buf_cstr(&why), h->why) != NULL;
	if (r == 0) {
		good = good && talk(h) && strcmp(facts.version, "TLSv1.3") == 0 &&
		    facts.cipher[0] && facts.verified == h->verify;
		tls_end(client.tls);
		tls_free(client.tls);
	} else {
		good = good && why.n && !client.tls;
	}
	close(fd);
	if (h->fault == SILENT || h->fault == DRIP)
		(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	if (!ok(good, "%s", h->name))
		printf("# %d: %s\n", r, buf_cstr(&why));
}

#define OF_FILE   "the system's, in a file: "
#define OF_FOLDER "the system's, in a folder: "

static const struct handshake systems[] = {
	{ .name = OF_FILE "good", .certificate = "good", .asked = "mx.example", .verify = true,
	    .want = 0, .why = "" },
	{ .name = OF_FILE "an address", .certificate = "address", .asked = "192.0.2.1",
	    .verify = true, .want = 0, .why = "" },
	{ .name = OF_FILE "the wrong name", .certificate = "other", .asked = "mx.example",
	    .verify = true, .want = -EKEYREJECTED,
	    .why = "not for mx.example, but for a.example.net" },
	{ .name = OF_FILE "another address", .certificate = "address", .asked = "192.0.2.2",
	    .verify = true, .want = -EKEYREJECTED, .why = "not for 192.0.2.2" },
	{ .name = OF_FILE "expired", .certificate = "expired", .asked = "mx.example",
	    .verify = true, .want = -EKEYREJECTED, .why = "its certificate has expired on 20" },
	{ .name = OF_FILE "self-signed", .certificate = "self", .asked = "mx.example",
	    .verify = true, .want = -EKEYREJECTED, .why = "self-signed certificate" },
	{ .name = OF_FILE "a short key", .certificate = "weak", .fault = WEAK,
	    .asked = "mx.example", .verify = true, .want = -EKEYREJECTED,
	    .why = "cannot be verified" },
};

/* Authorities of the system, from the places in the environment, are read when needed. */
static void
test_system(void)
{
	const struct handshake folder = { .name = OF_FOLDER "good", .certificate = "good",
		.asked = "mx.example", .verify = true, .want = 0, .why = "" };
	const struct handshake stranger = { .name = OF_FOLDER "self-signed",
		.certificate = "self", .asked = "mx.example", .verify = true,
		.want = -EKEYREJECTED, .why = "self-signed certificate" };
	struct tls_client c = { 0 };

	(void)setenv("SSL_CERT_FILE", "ca.pem", 1);
	(void)setenv("SSL_CERT_DIR", "nowhere", 1);
	for (size_t i = 0; i < sizeof systems / sizeof systems[0]; i++) {
		/* The first handshake reads the file.  The second one finds it read. */
		test_handshake(&systems[i], &c, NULL);
		test_handshake(&systems[i], &c, NULL);
		tls_client_done(&c);
	}
	(void)setenv("SSL_CERT_FILE", "nowhere", 1);
	(void)setenv("SSL_CERT_DIR", "folder", 1);
	test_handshake(&folder, &c, NULL);
	ok(c.knows_some && !c.knows_all, OF_FOLDER "the file was not needed");
	test_handshake(&stranger, &c, NULL);
	ok(c.knows_all, OF_FOLDER "for that it was looked at");
	tls_client_done(&c);
	(void)unsetenv("SSL_CERT_FILE");
	(void)unsetenv("SSL_CERT_DIR");
}

static void
test_end(struct tls_client *c)
{
	const struct tls_demand d = { .name = "mx.example" };
	struct tls_facts facts;
	char text[600];
	struct buf why = BUF(text);
	struct slice line;
	bool crlf;
	int fd;
	pid_t pid = tls_peer_start(&fd, "good", AFTER);

	stream_init(&client, fd, fd);
	if (ok(tls_client_prepare(c, &d, &why) == 0 &&
		    tls_connect(c, &d, &client, TIMEOUT_MS, &facts, &why) == 0 &&
		    stream_line(&client, 1000, TIMEOUT_MS, &line, &crlf) <= 0 &&
		    !stream_quiet(&client),
		"a connection that is cut after the handshake ends like any other"))
		tls_end(client.tls);
	tls_free(client.tls);
	close(fd);
	(void)waitpid(pid, NULL, 0);
}

/* The deadline ends a peer that sends records without data for ever. */
static void
test_flood(struct tls_client *c)
{
	const struct tls_demand d = { .name = "mx.example" };
	struct tls_facts facts;
	char text[600];
	struct buf why = BUF(text);
	struct slice line;
	bool crlf, good;
	int fd;
	pid_t pid = tls_peer_start(&fd, "good", FLOOD);

	stream_init(&client, fd, fd);
	good = tls_client_prepare(c, &d, &why) == 0 &&
	    tls_connect(c, &d, &client, TIMEOUT_MS, &facts, &why) == 0;
	client.deadline_ms = clock_ms() + 300;
	ok(good && stream_line(&client, 1000, TIMEOUT_MS, &line, &crlf) == -ETIMEDOUT &&
		clock_left_ms(client.deadline_ms) == 0,
	    "session tickets without end");
	tls_free(client.tls);
	close(fd);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static void
test_prepare(void)
{
	struct tls_client c = { 0 };
	struct tls_demand d = { .name = "mx.example", .verify = true,
		.authorities = "/nowhere/ca.pem" };
	char text[600];
	struct buf why = BUF(text);

	ok(tls_client_prepare(&c, &d, &why) == -EINVAL &&
		slice_has_prefix(buf_slice(&why), SL("/nowhere/ca.pem: ")),
	    "authorities that are not there: the file is named");
	why.n = 0;
	d.authorities = "/dev/null";
	ok(tls_client_prepare(&c, &d, &why) == -EINVAL && why.n, "a file without a certificate");
	why.n = 0;
	d.authorities = NULL;
	ok(tls_client_prepare(&c, &d, &why) == 0 && !why.n && c.knows_some, "the system's");
	tls_client_done(&c);
	d = (struct tls_demand){ .name = "mx.example" };
	ok(tls_client_prepare(&c, &d, &why) == 0 && !c.knows_some,
	    "no authorities are read if nothing is verified");
	tls_client_done(&c);
	tls_client_done(&c);
	ok(!c.ctx, "tls_client_done may be called twice");
}

int
main(int argc, char **argv)
{
	struct tls_client c = { 0 }, system_client = { 0 };
	struct handshake stranger = handshakes[0];
	char dir[] = "/tmp/tls_client_test.XXXXXX", command[100];

	(void)signal(SIGPIPE, SIG_IGN);
	if (argc == 4)
		serve(atoi(argv[1]), argv[2], (enum fault)atoi(argv[3]));
	(void)alarm(100);
	if (!mkdtemp(dir) || chdir(dir) < 0)
		abort();
	if (!ok(system(make_all) == 0, "certificates are made"))
		return tap_done();
	for (size_t i = 0; i < sizeof handshakes / sizeof handshakes[0]; i++)
		test_handshake(&handshakes[i], &c, "ca.pem");
	stranger.name = "the system's authorities do not know ours";
	stranger.want = -EKEYREJECTED;
	stranger.why = "unable to get local issuer certificate";
	test_handshake(&stranger, &system_client, NULL);
	test_system();
	test_end(&c);
	test_flood(&c);
	test_prepare();
	tls_client_done(&c);
	tls_client_done(&system_client);
	(void)snprintf(command, sizeof command, "rm -r %s", dir);
	if (system(command) != 0)
		abort();
	return tap_done();
}
