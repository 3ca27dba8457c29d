#pragma once
/*
 * program_int: integrations that are programs of other people's, each described by a manifest
 * <data>/integrations/NAME.yaml. A manifest is read whenever it is needed, into ctx->arena: what is
 * written there is what holds. docs/integrations.md says what may stand in one.
 */
#include "tasks/tasks_int.h"
#include "util/yaml.h"

enum {
    NIMA_PROGRAMS_MAX = 32,
    NIMA_PROGRAM_ACTIONS_MAX = 32,
    NIMA_PROGRAM_NAME_CHARS_MAX = 40,
};

/* How one action is run. */
struct nima_program_call {
    const char *const *argv;                   /* ends in NULL; argv[0] is absolute */
    const char *const *readable;               /* folders beside the system's; end in NULL */
    const char *const *writable;               /* folders; end in NULL */
    nima_str templates[NIMA_ACTION_RESOURCES]; /* "city/{city}" */
    int64_t timeout_s, output_kib, memory_mib;
};
struct nima_program;
/* Stands where an action of ours has the table of its params; they begin with a pointer to it. */
struct nima_program_shape {
    struct nima_shape shape;
    const struct nima_program *program;
    const struct nima_action *action;
    struct nima_program_call call;
};
struct nima_program {
    struct nima_integration integration;
    const char *folder; /* of the manifest; its programs start there */
};

/* program/spot.c: a value in a manifest, and where it stands. */

struct nima_spot {
    const char *file;
    nima_str path;                /* "actions[0].params"; "" for the whole */
    const struct nima_yaml *node; /* NULL: absent */
    int line, column;             /* of the node, or of what it is absent from */
};
struct nima_spot nima_spot_at(struct nima_ctx *ctx, const struct nima_spot *map, const char *key);
/* An entry or item of it. */
struct nima_spot nima_spot_of(struct nima_ctx *ctx, const struct nima_spot *in, size_t index,
                              const struct nima_yaml *node);
/* INVALID "FILE:LINE:COLUMN: PATH …", and PATH as the field. */
nima_rc nima_spot_fail(struct nima_ctx *ctx, const struct nima_spot *place, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* It is a map with no other keys than these, which end in NULL. */
NIMA_MUST_USE nima_rc nima_spot_keys(struct nima_ctx *ctx, const struct nima_spot *place,
                                     const char *const *keys);
/* These leave *out as it is when the value is absent. */
NIMA_MUST_USE nima_rc nima_spot_text(struct nima_ctx *ctx, const struct nima_spot *place,
                                     size_t most, nima_str *out);
NIMA_MUST_USE nima_rc nima_spot_int(struct nima_ctx *ctx, const struct nima_spot *place,
                                    int64_t low, int64_t high, int64_t *out);
NIMA_MUST_USE nima_rc nima_spot_num(struct nima_ctx *ctx, const struct nima_spot *place,
                                    double *out);
NIMA_MUST_USE nima_rc nima_spot_bool(struct nima_ctx *ctx, const struct nima_spot *place,
                                     bool *out);
/* A list of texts, which ends in NULL. */
NIMA_MUST_USE nima_rc nima_spot_texts(struct nima_ctx *ctx, const struct nima_spot *place,
                                      size_t most, const char *const **out);
/* Letters, digits and _, a letter first. */
bool nima_spot_is_name(nima_str text, size_t most);

/* program/params.c */

/* JSON Schema as a table of fields, whose struct has `head` bytes before them. */
NIMA_MUST_USE nima_rc nima_program_params(struct nima_ctx *ctx, const struct nima_spot *schema,
                                          size_t head, struct nima_shape *out);

/* program/manifest.c */

/* A manifest's text, of the file `path`; `name` is the file's, without its end. */
NIMA_MUST_USE nima_rc nima_program_read(struct nima_ctx *ctx, const char *path, nima_str name,
                                        nima_str text, struct nima_program *out);

/* program.c */

NIMA_MUST_USE nima_rc nima_program_run(struct nima_ctx *ctx, struct nima_job *job,
                                       nima_str *result);
NIMA_MUST_USE nima_rc nima_program_preview(struct nima_ctx *ctx, struct nima_job *job,
                                           nima_str *result);
NIMA_MUST_USE nima_rc nima_program_resources(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                                             const void *params,
                                             nima_str out[NIMA_ACTION_RESOURCES]);
bool nima_program_configured(const struct nima_tasks *tasks);
