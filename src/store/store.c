#include "store/store.h"

#include <stdlib.h>

#include "store/migrate.h"

enum { READERS_DEFAULT = 4, READERS_MAX = 64 };

static struct nima_store *store_new(const struct nima_db_ops *ops, nima_str where, int readers)
{
    struct nima_store *store = NIMA_XNEW(struct nima_store, 1);
    store->ops = ops;
    store->where = nima_xstrdup(where);
    readers = readers > 0 ? readers : READERS_DEFAULT;
    readers = readers < READERS_MAX ? readers : READERS_MAX;
    nima_db_pool_init(&store->writers, ops->writers_max > 0 ? ops->writers_max : readers);
    nima_db_pool_init(&store->readers, readers);
    return store;
}

nima_rc nima_store_open(struct nima_ctx *ctx, const struct nima_store_options *options,
                        struct nima_store **out)
{
    const struct nima_db_ops *ops;
    nima_str where;
    NIMA_TRY(nima_db_address(ctx, options->address, &ops, &where));
    struct nima_store *store = store_new(ops, where, options->readers);
    struct nima_db *db;
    nima_rc rc = nima_db_open(ctx, ops, store->where, NIMA_DB_WRITER, &db);
    if (rc == NIMA_OK) {
        /* Into the pool at once, so that closing the store closes it. */
        store->writers.idle = db;
        store->writers.open = 1;
        rc = nima_store_migrate(ctx, db);
    }
    if (rc != NIMA_OK) {
        nima_store_close(store);
        return rc;
    }
    /* A crash may have come between a deletion and the wiping of its traces. */
    atomic_store(&store->scrub_due, true);
    *out = store;
    return NIMA_OK;
}

/* Readers first: the last connection, the writer, then copies the log into the file. */
void nima_store_close(struct nima_store *store)
{
    if (store == NULL) {
        return;
    }
    nima_db_pool_done(&store->readers);
    nima_db_pool_done(&store->writers);
    free(store->where);
    free(store);
}

const char *nima_store_kind(const struct nima_store *store)
{
    return store->ops->scheme;
}

static nima_rc ping(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    (void)arg;
    return nima_db_run(ctx, db, "SELECT version FROM schema_migrations LIMIT 1", NULL, 0, NULL);
}

nima_rc nima_store_ping(struct nima_ctx *ctx, struct nima_store *store)
{
    return nima_db_read(ctx, store, ping, NULL);
}

nima_rc nima_store_migrations(struct nima_ctx *ctx, const struct nima_store_options *options,
                              struct nima_migration_states *out)
{
    const struct nima_db_ops *ops;
    nima_str where;
    NIMA_TRY(nima_db_address(ctx, options->address, &ops, &where));
    struct nima_db *db = NULL;
    nima_rc rc = nima_db_open(ctx, ops, nima_cstr(ctx, where), NIMA_DB_LOOK, &db);
    if (rc == NIMA_E_NOT_FOUND) {
        db = NULL;
    } else if (rc != NIMA_OK) {
        return rc;
    }
    rc = nima_store_migration_states(ctx, ops, db, out);
    nima_db_close(db);
    return rc;
}
