// SPDX-License-Identifier: ISC
/*
 * A library for LD_PRELOAD that changes what the children of a program send over local sockets, as
 * a child can that a peer has taken over; and the programs that it starts, such as smtp-shared.
 * GARBLE=SEED:N changes one datagram in N: bits, numbers at their limits, its end, or its
 * repetition.  The file GARBLE_COUNT has the numbers of random numbers and of changes, in 8 octets
 * each.  GARBLE_PROGRAM is for the library itself: the first program, whose frames stay whole.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define OCTETS_MAX 65536

/* The file: all processes draw different numbers. */
static struct {
	uint64_t drawn, changed;
} *counts;
static uint64_t seed, one_in;
static pid_t program;

static uint64_t
draw(void)
{
	uint64_t x = seed + 0x9e3779b97f4a7c15U * (1 + __atomic_fetch_add(&counts->drawn, 1,
	    __ATOMIC_RELAXED));

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
	x = (x ^ x >> 27) * 0x94d049bb133111ebU;
	return x ^ x >> 31;
}

static size_t
below(size_t n)
{
	return n ? (size_t)(draw() % n) : 0;
}

__attribute__((constructor)) static void
begin_garbling(void)
{
	const char *text = getenv("GARBLE"), *path = getenv("GARBLE_COUNT");
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	void *map = MAP_FAILED;
	char *end, space[24];

	if (fd >= 0 && ftruncate(fd, sizeof *counts) == 0)
		map = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		(void)close(fd);
	if (!text || map == MAP_FAILED)
		return;
	seed = strtoull(text, &end, 10);
	one_in = *end == ':' ? strtoull(end + 1, NULL, 10) : 0;
	counts = map;
	text = getenv("GARBLE_PROGRAM");
	program = text ? (pid_t)strtol(text, NULL, 10) : getpid();
	(void)snprintf(space, sizeof space, "%ld", (long)program);
	(void)setenv("GARBLE_PROGRAM", space, 1);
}

static bool
is_wanted(int fd)
{
	int domain = 0;
	socklen_t n = sizeof domain;

	return counts && one_in && getpid() != program &&
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) == 0 && domain == AF_UNIX &&
	    below(one_in) == 0;
}

static void
set_number(unsigned char *p, size_t n)
{
	static const uint64_t limits[] = {
		0, 1, UINT64_MAX, INT64_MAX, (uint64_t)1 << 63, UINT32_MAX, INT32_MAX,
		(uint64_t)1 << 31, 1000, 1001, 65535,
	};
	const size_t size = below(2) ? 4 : 8;
	const uint64_t value = limits[below(sizeof limits / sizeof limits[0])];

	if (n >= size)
		memcpy(p + below(n / size) * size, &value, size);
}

/* Change octets in place; their new number. */
static size_t
garble(unsigned char *p, size_t n)
{
	const size_t at = below(n), some = n ? 1 + below(n - at < 64 ? n - at : 64) : 0;

	(void)__atomic_fetch_add(&counts->changed, 1, __ATOMIC_RELAXED);
	switch (n ? below(6) : 0) {
	case 1:
		p[at] ^= (unsigned char)(1U << below(8));
		break;
	case 2:
		for (size_t i = 0; i < some; i++)
			p[at + i] = (unsigned char)draw();
		break;
	case 3:
		return at;
	case 4:
		memset(p + at, below(2) ? 0 : 0xff, some);
		break;
	case 5:
		p[0] = (unsigned char)below(20);	/* the type of a frame */
		break;
	default:
		set_number(p, n);
	}
	return n;
}

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	static ssize_t (*real)(int, const struct msghdr *, int);
	static unsigned char octets[OCTETS_MAX];
	struct msghdr changed = *m;
	struct iovec all = { octets, 0 };
	size_t n = 0;
	ssize_t r;

	if (!real)
		real = (ssize_t (*)(int, const struct msghdr *, int))dlsym(RTLD_NEXT, "sendmsg");
	if (!is_wanted(fd))
		return real(fd, m, flags);
	for (size_t i = 0; i < m->msg_iovlen; i++) {
		const struct iovec *v = &m->msg_iov[i];

		if (v->iov_len > sizeof octets - n)
			return real(fd, m, flags);
		memcpy(octets + n, v->iov_base, v->iov_len);
		n += v->iov_len;
	}
	all.iov_len = garble(octets, n);
	changed.msg_iov = &all;
	changed.msg_iovlen = 1;
	r = real(fd, &changed, flags);
	if (r >= 0 && below(8) == 0)
		(void)real(fd, &changed, flags | MSG_DONTWAIT);
	return r < 0 ? r : (ssize_t)n;
}

ssize_t
send(int fd, const void *octets, size_t n, int flags)
{
	static ssize_t (*real)(int, const void *, size_t, int);
	struct iovec all = { (void *)(uintptr_t)octets, n };
	const struct msghdr m = { .msg_iov = &all, .msg_iovlen = 1 };

	if (!real)
		real = (ssize_t (*)(int, const void *, size_t, int))dlsym(RTLD_NEXT, "send");
	return counts && one_in ? sendmsg(fd, &m, flags) : real(fd, octets, n, flags);
}
