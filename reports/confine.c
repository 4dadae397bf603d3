// SPDX-License-Identifier: ISC
/*
 * A kernel without Landlock changes nothing: the unit has walls, too.
 */
#include "reports/confine.h"

#include <stdio.h>
#include <sys/prctl.h>

#include "base/fence.h"
#include "base/landlock.h"
#include "base/seccomp.h"

#define RIGHTS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_MAKE                                                                           \
	(RIGHTS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |          \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REFER)

void
reports_confine(int findings, int sessions, const char *queue)
{
	static const char *const folders[] = { "tmp", "new", "state/reports" };
	struct landlock l;

	if (SECCOMP_SANITIZER || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return;
	landlock_begin(&l, LANDLOCK_SCOPED);
	landlock_allow(&l, findings, RIGHTS_READ);
	landlock_allow(&l, sessions, RIGHTS_READ);
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		char path[4096];

		(void)snprintf(path, sizeof path, "%s/%s", queue, folders[i]);
		landlock_allow_path(&l, path, RIGHTS_MAKE);
	}
	(void)landlock_enforce(&l);
	fence_calls();
}
