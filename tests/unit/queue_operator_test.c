// SPDX-License-Identifier: ISC
#include "queue/operator.h"

#include <sys/file.h>
#include <sys/wait.h>

#include "notice/give_up.h"
#include "tests/unit/queue_fixture.h"

#include "tests/unit/queue_faults.h"

static struct fixture f;
static const struct slice content = S("Subject: x\r\n\r\nHello.\r\n");

static char ids[6][QUEUE_ID_SIZE];	/* index: enum queue_place */

static void
put(const char *id, int from, int to)
{
	must(renameat(from, id, to, id) == 0, "renameat");
}

static void
put_waiting(const char *time, const char *id)
{
	char path[64];

	(void)snprintf(path, sizeof path, "%s/%s", time, id);
	must(renameat(f.q.fresh, id, f.q.wait, path) == 0, "renameat");
}

/* Put a message into each folder, an earlier one into wait/, and names that are no IDs. */
static void
fill(void)
{
	char more[QUEUE_ID_SIZE];

	for (size_t i = 0; i < 6; i++)
		must(submit(&f.q, content, SIZE_MAX, ids[i]) == 0, "submit");
	must(submit(&f.q, content, SIZE_MAX, more) == 0, "submit");
	put(ids[QUEUE_IN_TMP], f.q.fresh, f.q.tmp);
	put(ids[QUEUE_IN_CUR], f.q.fresh, f.q.cur);
	put(ids[QUEUE_IN_HOLD], f.q.fresh, f.q.hold);
	put(ids[QUEUE_IN_DEAD], f.q.fresh, f.q.dead);
	must(mkdirat(f.q.wait, "2000", 0700) == 0 && mkdirat(f.q.wait, "1000", 0700) == 0 &&
		mkdirat(f.q.wait, "x", 0700) == 0,
	    "mkdirat");
	put_waiting("2000", ids[QUEUE_IN_WAIT]);
	put_waiting("1000", more);
	must(mkdirat(f.q.hold, "folder", 0700) == 0, "mkdirat");
}

struct seen {
	struct queue_spot spots[16];
	size_t n, most;
};

static int
see(void *ctx, const struct queue_spot *spot)
{
	struct seen *s = ctx;

	s->spots[s->n++] = *spot;
	return s->n == s->most ? 7 : 0;
}

static void
test_walk(void)
{
	static const enum queue_place order[] = {
		QUEUE_IN_CUR, QUEUE_IN_NEW, QUEUE_IN_WAIT, QUEUE_IN_WAIT,
		QUEUE_IN_HOLD, QUEUE_IN_DEAD, QUEUE_IN_TMP,
	};
	struct seen s = { 0 };
	int r = 0, fds = open_descriptors();
	bool good = true;

	ok(queue_walk(&f.q, QUEUE_ANYWHERE, see, &s) == 0 && s.n == 7,
	    "a walk shows every message, and nothing else");
	for (size_t i = 0; i < s.n && i < 7; i++)
		good &= s.spots[i].place == order[i];
	ok(good, "a walk goes folder by folder");
	ok(s.n == 7 && s.spots[2].due_s == 1000 && s.spots[3].due_s == 2000 &&
		s.spots[4].due_s == 0,
	    "a walk shows wait/ by time");
	s = (struct seen){ .most = 2 };
	ok(queue_walk(&f.q, QUEUE_ANYWHERE, see, &s) == 7 && s.n == 2,
	    "a walk ends if its function asks for that");
	s = (struct seen){ 0 };
	ok(queue_walk(&f.q, QUEUE_BIT(QUEUE_IN_HOLD), see, &s) == 0 && s.n == 1 &&
		strcmp(s.spots[0].id, ids[QUEUE_IN_HOLD]) == 0,
	    "a walk through one folder");
	/* One of these calls opens the folder 1000. */
	for (int at = 1; at <= 20 && s.n != 6; at++) {
		s = (struct seen){ 0 };
		faults_arm(at, EACCES);
		r = queue_walk(&f.q, QUEUE_ANYWHERE, see, &s);
		faults_disarm();
	}
	ok(r == -EACCES && s.n == 6 && s.spots[2].due_s == 2000 && s.spots[5].place == QUEUE_IN_TMP,
	    "a folder of wait/ that cannot be opened is an error, and all others are shown");
	ok(open_descriptors() == fds, "no descriptor is lost");
}

