// SPDX-License-Identifier: ISC
/*
 * Files of state/, which anybody with access may have written.  The first octet chooses the kind:
 * frozen routes, messages that wait for a host, requests, exchangers that are known for their TLS
 * or for DANE, and reasons of messages that were put aside.  Whatever is read can be logged, and is
 * the same after it was written and read again.
 */
#include "hosts/learned.h"
#include "hosts/secured.h"
#include "queue/aside.h"
#include "queue/by_host.h"
#include "queue/folders.h"
#include "queue/operator.h"
#include "runner/frozen.h"
#include "tests/fuzz/folder.h"

#define ID  "0SJ5TN5K6X3N0BKS"
#define NOW 1763787773

static char file_name[200];

static void
frozen(const struct queue *q, struct slice text)
{
	static char pattern[] = "b.example", via[] = "smtp://mail.example";
	const struct route route = { .pattern = pattern, .via_text = via };
	struct frozen_list f, again;
	struct outcome o;

	folder_write(q->state, "frozen", text);
	frozen_load(&f, q->state, NOW);
	for (size_t i = 0; i < f.n; i++) {
		must(memchr(f.list[i].name, '\0', FROZEN_NAME) && memchr(f.list[i].name, ' ', 8));
		must(!slice_has_control(slice_str(f.list[i].why)));
		frozen_outcome(&f.list[i], &o);
		must(outcome_valid(&o) && o.kind == OUTCOME_DEFERRED);
	}
	(void)frozen_now(&f, &route, NOW);
	outcome_set(&o, CAUSE_LOGIN, SL("mail.example"), SL("535 no"));
	if (frozen_add(&f, &route, &o, NOW)) {
		must(frozen_now(&f, &route, NOW));
		frozen_load(&again, q->state, NOW);
		/* One with a time far ahead, by a wrong clock, is dropped by then. */
		must(again.n > 0 && again.n <= f.n && frozen_now(&again, &route, NOW));
		frozen_done(&again);
	}
	frozen_done(&f);
}

static bool
take_waiting(void *ctx, const char *id)
{
	++*(unsigned *)ctx;
	must(queue_is_id(id) && renameat(folder_queue.cur, id, folder_queue.wait, id) == 0);
	return true;
}

static void
waiting(const struct queue *q, struct slice list)
{
	const int folder = queue_folder(q->state, "waiting", true);
	const int bucket = queue_folder(q->wait, "1795338480", true);
	unsigned brought = 0;
	int taken = 0, r;

	must(folder >= 0 && bucket >= 0);
	folder_write(folder, "192.0.2.1", list);
	folder_write(bucket, ID, SL(""));
	while ((r = queue_by_host_take(q, "192.0.2.1", 7, take_waiting, &brought)) > 0)
		taken += r;
	must(r == 0 && (size_t)taken <= list.n && brought <= 1);
	must(queue_by_host_add(q, "192.0.2.1", 1795338480, ID) == 0 &&
	    queue_by_host_count(q, "192.0.2.1") == 1);
	(void)unlinkat(q->wait, ID, 0);
	(void)unlinkat(bucket, ID, 0);
	(void)unlinkat(folder, "192.0.2.1", 0);
	(void)close(folder);
	(void)close(bucket);
	(void)unlinkat(q->wait, "1795338480", AT_REMOVEDIR);
}

static int
take_request(void *ctx, const char *id, enum queue_request request)
{
	++*(unsigned *)ctx;
	must(queue_is_id(id) && request <= QUEUE_ASK_FAIL);
	/* It withdraws all requests for the message; others may be visited yet. */
	(void)queue_unask(&folder_queue, id, (int)request);
	return 0;
}

static void
requests(const struct queue *q, struct slice text)
{
	const int folder = queue_requests_folder(q);
	unsigned n = 0;

	must(folder >= 0);
	/* Names of files, one a line. */
	for (unsigned i = 0; text.n && i < 8; i++) {
		const struct slice line = slice_cut(text, '\n', &text);
		char name[256] = "";

		memcpy(name, line.p, line.n < sizeof name - 1 ? line.n : sizeof name - 1);
		if (name[0] && !strchr(name, '/') && name[0] != '.')
			folder_write(folder, name, SL(""));
	}
	must(queue_requests(q, take_request, &n) == 0 && n <= 8);
	n = 0;
	must(queue_requests(q, take_request, &n) == 0 && n == 0);
	(void)close(folder);
	(void)snprintf(file_name, sizeof file_name, "%s/state/requests", folder_path);
	(void)nftw(file_name, folder_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void
names(const struct queue *q, struct slice text)
{
	struct learned l = { .n = 0 }, l_again;
	struct secured s = { .n = 0 }, s_again;

	learned_parse(&l, text);
	must(l.n <= LEARNED_MAX && learned_save(&l, q->state, NOW) == 0);
	learned_load(&l_again, q->state);
	must(l_again.n <= l.n);
	for (size_t i = 0; i < l_again.n; i++)
		must(secured_name_valid(l_again.list[i].name));
	secured_parse(&s, text);
	must(s.n <= SECURED_MAX && secured_save(&s, q->state, NOW) == 0);
	secured_load(&s_again, q->state);
	must(s_again.n <= s.n);
	for (size_t i = 0; i < s_again.n; i++)
		must(secured_name_valid(s_again.list[i].name) &&
		    secured_has(&s, s_again.list[i].name, s_again.list[i].seen_s));
	learned_done(&l);
	learned_done(&l_again);
	secured_done(&s);
	secured_done(&s_again);
}

static void
aside(const struct queue *q, struct slice text)
{
	const int folder = queue_folder(q->state, "deaths", true);
	char space[QUEUE_WHY_MAX + 1];
	struct buf why = BUF(space);
	int n;

	must(folder >= 0);
	folder_write(folder, ID, text);
	n = queue_death(q, ID, "killed by signal 11");
	must(n > 0);
	folder_write(q->cur, ID, SL(""));
	must(queue_put_aside(q, q->cur, ID) == 0);
	(void)queue_why_aside(q, ID, &why);
	must(queue_aside_settled(q, ID, "no notice was sent") == 0);
	why.n = 0;
	must(queue_why_aside(q, ID, &why) && !why.full);
	(void)close(folder);
	(void)unlinkat(q->dead, ID, 0);
	(void)unlinkat(q->dead, "why/" ID ".settled", 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[])(const struct queue *q, struct slice text) = {
		frozen, waiting, requests, names, aside,
	};

	if (size == 0 || size > 65536)
		return 0;
	kinds[data[0] % (sizeof kinds / sizeof kinds[0])](folder_get(),
	    slice_of((const char *)data + 1, size - 1));
	return 0;
}
