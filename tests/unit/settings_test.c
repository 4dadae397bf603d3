// SPDX-License-Identifier: ISC
/* Settings of the file, of conf.d, of -o. */
#include "config/settings.h"

#include <sys/mman.h>

#include "tests/lib/config.h"

static void
check_files(void)
{
	struct config c;
	char path[200];

	errors.n = 0;
	(void)snprintf(path, sizeof path, "%s/none.conf", directory);
	ok(config_load(&c, path, NULL, 0, &report) == -EINVAL, "a named file must exist");
	is(buf_slice(&errors), SL("none.conf:0: cannot open it: No such file or directory\n"),
	    "a missing file is reported");
	config_done(&c);
	errors.n = 0;
	ok(config_load(&c, directory, NULL, 0, &report) == -EINVAL &&
		memmem(errors.p, errors.n, "cannot read it", 14),
	    "a directory is no file");
	config_done(&c);
}

static void
check_drop_ins(void)
{
	struct config c;
	static const char *const overrides[] = {
		"relay.port=4",
		"relay.processes=40",
		"relay.processes=41",
		"route example.org.via=maildir:/x",
		"route .b.example.org.via=discard",
		"route [192.0.2.1].via=print",
		"route *.via=reject:a = b.c # d",
		"server.trusted=",
		"server.senders=",
	};
	static const char *const files[] = { "10-a.conf", ".hidden.conf", "30-c.conf~", ".conf",
		"README", NULL };
	char path[200];

	(void)snprintf(path, sizeof path, "%s/conf.d", directory);
	if (mkdir(path, 0700) < 0)
		exit(1);
	write_at("conf.d/20-b.conf",
	    "[relay]\nport = 3\nper-destination = 3\n[route a.org]\nrecipients =\n");
	write_at("conf.d/10-a.conf",
	    "[relay]\nport = 2\nper-destination = 2\nfamily = ipv6\n"
	    "[route a.org]\naccept = trusted\n");
	write_at("conf.d/.hidden.conf", "nonsense");
	write_at("conf.d/30-c.conf~", "nonsense");
	write_at("conf.d/.conf", "nonsense");
	write_at("conf.d/README", "nonsense");
	ok(load(&c,
	       "[server]\nsenders = /nonexistent\n"
	       "[relay]\nport = 1\nper-destination = 1\nfamily = ipv4\nprocesses = 1\n"
	       "[route a.org]\nvia = maildir:/a\nrecipients = /nonexistent\n",
	       overrides, 9) == 0,
	    "drop-ins and -o");
	if (errors.n)
		printf("# %.*s", (int)errors.n, errors.p);
	ok(c.relay.port == 4 && c.relay.processes == 41,
	    "-o wins over files, the last -o over the others");
	ok(c.relay.per_destination == 3 && c.relay.family == FAMILY_IPV6,
	    "drop-ins win over the file, in name order");
	ok(c.nroutes == 5 && c.routes[0].accept == ACCEPT_TRUSTED && !c.routes[0].recipients &&
		c.routes[0].via == VIA_MAILDIR,
	    "a drop-in adds to a route");
	ok(strcmp(c.routes[1].pattern, "example.org") == 0 && c.routes[1].via == VIA_MAILDIR,
	    "-o of a pattern with dots");
	ok(strcmp(c.routes[2].pattern, ".b.example.org") == 0 && c.routes[2].via == VIA_DISCARD,
	    "-o of a suffix");
	ok(strcmp(c.routes[3].pattern, "[192.0.2.1]") == 0 && c.routes[3].via == VIA_PRINT,
	    "-o of an address literal");
	ok(strcmp(c.routes[4].target, "a = b.c # d") == 0,
	    "-o has no comments, and may have dots after the first =");
	ok(c.server.trusted.n == 0 && !c.server.trusted.local && !c.server.senders,
	    "-o empties a list");
	config_done(&c);

	write_at("conf.d/20-b.conf", "[relay]\nport = x\n");
	ok(load(&c, "", NULL, 0) == -EINVAL &&
		slice_has_prefix(buf_slice(&errors), SL("20-b.conf:2: [relay] port")),
	    "a mistake in a drop-in names it");
	config_done(&c);
	remove_at("conf.d/20-b.conf");
	write_at("conf.d/10-a.conf", "[route b.org]\naccept = anyone\n");
	ok(load(&c, "", NULL, 0) == -EINVAL &&
		slice_has_prefix(buf_slice(&errors), SL("10-a.conf:1: [route b.org]: has no via")),
	    "a route without via is reported with its first line");
	config_done(&c);
	for (const char *const *p = files; *p; p++) {
		(void)snprintf(path, sizeof path, "conf.d/%s", *p);
		remove_at(path);
	}
	remove_at("conf.d");
	write_at("conf.d", "a file in place of conf.d");
	ok(load(&c, "", NULL, 0) == -EINVAL &&
		slice_has_prefix(buf_slice(&errors), SL("conf.d:0: cannot open it")),
	    "a conf.d that cannot be read is an error");
	config_done(&c);
	remove_at("conf.d");
}

