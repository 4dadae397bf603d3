// SPDX-License-Identifier: ISC
/*
 * Reads the files of the configuration and the -o options, with open and read only: a session pays
 * for this at its start.
 */
#include "config/settings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config/ini.h"
#include "config/pool.h"

#define FILE_MAX_OCTETS ((size_t)16 << 20)	/* ends the reading of /dev/zero, for example */
#define DROP_INS_MAX	1000
#define TEXT_MAX	700

void
settings_error(struct settings *s, struct place at, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	s->errors++;
	if (!s->report || !s->report->error)
		return;
	va_start(ap, format);
	if (vsnprintf(text, sizeof text, format, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == '\177')
			*p = '?';
	s->report->error(s->report->ctx, at.file, at.line, text);
}

static struct place
nowhere_in(const char *file)
{
	return (struct place){ .file = file };
}

/* Take ownership of a file's name and keep it until settings_done(), because places point at it. */
static const char *
keep(struct settings *s, char *name)
{
	char **files = name ? pool_realloc(s->files, (s->nfiles + 1) * sizeof *files) : NULL;

	if (!files) {
		pool_free(name);
		settings_error(s, nowhere_in("smtp-handler.conf"), "out of memory");
		return NULL;
	}
	s->files = files;
	s->files[s->nfiles++] = name;
	return name;
}

/* Allocate *size octets at first, then double. */
static int
grow(char **text, size_t *size)
{
	size_t want = *text ? 2 * *size : *size;
	char *more;

	if (want > 2 * FILE_MAX_OCTETS)
		return -EFBIG;
	more = pool_realloc(*text, want);
	if (!more)
		return -ENOMEM;
	*text = more;
	*size = want;
	return 0;
}

/* The whole content of fd, which may be a pipe, in memory of the pool. */
static int
read_all(int fd, char **ret, size_t *ret_n)
{
	struct stat st;
	size_t n = 0, size = 4096;
	char *text = NULL;
	ssize_t got;
	int r;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    (size_t)st.st_size < FILE_MAX_OCTETS)
		size = (size_t)st.st_size + 1;		/* the second read then finds the end */
	do {
		if (!text || n == size) {
			r = grow(&text, &size);
			if (r < 0)
				goto fail;
		}
		got = read(fd, text + n, size - n);
		if (got < 0 && errno != EINTR) {
			r = -errno;
			goto fail;
		}
		n += got > 0 ? (size_t)got : 0;
	} while (got != 0);
	*ret = text;
	*ret_n = n;
	return 0;

fail:
	pool_free(text);
	return r;
}

static void
read_text(struct settings *s, const char *file, struct slice text)
{
	struct ini ini = ini_start(text);
	struct ini_item item;
	struct setting setting = { .place = { .file = file, .source = ++s->source } };
	bool wanted = true;	/* false after an error in the header of the section */

	while (ini_next(&ini, &item)) {
		setting.place.line = ini.line;
		switch (item.kind) {
		case INI_ERROR:
			settings_error(s, setting.place, "%s", item.error);
			break;
		case INI_SECTION:
			setting.section = item.name;
			setting.key = setting.value = slice_of(NULL, 0);
			wanted = s->set(s->ctx, &setting);
			break;
		case INI_SETTING:
			setting.key = item.name;
			setting.value = item.value;
			if (setting.section.n == 0)
				settings_error(s, setting.place,
				    "%.*s stands before any [section]: put a line like [server] "
				    "above it", (int)item.name.n, item.name.p);
			else if (wanted)
				(void)s->set(s->ctx, &setting);
			break;
		}
	}
}

/* A file that is missing is an error unless it is optional. */
static void
read_file(struct settings *s, const char *file, bool optional)
{
	char *text = NULL;
	size_t n = 0;
	int r, fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0) {
		if (!optional || errno != ENOENT)
			settings_error(s, nowhere_in(file), "cannot open it: %s", strerror(errno));
		return;
	}
	r = read_all(fd, &text, &n);
	(void)close(fd);
	if (r < 0) {
		settings_error(s, nowhere_in(file), "cannot read it: %s", strerror(-r));
		return;
	}
	read_text(s, file, slice_of(text, n));
	if (s->keep)
		config_texts_add(s->keep, file, slice_of(text, n));
	else
		pool_free(text);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
is_drop_in(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && n > 5 && strcmp(name + n - 5, ".conf") == 0;
}

