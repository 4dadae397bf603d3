/* SPDX-License-Identifier: ISC */
/*
 * The protocol of the queue: a handler, two runners with a worker each, and an operator.  Any
 * process can be killed before any step, and the power can fail.  Each step is one system call of
 * the function that is named beside it.
 *
 * Message 0 is the client's, with one recipient; message 1 is the notice of its failure.
 *
 * The file system: a name that is not synced may be any name since the last sync (`may`), an octet
 * that marks a recipient any state that it had (`maymark`), and content that is not synced may be
 * torn.  This is less than ext4, xfs and btrfs promise: names of two files are not in order.
 *
 * KILLS, CUTS, OPS and DEFERS limit how often these things happen.  A fault, such as NO_SYNC, takes
 * a step away, and must be found.
 *
 * LIVE adds a claim on progress: at last all is settled, for good.  It holds for weak fairness: a
 * process that can always go on does so some day.
 */
#ifndef KILLS
#define KILLS 1
#endif
#ifndef CUTS
#define CUTS 0
#endif
#ifndef OPS
#define OPS 0
#endif
#ifndef DEFERS
#define DEFERS 1
#endif
#ifndef RUNNERS
#define RUNNERS 2
#endif
#define CREATE_TRIES 1

#define NONE 0
#define TMP  1
#define NEW  2
#define CUR  3
#define WAIT 4
#define HOLD 5
#define DEAD 6

#define PENDING   0
#define DELIVERED 1
#define FAILED    2
#define DEFERRED  3
#define NOTHING   4

#define ASK_HOLD   1
#define ASK_DELETE 2
#define RELEASE    3
#define RETRY      4

#define ANSWERED 1
#define UNDONE   2

/* Processes that can be killed: runners 0 and 1, their workers 2 and 3, then these. */
#define HANDLER  4
#define OPERATOR 5
#define BIT(n) (1 << (n))

/* The file system. */
byte loc[2], may[2], mark[2], maymark[2];
bool whole[2], synced[2];		/* the content: all written; durable */
bool writing[2], proving[2];		/* locks on a file of tmp/: its writer's, recovery's */
byte curlock, filelock;			/* holders of the locks on cur/ and state/lock */
byte request, answer;			/* state/requests/ */

/* The world outside. */
bool acked, refused, deleting, deleted, held;
byte delivered, reported, busy[2], hits;
byte wanted;				/* the last command of the operator that is in force */
byte deferrals[2];
bool dead[6], orphan[2];
byte job[2], result[2];			/* of each runner's worker; job: message + 1 */
byte kills, cuts, ops;
#ifdef LIVE
bool buried;				/* a notice went to dead/, where a person finds it */
bool later[2];				/* deferred in this run: not due before the next one */
bool wake;				/* LOST_WAKEUP: new/ has changed */
#endif

#define LOST (acked && delivered == 0 && reported == 0 && !deleting && \
	loc[0] == NONE && (loc[1] == NONE || !whole[1]))
#define QUEUED(m) (loc[m] == NEW || loc[m] == CUR || loc[m] == WAIT || \
	(loc[m] == TMP && !writing[m]))

/* What a run takes. */
#ifdef LIVE
#define LATER(m) (loc[m] == WAIT && later[m])
#else
#define LATER(m) false
#endif
#ifdef KEEP_NEW
#define LEFT(m) (LATER(m) || loc[m] == NEW)
#else
#define LEFT(m) LATER(m)
#endif

/* What starts a run: the path unit or a timer, while there is something.  LOST_WAKEUP: it is a change
 * of new/, which the end of a run forgets; a timer looks at wait/ and tmp/ only. */
#ifdef LOST_WAKEUP
#define START (wake || loc[0] == WAIT || loc[1] == WAIT || (loc[0] == TMP && !writing[0]))
#else
#define START (QUEUED(0) || QUEUED(1) || request != 0)
#endif

#ifdef LIVE
#define SETTLED (!QUEUED(0) && !QUEUED(1) && filelock == 0 && curlock == 0 && request == 0 && \
	(!acked || delivered || reported || buried || deleting || loc[0] == HOLD || loc[0] == DEAD))

ltl settles { <> [] SETTLED }
#endif

