// SPDX-License-Identifier: ISC
/*
 * "validate ANCHOR SERVER..." asks the process that validates.  Each line of input is "NAME TYPE";
 * the lines up to an empty one are asked at once.  For each prints its status, its trust, the
 * number of records, the end of its aliases and the reason, with tabs between them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dns/validator.h"

#define MOST 1000

static const struct {
	const char *name;
	enum dns_type type;
} types[] = {
	{ "A", DNS_A }, { "AAAA", DNS_AAAA }, { "MX", DNS_MX }, { "TLSA", DNS_TLSA },
	{ "CNAME", DNS_CNAME },
};

static const char *const trusts[] = {
	[DNS_UNCHECKED] = "unchecked", [DNS_INSECURE] = "insecure", [DNS_SECURE] = "secure",
	[DNS_BOGUS] = "bogus",
};

static struct dns_question questions[MOST];
static char names[MOST][DNS_NAME_MAX];

static enum dns_type
type_of(const char *name)
{
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcmp(types[i].name, name) == 0)
			return types[i].type;
	exit(64);
}

static bool
read_questions(size_t *ret_n)
{
	char line[400], type[20];
	size_t n = 0;

	while (n < MOST && fgets(line, sizeof line, stdin)) {
		if (sscanf(line, "%255s %19s", names[n], type) != 2)
			break;
		questions[n] = (struct dns_question){ .name = names[n], .type = type_of(type) };
		n++;
	}
	*ret_n = n;
	return n > 0;
}

int
main(int argc, char **argv)
{
	struct address_list servers = { .n = 0 };
	struct dns_resolver r;
	struct validator v = { .resolver = &r, .anchor = argv[1] };
	struct validator_news news;
	struct sockaddr_storage list[DNS_SERVERS_MAX];
	socklen_t len;
	size_t n;

	servers.list = list;
	for (int i = 2; i < argc && servers.n < DNS_SERVERS_MAX; i++)
		if (address_parse(slice_str(argv[i]), 53, &list[servers.n], &len))
			servers.n++;
	dns_resolver_init(&r, &servers, "/dev/null");
	r.validator = validator_link(&v);
	if (r.validator <= 0 || validator_await(&v, &news) < 0)
		return 75;
	printf("%s\t%s\t%d\n", news.works ? "works" : "fails", news.why, (int)v.aide.pid);
	(void)fflush(stdout);
	while (read_questions(&n)) {
		dns_ask(&r, questions, n);
		for (size_t i = 0; i < n; i++) {
			printf("%s\t%s\t%zu\t%s\t%s\n", dns_status_text(questions[i].status),
			    trusts[questions[i].trust], questions[i].nrecords,
			    questions[i].canonical, questions[i].why);
			dns_question_done(&questions[i]);
		}
		(void)fflush(stdout);
	}
	(void)close(r.validator);
	validator_end(&v);
	return 0;
}
