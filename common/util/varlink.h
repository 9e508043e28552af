/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * varlink -- the framing of the control socket, for both of its ends; what is in the messages is for others to read.
 *
 * A message is a JSON object and a NUL. A client sends calls, and may send the next before it has the reply to the
 * last; replies come in the order of the calls.
 *
 *     {"method": "org.vmmalloc.List", "parameters": {...}, "oneway": bool, "more": bool, "upgrade": bool}
 * A call with `more` may have several replies, all of which but the last have "continues": true.
 *
 *     {"parameters": {...}}    or    {"error": "org.vmmalloc.PermissionDenied", "parameters": {...}}
 */
#ifndef COMMON_UTIL_VARLINK_H
#define COMMON_UTIL_VARLINK_H

#include <stdbool.h>
#include <stddef.h>

#define VARLINK_SERVICE "org.varlink.service"
#define VARLINK_VMMALLOC "org.vmmalloc"

#define VARLINK_INTERFACE_NOT_FOUND VARLINK_SERVICE ".InterfaceNotFound"
#define VARLINK_METHOD_NOT_FOUND VARLINK_SERVICE ".MethodNotFound"
#define VARLINK_METHOD_NOT_IMPLEMENTED VARLINK_SERVICE ".MethodNotImplemented"
#define VARLINK_INVALID_PARAMETER VARLINK_SERVICE ".InvalidParameter"
#define VARLINK_PERMISSION_DENIED VARLINK_VMMALLOC ".PermissionDenied"
#define VARLINK_PRUNE_FAILED VARLINK_VMMALLOC ".PruneFailed"
#define VARLINK_RELOAD_FAILED VARLINK_VMMALLOC ".ReloadFailed"
#define VARLINK_NO_SUCH VARLINK_VMMALLOC ".NoSuch"
#define VARLINK_ORDER_REFUSED VARLINK_VMMALLOC ".OrderRefused"
#define VARLINK_ORDER_NOT_SAVED VARLINK_VMMALLOC ".OrderNotSaved"
#define VARLINK_TOO_MANY_SUBSCRIBERS VARLINK_VMMALLOC ".TooManySubscribers"

/*
 * Cuts what arrives into messages. The buffer grows with the message in it, never past the limit.
 *
 *     data |  done with  | messages, whole ones first ... |  space  |
 *                        ^begin        ^scanned           ^end      ^size
 */
struct varlink_splitter {
	char *data;
	size_t begin, scanned, end, size;
	size_t most;   /* bytes of a message, without its NUL */
};

/* Allocates nothing yet. `most` is at least 1. */
void varlink_splitter_init(struct varlink_splitter *splitter, size_t most);
void varlink_splitter_done(struct varlink_splitter *splitter);

/*
 * Where to write what arrives next: at least 1 byte. Moves and grows the buffer, so earlier messages are gone. 0;
 * -EMSGSIZE: the message that is arriving is longer than allowed; -ENOBUFS: take the whole messages out first; -ENOMEM.
 */
int varlink_splitter_space(struct varlink_splitter *splitter, char **ret_space, size_t *ret_bytes);
/* So many bytes were written there. */
void varlink_splitter_filled(struct varlink_splitter *splitter, size_t bytes);

/* Whether there is a whole message. */
bool varlink_splitter_has_message(struct varlink_splitter *splitter);
/* The next whole message, `*ret_bytes` long and with its NUL, valid until varlink_splitter_space. False: none. */
bool varlink_splitter_next(struct varlink_splitter *splitter, char **ret_message, size_t *ret_bytes);

/*
 * Splits "org.vmmalloc.List" at its last dot: the interface is the first `*ret_interface_bytes` bytes, the method what
 * follows the dot. False: there is nothing before or behind a dot.
 */
bool varlink_method_split(const char *name, size_t *ret_interface_bytes, const char **ret_method);

#endif