inline name(m, to)
{
	loc[m] = to; may[m] = may[m] | BIT(to)
#ifdef LIVE
	; wake = wake || to == NEW; buried = buried || (m == 1 && to == DEAD)
#endif
}
inline sync_name(m) { may[m] = BIT(loc[m]) }
inline set_mark(m, to) { mark[m] = to; maymark[m] = maymark[m] | BIT(to) }
inline check_lost() { assert(!LOST) }

/* queue_begin(), queue_head_end(): open tmp/ID. */
inline create(m)
{
	loc[m] = TMP; may[m] = may[m] | BIT(NONE) | BIT(TMP);
	whole[m] = false; synced[m] = false;
	mark[m] = PENDING; maymark[m] = BIT(PENDING)
}

/* queue_commit(): fsync of tmp/ID, which ext4, xfs and btrfs extend to its name. */
inline sync_file(m)
{
#ifndef NO_SYNC
	synced[m] = true
#else
	skip
#endif
}

/* sync_name() of queue.c */
inline sync_folder(m)
{
#ifndef NO_FOLDER_SYNC
	sync_name(m)
#else
	skip
#endif
}

proctype Handler()
{
#ifdef LIVE
	byte tries = 0;
#endif

	{	skip;
again:		atomic { create(0) }				/* create_locked(): openat */
		atomic { !proving[0];				/* lock_new(): flock, fstat */
			if
			:: loc[0] == TMP -> writing[0] = true
#if defined(LIVE) && !defined(NO_BOUND)
			:: loc[0] != TMP && tries == CREATE_TRIES -> refused = true; goto end
			:: loc[0] != TMP && tries < CREATE_TRIES -> tries++; goto again
#else
			:: else -> goto again
#endif
			fi }
		atomic { whole[0] = true }			/* write_rest() */
#ifdef RENAME_FIRST
		atomic { assert(loc[0] == TMP); name(0, NEW) }
#endif
#ifdef ACK_FIRST
		atomic { acked = true }
#endif
		if
		:: atomic { sync_file(0) }			/* queue_commit(): fsync */
		:: atomic { name(0, NONE); writing[0] = false;
			refused = true; goto end }		/* it failed: queue_abort() */
		fi;
		atomic { sync_folder(0) }			/* sync_name(): fsync of tmp/ */
#ifndef RENAME_FIRST
		atomic { assert(loc[0] == TMP); name(0, NEW) }	/* queue_commit(): renameat */
#endif
		atomic { writing[0] = false }			/* close */
		atomic { acked = true }				/* 250 */
	} unless { dead[HANDLER] };
	atomic { writing[0] = false }
end:	skip
}

/* A worker: client/deliver.c, attempt_report() */
proctype Worker(byte i)
{
	byte m;
	bool sent;

idle:	m = 0;
	{
		atomic { job[i] != 0 -> m = job[i] - 1; sent = false;
			busy[m]++;
			assert(busy[m] == 1);			/* never two at a time */
			assert(!(m == 0 && cuts == 0 && (deleted || held || refused))) }
		if
		:: atomic { sent = true;			/* the peer's 250 */
			if
			:: m == 0 -> delivered++;
				assert(delivered <= 1 + hits + cuts)
			:: else -> reported++
			fi }
#ifndef NO_MARK
			atomic { set_mark(m, DELIVERED) }	/* queue_mark() */
#endif
			atomic { sent = false; result[i] = DELIVERED; busy[m]--; job[i] = 0;
				curlock = curlock & ~BIT(2 + i); m = 0 }
		:: atomic { deferrals[m] < DEFERS -> result[i] = DEFERRED; busy[m]--; job[i] = 0;
			curlock = curlock & ~BIT(2 + i); m = 0 }
		:: atomic { result[i] = FAILED; busy[m]--; job[i] = 0;
			curlock = curlock & ~BIT(2 + i); m = 0 }
#ifdef NO_DEADLINE
		:: true -> false				/* a peer that never replies */
#endif
		fi
	} unless { dead[2 + i] };
	atomic {						/* killed, or done */
		if
		:: dead[2 + i] && job[i] != 0 ->
			if
			:: busy[job[i] - 1] -> busy[job[i] - 1]--
			:: else
			fi;
			hits = hits + sent; job[i] = 0; curlock = curlock & ~BIT(2 + i);
			sent = false
		:: else
		fi;
		dead[2 + i] = false; orphan[i] = false; m = 0 }
	goto idle
}

