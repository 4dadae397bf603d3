// SPDX-License-Identifier: ISC
/*
 * The other programs, and the usual places of their configuration.
 */
#include "tools/import/import.h"

const struct import_kind import_kinds[] = {
	{ "msmtp", "/etc/msmtprc", import_msmtp },
	{ "msmtp", "~/.msmtprc", import_msmtp },
	{ "msmtp", "~/.config/msmtp/config", import_msmtp },
	{ "ssmtp", "/etc/ssmtp/ssmtp.conf", import_ssmtp },
	{ "dma", "/etc/dma/dma.conf", import_dma },
	{ "nullmailer", "/etc/nullmailer/remotes", import_nullmailer },
	{ "postfix", "/etc/postfix/main.cf", import_postfix },
	{ "exim", "/etc/exim4/update-exim4.conf.conf", import_exim },
	{ "opensmtpd", "/etc/smtpd.conf", import_opensmtpd },
	{ "opensmtpd", "/etc/smtpd/smtpd.conf", import_opensmtpd },
	{ "opensmtpd", "/etc/mail/smtpd.conf", import_opensmtpd },
	{ NULL, NULL, NULL },
};

static const char *
last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const struct import_kind *
import_kind_of(const char *path)
{
	for (const struct import_kind *k = import_kinds; k->name; k++)
		if (strcmp(last_name(path), last_name(k->main)) == 0)
			return k;
	return NULL;
}
