// SPDX-License-Identifier: ISC
/*
 * The only file that knows libcurl.
 */
#include "fetch/https.h"

#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>

#include "base/cidr.h"
#include "net/tls.h"

#define PORT	    443
#define RESOLVE_MAX 2000	/* octets of a host with its addresses */
#define CONNECT_MS  10000

/* A body as it comes. */
struct body {
	struct buf *b;			/* NULL: it is dropped */
	bool too_long;
};

int
https_begin(void)
{
	return curl_global_init(CURL_GLOBAL_SSL) == CURLE_OK ? 0 : -ENOMEM;
}

static size_t
keep(char *octets, size_t one, size_t n, void *ctx)
{
	struct body *body = ctx;

	(void)one;
	if (!body->b)
		return n;
	buf_add(body->b, slice_of(octets, n));
	body->too_long |= body->b->full;
	return body->b->full ? 0 : n;
}

/* RFC 8461 section 3.3 demands a DNS name (RFC 6125); the library would take a common name. */
static CURLcode
demand_names(CURL *curl, void *ctx, void *request)
{
	const struct https_request *r = request;

	(void)curl;
	return tls_demand_dns_name(ctx, r->host) ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

/* "host:443:192.0.2.1,[2001:db8::1]" */
static struct curl_slist *
addresses(const struct https_request *r)
{
	char space[RESOLVE_MAX];
	struct buf b = BUF(space);

	buf_fmt(&b, "%s:%d:", r->host, PORT);
	for (size_t i = 0; i < r->naddresses; i++) {
		const bool six = r->addresses[i].ss_family == AF_INET6;
		struct buf longer = b;

		buf_str(&longer, i ? "," : "");
		buf_str(&longer, six ? "[" : "");
		address_text(&longer, (const struct sockaddr *)&r->addresses[i]);
		buf_str(&longer, six ? "]" : "");
		if (longer.cap - longer.n > 1)		/* one that does not fit is left out */
			b = longer;
	}
	return curl_slist_append(NULL, buf_cstr(&b));
}

/* A setting that the library does not take must not be ignored. */
#define SET(curl, option, value) good &= curl_easy_setopt((curl), (option), (value)) == CURLE_OK

static bool
prepare(CURL *curl, const struct https_request *r, const char *url, struct curl_slist *resolve,
    struct body *body, char *fault)
{
	bool good = true;

	SET(curl, CURLOPT_URL, url);
	SET(curl, CURLOPT_RESOLVE, resolve);
	SET(curl, CURLOPT_PROTOCOLS_STR, "https");
	SET(curl, CURLOPT_FOLLOWLOCATION, 0L);
	SET(curl, CURLOPT_PROXY, "");
	SET(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(curl, CURLOPT_NOSIGNAL, 1L);
	SET(curl, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
	SET(curl, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)(r->timeout_ms < CONNECT_MS ? r->timeout_ms : CONNECT_MS));
	SET(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	SET(curl, CURLOPT_SSL_CTX_FUNCTION, demand_names);
	/* The library passes the pointer through as it is. */
	SET(curl, CURLOPT_SSL_CTX_DATA, (void *)(uintptr_t)r);
	if (body->b)
		SET(curl, CURLOPT_MAXFILESIZE, (long)(body->b->cap - body->b->n));
	SET(curl, CURLOPT_WRITEFUNCTION, keep);
	SET(curl, CURLOPT_WRITEDATA, body);
	SET(curl, CURLOPT_ERRORBUFFER, fault);
	SET(curl, CURLOPT_USERAGENT, "smtp-handler");
	if (r->authorities)
		SET(curl, CURLOPT_CAINFO, r->authorities);
	return good;
}

/* Is the type of the body the wanted one, whatever its parameters are? */
static bool
has_type(CURL *curl, const char *wanted)
{
	const char *type = NULL;
	struct slice rest;

	(void)curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
	return slice_ieq(slice_trim(slice_cut(slice_str(type), ';', &rest)), slice_str(wanted));
}

static enum https_result
check_reply(CURL *curl, CURLcode code, const struct https_request *r, const struct body *body,
    const char *fault, struct buf *why)
{
	long status = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (body->too_long || code == CURLE_FILESIZE_EXCEEDED)
		buf_fmt(why, "https://%s sent more than %zu octets", r->host, body->b->cap);
	else if (code != CURLE_OK)
		buf_fmt(why, "https://%s: %.200s", r->host,
		    fault[0] ? fault : curl_easy_strerror(code));
	else if (body->b ? status != 200 : status / 100 != 2)
		buf_fmt(why, "https://%s replied with status %ld%s", r->host, status,
		    status / 100 == 3 ? ", a redirection, which is not followed" : "");
	else if (body->b && !has_type(curl, r->type))
		buf_fmt(why, "https://%s sent something that is not %s", r->host, r->type);
	return why->n == 0 ? HTTPS_DONE :
	    code == CURLE_PEER_FAILED_VERIFICATION ? HTTPS_UNTRUSTED : HTTPS_FAILED;
}

/* "Content-Type: application/tlsrpt+gzip".  The library would wait for leave to send a large
 * body. */
static bool
prepare_body(CURL *curl, const struct https_request *r, struct curl_slist **fields)
{
	char space[200];
	struct buf type = BUF(space);
	bool good = true;

	buf_fmt(&type, "Content-Type: %s", r->type);
	*fields = curl_slist_append(NULL, buf_cstr(&type));
	if (!*fields || !curl_slist_append(*fields, "Expect:"))
		return false;
	SET(curl, CURLOPT_HTTPHEADER, *fields);
	SET(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
	SET(curl, CURLOPT_POSTFIELDS, r->body.p);
	return good;
}

static enum https_result
perform(const struct https_request *r, struct body *body, struct buf *why)
{
	char space[1200], fault[CURL_ERROR_SIZE] = "";
	struct buf url = BUF(space);
	struct curl_slist *resolve = addresses(r), *fields = NULL;
	enum https_result result = HTTPS_FAILED;
	CURL *curl = curl_easy_init();

	buf_fmt(&url, "https://%s%s", r->host, r->path);
	if (!curl || !resolve || url.full ||
	    !prepare(curl, r, buf_cstr(&url), resolve, body, fault) ||
	    (r->body.p && !prepare_body(curl, r, &fields)))
		buf_str(why, "libcurl fails");
	else
		result = check_reply(curl, curl_easy_perform(curl), r, body, fault, why);
	curl_easy_cleanup(curl);
	curl_slist_free_all(resolve);
	curl_slist_free_all(fields);
	return result;
}

enum https_result
https_get(const struct https_request *r, struct buf *b, struct buf *why)
{
	struct body body = { .b = b };

	return perform(r, &body, why);
}

enum https_result
https_post(const struct https_request *r, struct buf *why)
{
	struct body body = { .b = NULL };

	return perform(r, &body, why);
}
