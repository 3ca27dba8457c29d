#pragma once
/*
 * archive: reads files out of a zip by its central directory. Stored and deflated files of up to
 * 4 GiB are read; zip64, encryption and other methods are told as such.
 * Errors  MALFORMED for what is no whole zip, TOO_LARGE over the bound, INVALID for what it cannot
 *         unpack.
 */
#include "util/ctx.h"

bool nima_archive_is(nima_str bytes);
/* Called for each wanted file; the text lives only during the call. */
typedef nima_rc (*nima_archive_visit)(struct nima_ctx *ctx, void *user, nima_str text);
/* Visits the files whose names, without folders, are `wanted`, in the order of the directory, and
 * counts them. All of them together may have `bytes_max` bytes. */
NIMA_MUST_USE nima_rc nima_archive_read(struct nima_ctx *ctx, nima_str bytes, size_t bytes_max,
                                        bool (*wanted)(nima_str name), nima_archive_visit visit,
                                        void *user, size_t *count_out);