/* requests_serve(): the message is in no worker's hands. */
inline serve()
{
	atomic { request != 0 && QUEUED(0) && loc[0] != TMP ->	/* act_on() */
		assert(wanted == request);
		if
		:: request == ASK_HOLD -> name(0, HOLD)
		:: else -> name(0, NONE)
		fi;
		answer = ANSWERED; request = 0 }		/* queue_unask() */
}

/* bounce_send(): a notice is a message of its own, durable before its recipient is marked. */
inline send_notice()
{
	atomic { create(1); writing[1] = true; deferrals[1] = 0 }
	atomic { whole[1] = true }
	atomic { sync_file(1) }
	atomic { sync_folder(1) }
	atomic { assert(loc[1] == TMP); name(1, NEW); writing[1] = false }
}

/* The model has room for one notice.  One that is in dead/ stays there beside a new one. */
#ifdef LIVE
#define NO_NOTICE (loc[1] == NONE || loc[1] == DEAD)
#else
#define NO_NOTICE (loc[1] == NONE)
#endif

/* settle_message() for the message m after its worker */
inline settle()
{
	asked = (m == 0 && request != 0 && got != NOTHING);	/* m->asked */
	if
	:: atomic { mark[m] == DELIVERED || (got == DELIVERED) ->
		/* finish_file(): unlinkat */
		name(m, NONE); check_lost() }
	:: atomic { mark[m] == FAILED && m == 0 -> name(m, NONE); check_lost() }
	/* let_go(): a notice that failed is for a person to see */
	:: atomic { mark[m] == FAILED && m == 1 -> name(m, DEAD) }
	:: atomic { mark[m] == PENDING && got == FAILED && m == 1 ->
		set_mark(1, FAILED) }
		atomic { name(1, DEAD) }			/* queue_bury() */
	:: atomic { mark[m] == PENDING && got == FAILED && m == 0 && NO_NOTICE -> skip }
#ifdef NOTICE_LAST
		atomic { set_mark(0, FAILED); name(0, NONE); check_lost() }
		send_notice()
#else
		send_notice();
		atomic { set_mark(0, FAILED) }			/* mark_reported() */
		atomic { name(0, NONE); check_lost() }		/* finish_file() */
#endif
	:: atomic { mark[m] == PENDING && (got == DEFERRED || got == NOTHING ||
	    (got == FAILED && m == 0 && !NO_NOTICE)) ->
		if
		:: asked && request == ASK_HOLD ->		/* let_go_as_asked() */
			assert(wanted == request); name(0, HOLD); answer = ANSWERED; request = 0
		:: asked && request == ASK_DELETE ->
			assert(wanted == request); name(0, NONE); answer = ANSWERED; request = 0
		:: else ->
			/* queue_defer() */
			deferrals[m] = deferrals[m] + (got == DEFERRED); name(m, WAIT)
#ifdef LIVE
			; later[m] = true
#endif
		fi }
	fi;
	/* too late: queue_unask() */
	atomic { if
	:: asked && request != 0 -> answer = UNDONE; request = 0
	:: else
	fi }
}

