// SPDX-License-Identifier: ISC
/*
 * An aliases file and, after the first NUL, a list that it may include.  Parsed names are canonical
 * and lie in the text, line numbers only grow, and every expansion ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "aliases/expand.h"
#include "tests/fuzz/fuzz.h"

static void
check_mistake(const struct alias_mistake *m, struct slice text)
{
	char space[300];
	struct buf b = BUF(space);

	must(m->line >= 1 && m->why && m->what.p >= text.p &&
	    m->what.p + m->what.n <= text.p + text.n);
	alias_mistake_text(m, &b);
	must(!b.full);
	for (size_t i = 0; i < b.n; i++)
		must(b.p[i] >= ' ' && b.p[i] <= '~');
}

static void
check_targets(struct alias_text t)
{
	const struct slice text = t.rest;
	struct alias_target target;
	struct alias_mistake m = { 0 };
	unsigned line = t.line;
	int got;

	while ((got = alias_target_next(&t, &target, &m)) != 0) {
		must(t.rest.p >= text.p && t.rest.p + t.rest.n == text.p + text.n);
		if (got < 0) {
			check_mistake(&m, text);
			continue;
		}
		must(target.line >= line);
		line = target.line;
		must(target.kind != ALIAS_INCLUDE || (target.file.n && target.file.p[0] == '/'));
		must(target.kind == ALIAS_INCLUDE || target.kind == ALIAS_NOTHING ||
		    target.path.local_n);
	}
}

static void
check_entries(struct slice text)
{
	struct alias_text t = alias_text(text);
	struct alias_entry e;
	struct alias_mistake m = { 0 };
	unsigned line = 0;
	int got;

	while ((got = alias_next(&t, &e, &m)) != 0) {
		if (got < 0) {
			check_mistake(&m, text);
			continue;
		}
		/* The canonical form may have quotes that the text lacks. */
		must(e.line > line && e.name.n && e.name.n <= e.raw.n + 2);
		line = e.line;
		check_targets(e.targets);
	}
}

static char *
memory_file(struct slice text, int *ret_fd)
{
	static char paths[2][40];
	static unsigned turn;
	char *path = paths[turn++ % 2];

	*ret_fd = memfd_create("aliases", MFD_CLOEXEC);
	must(*ret_fd >= 0 && (text.n == 0 || write(*ret_fd, text.p, text.n) == (ssize_t)text.n));
	(void)snprintf(path, sizeof paths[0], "/proc/self/fd/%d", *ret_fd);
	return path;
}

/* Expand the first names of the file, one after the other. */
static void
expand_all(const struct config *config)
{
	struct aliases a;
	struct alias_set known = { .config = config };
	struct expansion x;

	must(aliases_init(&a, config) == 0 && a.n == 1);
	if (alias_table_refresh(&a.tables[0], NULL, NULL) < 0)
		must(a.tables[0].why[0] != '\0');
	else
		for (size_t i = 0; i < a.tables[0].n && i < 20; i++) {
			struct smtp_path to;
			struct slice rest;

			must(alias_table_find(&a.tables[0], a.tables[0].list[i].name) ==
			    &a.tables[0].list[i]);
			must(smtp_path_parse(a.tables[0].list[i].name,
			    SMTP_PATH_TOLERANT | SMTP_PATH_LOCAL_ONLY, &to, &rest) == SMTP_PATH_OK);
			if (!smtp_path_qualify(&to, SL("a.b")))
				continue;
			must(alias_expand(&a, &to, &known, &x) == 0);
			must((x.end == EXPANSION_MADE) == (x.why[0] == '\0') &&
			    x.n <= ALIASES_MEMBERS_MAX);
			for (size_t k = 0; k < x.n; k++)
				must(x.members[k].copy < x.ncopies &&
				    x.members[k].path.n > x.members[k].path.local_n);
			expansion_done(&x);
		}
	alias_set_done(&known);
	aliases_done(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char pattern[] = "a.b", target[] = "/m", host[] = "h.example";
	struct slice list, text = slice_cut(slice_of((const char *)data, size), '\0', &list);
	struct route route = {
		.pattern = pattern, .via = VIA_MAILDIR, .target = target, .subaddress = '+',
	};
	struct config config = { .routes = &route, .nroutes = 1, .server.hostname = host };
	int fd;

	check_entries(text);
	check_targets(alias_text(list));
	/* A text that includes lists is not expanded: it could name any file of this system. */
	if (memmem(text.p ? text.p : "", text.n, "nclude", 6) ||
	    memmem(text.p ? text.p : "", text.n, "NCLUDE", 6))
		return 0;
	route.aliases = memory_file(text, &fd);
	expand_all(&config);
	(void)close(fd);
	return 0;
}
