// SPDX-License-Identifier: ISC
/*
 * Calls that are always allowed are bits of a map, whose words are constants of the program.  The
 * others are compared one after the other, before it.
 *
 * The kernel runs a new program for each number of a call, to find those that it always allows;
 * that took most of the time of loading it.  It gives up at the first step it cannot follow, such
 * as TAX, so that step is near the start.
 */
#include "base/seccomp.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/large.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0				/* no filter: the numbers are not known */
#endif

#define PROGRAM_MAX 2560
#define WORD_BITS 32
#define LOW_HALF (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 4)
#define RULE_STEPS (3 * SECCOMP_TESTS + 3)	/* of one rule at most, with its returns */
#define WORD_STEPS 3
#define OTHER_STEPS 16

static_assert(SECCOMP_RULES_MAX * (RULE_STEPS + 1) + SECCOMP_WORDS * WORD_STEPS + OTHER_STEPS <
    PROGRAM_MAX, "any table has room");

struct program {
	struct sock_filter steps[PROGRAM_MAX];
	unsigned n;
	uint32_t otherwise;
};

static void
add_step(struct program *p, unsigned code, uint32_t k, unsigned yes, unsigned no)
{
	p->steps[p->n++] = (struct sock_filter){
		.code = (uint16_t)code, .jt = (uint8_t)yes, .jf = (uint8_t)no, .k = k,
	};
}

static void
add_return(struct program *p, uint32_t value)
{
	add_step(p, BPF_RET | BPF_K, value, 0, 0);
}

static bool
is_plain(const struct seccomp_rule *r)
{
	return r->error == 0 && r->tests[0].arg == 0;
}

/* The half of an argument in struct seccomp_data. */
static uint32_t
place_of(unsigned arg)
{
	const bool high = arg >= SECCOMP_HIGH;
	const unsigned n = arg % SECCOMP_HIGH - 1;

	return (uint32_t)offsetof(struct seccomp_data, args) + 8 * n +
	    (high ? 4 - LOW_HALF : LOW_HALF);
}

/* The steps of one rule; the next rule of the call follows them. */
static void
add_rule(struct program *p, const struct seccomp_rule *r)
{
	unsigned fail[SECCOMP_TESTS] = { 0 }, nfail = 0;

	for (size_t i = 0; i < SECCOMP_TESTS && r->tests[i].arg; i++) {
		const struct seccomp_test *t = &r->tests[i];

		add_step(p, BPF_LD | BPF_W | BPF_ABS, place_of(t->arg), 0, 0);
		if (t->mask != UINT32_MAX)
			add_step(p, BPF_ALU | BPF_AND | BPF_K, t->mask, 0, 0);
		fail[nfail++] = p->n;
		add_step(p, BPF_JMP | BPF_JEQ | BPF_K, t->value, 0, 0);
	}
	add_return(p, r->error ? SECCOMP_RET_ERRNO | (uint32_t)r->error : SECCOMP_RET_ALLOW);
	while (nfail-- > 0)
		p->steps[fail[nfail]].jf = (uint8_t)(p->n - fail[nfail] - 1);
}

/* All rules of the call of rules[0]; they add up. */
static void
add_call(struct program *p, const struct seccomp_rule *const *rules, size_t n)
{
	const unsigned at = p->n;

	add_step(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)rules[0]->call, 0, 0);
	for (size_t i = 0; i < n; i++)
		if (rules[i]->call == rules[0]->call)
			add_rule(p, rules[i]);
	add_return(p, p->otherwise);
	p->steps[at].jf = (uint8_t)(p->n - at - 1);
}

static bool
is_allowed(const struct seccomp *f, int call)
{
	return (f->allowed[call / WORD_BITS] >> (call % WORD_BITS) & 1) != 0;
}

/* Calls that depend on arguments, or fail with an errno of their own. */
static void
add_rules(struct program *p, const struct seccomp *f)
{
	for (size_t i = 0; i < f->n; i++) {
		size_t first = 0;

		while (f->rules[first]->call != f->rules[i]->call)
			first++;
		if (first == i && !is_allowed(f, f->rules[i]->call))
			add_call(p, f->rules + i, f->n - i);
	}
}

/* X is the place of the call in its word, A the number of the call. */
static void
add_map(struct program *p, const struct seccomp *f)
{
	unsigned words[SECCOMP_WORDS] = { 0 }, nwords = 0;

	add_step(p, BPF_ALU | BPF_RSH | BPF_K, 5, 0, 0);
	for (unsigned i = 0; i < SECCOMP_WORDS; i++) {
		if (f->allowed[i] == 0)
			continue;
		add_step(p, BPF_JMP | BPF_JEQ | BPF_K, i, 0, 2);
		add_step(p, BPF_LD | BPF_IMM, f->allowed[i], 0, 0);
		words[nwords++] = p->n;
		add_step(p, BPF_JMP | BPF_JA, 0, 0, 0);
	}
	add_return(p, p->otherwise);
	while (nwords-- > 0)
		p->steps[words[nwords]].k = p->n - words[nwords] - 1;
	add_step(p, BPF_ALU | BPF_RSH | BPF_X, 0, 0, 0);
	add_step(p, BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1);
	add_return(p, SECCOMP_RET_ALLOW);
	add_return(p, p->otherwise);
}

void
seccomp_add(struct seccomp *f, const struct seccomp_rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const int call = rules[i].call;

		if (call < 0 || call >= SECCOMP_WORDS * WORD_BITS)
			continue;
		if (is_plain(&rules[i]))
			f->allowed[call / WORD_BITS] |= UINT32_C(1) << (call % WORD_BITS);
		else if (f->n < SECCOMP_RULES_MAX)
			f->rules[f->n++] = &rules[i];
	}
}

static int
enforce(const struct seccomp *f, uint32_t otherwise, unsigned flags)
{
	static LARGE struct program p;
	struct sock_fprog program = { .filter = p.steps };

	if (SECCOMP_SANITIZER || ARCH == 0)
		return -ENOTSUP;
	p.n = 0;
	p.otherwise = otherwise;
	add_step(&p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	add_step(&p, BPF_ALU | BPF_AND | BPF_K, WORD_BITS - 1, 0, 0);
	add_step(&p, BPF_MISC | BPF_TAX, 0, 0, 0);
	add_step(&p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	add_step(&p, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	add_return(&p, SECCOMP_RET_KILL_PROCESS);
	add_step(&p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	/* The number of an x32 call has bit 30 set, so it is no rule's. */
	add_rules(&p, f);
	add_map(&p, f);
	program.len = (unsigned short)p.n;
	if (flags)
		return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) ? -errno : 0;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
}

const char *
seccomp_reason(int error)
{
	switch (error) {
	case -ENOTSUP:
		return SECCOMP_SANITIZER ? "a build with sanitizers has none" :
		    "smtp-handler has tables for x86-64 and arm64 only, not for this machine";
	case -EINVAL:
		return "this kernel has none";
	default:
		return "the kernel forbids it";
	}
}

int
seccomp_enforce(const struct seccomp *f, uint32_t otherwise)
{
	return enforce(f, otherwise, 0);
}

int
seccomp_enforce_threads(const struct seccomp *f, uint32_t otherwise)
{
	return enforce(f, otherwise, SECCOMP_FILTER_FLAG_TSYNC);
}
