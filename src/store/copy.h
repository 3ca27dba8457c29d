#pragma once
/*
 * copy: everything from one store to another, of any kind, and everything of one person as lines
 * of text and back.
 *
 * Copying goes table by table in batches; what is there already is left, so that a copy that was
 * interrupted is gone on with by doing it again. At the end every row is read from both stores and
 * compared, vectors bit by bit.
 */
#include "store/store.h"

enum { NIMA_COPY_TABLES_MAX = 32 };
struct nima_copy_table {
    const char *name;
    int64_t rows, vectors; /* in the source */
    int64_t there;         /* of these, in the target before */
};
struct nima_copy_report {
    struct nima_copy_table items[NIMA_COPY_TABLES_MAX];
    size_t count;
};
struct nima_copy_options {
    bool force; /* into a target that holds other things: rows with the same key are replaced */
    /* Called now and then; what: "copying facts", "comparing facts". May be NULL. */
    void (*progress)(void *user, const char *what, int64_t done, int64_t total);
    void *user;
};
/* Nobody may write either store meanwhile. CONFLICT when the target holds what the source does not
 * (a part of the source is fine: that is an interrupted copy); STORE when the comparison finds a
 * difference. */
NIMA_MUST_USE nima_rc nima_store_copy(struct nima_ctx *ctx, struct nima_store *from,
                                      struct nima_store *to,
                                      const struct nima_copy_options *options,
                                      struct nima_copy_report *out);

/* Everything of ctx->user_id, a JSON object a line, each handed to `write` with its line feed:
 * first {"kind":"nima",…}, last {"kind":"end",…}; the same for the same content, whatever the
 * engine. Tokens and kept replies are not in it. */
typedef nima_rc (*nima_export_write)(struct nima_ctx *ctx, void *user, nima_str line);
NIMA_MUST_USE nima_rc nima_store_export(struct nima_ctx *ctx, struct nima_store *store,
                                        nima_export_write write, void *user);

struct nima_import_report {
    nima_str user_id; /* whose it became */
    int64_t added, there;
};
/* *line is absent at the end; valid until the next call. */
typedef nima_rc (*nima_import_read)(struct nima_ctx *ctx, void *user, nima_str *line);
/* Reads what nima_store_export wrote, for ctx->user_id (absent: for whom it was written). What is
 * there already stays. INVALID names the line; what stands before it may have been taken in.
 * CONFLICT for an id that is somebody else's here. */
NIMA_MUST_USE nima_rc nima_store_import(struct nima_ctx *ctx, struct nima_store *store,
                                        nima_import_read read, void *user,
                                        struct nima_import_report *out);
