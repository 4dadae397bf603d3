// SPDX-License-Identifier: ISC
/*
 * A DNS server in a forked process, on an ephemeral loopback port over UDP and TCP.  It answers
 * from a table and plays tricks.  It builds its packets by hand, so that it can build broken ones.
 */
#ifndef TESTS_LIB_DNS_SERVER_H
#define TESTS_LIB_DNS_SERVER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/slice.h"

enum { T_ANY = 0, T_A = 1, T_NS = 2, T_CNAME = 5, T_SOA = 6, T_MX = 15, T_TXT = 16, T_AAAA = 28,
	T_SRV = 33, T_OPT = 41, T_SVCB = 64, T_HTTPS = 65 };

enum trick {
	NO_TRICK,
	/* A forgery first, then the answer. */
	FORGE_ID, FORGE_QUESTION, FORGE_TYPE, FORGE_QUERY, FORGE_OPCODE, FORGE_TWO_QUESTIONS,
	FORGE_SHORT, FORGE_ALL,
	ONLY_FORGED,
	/* Truncated over UDP; TCP gives the answer. */
	TRUNCATE, TRUNCATE_BYTEWISE,
	TCP_CLOSES, TCP_SILENT, TCP_OVERSIZE, TCP_FORGED,
	SILENT,
	NO_EDNS,		/* FORMERR to OPT */
	NO_EDNS_NOTIMP,
	/* To a question with EDNS only: a header alone, in both forms; an error; nothing. */
	BARE_FORMERR, BARE_NOTIMP_COUNTED, BARE_SERVFAIL, EDNS_SERVFAIL, EDNS_REFUSED, EDNS_SILENT,
	EDNS_BADVERS,
	BARE_ALWAYS,
	LOSE_FIRST,		/* the first question is lost */
	ANSWER_FIRST,		/* the first question is answered when the second one comes */
	OVERSIZE,		/* over UDP only */
	CUT_SHORT,		/* the last octet is missing */
	UPPER_CASE,
	AUTHORITATIVE, NON_RECURSIVE,
	MANY,			/* repeat the first record 400 times: 10, 11, ... for MX */
};

struct fake_rr {
	unsigned type;
	const char *owner;	/* NULL: the question's name */
	const char *data;	/* an address, or a name; for T_TXT: text; "" is the root */
	unsigned preference;
	struct slice raw;	/* rdata as it is, when data is NULL */
	bool authority, additional;
	uint32_t ttl;		/* 0: 300 s */
};

struct fake_answer {
	const char *name;	/* NULL ends the table */
	unsigned type;		/* T_ANY: any */
	unsigned rcode;
	enum trick trick;
	struct fake_rr rr[5];	/* ended by type 0 */
};

/* A query that the server received. */
struct fake_seen {
	uint16_t id, port, type;
	bool tcp, edns, recursion;
	char name[256];
};

struct fake_server {
	struct sockaddr_storage address;
	socklen_t address_len;
	pid_t pid;
	int seen;		/* read end: struct fake_seen */
};

struct fake_packet {
	uint8_t p[65536];
	size_t n;
};

static void
fake_put(struct fake_packet *k, const void *p, size_t n)
{
	if (n > sizeof k->p - k->n)
		abort();
	if (n)
		memcpy(k->p + k->n, p, n);
	k->n += n;
}

static void
fake_put16(struct fake_packet *k, unsigned v)
{
	fake_put(k, (uint8_t[]){ (uint8_t)(v >> 8), (uint8_t)v }, 2);
}

static void
fake_put_name(struct fake_packet *k, const char *name)
{
	struct slice rest = slice_str(name);

	while (rest.n) {
		struct slice label = slice_cut(rest, '.', &rest);
		uint8_t n = (uint8_t)label.n;

		fake_put(k, &n, 1);
		fake_put(k, label.p, label.n);
	}
	fake_put(k, "", 1);
}

