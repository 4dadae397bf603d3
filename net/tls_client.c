// SPDX-License-Identifier: ISC
/*
 * The client's side of TLS: to any server, or only to one with a verified certificate for its name
 * (RFC 7817).  A context serves all connections of a process and is made before the first
 * handshake.  Nothing here may log.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/cidr.h"
#include "net/tls_internal.h"

/* Load the authorities that cost little.  The system has a folder, from which one is read when it
 * is needed, and a file that takes 20 ms.  The file may not be needed. */
static int
load_some(struct tls_client *c, const char *file, struct buf *why)
{
	const int done = file ? SSL_CTX_load_verify_file(c->ctx, file) :
	    SSL_CTX_set_default_verify_dir(c->ctx);

	if (done == 1) {
		c->knows_some = true;
		c->knows_all = file != NULL;
		return 0;
	}
	buf_fmt(why, "%s: ", file ? file : "the system's certificates");
	tls_complaint(why);
	return -EINVAL;
}

int
tls_client_prepare(struct tls_client *c, const struct tls_demand *d, struct buf *why)
{
	int r = tls_initialize();

	if (r == 0 && !c->ctx) {
		c->ctx = SSL_CTX_new(TLS_client_method());
		r = c->ctx ? tls_context(c->ctx) : -ENOMEM;
		if (r == 0 && SSL_CTX_dane_enable(c->ctx) != 1)
			r = -ENOMEM;
		if (r == 0) {	/* read-ahead halves the number of system calls */
			SSL_CTX_set_read_ahead(c->ctx, 1);
			(void)SSL_CTX_clear_options(c->ctx, SSL_OP_NO_TICKET);
		}
	}
	if (r < 0) {
		buf_fmt(why, "OpenSSL: %s", strerror(-r));
		tls_client_done(c);
		return r;
	}
	if (!d->verify && !d->observe && d->look && !c->knows_some) {
		char space[200];
		struct buf ignored = BUF(space);

		(void)load_some(c, d->authorities, &ignored);
	}
	return (d->verify || d->observe) && !c->knows_some ? load_some(c, d->authorities, why) : 0;
}

void
tls_client_done(struct tls_client *c)
{
	SSL_CTX_free(c->ctx);
	*c = (struct tls_client){ 0 };
}

bool
tls_demand_dns_name(SSL_CTX *ctx, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
}

static bool
is_address(const char *name)
{
	struct sockaddr_storage ss;
	socklen_t len;

	return address_parse(slice_str(name), 0, &ss, &len);
}

/* Set the name that the certificate must have, and the name to send in SNI.  An address is never
 * sent (RFC 6066 section 3). */
static int
set_name(SSL *ssl, const char *name, bool dns_names)
{
	const unsigned flags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
	    (dns_names ? X509_CHECK_FLAG_NEVER_CHECK_SUBJECT : 0);
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	X509_VERIFY_PARAM_set_hostflags(param, flags);
	if (is_address(name))
		return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1 ? 0 : -EINVAL;
	if (SSL_set1_host(ssl, name) != 1 || SSL_set_tlsext_host_name(ssl, name) != 1)
		return -EINVAL;
	return 0;
}

int
tls_connect(struct tls_client *c, const struct tls_demand *d, struct stream *s, int timeout_ms,
    struct tls_facts *ret, struct buf *why)
{
	struct tls *t = calloc(1, sizeof *t);
	struct tls_facts facts = { .verified = false };
	int r = -ENOMEM;

	ERR_clear_error();
	if (t && SSL_CTX_up_ref(c->ctx) == 1) {
		t->ctx = c->ctx;
		r = tls_attach(t, s);
	}
	if (r == 0)
		r = d->dane ? tls_dane_demand(t->ssl, d->dane) :
		    set_name(t->ssl, d->name, d->dns_names);
	if (r < 0) {
		buf_str(why, strerror(-r));
		goto out;
	}
	if (!d->verify && !d->dane)	/* weak TLS is better than none (RFC 7435 section 3) */
		SSL_set_security_level(t->ssl, 0);
	tls_session_offer(c, t, d);
	SSL_set_connect_state(t->ssl);
	buf_str(why, "TLS handshake failed: ");
	r = tls_shake(t, s, timeout_ms, why);
	if (r == 0) {
		why->n = 0;
		tls_find_facts(t, &facts);
		facts.resumed = tls_session_resumed(c, t, d);
		r = d->dane ? tls_dane_check(t->ssl, d->dane, &facts, why) :
		    tls_verify_server(c, t, d, &facts, why);
	}
	if (r < 0) {
		ret->fault = facts.fault;
		tls_end(t);
		goto out;
	}
	facts.verified = d->verify || d->dane;
	facts.good = facts.verified || (d->look && tls_verify_good(t));
	*ret = facts;
	tls_take_over(t, s);
	t = NULL;
out:
	tls_free(t);
	return r;
}
