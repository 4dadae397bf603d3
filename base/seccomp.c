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
#include <stdbool.h>
#include <sys/mman.h>
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

#define WORD_BITS 32
#define LOW_HALF (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 4)
#define RULE_STEPS (3 * SECCOMP_TESTS + 3)	/* of one rule at most, with its returns */
#define NEAR_RULES 16			/* of one call: a jump over their steps is short enough */
#define WORD_STEPS 3
#define OTHER_STEPS 16

static_assert(NEAR_RULES * RULE_STEPS + 2 < 256, "a jump has 8 bits");
static_assert(SECCOMP_RULES_MAX * (RULE_STEPS + 2) + SECCOMP_WORDS * WORD_STEPS + OTHER_STEPS <
    SECCOMP_STEPS_MAX, "any table has room");

static void
add_step(struct seccomp_program *p, unsigned code, uint32_t k, unsigned yes, unsigned no)
{
	p->steps[p->n++] = (struct sock_filter){
		.code = (uint16_t)code, .jt = (uint8_t)yes, .jf = (uint8_t)no, .k = k,
	};
}

static void
add_return(struct seccomp_program *p, uint32_t value)
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

/* The steps of one rule; the next rule of the call follows them.  had is the argument that is
 * loaded already, or 0.  Unless the end is far, the step that allows is to be aimed at it: it is
 * the result, or 0. */
static unsigned
add_rule(struct seccomp_program *p, const struct seccomp_rule *r, unsigned had, bool far)
{
	unsigned fail[SECCOMP_TESTS] = { 0 }, nfail = 0, last;

	for (size_t i = 0; i < SECCOMP_TESTS && r->tests[i].arg; i++) {
		const struct seccomp_test *t = &r->tests[i];

		if (i > 0 || t->arg != had)
			add_step(p, BPF_LD | BPF_W | BPF_ABS, place_of(t->arg), 0, 0);
		if (t->mask != UINT32_MAX)
			add_step(p, BPF_ALU | BPF_AND | BPF_K, t->mask, 0, 0);
		fail[nfail++] = p->n;
		add_step(p, BPF_JMP | BPF_JEQ | BPF_K, t->value, 0, 0);
	}
	last = r->error == 0 && nfail && !far ? fail[nfail - 1] : 0;
	if (last == 0)
		add_return(p, r->error ? SECCOMP_RET_ERRNO | (uint32_t)r->error :
		    SECCOMP_RET_ALLOW);
	while (nfail-- > 0)
		p->steps[fail[nfail]].jf = (uint8_t)(p->n - fail[nfail] - 1);
	return last;
}

/* The argument that is loaded behind a rule that did not hold; 0 if that is not sure. */
static unsigned
left_by(const struct seccomp_rule *r)
{
	return r->tests[1].arg == 0 && r->tests[0].mask == UINT32_MAX ? r->tests[0].arg : 0;
}

/* All rules of the call of rules[0]; they add up. */
static void
add_call(struct seccomp_program *p, const struct seccomp_rule *const *rules, size_t n)
{
	unsigned at = p->n, had = 0, aims[SECCOMP_RULES_MAX], naims = 0, nrules = 0;
	bool far;

	for (size_t i = 0; i < n; i++)
		nrules += rules[i]->call == rules[0]->call;
	far = nrules > NEAR_RULES;
	add_step(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)rules[0]->call, far, 0);
	if (far)
		add_step(p, BPF_JMP | BPF_JA, 0, 0, 0);
	for (size_t i = 0; i < n; i++) {
		if (rules[i]->call != rules[0]->call)
			continue;
		aims[naims] = add_rule(p, rules[i], had, far);
		naims += aims[naims] != 0;
		had = left_by(rules[i]);
	}
	add_return(p, p->otherwise);
	if (naims) {
		add_return(p, SECCOMP_RET_ALLOW);
		for (size_t i = 0; i < naims; i++)
			p->steps[aims[i]].jt = (uint8_t)(p->n - aims[i] - 2);
	}
	if (far)
		p->steps[at + 1].k = p->n - at - 2;
	else
		p->steps[at].jf = (uint8_t)(p->n - at - 1);
}

static bool
is_allowed(const struct seccomp *f, int call)
{
	return (f->allowed[call / WORD_BITS] >> (call % WORD_BITS) & 1) != 0;
}

static bool
is_same(const struct seccomp_rule *a, const struct seccomp_rule *b)
{
	for (size_t i = 0; i < SECCOMP_TESTS; i++)
		if (a->tests[i].arg != b->tests[i].arg || a->tests[i].mask != b->tests[i].mask ||
		    a->tests[i].value != b->tests[i].value)
			return false;
	return a->error == b->error;
}

/* The next rule of a call from *at on; NULL: none. */
static const struct seccomp_rule *
next_rule(const struct seccomp *f, int call, size_t *at)
{
	while (*at < f->n)
		if (f->rules[(*at)++]->call == call)
			return f->rules[*at - 1];
	return NULL;
}