static void
fake_put_rr(struct fake_packet *k, const struct fake_rr *rr, unsigned bump)
{
	uint8_t address[16], n;
	size_t length;

	if (rr->owner)
		fake_put_name(k, rr->owner);
	else
		fake_put16(k, 0xc00c);
	fake_put16(k, rr->type);
	fake_put16(k, 1);
	fake_put16(k, rr->ttl >> 16);
	fake_put16(k, rr->ttl || rr->type == T_OPT ? rr->ttl & 0xffff : 300);
	length = k->n;
	fake_put16(k, 0);
	if (!rr->data) {
		fake_put(k, rr->raw.p, rr->raw.n);
	} else if (rr->type == T_A || rr->type == T_AAAA) {
		if (inet_pton(rr->type == T_A ? AF_INET : AF_INET6, rr->data, address) != 1)
			abort();
		fake_put(k, address, rr->type == T_A ? 4 : 16);
	} else if (rr->type == T_TXT) {
		n = (uint8_t)strlen(rr->data);
		fake_put(k, &n, 1);
		fake_put(k, rr->data, n);
	} else {
		if (rr->type == T_MX)
			fake_put16(k, rr->preference + bump);
		fake_put_name(k, rr->data);
		if (rr->type == T_SOA)
			/* the root as mailbox; minimum 44 s */
			fake_put(k, "\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\54", 21);
	}
	k->p[length] = (uint8_t)((k->n - length - 2) >> 8);
	k->p[length + 1] = (uint8_t)(k->n - length - 2);
}

static int
fake_section(const struct fake_rr *rr)
{
	return rr->additional ? 2 : rr->authority;
}

/* The header and the question of the query, then the records; a NULL: REFUSED. */
static void
fake_reply(struct fake_packet *k, const uint8_t *query, size_t question,
    const struct fake_answer *a)
{
	unsigned counts[3] = { 0, 0, 0 }, times;
	uint8_t flags = 0x81, rcode = (uint8_t)(0x80 | (a ? a->rcode : 5));

	k->n = 0;
	if (a && a->trick == AUTHORITATIVE)
		flags |= 4;
	if (a && (a->trick == AUTHORITATIVE || a->trick == NON_RECURSIVE))
		rcode &= 0x7f;
	fake_put(k, query, 2);
	fake_put(k, &flags, 1);
	fake_put(k, &rcode, 1);
	fake_put(k, "\0\1\0\0\0\0\0\0", 8);
	fake_put(k, query + 12, question);
	times = a && a->trick == MANY ? 400 : 1;
	for (int section = 0; a && section < 3; section++)
		for (size_t i = 0; i < 5 && a->rr[i].type; i++)
			for (unsigned n = 0; fake_section(&a->rr[i]) == section && n < times; n++) {
				fake_put_rr(k, &a->rr[i], n);
				counts[section]++;
			}
	for (int section = 0; section < 3; section++) {
		k->p[6 + 2 * section] = (uint8_t)(counts[section] >> 8);
		k->p[7 + 2 * section] = (uint8_t)counts[section];
	}
	if (a && a->trick == UPPER_CASE)
		for (size_t i = 12; i < 12 + question - 4; i++)
			if (k->p[i] >= 'a' && k->p[i] <= 'z')
				k->p[i] = (uint8_t)(k->p[i] - 32);
	if (a && a->trick == CUT_SHORT)
		k->n--;
}

struct fake_peer {
	int fd;
	struct sockaddr_storage address;
	socklen_t len;
};

static void
fake_send(const struct fake_peer *peer, const uint8_t *p, size_t n)
{
	(void)sendto(peer->fd, p, n, 0, (const struct sockaddr *)&peer->address, peer->len);
}

/* Send an error of a server that does not understand EDNS. */
static void
fake_refuse(const struct fake_peer *peer, const uint8_t *query, size_t question, enum trick trick)
{
	static struct fake_packet k;
	const struct fake_answer failed = {
		.rcode = trick == BARE_FORMERR || trick == BARE_ALWAYS ? 1 :
		    trick == BARE_NOTIMP_COUNTED ? 4 : trick == EDNS_REFUSED ? 5 :
		    trick == EDNS_BADVERS ? 0 : 2,
	};

	fake_reply(&k, query, question, &failed);
	if (trick == EDNS_BADVERS) {
		k.p[11] = 1;
		fake_put(&k, "\0\0\51\4\320\1\0\0\0\0\0", 11);
	} else if (trick != EDNS_SERVFAIL && trick != EDNS_REFUSED) {
		k.n = 12;
		k.p[5] = trick == BARE_NOTIMP_COUNTED;
	}
	fake_send(peer, k.p, k.n);
}

