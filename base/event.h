// SPDX-License-Identifier: ISC
/*
 * Identifiers of the kinds of lines in the log (MESSAGE_ID of the journal).
 */
#ifndef BASE_EVENT_H
#define BASE_EVENT_H

#define EVENT_ID_LEN 32

/* The identifier of an event such as "refused", or NULL. */
const char *event_id(const char *name);

/* The identifier of a sentence, by its format; or NULL. */
const char *event_id_of_sentence(const char *format);

#endif