proctype Runner(byte i)
{
	byte m, got;
	bool asked;

idle:	atomic { m = 0; got = 0; asked = false }
	{
		/* A unit starts it: the path unit, the timer, or after a failure. */
		(START);
		/* lock_file() */
		atomic { if
		:: filelock == 0 -> filelock = BIT(i)
#ifdef LIVE
			; later[0] = false; later[1] = false
#endif
		:: else -> goto idle
		fi }
#ifndef NO_LOCK
		/* lock_folder() */
		atomic { curlock == 0 -> curlock = BIT(i) }
#endif
		/* requests_serve() at the start; one for a message that is gone is removed */
		if
		:: serve()
		:: atomic { request != 0 && !(QUEUED(0) && loc[0] != TMP) ->
			request = 0; answer = UNDONE }
		:: request == 0
		fi;
		do
		/* queue_recover() */
		:: atomic { m < 2 && loc[m] == TMP && !writing[m] -> proving[m] = true }
			atomic {
				if
				:: !whole[m] -> name(m, NONE); check_lost()
				:: else -> name(m, NEW)
				fi;
				proving[m] = false }
		/* take_one(): from new/, or from wait/ if due */
		:: atomic { m < 2 && (loc[m] == NEW || loc[m] == WAIT) && !LEFT(m) -> name(m, CUR) }
		:: serve()
		/* admit_messages(): not a whole message */
		:: atomic { m < 2 && loc[m] == CUR && !whole[m] ->
			assert(!(m == 0 && acked)); name(m, DEAD) }
		:: atomic { m < 2 && loc[m] == CUR && whole[m] && mark[m] != PENDING ->
			got = NOTHING }
			settle()
		/* give_job() */
		:: atomic { m < 2 && loc[m] == CUR && whole[m] && mark[m] == PENDING ->
			result[i] = NOTHING; orphan[i] = false;
#ifndef NO_INHERIT
			curlock = curlock | BIT(2 + i);
#endif
			job[i] = m + 1 }
			/* settle_job() */
			atomic { job[i] == 0 -> got = result[i]; result[i] = NOTHING }
			settle()
		:: atomic { m < 2 && (loc[m] == NONE || loc[m] == HOLD || loc[m] == DEAD ||
		    (loc[m] == TMP && writing[m]) || LEFT(m)) -> m++ }
		:: atomic { m == 2 -> break }			/* is_over() */
		od
#ifdef LOST_WAKEUP
		; wake = false
#endif
	} unless { dead[i] };
	atomic {						/* the locks end with the process */
		curlock = curlock & ~BIT(i);
		if
		:: filelock == BIT(i) ->
			filelock = 0; proving[0] = false; proving[1] = false; writing[1] = false
		:: else
		fi;
		if
		:: dead[i] ->
			orphan[i] = (job[i] != 0); dead[i] = false
		:: else
		fi }
	goto idle
}

/* smtp-queue (tools/queue/act.c) */
proctype Operator()
{
	byte verb, spot;

	{	skip;
next:	if
	:: atomic { ops < OPS -> ops++; spot = NONE;
		if
		:: verb = ASK_HOLD
		:: verb = ASK_DELETE
		:: verb = RELEASE
		:: verb = RETRY
		fi }
		deleting = deleting || verb == ASK_DELETE
	:: atomic { ops >= OPS -> goto end }
	fi;
find:	spot = loc[0];						/* queue_find() */
	if
	:: spot == NONE || spot == TMP || spot == DEAD -> goto next
	:: verb == RELEASE && spot != HOLD ->
#ifndef KEEP_REQUEST
		atomic { if					/* act_at(): withdraw */
		:: request != 0 -> request = 0; answer = UNDONE; wanted = 0
		:: else
		fi };
#endif
		goto next
	:: verb == RETRY && spot != WAIT -> goto next
	:: verb == ASK_HOLD && spot == HOLD -> goto next
	:: verb <= ASK_DELETE && spot == CUR ->
		if
		:: atomic { curlock == 0 -> curlock = BIT(OPERATOR) }	/* queue_lock_idle() */
			atomic { if
			:: loc[0] != CUR -> curlock = curlock & ~BIT(OPERATOR); goto find
			:: else ->
				if
				:: verb == ASK_HOLD -> name(0, HOLD)
				:: else -> name(0, NONE)
				fi
			fi }
			atomic { request = 0; curlock = curlock & ~BIT(OPERATOR); goto done }
		:: atomic { curlock != 0 -> request = verb; answer = 0;	/* queue_ask() */
			wanted = verb }
		fi;
		if						/* await_runner() */
		:: atomic { answer == ANSWERED -> goto done }
		:: atomic { answer == UNDONE -> goto find }
		:: atomic { curlock == 0 && answer == 0 -> goto find }	/* do_it() */
		:: atomic { answer == 0 -> goto next }		/* "is to be held" */
		fi
	:: else						/* new/, wait/, hold/: one rename */
#ifndef KEEP_REQUEST
		atomic { if					/* withdraw_request() */
		:: request != 0 -> request = 0; answer = UNDONE
		:: else
		fi }
#endif
	fi;
	atomic { if
	:: loc[0] != spot -> goto find				/* -ENOENT */
	:: loc[0] == spot && verb == ASK_HOLD -> name(0, HOLD)
	:: loc[0] == spot && verb == ASK_DELETE -> name(0, NONE)
	:: loc[0] == spot && verb >= RELEASE -> held = false; wanted = 0; name(0, NEW)
	fi }
done:	atomic { if						/* the reply of success */
	:: verb == ASK_HOLD -> held = true; wanted = verb
	:: verb == ASK_DELETE -> deleted = true; wanted = verb
	:: else
	fi; goto next }
	} unless { dead[OPERATOR] };
	atomic { curlock = curlock & ~BIT(OPERATOR); dead[OPERATOR] = false }
end:	skip
}