/* A path made of its parts, in memory of the pool; NULL without memory. */
static char *
join(struct slice folder, struct slice separator, struct slice name)
{
	const size_t size = folder.n + separator.n + name.n + 1;
	struct buf path = { .p = pool_alloc(size), .cap = size };

	if (!path.p)
		return NULL;
	buf_add(&path, folder);
	buf_add(&path, separator);
	buf_add(&path, name);
	(void)buf_cstr(&path);
	return path.p;
}

static bool
keep_drop_in(struct settings *s, const char *folder, const char *name, size_t first)
{
	if (!is_drop_in(name))
		return true;
	if (s->nfiles - first == DROP_INS_MAX) {
		settings_error(s, nowhere_in(folder), "there are more than %d files in it",
		    DROP_INS_MAX);
		return false;
	}
	return keep(s, join(slice_str(folder), SL("/"), slice_str(name))) != NULL;
}

/* Keep the sorted paths of the files in folder that end in .conf; false after an error was
 * reported.  readdir(3) is not used: nothing else here needs a heap (config/pool.h). */
static bool
list_drop_ins(struct settings *s, const char *folder, int fd)
{
	alignas(struct dirent) char space[2048];
	const size_t first = s->nfiles;
	long n;

	while ((n = syscall(SYS_getdents64, fd, space, sizeof space)) > 0)
		for (long at = 0; at < n;) {
			const struct dirent *e = (const void *)(space + at);

			if (!keep_drop_in(s, folder, e->d_name, first))
				return false;
			at += e->d_reclen;
		}
	if (n < 0) {
		settings_error(s, nowhere_in(folder), "cannot read it: %s", strerror(errno));
		return false;
	}
	if (s->nfiles > first)
		qsort(s->files + first, s->nfiles - first, sizeof *s->files, by_name);
	return true;
}

static void
read_drop_ins(struct settings *s, const char *file)
{
	const char *slash = strrchr(file, '/');
	const struct slice beside = slice_of(file, slash ? (size_t)(slash + 1 - file) : 0);
	const char *folder = keep(s, join(beside, SL(""), SL("conf.d")));
	size_t first, last;
	int fd;

	if (!folder)
		return;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		if (errno != ENOENT)
			settings_error(s, nowhere_in(folder), "cannot open it: %s",
			    strerror(errno));
		return;
	}
	first = s->nfiles;
	if (list_drop_ins(s, folder, fd))
		for (last = s->nfiles; first < last; first++)
			read_file(s, s->files[first], false);
	(void)close(fd);
}

/* The key is behind the last dot: patterns have dots ("route example.org.via=print"), keys none. */
static void
read_override(struct settings *s, const char *text)
{
	struct setting o = { .place = { .file = "-o", .source = ++s->source } };
	struct slice name = slice_cut(slice_str(text), '=', &o.value);
	const char *dot = name.n ? memrchr(name.p, '.', name.n) : NULL;

	o.section = slice_trim(slice_of(name.p, dot ? (size_t)(dot - name.p) : 0));
	o.key = slice_trim(
	    slice_skip(name, o.section.p && dot ? (size_t)(dot - name.p) + 1 : name.n));
	o.value = slice_trim(o.value);
	if (name.n == strlen(text) || o.section.n == 0 || o.key.n == 0)
		settings_error(s, o.place,
		    "\"%s\" is not SECTION.KEY=VALUE, like server.timeout=5min", text);
	else
		(void)s->set(s->ctx, &o);
}

static void
read_files(struct settings *s, const char *file)
{
	read_file(s, file ? file : CONFIG_DEFAULT_FILE, !file);
	read_drop_ins(s, file ? file : CONFIG_DEFAULT_FILE);
}

void
settings_read(struct settings *s, const struct config_source *from)
{
	s->keep = from->keep;
	for (size_t i = 0; from->texts && i < from->texts->n; i++)
		read_text(s, from->texts->list[i].name, from->texts->list[i].text);
	if (!from->texts)
		read_files(s, from->file);
	for (size_t i = 0; i < from->noverrides; i++)
		read_override(s, from->overrides[i]);
}

void
settings_done(struct settings *s)
{
	for (size_t i = 0; i < s->nfiles; i++)
		pool_free(s->files[i]);
	pool_free(s->files);
	s->files = NULL;
	s->nfiles = 0;
}
