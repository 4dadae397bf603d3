// SPDX-License-Identifier: ISC
/*
 * master(5): NAME TYPE PRIVATE UNPRIVILEGED CHROOT WAKEUP PROCESSES COMMAND, and arguments, of
 * which "-o NAME=VALUE" sets a parameter for this service.  Blanks in values have braces around.
 */
#include "tools/import/postfix_services.h"

#include "tools/import/text.h"

/* The next argument; of one in braces, the text in them.  Empty at the end. */
static struct slice
take_argument(struct slice *rest)
{
	struct slice text = slice_trim(*rest), behind;
	unsigned depth = 0;

	if (!slice_has_prefix(text, SL("{")))
		return text_word(text, rest);
	for (size_t i = 0; i < text.n; i++) {
		depth += text.p[i] == '{';
		depth -= text.p[i] == '}';
		if (depth)
			continue;
		behind = slice_skip(text, i + 1);
		*rest = behind;
		return slice_trim(slice_of(text.p + 1, i - 1));
	}
	*rest = SL("");
	return slice_trim(slice_skip(text, 1));
}

/* A parameter of the server of port 25.  Those of other programs have no effect there. */
static void
set_parameter(struct maincf *m, struct slice text, struct plan_at at)
{
	struct slice value, name = slice_trim(slice_cut(text, '=', &value));

	if (slice_has_prefix(name, SL("smtpd_")) || slice_eq(name, SL("mynetworks")) ||
	    slice_eq(name, SL("content_filter")))
		(void)maincf_add(m, &(struct maincf_line){ name, slice_trim(value), at.file,
		    at.line });
	else if (name.n)
		plan_untranslated(m->im->plan, at, name, "only this service of master.cf has it");
}

/* A client or another part of Postfix that rewrites senders by a setting of its own. */
static void
note_rewriting(const struct maincf *m, struct slice arguments, struct plan_at at)
{
	static const char *const names[] = {
		"smtp_generic_maps", "lmtp_generic_maps", "canonical_maps",
		"sender_canonical_maps", "masquerade_domains", NULL,
	};
	struct slice word, value, name;

	while ((word = take_argument(&arguments)).n) {
		if (slice_eq(word, SL("-o")))
			word = take_argument(&arguments);
		else if (slice_has_prefix(word, SL("-o")))
			word = slice_skip(word, 2);
		name = slice_trim(slice_cut(word, '=', &value));
		for (size_t i = 0; names[i]; i++)
			if (slice_eq(name, slice_str(names[i])))
				plan_untranslated(m->im->plan, at, name, "only this service of "
				    "master.cf has it: see masquerade in smtp-handler.conf(5)");
	}
}

/* Take the -o of a service. */
static void
set_parameters(struct maincf *m, struct slice arguments, struct plan_at at)
{
	struct slice word;

	while ((word = take_argument(&arguments)).n)
		if (slice_eq(word, SL("-o")))
			set_parameter(m, take_argument(&arguments), at);
		else if (slice_has_prefix(word, SL("-o")))
			set_parameter(m, slice_skip(word, 2), at);
}

/* Skip the words between the type and the command. */
static struct slice
skip_columns(struct slice rest)
{
	for (int i = 0; i < 5; i++)
		(void)text_word(rest, &rest);
	return rest;
}

/* Is it port 25 of an address? */
static bool
names_port(struct slice name)
{
	const char *colon = name.n ? memrchr(name.p, ':', name.n) : NULL;
	const struct slice port = colon ? slice_skip(name, (size_t)(colon + 1 - name.p)) : SL("");

	return slice_eq(port, SL("smtp")) || slice_eq(port, SL("25"));
}

/* The path of master.cf.  Standard input is the output of postconf(1) on this machine. */
static const char *
file_of(const struct maincf *m)
{
	return strcmp(m->file, "-") == 0 ?
	    plan_text(m->im->plan, "%s/master.cf", maincf_get(m, "config_directory")) :
	    text_beside(m->im, m->file, "master.cf");
}

const char *
postfix_services_client(const struct maincf *m, struct slice transport)
{
	const char *file = file_of(m);
	struct maincf_table table;
	struct maincf_line l;
	struct slice text;

	if (!m->im->read(m->im, file, &text))
		return NULL;
	table = maincf_table_of(file, text);
	while (maincf_table_next(m, &table, &l)) {
		struct slice arguments, rest, type = text_word(l.value, &rest);
		const struct slice command = text_word(skip_columns(rest), &arguments);

		if (!slice_eq(l.name, transport) || !slice_eq(type, SL("unix")))
			continue;
		if (arguments.n)
			return NULL;
		return slice_eq(command, SL("smtp")) ? "smtp" :
		    slice_eq(command, SL("lmtp")) ? "lmtp" : NULL;
	}
	return NULL;
}

void
postfix_services_read(struct maincf *m)
{
	const char *file = file_of(m);
	struct maincf_table table;
	struct maincf_line l;
	bool listens = false;
	struct slice text;

	if (!m->im->read(m->im, file, &text))
		return;
	table = maincf_table_of(file, text);
	while (maincf_table_next(m, &table, &l)) {
		const struct plan_at at = { file, l.line };
		struct slice arguments, rest, type = text_word(l.value, &rest);
		const struct slice command = text_word(skip_columns(rest), &arguments);
		const bool smtp = slice_eq(l.name, SL("smtp")) || slice_eq(l.name, SL("25"));

		listens |= slice_eq(type, SL("inet")) && (smtp || names_port(l.name));
		if (slice_eq(type, SL("pass")) ? slice_eq(command, SL("smtpd")) :
		    slice_eq(type, SL("inet")) && smtp)
			set_parameters(m, arguments, at);
		else if (slice_eq(type, SL("inet")))
			plan_untranslated(m->im->plan, at, l.name, "for the ports 587 and 465 see "
			    "chapter \"People who send from anywhere\" of smtp-handler-guide(7); "
			    "another port is a socket unit of your own");
		else
			note_rewriting(m, arguments, at);
	}
	if (!listens)
		plan_note(m->im->plan, (struct plan_at){ file, 0 }, "no server listens on port 25: "
		    "if that is to stay, type  systemctl disable --now smtp-handler-listen.socket");
}