static void
check_pipe(void)
{
	struct config c;
	char path[64];
	int p[2];

	if (pipe(p) < 0 || write(p[1], "[relay]\nport = 7\n", 17) != 17)
		exit(1);
	(void)close(p[1]);
	(void)snprintf(path, sizeof path, "/dev/fd/%d", p[0]);
	errors.n = 0;
	ok(config_load(&c, path, NULL, 0, &report) == 0 && c.relay.port == 7,
	    "a pipe is a file too");
	config_done(&c);
	(void)close(p[0]);
}

static void
check_big(void)
{
	struct config c;
	size_t size = 1000000, n = 0;
	char *text = malloc(size);
	bool good;

	if (!text)
		exit(1);
	for (int i = 0; i < 2000; i++)
		n += (size_t)snprintf(text + n, size - n,
		    "[route d%d.example]\n# %0200d\nvia = smtp://h%d:%d\n", i, i, i, i + 1);
	good = load(&c, text, NULL, 0) == 0 && c.nroutes == 2000;
	ok(good && config_route(&c, SL("d1999.EXAMPLE"))->hosts[0].port == 2000,
	    "two thousand routes");
	config_done(&c);
	free(text);
}

/* Load from texts as they are in a file in memory. */
static int
load_texts(struct config *c, const struct config_texts *kept, const char *override)
{
	struct config_texts texts = { .n = 0 };
	const struct config_source from = {
		.file = "/nonexistent", .overrides = &override, .noverrides = override != NULL,
		.texts = &texts,
	};
	const int fd = config_texts_seal(kept);
	int r = fd < 0 ? fd : config_texts_load(&texts, fd);

	errors.n = 0;
	if (r == 0)
		r = config_load_from(c, &from, &report);
	ok(write(fd, "x", 1) < 0 && errno == EPERM, "nobody can change them");
	(void)close(fd);
	config_texts_done(&texts);
	return r;
}

static void
check_texts(void)
{
	struct config_texts kept = { .n = 0 };
	const struct config_source from = { .file = conf, .keep = &kept };
	struct config c;
	char path[200];

	(void)snprintf(path, sizeof path, "%s/conf.d", directory);
	(void)mkdir(path, 0700);
	write_at("c.conf", "[relay]\nport = 1\nprocesses = 1\n");
	write_at("conf.d/10-a.conf", "[relay]\nport = 2\n\nfamily = x\n");
	errors.n = 0;
	ok(config_load_from(&c, &from, &report) == -EINVAL && kept.n == 2 && kept.error == 0,
	    "the texts are kept");
	config_done(&c);
	write_at("c.conf", "[relay]\nport = 8\n");
	remove_at("conf.d/10-a.conf");
	ok(load_texts(&c, &kept, NULL) == -EINVAL &&
		memmem(errors.p, errors.n, "10-a.conf:4: ", 13),
	    "a mistake is in the place where it was");
	ok(c.relay.port == 2 && c.relay.processes == 1, "files that changed are not read again");
	config_done(&c);
	(void)load_texts(&c, &kept, "relay.port=4");
	ok(c.relay.port == 4, "-o wins over kept texts");
	config_done(&c);
	config_texts_done(&kept);
	ok(load_texts(&c, &kept, NULL) == 0 && c.relay.port == 25, "no file at all");
	config_done(&c);
	(void)rmdir(path);
}

/* Octets that are no texts. */
static void
check_broken_texts(void)
{
	static const char *const broken[] = {
		"x", "\2\0\0\0\0\0\0", "\0\0\0\0\0\0\0\0", "\2\0\0\0\0\0\0\0a",
		"\2\0\0\0\1\0\0\0a\0", "\2\0\0\0\0\0\0\0ab",
		"\2\0\0\0\377\377\377\377a\0x",
	};
	static const size_t sizes[] = { 1, 7, 8, 9, 10, 10, 11 };
	struct config_texts texts;

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		const int fd = memfd_create("test", MFD_CLOEXEC);

		ok(write(fd, broken[i], sizes[i]) == (ssize_t)sizes[i] &&
		    config_texts_load(&texts, fd) == -EINVAL, "broken texts %zu", i);
		(void)close(fd);
	}
	ok(config_texts_load(&texts, -1) == -EBADF, "no file");
}

int
main(void)
{
	config_test_begin();
	check_files();
	check_drop_ins();
	check_texts();
	check_broken_texts();
	check_pipe();
	check_big();
	config_test_end();
	return tap_done();
}
