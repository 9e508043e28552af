/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pool_file_name -- which pool file a file is, and what its name says about it.
 *
 * The directory is the truth about its pools: what a pool is stands in the name of its file, which only the daemon can
 * change.
 *
 *     vmmalloc-<32 hex digits: the id>.<mark>
 *
 *     .new    it is being made or warmed           after a restart of the daemon: it is removed
 *     .ready  it reads as zero, nobody has had it  after a restart: ready, if it was made since the machine was booted
 *     .used   it is handed out, or being scrubbed  after a restart: leased or an orphan, as the lease probe says
 *     .bad    it is in quarantine: its pages could not be taken out       after a restart: that is tried again
 *
 *     create -> .new -> warm -> .ready -> hand out -> .used -> nobody left -> scrub -> warm -> .ready
 *                                                                        \-> .bad -> scrub tried again
 *
 * The id is 8 random bytes, followed by 8 bytes of a hash of those and of the file's inode number. So a file whose
 * first page was wiped by its owner is still known to be ours.
 *
 * Plain data and functions: no files, no clock, no libuv.
 */
#ifndef VMMALLOCD_PLAN_POOL_FILE_NAME_H
#define VMMALLOCD_PLAN_POOL_FILE_NAME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define POOL_FILE_ID_BYTES 16
#define POOL_FILE_ID_TEXT_BYTES (2 * POOL_FILE_ID_BYTES + 1)    /* with its NUL */
#define POOL_FILE_NAME_BYTES 64                                 /* of a name, with its NUL */

enum pool_file_mark { POOL_FILE_NEW, POOL_FILE_READY, POOL_FILE_USED, POOL_FILE_BAD };

/* Id and mark are the name, device and inode number are the file. */
struct pool_file {
	uint8_t id[POOL_FILE_ID_BYTES];
	enum pool_file_mark mark;
	uint64_t size_bytes;           /* st_size when it was looked at; a client may change it */
	dev_t dev;
	ino_t ino;
};

/* False: it is not the name of a pool file, and nothing is filled in. */
bool pool_file_name_parse(const char *name, uint8_t ret_id[POOL_FILE_ID_BYTES], enum pool_file_mark *ret_mark);
void pool_file_name_format(const struct pool_file *file, char ret_name[POOL_FILE_NAME_BYTES]);

/* The id of the file of that inode number; `nonce` is random. */
void pool_file_id_make(uint64_t nonce, ino_t ino, uint8_t ret_id[POOL_FILE_ID_BYTES]);
/* Whether a file of that inode number was given that id when it was made. */
bool pool_file_id_is_of(const uint8_t id[POOL_FILE_ID_BYTES], ino_t ino);

/* 32 small hex digits, as in a name. */
void pool_file_id_format(const uint8_t id[POOL_FILE_ID_BYTES], char ret_text[POOL_FILE_ID_TEXT_BYTES]);
/* False: the text does not begin with the digits of an id, and nothing is filled in. What follows is not looked at. */
bool pool_file_id_parse(const char *text, uint8_t ret_id[POOL_FILE_ID_BYTES]);

#endif