/* Send a forged answer: 192.0.2.66, which must be in no result. */
static void
fake_forge(const struct fake_peer *peer, const uint8_t *query, size_t question, enum trick trick)
{
	static struct fake_packet k;
	struct fake_answer lie = {
		.rr = { { .type = query[12 + question - 3], .data = "192.0.2.66" } },
	};

	if (lie.rr[0].type == T_AAAA)
		lie.rr[0].data = "2001:db8::66";
	fake_reply(&k, query, question, &lie);
	switch (trick) {
	case FORGE_ID:
		k.p[1] ^= 1;
		break;
	case FORGE_QUESTION:
		k.p[13] ^= 1;
		break;
	case FORGE_TYPE:
		k.p[12 + question - 3] ^= 3;
		break;
	case FORGE_QUERY:
		k.p[2] &= 0x7f;
		break;
	case FORGE_OPCODE:
		k.p[2] |= 0x20;
		break;
	case FORGE_TWO_QUESTIONS:
		k.p[5] = 2;
		break;
	case FORGE_SHORT:
		k.n = 7;
		break;
	default:
		return;
	}
	fake_send(peer, k.p, k.n);
}

static const struct fake_answer *
fake_find(const struct fake_answer *table, const char *name, unsigned type)
{
	for (; table->name; table++)
		if (strcasecmp(table->name, name) == 0 &&
		    (table->type == T_ANY || table->type == type))
			return table;
	return NULL;
}

/* Put the name of the question at 12 into name.  Returns the octets of the question. */
static size_t
fake_question(const uint8_t *p, size_t n, char name[256])
{
	size_t at = 12, out = 0;

	while (at < n && p[at] && out + p[at] + 1 < 256) {
		if (out)
			name[out++] = '.';
		memcpy(name + out, p + at + 1, p[at]);
		out += p[at];
		at += (size_t)p[at] + 1;
	}
	name[out] = '\0';
	return at + 5 - 12;
}

static void
fake_report(int fd, const uint8_t *p, size_t question, const struct sockaddr_in *from, bool tcp,
    const char *name)
{
	struct fake_seen seen = {
		.id = (uint16_t)(p[0] << 8 | p[1]), .port = ntohs(from->sin_port), .tcp = tcp,
		.edns = p[11] == 1, .recursion = p[2] & 1, .type = p[12 + question - 3],
	};

	memcpy(seen.name, name, sizeof seen.name);
	(void)!write(fd, &seen, sizeof seen);
}

static void
fake_udp(int fd, const struct fake_answer *table, int report)
{
	static struct fake_packet k;
	static struct {
		const char *name;
		struct fake_peer peer;
		uint8_t query[512];
	} first;
	struct fake_peer peer = { .fd = fd, .len = sizeof peer.address };
	const struct fake_answer *a;
	uint8_t query[512];
	char name[256] = "";
	struct fake_answer plain = { .rcode = 1 };
	size_t question;
	ssize_t n;

	n = recvfrom(fd, query, sizeof query, 0, (struct sockaddr *)&peer.address, &peer.len);
	if (n < 17)
		return;
	question = fake_question(query, (size_t)n, name);
	fake_report(report, query, question, (struct sockaddr_in *)&peer.address, false, name);
	a = fake_find(table, name, query[12 + question - 3]);
	if (a && a->trick == SILENT)
		return;
	if (a && (a->trick == NO_EDNS || a->trick == NO_EDNS_NOTIMP) && query[11]) {
		plain.rcode = a->trick == NO_EDNS ? 1 : 4;
		a = &plain;
	}
	if (a && a->trick == BARE_ALWAYS) {
		fake_refuse(&peer, query, question, a->trick);
		return;
	}
	if (a && a->trick >= BARE_FORMERR && a->trick <= EDNS_BADVERS && query[11]) {
		if (a->trick != EDNS_SILENT)
			fake_refuse(&peer, query, question, a->trick);
		return;
	}
	if (a && (a->trick == LOSE_FIRST || a->trick == ANSWER_FIRST) && first.name != a->name) {
		first.name = a->name;
		first.peer = peer;
		memcpy(first.query, query, sizeof query);
		return;
	}
	if (a && a->trick == ANSWER_FIRST) {
		fake_reply(&k, first.query, question, a);
		fake_send(&first.peer, k.p, k.n);
		return;
	}
	for (enum trick t = FORGE_ID; a && t < FORGE_ALL; t++)
		if (a->trick == t || a->trick == FORGE_ALL || a->trick == ONLY_FORGED)
			fake_forge(&peer, query, question, t);
	if (a && a->trick == ONLY_FORGED)
		return;
	fake_reply(&k, query, question, a);
	if (a && a->trick >= TRUNCATE && a->trick <= TCP_FORGED) {
		k.p[2] |= 2;
		memset(k.p + 6, 0, 6);
		k.n = 12 + question;
	} else if (a && a->trick == OVERSIZE) {
		k.n = 20000;
	} else if (k.n > 1232 && a && a->trick == MANY) {
		k.p[2] |= 2;
		k.n = 1232;		/* cut in the middle of a record, as some do */
	}
	fake_send(&peer, k.p, k.n);
}