static void
test_find(void)
{
	struct queue_spot spot;
	int fds = open_descriptors();
	bool good = true;

	for (enum queue_place place = QUEUE_IN_TMP; place <= QUEUE_IN_DEAD; place++) {
		good &= queue_find(&f.q, ids[place], QUEUE_ANYWHERE, &spot) == 0;
		good &= spot.place == place;
		queue_spot_done(&spot);
		good &= queue_find(&f.q, ids[place], QUEUE_ANYWHERE & ~QUEUE_BIT(place), &spot) ==
		    -ENOENT;
	}
	ok(good, "each message is found in its folder, and in no other");
	ok(queue_find(&f.q, "0000000000000000", QUEUE_ANYWHERE, &spot) == -ENOENT &&
		queue_find(&f.q, "../new", QUEUE_ANYWHERE, &spot) == -ENOENT,
	    "a message that is not there is not found");
	ok(open_descriptors() == fds, "no descriptor is lost");
}

/* A look must not write: a worker may have the file open. */
static void
test_look(void)
{
	struct queue_message *m = &fixture_message;
	struct queue_facts facts = { 0 };
	struct queue_spot spot;
	struct queue_entry e;
	char octet;

	queue_begin(m);
	queue_from(m, SL(""), SL(""));
	queue_rcpt(&f.q, m, SL("a@example.org"), SL(""));
	queue_rcpt(&f.q, m, SL("a@example.org"), SL(""));
	must(queue_head_end(&f.q, m, 0) == 0 && queue_commit(&f.q, m, &facts) == 0, "queue_commit");
	must(queue_find(&f.q, m->id, QUEUE_ANYWHERE, &spot) == 0 && queue_look(&spot, &e) == 0,
	    "queue_look");
	ok(e.nrcpts == 2 && e.rcpts[1].state == QUEUE_DELIVERED,
	    "a recipient that is a duplicate is shown as such");
	ok(pread(e.fd, &octet, 1, e.rcpts[1].at) == 1 && octet == QUEUE_PENDING,
	    "a look marks no duplicate");
	ok(queue_mark(&e, 0, QUEUE_FAILED) < 0,
	    "a message that is only looked at cannot be marked");
	queue_unload(&e);
	must(queue_remove(&f.q, &spot) == 0, "queue_remove");
	ok(queue_look(&spot, &e) == -ENOENT && queue_remove(&f.q, &spot) == -ENOENT &&
		queue_hold(&f.q, &spot) == -ENOENT,
	    "a message that has left: ENOENT");
	queue_spot_done(&spot);
}

static void
test_moves(void)
{
	struct queue_spot spot;
	struct stat st;

	must(queue_find(&f.q, ids[QUEUE_IN_WAIT], QUEUE_ANYWHERE, &spot) == 0, "queue_find");
	ok(queue_hold(&f.q, &spot) == 0 && file_is_whole(f.q.hold, spot.id, content),
	    "a waiting message is held");
	ok(fstatat(f.q.wait, "2000", &st, 0) < 0,
	    "an empty folder of wait/ is removed: it would count as due");
	queue_spot_done(&spot);
	must(queue_find(&f.q, ids[QUEUE_IN_WAIT], QUEUE_ANYWHERE, &spot) == 0 &&
		spot.place == QUEUE_IN_HOLD,
	    "queue_find");
	ok(queue_put_new(&f.q, &spot) == 0 && file_is_whole(f.q.fresh, spot.id, content),
	    "a held message is released");
	queue_spot_done(&spot);
	must(linkat(f.q.fresh, ids[QUEUE_IN_WAIT], f.q.hold, ids[QUEUE_IN_WAIT], 0) == 0, "linkat");
	must(queue_find(&f.q, ids[QUEUE_IN_WAIT], QUEUE_BIT(QUEUE_IN_NEW), &spot) == 0,
	    "queue_find");
	ok(queue_hold(&f.q, &spot) == -EEXIST && file_is_whole(f.q.fresh, spot.id, content),
	    "a message is never moved over another file");
	must(unlinkat(f.q.hold, spot.id, 0) == 0 && queue_hold(&f.q, &spot) == 0, "unlinkat");
	queue_spot_done(&spot);
	ok(queue_take_new(&f.q, NULL, NULL) == 0 &&
		queue_take_due(&f.q, 0, true, NULL, NULL) == 1 && names_in(f.q.hold) == 3,
	    "the runner moves nothing out of hold/");
}

