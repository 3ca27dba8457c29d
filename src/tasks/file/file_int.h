#pragma once
/*
 * file_int: paths below the roots, and what is written there. Private to this room.
 *
 * A path is walked from the root's own descriptor, no part of it may be a symbolic link or "..",
 * and what is opened is looked at again once it is open: a regular file that has one name only.
 * What happens to names in between can therefore not lead outside.
 */
#include <sys/stat.h>

#include "tasks/tasks_int.h"

enum {
    NIMA_PATH_BYTES_MAX = 4000,
    NIMA_FILE_BYTES_MAX = 16 << 20,     /* that are changed or copied */
    NIMA_FILE_READ_BYTES_MAX = 1 << 20, /* that a reply may hold */
};

NIMA_MUST_USE nima_rc nima_roots_open(struct nima_ctx *ctx,
                                      const struct nima_tasks_options *options,
                                      struct nima_roots *out);
void nima_roots_close(struct nima_roots *roots);

/* The path without empty and "." parts: "" is the root itself. INVALID for what is absolute, goes
 * up, or holds control characters. */
NIMA_MUST_USE nima_rc nima_path_plain(struct nima_ctx *ctx, const char *field, nima_str path,
                                      nima_str *out);

/* A name in an open folder. */
struct nima_place {
    int dir;
    nima_str path; /* below the root, for messages */
    char name[256];
};
/* Opens the folder that `path` lies in; `root` absent or "": the first. With `parents` missing
 * folders are made. Close it with nima_place_done, also when this failed. */
NIMA_MUST_USE nima_rc nima_place_open(struct nima_ctx *ctx, const struct nima_roots *roots,
                                      nima_str root, nima_str path, bool parents,
                                      struct nima_place *out);
void nima_place_done(struct nima_place *place);
/* The regular file there, open for reading; the caller closes it. */
NIMA_MUST_USE nima_rc nima_place_read(struct nima_ctx *ctx, const struct nima_place *place,
                                      int *fd_out, struct stat *info);
/* All of it, up to max_bytes: one more is TOO_LARGE. */
NIMA_MUST_USE nima_rc nima_place_content(struct nima_ctx *ctx, const struct nima_place *place,
                                         size_t max_bytes, nima_str *out, struct stat *info);
/* The folder there, open; the caller closes it. */
NIMA_MUST_USE nima_rc nima_place_folder(struct nima_ctx *ctx, const struct nima_place *place,
                                        int *fd_out);
/* What stands there: *exists false for nothing. Symbolic links are told as what they are. */
NIMA_MUST_USE nima_rc nima_place_stat(struct nima_ctx *ctx, const struct nima_place *place,
                                      struct stat *info, bool *exists);
/* The whole content by a file of its own and a rename; mode and owner of `old` (NULL: 0644). With
 * `fresh`, CONFLICT when something is there already. *made (may be NULL): it stands there, also
 * when the folder then could not be synced, which is an error. */
NIMA_MUST_USE nima_rc nima_place_write(struct nima_ctx *ctx, const struct nima_place *place,
                                       nima_str content, const struct stat *old, bool fresh,
                                       bool *made);
/* The system's last error in words, as the rc it means. */
nima_rc nima_place_fail(struct nima_ctx *ctx, nima_str path, int error);
/* INVALID for a folder, a device and the like, and for a file of several names. */
NIMA_MUST_USE nima_rc nima_place_regular(struct nima_ctx *ctx, nima_str path,
                                         const struct stat *info);

/* file/undo.c: what a task replaced, kept for a day */

struct nima_undo {
    nima_str kind; /* "replaced", "made", "moved", "moved over" (a file), "folder" (an empty one) */
    nima_str root, path, to;
    int64_t mode;
    nima_str content; /* of "replaced" and "moved over": what was there */
};
/* Keeps it before the change is made. The first attempt's stays: *earlier tells, and *out is it. */
NIMA_MUST_USE nima_rc nima_undo_keep(struct nima_ctx *ctx, const struct nima_job *job,
                                     const struct nima_undo *undo, bool *earlier);
/* Where the change that it was kept for was not made after all: another attempt must find nothing
 * begun. Only what this attempt kept is dropped (*earlier false). */
void nima_undo_drop(struct nima_ctx *ctx, const struct nima_job *job);
/* NOT_FOUND when there is none (any more). */
NIMA_MUST_USE nima_rc nima_undo_get(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                                    nima_str task_id, struct nima_undo *out);
void nima_undo_clean(struct nima_ctx *ctx, struct nima_tasks *tasks);

/* The action `undo`, and what rules on it are matched with: the paths of what it takes back. */
nima_rc nima_undo_run(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_undo_preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_undo_resources(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                            const void *params, nima_str out[NIMA_ACTION_RESOURCES]);

/* diff.c: both texts as the lines that differ, with a little around them. */
nima_str nima_diff(struct nima_ctx *ctx, nima_str before, nima_str after);

/* Actions in files of their own. */
nima_rc nima_file_search(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);
nima_rc nima_file_process(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);

/* Params of all actions of this integration; each takes some. */
struct nima_file_params {
    nima_str root, path, to, content, content_base64, query, pattern, op, find, with, pointer,
        task_id;
    int64_t offset, max_bytes, limit, lines;
    bool overwrite, parents, line;
};
/* The struct as a result. */
NIMA_MUST_USE nima_rc nima_file_result(struct nima_ctx *ctx, const struct nima_shape *shape,
                                       const void *out, nima_str *result);
/* What was done with a name, or two, as a result. */
NIMA_MUST_USE nima_rc nima_file_told(struct nima_ctx *ctx, nima_str path, nima_str to,
                                     const char *what, nima_str *result);
/* What `process` finds in a content, but for "replace". */
NIMA_MUST_USE nima_rc nima_file_process_text(struct nima_ctx *ctx, const struct nima_file_params *p,
                                             nima_str path, nima_str text, nima_str *result);
/* file/apart.c: the same by the processor, a program of its own. */
NIMA_MUST_USE nima_rc nima_file_process_apart(struct nima_ctx *ctx, nima_str processor,
                                              const struct nima_file_params *p, nima_str path,
                                              nima_str text, nima_str *result);