static void
fake_tcp(int listener, const struct fake_answer *table, int report)
{
	static struct fake_packet k;
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	int c = accept(listener, (struct sockaddr *)&from, &len);
	const struct fake_answer *a;
	uint8_t query[512], prefix[2];
	char name[256] = "";
	ssize_t n;
	size_t question;

	n = c < 0 ? -1 : recv(c, query, 2, MSG_WAITALL);
	if (n != 2 || query[0] || (n = recv(c, query, query[1], MSG_WAITALL)) < 17)
		abort();
	question = fake_question(query, (size_t)n, name);
	fake_report(report, query, question, &from, true, name);
	a = fake_find(table, name, query[12 + question - 3]);
	if (a && a->trick == TCP_SILENT)
		return;			/* the connection stays open */
	fake_reply(&k, query, question, a);
	if (a && a->trick == TCP_FORGED)
		k.p[0] ^= 1;
	if (a && a->trick == TCP_OVERSIZE)
		k.n = 40000;
	prefix[0] = (uint8_t)(k.n >> 8);
	prefix[1] = (uint8_t)k.n;
	if (!a || a->trick != TCP_CLOSES)
		(void)send(c, prefix, 2, MSG_NOSIGNAL);
	for (size_t i = 0; a && a->trick == TRUNCATE_BYTEWISE && i < k.n; i++)
		(void)send(c, k.p + i, 1, MSG_NOSIGNAL);
	if (a && a->trick != TRUNCATE_BYTEWISE && a->trick != TCP_CLOSES)
		(void)send(c, k.p, k.n, MSG_NOSIGNAL);
	(void)close(c);
}

__attribute__((unused)) static void
fake_start(struct fake_server *s, const struct fake_answer *table)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof at;
	struct pollfd fds[2];
	int report[2], tries = 0;

	do {		/* the same port for both */
		fds[0] = (struct pollfd){ .fd = socket(AF_INET, SOCK_DGRAM, 0), .events = POLLIN };
		fds[1] = (struct pollfd){ .fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN };
		at.sin_port = 0;
		if (++tries > 50 || bind(fds[0].fd, (struct sockaddr *)&at, len) < 0 ||
		    getsockname(fds[0].fd, (struct sockaddr *)&at, &len) < 0)
			abort();
	} while (bind(fds[1].fd, (struct sockaddr *)&at, len) < 0);
	if (listen(fds[1].fd, 16) < 0 || pipe2(report, O_NONBLOCK) < 0)
		abort();
	memcpy(&s->address, &at, sizeof at);
	s->address_len = sizeof at;
	s->seen = report[0];
	s->pid = fork();
	if (s->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (poll(fds, 2, 60000) > 0) {
			if (fds[0].revents)
				fake_udp(fds[0].fd, table, report[1]);
			if (fds[1].revents)
				fake_tcp(fds[1].fd, table, report[1]);
		}
		_exit(0);
	}
	(void)close(report[1]);
	(void)close(fds[0].fd);
	(void)close(fds[1].fd);
}

/* A port without a server: queries to it fail with ECONNREFUSED. */
__attribute__((unused)) static void
fake_nobody(struct fake_server *s)
{
	static const struct fake_answer none[] = { { .name = NULL } };

	fake_start(s, none);
	(void)kill(s->pid, SIGKILL);
	(void)waitpid(s->pid, NULL, 0);
	s->pid = -1;
}

__attribute__((unused)) static bool
fake_next_seen(const struct fake_server *s, struct fake_seen *ret)
{
	return read(s->seen, ret, sizeof *ret) == (ssize_t)sizeof *ret;
}

__attribute__((unused)) static size_t
fake_seen_count(const struct fake_server *s)
{
	struct fake_seen seen;
	size_t n = 0;

	while (fake_next_seen(s, &seen))
		n++;
	return n;
}

__attribute__((unused)) static void
fake_stop(struct fake_server *s)
{
	if (s->pid > 0) {
		(void)kill(s->pid, SIGKILL);
		(void)waitpid(s->pid, NULL, 0);
	}
	(void)close(s->seen);
	s->pid = -1;
}

#endif