inline cut_one(m)
{
	if
	:: may[m] & BIT(NONE) -> loc[m] = NONE
	:: may[m] & BIT(TMP) -> loc[m] = TMP
	:: may[m] & BIT(NEW) -> loc[m] = NEW
	:: may[m] & BIT(CUR) -> loc[m] = CUR
	:: may[m] & BIT(WAIT) -> loc[m] = WAIT
	:: may[m] & BIT(HOLD) -> loc[m] = HOLD
	:: may[m] & BIT(DEAD) -> loc[m] = DEAD
	fi;
	may[m] = BIT(loc[m]);
	if
	:: maymark[m] & BIT(PENDING) -> mark[m] = PENDING
	:: maymark[m] & BIT(DELIVERED) -> mark[m] = DELIVERED
	:: maymark[m] & BIT(FAILED) -> mark[m] = FAILED
	fi;
	maymark[m] = BIT(mark[m]);
	if
	:: !synced[m] -> whole[m] = false
	:: skip
	fi;
	synced[m] = true; writing[m] = false; proving[m] = false; busy[m] = 0
}

/* Kills, and the end of workers whose runner is gone (PR_SET_PDEATHSIG, slow to arrive). */
proctype World()
{
end:	do
	:: atomic { kills < KILLS -> kills++;
		if
		:: dead[0] = true
#if RUNNERS > 1
		:: dead[1] = true
#endif
		:: job[0] != 0 -> dead[2] = true
#if RUNNERS > 1
		:: job[1] != 0 -> dead[3] = true
#endif
		:: !acked && !refused -> dead[HANDLER] = true
		:: OPS > 0 -> dead[OPERATOR] = true
		fi }
#ifdef LIVE
	/* Fairness forces no kill and no cut. */
	:: atomic { kills < KILLS -> kills = KILLS }
	:: atomic { cuts < CUTS -> cuts = CUTS }
#endif
	:: atomic { orphan[0] && job[0] != 0 -> dead[2] = true; orphan[0] = false }
	:: atomic { orphan[1] && job[1] != 0 -> dead[3] = true; orphan[1] = false }
	:: atomic { cuts < CUTS -> cuts++;
		cut_one(0); cut_one(1);
		curlock = 0; filelock = 0; request = 0; held = false; wanted = 0;
		if
		:: deleted -> goto over		/* a deletion is not synced */
		:: else
		fi;
		check_lost();
		job[0] = 0; job[1] = 0; orphan[0] = false; orphan[1] = false;
		dead[0] = true; dead[2] = true; dead[HANDLER] = true; dead[OPERATOR] = true
#if RUNNERS > 1
		; dead[1] = true; dead[3] = true
#endif
		}
	od;
over:	skip
}

/* The search for LIVE sees endless executions only: time goes on where nothing else does. */
proctype Clock()
{
	bool tick;

end:	do
	:: tick = !tick
	od
}

/* When nothing can move any more, everything has left the queue or is where a person looks. */
proctype Drained()
{
	atomic { timeout ->
		assert(!LOST);
		assert(!QUEUED(0) && !QUEUED(1) && curlock == 0 && filelock == 0 && request == 0) }
}

init
{
	atomic {
		may[0] = BIT(NONE); may[1] = BIT(NONE);
		maymark[0] = BIT(PENDING); maymark[1] = BIT(PENDING);
		result[0] = NOTHING; result[1] = NOTHING;
		run Handler();
		run Runner(0); run Worker(0);
#if RUNNERS > 1
		run Runner(1); run Worker(1);
#endif
#if OPS > 0
		run Operator();
#endif
		run World()
#ifdef LIVE
		; run Clock()
#else
		; run Drained()
#endif
	}
}
