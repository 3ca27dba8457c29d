#include "store/store.h"

#include <stdlib.h>

#include "store/migrate.h"

enum { READERS_DEFAULT = 4, READERS_MAX = 64 };

static struct nima_store *store_new(const struct nima_db_ops *ops, nima_str where, int readers)
{
    struct nima_store *store = NIMA_XNEW(struct nima_store, 1);
    store->ops = ops;
    store->where = nima_xstrdup(where);
    int usual = ops->readers_default > 0 ? ops->readers_default : READERS_DEFAULT;
    readers = readers > 0 ? readers : usual;
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
    nima_rc rc = NIMA_OK;
    if (ops->attach != NULL) {
        rc = ops->attach(ctx, store->where, NIMA_DB_WRITER, &store->shared);
    }
    if (rc == NIMA_OK) {
        rc = nima_db_open(ctx, ops, store->where, store->shared, NIMA_DB_WRITER, &db);
    }
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
    if (store->shared != NULL) {
        store->ops->detach(store->shared);
    }
    free(store->where);
    free(store);
}

const char *nima_store_kind(const struct nima_store *store)
{
    return store->ops->scheme;
}

const char *nima_store_notes(const struct nima_store *store)
{
    return store->ops->notes != NULL ? store->ops->notes(store->shared) : NULL;
}

/* A password stands between the first ':' behind "//" and the last '@' before the host, or in
 * the query. */
nima_str nima_store_address_shown(struct nima_ctx *ctx, nima_str address)
{
    size_t start = nima_str_find(address, NIMA_STR("://"), 0);
    if (start == SIZE_MAX) {
        return address;
    }
    nima_str scheme = nima_str_sub(address, 0, start + 3);
    nima_str rest = nima_str_sub(address, start + 3, address.len);
    size_t query = nima_str_find(rest, NIMA_STR("?"), 0);
    nima_str tail = query != SIZE_MAX ? nima_str_sub(rest, query, rest.len) : NIMA_STR("");
    rest = nima_str_sub(rest, 0, query);
    size_t at = rest.len;
    while (at > 0 && rest.ptr[at - 1] != '@') {
        at--;
    }
    if (nima_str_find(tail, NIMA_STR("password="), 0) != SIZE_MAX) {
        tail = NIMA_STR("?…");
    }
    nima_str user = nima_str_sub(rest, 0, nima_str_find(rest, NIMA_STR(":"), 0));
    if (at == 0 || user.len >= at) {
        return nima_fmt(ctx, NIMA_FMT NIMA_FMT NIMA_FMT, NIMA_ARG(scheme), NIMA_ARG(rest),
                        NIMA_ARG(tail));
    }
    nima_str host = nima_str_sub(rest, at, rest.len);
    return nima_fmt(ctx, NIMA_FMT NIMA_FMT ":***@" NIMA_FMT NIMA_FMT, NIMA_ARG(scheme),
                    NIMA_ARG(user), NIMA_ARG(host), NIMA_ARG(tail));
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
    const char *path = nima_cstr(ctx, where);
    struct nima_db *db = NULL;
    void *shared = NULL;
    nima_rc rc = ops->attach != NULL ? ops->attach(ctx, path, NIMA_DB_LOOK, &shared) : NIMA_OK;
    if (rc == NIMA_OK) {
        rc = nima_db_open(ctx, ops, path, shared, NIMA_DB_LOOK, &db);
    }
    if (rc == NIMA_OK || rc == NIMA_E_NOT_FOUND) {
        rc = nima_store_migration_states(ctx, ops, rc == NIMA_OK ? db : NULL, out);
    }
    nima_db_close(db);
    if (shared != NULL) {
        ops->detach(shared);
    }
    return rc;
}
