// SPDX-License-Identifier: ISC
/*
 * IP addresses as text and networks in CIDR notation.
 */
#ifndef BASE_CIDR_H
#define BASE_CIDR_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/buf.h"

/* Which addresses of hosts may be used. */
enum address_family { FAMILY_ANY, FAMILY_IPV4, FAMILY_IPV6 };

struct address_list {
	struct sockaddr_storage *list;
	size_t n;
};

struct cidr {
	int family;		/* AF_INET or AF_INET6 */
	unsigned bits;
	unsigned char address[16];
};

/* "127.0.0.0/8", "::1", "[2001:db8::]/32"; false when it is none. */
bool cidr_parse(struct slice text, struct cidr *ret);

/* One address of that family, without brackets or scope, as 4 or 16 octets. */
bool ip_parse(int family, struct slice text, void *ret);

/* An IPv4-mapped IPv6 address (::ffff:a.b.c.d) matches as the IPv4 address it stands for. */
bool cidr_match(const struct cidr *net, const struct sockaddr *sa);

/* "192.0.2.1", "2001:db8::1", "fe80::1%2": mapped IPv4 is unmapped, the port is left out.
 * Nothing for other families. */
void address_text(struct buf *b, const struct sockaddr *sa);

/* ADDR, ADDR:PORT, ADDR@PORT, [ADDR], [ADDR]:PORT, with a scope (%eth0) for IPv6.  No names, no DNS.
 * *ret_len gets the length; port stays default_port where the text has none. */
bool address_parse(struct slice text, uint16_t default_port, struct sockaddr_storage *ret, socklen_t *ret_len);

/* The port of an AF_INET or AF_INET6 address, in host order; 0 for others. */
uint16_t address_port(const struct sockaddr *sa);
void address_set_port(struct sockaddr *sa, uint16_t port);

/* The length of an address of AF_INET or AF_INET6. */
socklen_t address_len(int family);

/* ::ffff:a.b.c.d becomes plain AF_INET, anything else stays. */
void address_unmap(struct sockaddr_storage *ss, socklen_t *len);

/* 127.0.0.0/8, also mapped, and ::1. */
bool address_is_loopback(const struct sockaddr_storage *ss);

#endif
