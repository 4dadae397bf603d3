// SPDX-License-Identifier: ISC
#include "queue/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/aside.h"
#include "queue/by_host.h"
#include "queue/operator.h"
#include "queue/run.h"
#include "tests/lib/queue_all.h"
#include "tests/lib/tap.h"
#include "tests/unit/queue_faults.h"

#define TERM_MS 200

static char directory[] = "/tmp/lease_test.XXXXXX";

/* A queue as one machine has it open. */
static struct queue
open_queue(void)
{
	struct queue q;

	if (queue_open(&q, directory, QUEUE_RUN) < 0)
		exit(1);
	return q;
}

static struct queue
joined(const char *name)
{
	struct queue q = open_queue();

	(void)queue_lease_join(&q, name, TERM_MS);
	return q;
}

static void
put_file(const struct queue *q, const char *text, size_t n)
{
	const int fd = openat(q->tmp, QUEUE_LEASE, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	(void)!write(fd, text, n);
	(void)close(fd);
}

static void
check_join(void)
{
	struct queue a = open_queue(), b = open_queue();
	struct queue_lease_state s;

	ok(queue_lease_check(&a) == 0 && queue_lease_wait(a.lease), "no lease forbids nothing");
	ok(queue_lease_read(&a, &s) == -ENOENT, "and there is none to read");
	ok(queue_lease_join_away(&a, "mx1", TERM_MS) == -ENOENT && !a.lease,
	    "a tool makes no lease");
	ok(queue_lease_join(&a, "mx1", TERM_MS) == 0, "the first process makes the lease");
	ok(queue_lease_read(&a, &s) == 0 && strcmp(s.home, "mx1") == 0 &&
	    strcmp(s.holder, "mx1") == 0 && s.generation == 1 && !s.released,
	    "home and holder are its machine");
	ok(queue_lease_join(&b, "mx1", TERM_MS) == 0, "a second process joins it");
	ok(queue_lease_check(&a) == 0 && queue_lease_check(&b) == 0, "both may work");
	queue_close(&b);
	b = open_queue();
	ok(queue_lease_join(&b, "mx2", TERM_MS) == -EREMOTE, "another machine may not");
	ok(queue_lease_check(&b) == -EREMOTE && queue_lease_lost(&b), "and knows that for good");
	queue_close(&a);
	queue_close(&b);
}

static int
take(const char *name, bool fenced, bool back, struct queue *q)
{
	const struct queue_lease_taking t = {
		.name = name, .term_ms = TERM_MS, .seen_ms = 50, .fenced = fenced, .back = back,
	};

	*q = open_queue();
	return queue_lease_take(q, &t);
}

static unsigned losses;

static void
count_loss(void *ctx)
{
	(void)ctx;
	losses++;
}

/* A machine that has lost its queue also leaves the notes about messages and hosts as they are. */
static void
check_notes(const struct queue *q)
{
	static const char id[] = "0000000000000000";

	ok(queue_death(q, id, "x") == -EREMOTE, "it notes no death");
	ok(queue_put_aside(q, q->cur, id) == -EREMOTE, "and moves no such note");
	ok(queue_aside_settled(q, id, "x") == -EREMOTE, "nor marks one");
	ok(queue_by_host_add(q, "mx.example", 1, id) == -EREMOTE, "it lists no message for a host");
	ok(queue_unask(q, id, QUEUE_UNDONE) == -EREMOTE, "it answers no operator");
	ok(queue_forgive_hosts(q) == 0 && !queue_hosts_forgiven(q) &&
	    faccessat(q->state, "hosts-forgiven", F_OK, 0) == 0, "and takes no wish");
}

/* The holder is quiet while another machine takes its lease, and then goes on. */
static void
check_take(void)
{
	struct queue a = joined("mx1"), b, c;
	struct queue_lease_state s;

	queue_lease_on_loss(&a, count_loss, NULL);
	ok(take("mx2", false, false, &b) == -EPERM, "a lease in use is not taken unfenced");
	queue_close(&b);
	ok(take("mx2", true, true, &b) == -EINVAL, "only its home takes a queue back");
	queue_close(&b);
	ok(take("mx1", true, false, &b) == -EINVAL, "and its home does not adopt it");
	queue_close(&b);
	ok(take("mx2", true, false, &b) == 0, "a quiet lease is taken");
	ok(queue_lease_check(&b) == 0, "the new holder may work");
	ok(queue_lease_check(&a) == -EREMOTE && losses == 1, "it finds that its lease is lost");
	ok(queue_finish(&a, "0000000000000000") == -EREMOTE, "and removes no message");
	ok(queue_bury(&a, "0000000000000000") == -EREMOTE, "nor buries one");
	check_notes(&a);
	ok(take("mx1", false, true, &c) == -EPERM, "it is not taken back while it is held");
	queue_close(&c);
	ok(queue_lease_release(&b) == 0 && queue_lease_read(&b, &s) == 0 && s.released &&
	    s.generation == 2, "the new holder leaves it");
	ok(take("mx1", false, true, &c) == 0, "then it is taken back at once");
	ok(queue_lease_read(&c, &s) == 0 && strcmp(s.holder, "mx1") == 0 && s.generation == 3,
	    "by its home");
	queue_close(&a);
	queue_close(&b);
	queue_close(&c);
}

/* A process that renews its lease until it is killed. */
static pid_t
keep_renewing(void)
{
	const pid_t child = fork();
	struct queue q;

	if (child != 0)
		return child;
	q = joined("mx1");
	for (;;) {
		(void)queue_lease_renew(&q);
		(void)usleep(TERM_MS * 1000 / 8);
	}
}

static void
check_busy(void)
{
	const pid_t child = keep_renewing();
	struct queue b;

	ok(take("mx2", true, false, &b) == -EBUSY, "a lease that is renewed is not taken");
	queue_close(&b);
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
}

static void
check_damage(void)
{
	struct queue a = open_queue();
	char id[QUEUE_ID_SIZE];
	int64_t begun_us;

	put_file(&a, "home: mx1\n", 10);
	ok(queue_lease_join(&a, "mx1", TERM_MS) == -EBADMSG, "a damaged lease is no lease");
	ok(queue_lease_check(&a) == -EUCLEAN && !queue_lease_lost(&a), "but it is not lost");
	(void)close(openat(a.tmp, "0000000000000001", O_WRONLY | O_CREAT, 0600));
	ok(queue_recover_all(&a) == -EUCLEAN &&
	    faccessat(a.tmp, "0000000000000001", F_OK, 0) == 0,
	    "recovery removes no message then");
	for (int i = 0; i < 20; i++) {
		(void)snprintf(id, sizeof id, "%016d", i);
		(void)close(openat(a.fresh, id, O_WRONLY | O_CREAT, 0600));
	}
	begun_us = clock_us();
	ok(queue_take_new(&a, NULL, NULL) == -EUCLEAN && clock_us() - begun_us < 5000000 &&
	    faccessat(a.fresh, id, F_OK, 0) == 0,
	    "new/ is left alone, without a wait for each message");
	queue_close(&a);
	a = open_queue();
	put_file(&a, "", 0);
	ok(queue_lease_join(&a, "mx1", TERM_MS) == 0 && queue_lease_check(&a) == 0,
	    "an empty file, of a process that died, is no lease");
	queue_close(&a);
}

/* Two terms of one machine, as after a change of the configuration. */
static void
check_terms(void)
{
	struct queue a = joined("mx1"), b = open_queue();
	char text[600] = "";
	int fd;

	(void)queue_lease_renew(&a);
	ok(queue_lease_join(&b, "mx1", TERM_MS * 1000) == 0, "a process with a longer term joins");
	fd = openat(b.tmp, QUEUE_LEASE, O_RDONLY);
	(void)!read(fd, text, sizeof text - 1);
	(void)close(fd);
	ok(strstr(text, "term-ms: 200000\n") != NULL, "and the lease has the longer one at once");
	queue_close(&a);
	queue_close(&b);
}

/* ---- two takers ---- */

static void (*before_create)(void), (*before_rename)(void);

/* Call a hook once. */
static void
call_hook(void (**hook)(void))
{
	void (*const f)(void) = *hook;

	*hook = NULL;
	if (f)
		f();
}

static void
look_before(enum call call)
{
	if (call == CALL_OPENAT && strcmp(faults.name, QUEUE_LEASE ".new") == 0)
		call_hook(&before_create);
	else if (call == CALL_RENAMEAT)
		call_hook(&before_rename);
}

/* A queue of mx1 whose lease another machine has released. */
static void
release_lease(void)
{
	struct queue b;

	if (take("mx4", true, false, &b) != 0 || queue_lease_release(&b) < 0)
		exit(1);
	queue_close(&b);
}

static pid_t other;
static int taken_between;

static void
take_between(void)
{
	struct queue c;

	taken_between = take("mx3", false, false, &c);
	queue_close(&c);
}

static int is_there[2];		/* a pipe */

static void
report_there(void)
{
	(void)!write(is_there[1], "", 1);
}

/* The other taker has come to the same file before this one goes on. */
static void
take_beside(void)
{
	struct queue c;
	char octet;

	if (pipe(is_there) < 0)
		exit(1);
	other = fork();
	if (other == 0) {
		before_create = report_there;
		_exit(take("mx3", false, false, &c) == -EALREADY ? 0 : 1);
	}
	(void)!read(is_there[0], &octet, 1);
	(void)usleep(TERM_MS * 1000 / 4);
}

static void
check_takers(void)
{
	struct queue a = open_queue(), b;
	int status = -1;

	(void)unlinkat(a.tmp, QUEUE_LEASE, 0);
	queue_close(&a);
	a = joined("mx1");
	queue_close(&a);
	release_lease();
	faults_arm(0, 0);
	faults.before = look_before;
	before_create = take_between;
	ok(take("mx2", false, false, &b) == -EALREADY && taken_between == 0,
	    "a lease that another one has taken meanwhile is not taken again");
	queue_close(&b);
	release_lease();
	before_rename = take_beside;
	ok(take("mx2", false, false, &b) == 0 && queue_lease_check(&b) == 0,
	    "of two takers the first has the lease");
	ok(waitpid(other, &status, 0) == other && status == 0, "and the second one has not");
	ok(faccessat(b.tmp, QUEUE_LEASE ".new", F_OK, 0) < 0, "no file is left");
	faults_disarm();
	queue_close(&b);
	release_lease();
	a = open_queue();
	(void)close(openat(a.tmp, QUEUE_LEASE ".new", O_WRONLY | O_CREAT, 0600));
	queue_close(&a);
	ok(take("mx2", false, false, &b) == 0, "the file of a taker that died stops nobody");
	queue_close(&b);
}

int
main(void)
{
	if (!mkdtemp(directory))
		return 1;
	check_join();
	check_take();
	check_busy();
	check_damage();
	check_terms();
	check_takers();
	return tap_done();
}