/* Has outer the same rules for a call? */
static bool
has_same(const struct seccomp *outer, const struct seccomp *f, int call)
{
	size_t i = 0, j = 0;

	if (is_allowed(outer, call))
		return false;
	for (;;) {
		const struct seccomp_rule *a = next_rule(f, call, &i);
		const struct seccomp_rule *b = next_rule(outer, call, &j);

		if (!a || !b)
			return a == b;
		if (!is_same(a, b))
			return false;
	}
}

/* Calls that depend on arguments, or fail with an errno of their own. */
static void
add_rules(struct seccomp_program *p, const struct seccomp *f, const struct seccomp *outer)
{
	for (size_t i = 0; i < f->n; i++) {
		const int call = f->rules[i]->call;
		size_t first = 0;

		while (f->rules[first]->call != call)
			first++;
		if (first == i && !is_allowed(f, call) && !(outer && has_same(outer, f, call)))
			add_call(p, f->rules + i, f->n - i);
	}
}

static bool
has_call(const struct seccomp *f, int call)
{
	size_t at = 0;

	return is_allowed(f, call) || next_rule(f, call, &at) != NULL;
}

static bool
is_denied(const struct seccomp *f, const struct seccomp *outer, int call)
{
	return has_call(outer, call) && !has_call(f, call);
}

/* Can a program within outer be shorter than one that stands alone?  It must also be short enough
 * for its jumps. */
static bool
is_near(const struct seccomp *f, const struct seccomp *outer)
{
	unsigned n = 0;

	for (int call = 0; call < SECCOMP_WORDS * WORD_BITS; call++)
		n += is_denied(f, outer, call);
	return n < SECCOMP_WORDS * WORD_STEPS;
}

/* Within outer: all that is left are calls that outer has and f has not. */
static void
add_denials(struct seccomp_program *p, const struct seccomp *f, const struct seccomp *outer)
{
	const unsigned first = p->n;

	for (int call = 0; call < SECCOMP_WORDS * WORD_BITS; call++)
		if (is_denied(f, outer, call))
			add_step(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 0);
	for (unsigned at = first; at < p->n; at++)
		p->steps[at].jt = (uint8_t)(p->n - at);
	add_return(p, SECCOMP_RET_ALLOW);
	add_return(p, p->otherwise);
}

/* X is the place of the call in its word, A the number of the call. */
static void
add_map(struct seccomp_program *p, const struct seccomp *f)
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

void
seccomp_add_process(struct seccomp *f)
{
	static const struct seccomp_rule calls[] = {
		SECCOMP_WITHOUT(mprotect, 3, PROT_EXEC), SECCOMP_CALL(munmap),
		SECCOMP_CALL(mremap), SECCOMP_CALL(brk), SECCOMP_CALL(madvise),
		SECCOMP_CALL(futex), SECCOMP_CALL(clock_gettime), SECCOMP_CALL(gettimeofday),
		SECCOMP_CALL(getrandom), SECCOMP_CALL(rt_sigprocmask), SECCOMP_CALL(rt_sigaction),
		SECCOMP_CALL(rt_sigreturn), SECCOMP_CALL(restart_syscall), SECCOMP_CALL(getpid),
		SECCOMP_CALL(gettid), SECCOMP_CALL(exit), SECCOMP_CALL(exit_group),
	};
	static struct seccomp_rule own_signal;		/* abort(3) */

	own_signal = (struct seccomp_rule)SECCOMP_WITH(tgkill, 1, getpid());
	SECCOMP_ADD(f, calls);
	seccomp_add(f, &own_signal, 1);
}

/* The first steps of a filter that stands alone. */
static void
begin_alone(struct seccomp_program *p)
{
	add_step(p, BPF_ALU | BPF_AND | BPF_K, WORD_BITS - 1, 0, 0);
	add_step(p, BPF_MISC | BPF_TAX, 0, 0, 0);
	add_step(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	add_step(p, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	add_return(p, SECCOMP_RET_KILL_PROCESS);
	add_step(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
}

void
seccomp_build(struct seccomp_program *p, const struct seccomp *f, const struct seccomp *outer,
    uint32_t otherwise)
{
	if (outer && !is_near(f, outer))
		outer = NULL;
	p->n = 0;
	p->otherwise = otherwise;
	add_step(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	if (outer)
		add_step(p, BPF_MISC | BPF_TAX, 0, 0, 0);
	else
		begin_alone(p);
	/* The number of an x32 call has bit 30 set, so it is no rule's. */
	add_rules(p, f, outer);
	if (outer)
		add_denials(p, f, outer);
	else
		add_map(p, f);
}

static int
load(const struct seccomp_program *p, unsigned flags)
{
	const struct sock_fprog program = {
		.len = (unsigned short)p->n,
		.filter = (struct sock_filter *)(uintptr_t)p->steps,	/* only read */
	};

	if (SECCOMP_SANITIZER || ARCH == 0)
		return -ENOTSUP;
	if (flags)
		return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) ? -errno : 0;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
}

int
seccomp_load(const struct seccomp_program *p)
{
	return load(p, 0);
}

static int
enforce(const struct seccomp *f, uint32_t otherwise, unsigned flags)
{
	static LARGE struct seccomp_program p;

	seccomp_build(&p, f, NULL, otherwise);
	return load(&p, flags);
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
