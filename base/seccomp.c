// SPDX-License-Identifier: ISC
/*
 * The rules are sorted by the number of their call.  Up to LEAF calls are compared one after the
 * other; above that, the numbers are halved.
 */
#include "base/seccomp.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <sys/prctl.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0				/* no filter: the numbers are not known */
#endif

#define LEAF 6
#define PROGRAM_MAX 2048
#define LOW_HALF (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 4)
#define RULE_STEPS 8			/* of one rule at most: two tests and a return */

static_assert(SECCOMP_RULES_MAX * (RULE_STEPS + 4) < PROGRAM_MAX, "any table has room");

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

/* The steps of one rule; the next rule of the call follows them. */
static void
add_rule(struct program *p, const struct seccomp_rule *r)
{
	unsigned fail[2] = { 0 }, nfail = 0;

	for (size_t i = 0; i < 2 && r->tests[i].arg; i++) {
		const struct seccomp_test *t = &r->tests[i];

		add_step(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, args)
		    + 8 * (t->arg - 1) + LOW_HALF, 0, 0);
		if (t->mask != UINT32_MAX)
			add_step(p, BPF_ALU | BPF_AND | BPF_K, t->mask, 0, 0);
		fail[nfail++] = p->n;
		add_step(p, BPF_JMP | BPF_JEQ | BPF_K, t->value, 0, 0);
	}
	add_return(p, r->error ? SECCOMP_RET_ERRNO | (uint32_t)r->error : SECCOMP_RET_ALLOW);
	while (nfail-- > 0)
		p->steps[fail[nfail]].jf = (uint8_t)(p->n - fail[nfail] - 1);
}

/* The number of rules from here on that concern the same call. */
static size_t
count_same(const struct seccomp_rule *const *rules, size_t n)
{
	size_t same = 1;

	while (same < n && rules[same]->call == rules[0]->call)
		same++;
	return same;
}

/* Compare the number with each call.  Plain ones share one return. */
static void
add_leaf(struct program *p, const struct seccomp_rule *const *rules, size_t n)
{
	unsigned plain[LEAF] = { 0 };
	size_t nplain = 0;

	for (size_t i = 0, same; i < n; i += same) {
		const unsigned at = p->n;

		same = count_same(rules + i, n - i);
		add_step(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)rules[i]->call, 0, 0);
		if (is_plain(rules[i])) {
			plain[nplain++] = at;
			continue;
		}
		for (size_t j = 0; j < same; j++)
			add_rule(p, rules[i + j]);
		add_return(p, p->otherwise);
		p->steps[at].jf = (uint8_t)(p->n - at - 1);
	}
	add_return(p, p->otherwise);
	while (nplain-- > 0)
		p->steps[plain[nplain]].jt = (uint8_t)(p->n - plain[nplain] - 1);
	add_return(p, SECCOMP_RET_ALLOW);
}

/* At most LEAF calls, and so few steps that a jump passes them. */
static bool
fits_leaf(const struct seccomp_rule *const *rules, size_t n)
{
	size_t calls = 0;

	for (size_t i = 0; i < n; i += count_same(rules + i, n - i))
		calls++;
	return calls == 1 || (calls <= LEAF && n * RULE_STEPS < UINT8_MAX);
}

static void
add_tree(struct program *p, const struct seccomp_rule *const *rules, size_t n)
{
	size_t middle = n / 2;
	unsigned jump;

	if (n == 0 || fits_leaf(rules, n)) {
		add_leaf(p, rules, n);
		return;
	}
	while (middle > 1 && rules[middle - 1]->call == rules[middle]->call)
		middle--;
	if (rules[middle - 1]->call == rules[middle]->call)
		middle = count_same(rules, n);
	add_step(p, BPF_JMP | BPF_JGE | BPF_K, (uint32_t)rules[middle]->call, 0, 1);
	jump = p->n;
	add_step(p, BPF_JMP | BPF_JA, 0, 0, 0);
	add_tree(p, rules, middle);
	p->steps[jump].k = p->n - jump - 1;
	add_tree(p, rules + middle, n - middle);
}

/* By the number of the call; of one call, the rules without a test or an error come first. */
static bool
is_before(const struct seccomp_rule *a, const struct seccomp_rule *b)
{
	return a->call != b->call ? a->call < b->call : is_plain(a) && !is_plain(b);
}

void
seccomp_add(struct seccomp *f, const struct seccomp_rule *rules, size_t n)
{
	for (size_t i = 0; i < n && f->n < SECCOMP_RULES_MAX; i++) {
		size_t at = f->n++;

		for (; at > 0 && is_before(&rules[i], f->rules[at - 1]); at--)
			f->rules[at] = f->rules[at - 1];
		f->rules[at] = &rules[i];
	}
}

int
seccomp_enforce(struct seccomp *f, uint32_t otherwise)
{
	static struct program p;
	struct sock_fprog program = { .filter = p.steps };

	if (SECCOMP_SANITIZER || ARCH == 0)
		return -ENOTSUP;
	p.n = 0;
	p.otherwise = otherwise;
	add_step(&p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	add_step(&p, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	add_return(&p, SECCOMP_RET_KILL_PROCESS);
	add_step(&p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	/* The number of an x32 call has bit 30 set, so it is no rule's. */
	add_tree(&p, f->rules, f->n);
	program.len = (unsigned short)p.n;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
}
