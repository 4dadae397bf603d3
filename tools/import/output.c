// SPDX-License-Identifier: ISC
/*
 * All files are written under other names and synced before the first is renamed, so an error
 * changes nothing, and a crash leaves the old file or the new one.
 */
#include "tools/import/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/owner.h"
#include "base/text.h"
#include "base/words.h"

#define SHOWN_MAX  50		/* lines of a file */
#define REMARK_MAX 96		/* octets in a line */

/* A path within a comment. */
static void
print_path(const char *path, FILE *out)
{
	for (; *path; path++)
		(void)fputc((unsigned char)*path < ' ' || *path == 127 ? '?' : *path, out);
}

static void
print_source(struct plan_at at, FILE *out)
{
	(void)fputs("\t# ", out);
	print_path(at.file, out);
	if (at.line)
		(void)fprintf(out, ":%u", at.line);
	(void)fputc('\n', out);
}

/* Does it name a file that may not be there yet? */
static bool
is_list(const struct plan_setting *s)
{
	return (strcmp(s->key, "aliases") == 0 || strcmp(s->key, "recipients") == 0 ||
	       strcmp(s->key, "masquerade") == 0) && s->value[0] == '/';
}

/* Is it the first setting of its section? */
static bool
begins_section(const struct plan *p, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(p->settings[k].section, p->settings[i].section) == 0)
			return false;
	return true;
}

/* The lines of a comment of this width. */
static void
print_remark(const char *text, FILE *out)
{
	struct slice rest = slice_str(text), word;
	size_t n = 0;

	while ((word = words_next(&rest)).n) {
		word.n = word.n < REMARK_MAX ? word.n : REMARK_MAX;
		if (n && n + 1 + word.n > REMARK_MAX) {
			(void)fputc('\n', out);
			n = 0;
		}
		(void)fprintf(out, "%s%.*s", n ? " " : "# ", (int)word.n, word.p);
		n += 1 + word.n;
	}
	(void)fputc('\n', out);
}

/* Print all settings, or those that name no list of recipients, aliases or senders. */
static void
print_settings(const struct plan *p, bool all, FILE *out)
{
	for (size_t i = 0; i < p->nsettings; i++) {
		if (!begins_section(p, i))
			continue;
		(void)fprintf(out, "\n[%s]\n", p->settings[i].section);
		for (size_t k = i; k < p->nsettings; k++) {
			const struct plan_setting *s = &p->settings[k];

			if (strcmp(s->section, p->settings[i].section) != 0 ||
			    (!all && is_list(s)))
				continue;
			if (s->remark)
				print_remark(s->remark, out);
			(void)fprintf(out, "%s = %s", s->key, s->value);
			print_source(s->at, out);
		}
	}
}

/* Print a file that is no secret, as a comment. */
static void
print_file(const struct plan_file *f, FILE *out)
{
	struct slice line, rest = slice_str(f->content);

	(void)fprintf(out, "\n# %s:\n", f->path);
	for (unsigned i = 0; rest.n; i++) {
		if (i == SHOWN_MAX) {
			(void)fputs("#   ...\n", out);
			return;
		}
		line = slice_cut(rest, '\n', &rest);
		(void)fprintf(out, "#   %.*s\n", (int)line.n, line.p);
	}
}

static void
print_config(const struct plan *p, const char *source, FILE *out)
{
	(void)fputs("# Made by smtp-handler-import from ", out);
	print_path(source, out);
	(void)fputs(".\n# The comment of a line names its source.\n", out);
	print_settings(p, true, out);
	for (size_t i = 0; i < p->nfiles; i++)
		if (p->files[i].kind == PLAN_TEXT && p->files[i].content)
			print_file(&p->files[i], out);
}