static int
count_requests(void *ctx, const char *id, enum queue_request request)
{
	size_t *n = ctx;

	(void)id;
	n[request]++;
	return 0;
}

static void
test_requests(void)
{
	const char *id = ids[QUEUE_IN_CUR];
	enum queue_request request;
	size_t n[3] = { 0 };
	int fd, first, second;

	ok(queue_asked(&f.q, id, &request) == -ENOENT &&
		queue_unask(&f.q, id, QUEUE_UNDONE) == -ENOENT,
	    "no request is there");
	ok(queue_requests(&f.q, count_requests, n) == 0 && n[0] + n[1] + n[2] == 0,
	    "no message has a request");
	first = queue_ask(&f.q, id, QUEUE_ASK_HOLD);
	ok(first >= 0 && queue_answer(first) == QUEUE_ANSWER_NONE, "a request");
	second = queue_ask(&f.q, id, QUEUE_ASK_FAIL);
	ok(second >= 0 && queue_answer(first) == QUEUE_ANSWER_NOT_DONE &&
		queue_answer(second) == QUEUE_ANSWER_NONE,
	    "a second request replaces the first");
	ok(queue_asked(&f.q, id, &request) == 0 && request == QUEUE_ASK_FAIL,
	    "the last request counts");
	fd = queue_requests_folder(&f.q);
	must(fd >= 0 && mkdirat(fd, "0000000000000000.holds", 0700) == 0 &&
		mkdirat(fd, "x.hold", 0700) == 0 && mkdirat(fd, "0000000000000000", 0700) == 0,
	    "mkdirat");
	ok(queue_requests(&f.q, count_requests, n) == 0 && n[QUEUE_ASK_FAIL] == 1 &&
		n[QUEUE_ASK_HOLD] + n[QUEUE_ASK_DELETE] == 0,
	    "other names are no requests");
	ok(queue_unask(&f.q, id, QUEUE_ASK_FAIL) == 0 &&
		queue_unask(&f.q, id, QUEUE_ASK_FAIL) == -ENOENT,
	    "the request is removed");
	ok(queue_answer(second) == QUEUE_ANSWER_DONE, "the requester gets the answer");
	(void)close(first);
	(void)close(second);
	ok(queue_ask(&f.q, "../../x", QUEUE_ASK_HOLD) == -EINVAL, "a request needs an ID");
	(void)close(fd);
}

/* The runner is a child, because locks of fcntl(2) belong to a process. */
static void
test_idle(void)
{
	int hello[2], bye[2], status, fd = queue_lock_idle(&f.q);
	pid_t child;
	char octet;

	ok(fd >= 0, "no runner is there");
	must(pipe(hello) == 0 && pipe(bye) == 0, "pipe");
	child = fork();
	if (child == 0) {
		(void)close(fd);
		(void)!write(hello[1], "x", 1);
		status = queue_lock_runner(&f.q);
		(void)!write(hello[1], status == 0 ? "y" : "n", 1);
		(void)!read(bye[0], &octet, 1);
		_exit(0);
	}
	must(child > 0 && read(hello[0], &octet, 1) == 1, "the runner's word");
	(void)usleep(30000);
	(void)close(fd);
	ok(read(hello[0], &octet, 1) == 1 && octet == 'y',
	    "a runner that starts waits while an operator has the lock");
	ok(queue_lock_idle(&f.q) == -EWOULDBLOCK, "a runner is there");
	must(unlinkat(f.q.state, "lock", 0) == 0, "unlinkat");
	ok(queue_lock_idle(&f.q) == -EWOULDBLOCK,
	    "a runner is there after its lock file was removed");
	must(write(bye[1], "x", 1) == 1 && waitpid(child, &status, 0) == child, "waitpid");
	fd = queue_lock_idle(&f.q);
	ok(fd >= 0, "no runner is there after its end");
	(void)close(fd);
}

