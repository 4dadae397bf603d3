// SPDX-License-Identifier: ISC
/*
 * Children that the kernel kills before their parent if memory runs out: then a client loses its
 * session, and not all clients their listener (proc(5), oom_score_adj).
 */
#ifndef BASE_VICTIM_H
#define BASE_VICTIM_H

#include <sys/types.h>

/* Open what victim_fork() needs, before walls close it.  If that is not there, the kernel chooses
 * as it likes. */
void victim_prepare(void);

/* As forks(), which is fork(2) or like it.  Nothing is left open in the child. */
pid_t victim_fork(pid_t (*forks)(void));

#endif