bool
output_check(const struct plan *p, const struct config_report *report)
{
	char path[40];
	struct config c;
	const int fd = memfd_create("imported", MFD_CLOEXEC);
	FILE *out = fd < 0 ? NULL : fdopen(dup(fd), "w");
	bool good = false;

	if (out) {
		print_settings(p, false, out);
		good = fclose(out) == 0;
	}
	if (good) {
		(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		good = config_load(&c, path, NULL, 0, report) == 0;
		config_done(&c);
	}
	if (fd >= 0)
		(void)close(fd);
	return good;
}

/* The place of a note. */
static void
print_at(struct plan_at at, FILE *out)
{
	if (at.line)
		text_print(out, "%s:%u: ", at.file, at.line);
	else
		text_print(out, "%s: ", at.file);
}

void
output_notes(const struct plan *p, bool written, FILE *out)
{
	for (size_t i = 0; i < p->nnotes; i++) {
		print_at(p->notes[i].at, out);
		text_print(out, "%s\n", p->notes[i].text);
	}
	for (size_t i = 0; i < p->nfiles && !written; i++)
		if (p->files[i].content) {
			print_at(p->files[i].at, out);
			text_print(out, "its secret or list belongs in %s: --write %s writes that "
			    "file\n", p->files[i].path, p->folder);
		}
}

/* ---- files ---- */

/* Give a secret to the user of the relay, if this machine has one. */
static int
set_rights(int fd, enum plan_kind kind)
{
	static const mode_t modes[] = {
		[PLAN_PASSWORD] = 0600, [PLAN_PROGRAM] = 0700, [PLAN_TEXT] = 0644,
	};
	struct owner_pair pair;

	if (kind != PLAN_TEXT && geteuid() == 0 && owner_pair_new(&pair) &&
	    fchown(fd, pair.relay.uid, pair.relay.gid) < 0)
		return -errno;
	return fchmod(fd, modes[kind]) < 0 ? -errno : 0;
}

static const char *
new_name(struct plan *p, const char *name)
{
	return plan_text(p, "%s" FILE_NEW, name);
}

/* A file that nobody has open or by another name: one that was there may be a link to another file,
 * or a reader waits in it for the secret. */
static int
open_new(int folder, const char *name, FILE **ret)
{
	int fd, r;

	if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	*ret = fdopen(fd, "w");
	if (*ret)
		return 0;
	r = -errno;
	(void)close(fd);
	(void)unlinkat(folder, name, 0);
	return r;
}

/* Write NAME.new, which publish_file() renames. */
static int
prepare_file(struct plan *p, int folder, const char *name, enum plan_kind kind, const char *content)
{
	const char *under = new_name(p, name);
	struct stat st;
	FILE *out = NULL;
	int r;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		return -EISDIR;
	r = open_new(folder, under, &out);
	if (!out)
		return r;
	if (fputs(content, out) < 0 || fflush(out) != 0)
		r = -errno;
	if (r == 0)
		r = set_rights(fileno(out), kind);
	if (r == 0 && fsync(fileno(out)) < 0)
		r = -errno;
	if (fclose(out) != 0 && r == 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(folder, under, 0);
	return r;
}

static int
publish_file(struct plan *p, int folder, const char *name)
{
	if (renameat(folder, new_name(p, name), folder, name) < 0 || fsync(folder) < 0)
		return -errno;
	return 0;
}

static bool
exists(int folder, const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

const char *
output_text(struct plan *p, const char *source)
{
	char *space = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&space, &n);
	const char *text = "";

	if (!out) {
		p->failed = true;
		return "";
	}
	print_config(p, source, out);
	if (fclose(out) == 0)
		text = plan_copy(p, slice_of(space, n));
	else
		p->failed = true;
	free(space);
	return text;
}

static int
check_names(const struct plan *p, int folder, struct buf *why)
{
	const char *taken = exists(folder, OUTPUT_CONFIG) ? OUTPUT_CONFIG : NULL;

	for (size_t i = 0; i < p->nfiles; i++)
		if (p->files[i].content && exists(folder, p->files[i].name))
			taken = p->files[i].name;
	if (!taken)
		return 0;
	buf_fmt(why, "%s/%s: it is there already: --force replaces it", p->folder, taken);
	return -EEXIST;
}

/* The folder of the configuration's file, which all programs may read.  A descriptor or -errno. */
static int
open_conf_d(int folder)
{
	const bool made = mkdirat(folder, "conf.d", 0755) == 0;
	const int error = made || errno == EEXIST ? 0 : -errno;
	const int fd = openat(folder, "conf.d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : 0;

	if (fd < 0 && error < 0)	/* it is not there, as it cannot be made */
		return error;
	if (r == 0 && made && fchmod(fd, 0755) < 0) {	/* whatever the umask is */
		r = -errno;
		(void)close(fd);
	}
	return r < 0 ? r : fd;
}

/* Prepare the files of the plan, or publish them. */
static int
for_files(struct plan *p, int folder, bool publish, struct buf *why)
{
	int r = 0;

	for (size_t i = 0; i < p->nfiles && r == 0; i++) {
		const struct plan_file *f = &p->files[i];

		if (!f->content)
			continue;
		r = publish ? publish_file(p, folder, f->name) :
		    prepare_file(p, folder, f->name, f->kind, f->content);
		if (r < 0)
			buf_fmt(why, "%s: %s", f->path, strerror(-r));
	}
	return r;
}

static int
write_all(struct plan *p, int folder, const char *config, struct buf *why)
{
	const char *path = OUTPUT_CONFIG, *name = strchr(path, '/') + 1;
	const int conf_d = open_conf_d(folder);
	int r = conf_d < 0 ? conf_d : prepare_file(p, conf_d, name, PLAN_TEXT, config);
	const bool prepared = r == 0;

	if (prepared)
		r = for_files(p, folder, false, why);
	if (r == 0)
		r = for_files(p, folder, true, why);
	if (r == 0)
		r = publish_file(p, conf_d, name);
	if (r < 0) {
		for (size_t i = 0; i < p->nfiles; i++)
			(void)unlinkat(folder, new_name(p, p->files[i].name), 0);
		if (prepared)
			(void)unlinkat(conf_d, new_name(p, name), 0);
		if (why->n == 0)
			buf_fmt(why, "%s/%s: %s", p->folder, path, strerror(-r));
	}
	if (conf_d >= 0)
		(void)close(conf_d);
	return r;
}

int
output_write(struct plan *p, const char *source, bool force, struct buf *why)
{
	const char *config = output_text(p, source);
	const int folder = open(p->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (p->failed || folder < 0) {
		r = p->failed ? -ENOMEM : -errno;
		buf_fmt(why, "%s: %s", p->folder, strerror(-r));
		return r;
	}
	r = force ? 0 : check_names(p, folder, why);
	if (r == 0)
		r = write_all(p, folder, config, why);
	(void)close(folder);
	return r;
}
