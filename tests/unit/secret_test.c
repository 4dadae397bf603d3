// SPDX-License-Identifier: ISC
#include "config/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/tap.h"

static const struct {
	struct slice name;
	bool valid;
} names[] = {
	{ S("/etc/key.pem"), true }, { S("key.pem"), true }, { S("a"), true }, { S(""), false },
	{ S("a/b"), false }, { S("../key"), false }, { S("."), false }, { S(".."), false },
	{ S("./key"), false }, { S("a\0b"), false },
};

static const struct {
	mode_t mode;
	bool credential;
	int want;		/* 0: the file is opened */
} modes[] = {
	{ .mode = 0600 },
	{ .mode = 0400 },
	{ .mode = 0620 },
	{ .mode = 0640, .want = -EACCES },
	{ .mode = 0604, .want = -EACCES },
	{ .mode = 0644, .want = -EACCES },
	{ .mode = 0440, .credential = true },
	{ .mode = 0400, .credential = true },
};

static void
check_paths(void)
{
	char space[20];
	struct buf b = BUF(space);

	(void)unsetenv("CREDENTIALS_DIRECTORY");
	ok(secret_path(&b, SL("/etc/key")) == 0 && strcmp(space, "/etc/key") == 0,
	    "a path is kept");
	ok(secret_path(&b, SL("key")) == -ENOENT, "a credential, but no CREDENTIALS_DIRECTORY");
	(void)setenv("CREDENTIALS_DIRECTORY", "/run/c", 1);
	b.n = 0;
	ok(secret_path(&b, SL("key")) == 0 && strcmp(space, "/run/c/key") == 0, "a credential");
	b.n = 0;
	ok(secret_path(&b, SL("a-name-of-some-length")) == -ENAMETOOLONG,
	    "a credential whose path is too long");
}

int
main(void)
{
	char directory[] = "/tmp/secret_test.XXXXXX", path[64];
	char text[300];
	struct buf why = BUF(text);

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		ok(secret_name_valid(names[i].name) == names[i].valid, "%s%s",
		    names[i].valid ? "a name: " : "no name: ", names[i].name.p);
	check_paths();
	if (!mkdtemp(directory))
		return 1;
	(void)snprintf(path, sizeof path, "%s/key", directory);
	ok(secret_open(path, &why) == -ENOENT && why.n > 0, "no file");
	ok(secret_open("/dev/null", &why) == -EINVAL, "no regular file");
	ok(secret_open(directory, &why) == -EINVAL, "a directory");
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
		FILE *f = fopen(path, "w");
		int r;

		if (!f || fclose(f) != 0 || chmod(path, modes[i].mode) < 0)
			return 1;
		(void)setenv("CREDENTIALS_DIRECTORY", modes[i].credential ? directory : "/run/c",
		    1);
		r = secret_open(path, &why);
		ok(modes[i].want ? r == modes[i].want : r >= 0, "mode %04o%s", modes[i].mode,
		    modes[i].credential ? ", among the credentials" : "");
		if (r >= 0)
			(void)close(r);
		(void)unlink(path);
	}
	(void)rmdir(directory);
	return tap_done();
}
