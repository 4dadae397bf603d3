// SPDX-License-Identifier: ISC
/*
 * Filters of system calls from tables of rules, without a library.  Each session loads one, so they
 * are short.
 */
#ifndef BASE_SECCOMP_H
#define BASE_SECCOMP_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

/* A sanitizer reads /proc at exit, and needs more system calls: its builds have no walls. */
#if defined(__SANITIZE_ADDRESS__)
#define SECCOMP_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define SECCOMP_SANITIZER 1
#endif
#endif
#ifndef SECCOMP_SANITIZER
#define SECCOMP_SANITIZER 0
#endif

#define SECCOMP_RULES_MAX 160
#define SECCOMP_WORDS	  16	/* calls have numbers up to 511 */

#define SECCOMP_HIGH  8
#define SECCOMP_TESTS 3

struct seccomp_test {
	unsigned arg;			/* of the call, from 1, + SECCOMP_HIGH; 0: no test */
	/* The bits in mask must be those of value.  Only a half of the argument is compared: the
	 * low one, as the kernel uses no more of an int, or with SECCOMP_HIGH the other. */
	uint32_t mask, value;
};

/* A call is allowed if all tests of one of its rules hold. */
struct seccomp_rule {
	int call;
	int error;			/* fail with this errno instead */
	struct seccomp_test tests[SECCOMP_TESTS];
};

#define SECCOMP_CALL(name) { .call = __NR_##name }
#define SECCOMP_FAIL(name, errno_) { .call = __NR_##name, .error = (errno_) }
/* The call with this value of an argument. */
#define SECCOMP_WITH(name, n, v)                                                              \
	{ .call = __NR_##name, .tests = { { (n), UINT32_MAX, (uint32_t)(v) } } }
#define SECCOMP_WITH_2(name, n, v, n2, v2)                                                    \
	{ .call = __NR_##name, .tests = { { (n), UINT32_MAX, (uint32_t)(v) },                  \
	    { (n2), UINT32_MAX, (uint32_t)(v2) } } }
/* socket(2) for this family, type and protocol; SOCK_NONBLOCK and SOCK_CLOEXEC do not matter. */
#define SECCOMP_SOCKET(family, type, protocol)                                                \
	{ .call = __NR_socket,                                                                \
	    .tests = { { 1, UINT32_MAX, (uint32_t)(family) }, { 2, 0xf, (uint32_t)(type) },    \
		{ 3, UINT32_MAX, (uint32_t)(protocol) } } }
/* Sockets of IPv4 and IPv6, and of no other protocol: MPTCP would pass by rules for TCP. */
#define SECCOMP_INET                                                                          \
	SECCOMP_SOCKET(AF_INET, SOCK_STREAM, 0), SECCOMP_SOCKET(AF_INET, SOCK_DGRAM, 0),      \
	SECCOMP_SOCKET(AF_INET6, SOCK_STREAM, 0), SECCOMP_SOCKET(AF_INET6, SOCK_DGRAM, 0)
/* The call without a pointer, whose both halves count. */
#define SECCOMP_NULL(name, n)                                                                 \
	{ .call = __NR_##name, .tests = { { (n), UINT32_MAX, 0 },                             \
	    { (n) + SECCOMP_HIGH, UINT32_MAX, 0 } } }
/* The call without these bits in an argument. */
#define SECCOMP_WITHOUT(name, n, bits)                                                        \
	{ .call = __NR_##name, .tests = { { (n), (uint32_t)(bits), 0 } } }

struct seccomp {
	uint32_t allowed[SECCOMP_WORDS];	/* a bit for each call that is always allowed */
	const struct seccomp_rule *rules[SECCOMP_RULES_MAX];
	size_t n;
};

/* Add a table of rules, which must outlive the filter.  Rules of a call add up.  Rules with a test
 * or an errno above SECCOMP_RULES_MAX are left out: their calls are not allowed. */
void seccomp_add(struct seccomp *f, const struct seccomp_rule *rules, size_t n);

#define SECCOMP_ADD(f, table) seccomp_add((f), (table), sizeof(table) / sizeof(table)[0])

/* Add the calls that each library needs and that reach nothing outside the process: for its memory
 * but new maps, for time, random octets, its signals, and its end. */
void seccomp_add_process(struct seccomp *f);

#define SECCOMP_STEPS_MAX 2560

/* A filter that can be loaded again and again. */
struct seccomp_program {
	unsigned n;
	uint32_t otherwise;
	struct sock_filter steps[SECCOMP_STEPS_MAX];
};

/*
 * Make a program of f.  outer is the filter that the process is under when it loads the program, or
 * NULL: the program is shorter if it needs to deny only what outer allows.  `otherwise` is as for
 * seccomp_enforce().
 */
void seccomp_build(struct seccomp_program *p, const struct seccomp *f,
    const struct seccomp *outer, uint32_t otherwise);

/* Filter this process and its later children, as seccomp_enforce() does. */
int seccomp_load(const struct seccomp_program *p);

/* Filter this process and its later children, for good.  The process must have
 * PR_SET_NO_NEW_PRIVS.  `otherwise` is what happens to all other calls, such as
 * SECCOMP_RET_KILL_PROCESS.  0 or -errno; seccomp_reason() has its text. */
int seccomp_enforce(const struct seccomp *f, uint32_t otherwise);

/* The same for all threads of this process. */
int seccomp_enforce_threads(const struct seccomp *f, uint32_t otherwise);

/* The cause of an error of seccomp_enforce(). */
const char *seccomp_reason(int error);

#endif