static void
test_giveup(void)
{
	static char host[] = "mail.example";
	static struct config config = { .server.hostname = host };
	char bounce[QUEUE_ID_SIZE];
	struct queue_spot spot, held;
	struct queue_entry e;
	int fds = open_descriptors(), dead = names_in(f.q.dead), fd;

	must(queue_find(&f.q, ids[QUEUE_IN_NEW], QUEUE_ANYWHERE, &spot) == 0, "queue_find");
	ok(give_up_message(&f.q, &config, &spot, bounce) == 0 && queue_is_id(bounce),
	    "a message is given up, with a bounce");
	queue_spot_done(&spot);
	ok(queue_find(&f.q, ids[QUEUE_IN_NEW], QUEUE_ANYWHERE, &spot) == -ENOENT,
	    "a message that was given up is gone");
	must(queue_find(&f.q, bounce, QUEUE_ANYWHERE, &spot) == 0 && queue_look(&spot, &e) == 0,
	    "queue_look");
	ok(spot.place == QUEUE_IN_NEW && e.from.n == 0 &&
		slice_eq(e.rcpts[0].path, SL("sender@example.org")),
	    "the bounce goes to the sender");
	queue_unload(&e);
	ok(give_up_message(&f.q, &config, &spot, bounce) == 0 && bounce[0] == '\0' &&
		names_in(f.q.dead) == dead + 1,
	    "a bounce that is given up is kept in dead/");
	ok(give_up_message(&f.q, &config, &spot, bounce) == -ENOENT,
	    "a message that has left: ENOENT");
	queue_spot_done(&spot);
	must(queue_find(&f.q, ids[QUEUE_IN_HOLD], QUEUE_ANYWHERE, &held) == 0, "queue_find");
	fd = openat(f.q.hold, held.id, O_RDWR | O_CLOEXEC);
	must(fd >= 0 && flock(fd, LOCK_EX) == 0, "flock");
	ok(give_up_message(&f.q, &config, &held, bounce) == -EBUSY && names_in(f.q.fresh) == 0,
	    "two operators at once make one bounce");
	must(ftruncate(fd, 200) == 0 && close(fd) == 0, "ftruncate");
	ok(give_up_message(&f.q, &config, &held, bounce) == -EBADMSG && names_in(f.q.fresh) == 0,
	    "a file that is no message stays");
	queue_spot_done(&held);
	ok(open_descriptors() == fds, "no descriptor is lost");
}

static void
test_queue_without_hold(void)
{
	struct queue q;

	must(unlinkat(f.q.state, "requests/x.hold", AT_REMOVEDIR) == 0, "unlinkat");
	must(renameat(f.q.root, "hold", f.q.root, "held") == 0, "renameat");
	ok(queue_open(&q, f.path, QUEUE_LOOK) == 0 && q.hold == -1,
	    "a queue without hold/ can be opened");
	{
		struct seen s = { 0 };

		ok(queue_walk(&q, QUEUE_ANYWHERE, see, &s) == 0 && s.n > 0,
		    "a walk through a queue without hold/");
	}
	queue_close(&q);
	must(renameat(f.q.root, "held", f.q.root, "hold") == 0, "renameat");
}

int
main(void)
{
	fixture_open(&f);
	fill();
	test_walk();
	test_find();
	test_look();
	test_giveup();
	test_moves();
	test_requests();
	test_idle();
	test_queue_without_hold();
	fixture_close(&f);
	return tap_done();
}
