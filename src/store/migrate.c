#include "store/migrate.h"

#include <string.h>

#include "util/clock.h"
#include "util/digest.h"
#include "util/embed.h"

NIMA_EMBEDDED(migrations);

enum { SQL_BYTES_MAX = 1 << 20, VERSION_DIGITS = 4 };

struct migration {
    int version;
    nima_str name; /* "0001_first.sql" */
    nima_str sql;  /* as the engine spells it */
    nima_str checksum;
    int64_t applied_at; /* 0: not applied */
};
struct migrations {
    struct migration *items;
    size_t count;
};

/* Rendering */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Replaces @uuid and the like in one line; an unknown one is a mistake in our own file. */
static nima_rc render_line(struct nima_ctx *ctx, const struct nima_db_ops *ops, nima_str line,
                           struct nima_buf *out)
{
    static const char *const words[] = {"uuid", "time", "json", "bytes", "int", "real", "strict"};
    size_t at = 0;
    while (at < line.len) {
        if (line.ptr[at] != '@') {
            nima_buf_add_char(out, line.ptr[at++]);
            continue;
        }
        size_t end = at + 1;
        while (end < line.len && is_word(line.ptr[end])) {
            end++;
        }
        nima_str word = nima_str_sub(line, at + 1, end);
        size_t i = 0;
        while (i < 7 && !nima_str_eq(word, nima_str_of(words[i]))) {
            i++;
        }
        if (i == 7) {
            return nima_fail(ctx, NIMA_E_INTERNAL, "@" NIMA_FMT " means nothing in a migration",
                             NIMA_ARG(word));
        }
        nima_buf_add(out, nima_str_of(ops->types[i]));
        at = end;
    }
    nima_buf_add_char(out, '\n');
    return NIMA_OK;
}

static nima_rc render(struct nima_ctx *ctx, const struct nima_db_ops *ops, nima_str sql,
                      struct nima_buf *out)
{
    nima_str line;
    bool ours = true;
    while (nima_str_next(&sql, '\n', &line)) {
        nima_str bare = nima_str_trim(line);
        if (nima_str_eq(bare, NIMA_STR("-- @end"))) {
            ours = true;
        } else if (nima_str_starts(bare, NIMA_STR("-- @"))) {
            nima_str dialect = nima_str_sub(bare, 4, bare.len);
            ours = nima_str_eq(dialect, nima_str_of(ops->dialect));
            nima_assert(ours || nima_str_eq(dialect, NIMA_STR("sqlite")) ||
                        nima_str_eq(dialect, NIMA_STR("postgres")));
        } else if (nima_str_starts(bare, NIMA_STR("--"))) {
            continue; /* a comment may be reworded after the file was applied */
        } else if (ours && bare.len > 0) {
            NIMA_TRY(render_line(ctx, ops, line, out));
        }
    }
    return NIMA_OK;
}

nima_rc nima_store_render(struct nima_ctx *ctx, const struct nima_db_ops *ops, nima_str sql,
                          nima_str *out)
{
    struct nima_buf buf;
    nima_buf_init(&buf, SQL_BYTES_MAX);
    nima_rc rc = render(ctx, ops, sql, &buf);
    if (rc == NIMA_OK) {
        rc = nima_buf_take(ctx, &buf, out);
    }
    nima_buf_done(&buf);
    return rc;
}

/* The embedded files, sorted by name and so by number. */
static nima_rc load(struct nima_ctx *ctx, const struct nima_db_ops *ops, struct migrations *out)
{
    struct migrations found = {0};
    while (nima_embedded_migrations[found.count].name != NULL) {
        found.count++;
    }
    found.items = NIMA_NEW(ctx->arena, struct migration, found.count);
    for (size_t i = 0; i < found.count; i++) {
        struct migration *item = &found.items[i];
        int64_t version = 0;
        item->name = nima_str_of(nima_embedded_migrations[i].name);
        bool numbered = nima_str_to_i64(nima_str_sub(item->name, 0, VERSION_DIGITS), &version);
        nima_assert(numbered && version == (int64_t)i + 1); /* 0001, 0002 … without a gap */
        item->version = (int)version;
        NIMA_TRY(nima_store_render(ctx, ops, nima_embedded_data(&nima_embedded_migrations[i]),
                                   &item->sql));
        item->checksum = nima_sha256_hex(ctx, item->sql);
    }
    *out = found;
    return NIMA_OK;
}

/* Comparing with what is recorded */

static nima_rc too_new(struct nima_ctx *ctx, struct nima_db *db, int64_t version, nima_str name,
                       size_t known)
{
    return nima_fail(ctx, NIMA_E_STORE,
                     "%s was written by a newer version (migration %lld, " NIMA_FMT
                     "; this one knows up to %zu): install that version again, or restore a "
                     "backup from before",
                     db->shown, (long long)version, NIMA_ARG(name), known);
}

static nima_rc edited(struct nima_ctx *ctx, struct nima_db *db, const struct migration *item)
{
    return nima_fail(ctx, NIMA_E_STORE,
                     "migration " NIMA_FMT " was applied to %s with another text than it has "
                     "now: put the file back as it was and write a new migration instead",
                     NIMA_ARG(item->name), db->shown);
}

static nima_rc compare_row(struct nima_ctx *ctx, struct nima_db *db, struct nima_db_stmt *stmt,
                           struct migrations *all)
{
    int64_t version = nima_db_get_int(stmt, 0);
    if (version < 1 || (uint64_t)version > all->count) {
        return too_new(ctx, db, version, nima_db_view(stmt, 1), all->count);
    }
    struct migration *item = &all->items[version - 1];
    if (!nima_str_eq(nima_db_view(stmt, 2), item->checksum)) {
        return edited(ctx, db, item);
    }
    item->applied_at = nima_db_get_time(stmt, 3);
    return NIMA_OK;
}

static nima_rc compare(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct migrations *all = arg;
    bool row = false;
    NIMA_TRY(db->ops->has_table(ctx, db, NIMA_STR("schema_migrations"), &row));
    if (!row) {
        return NIMA_OK;
    }
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_query(ctx, db,
                           "SELECT version, name, checksum, applied_at FROM schema_migrations "
                           "ORDER BY version",
                           NULL, 0, &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &row));
    while (row) {
        NIMA_TRY(compare_row(ctx, db, stmt, all));
        NIMA_TRY(nima_db_step(ctx, stmt, &row));
    }
    return nima_db_end(ctx, stmt);
}

/* Applying */

nima_rc nima_store_migrations_table(struct nima_ctx *ctx, struct nima_db *db)
{
    nima_str sql;
    NIMA_TRY(nima_store_render(ctx, db->ops,
                               NIMA_STR("CREATE TABLE IF NOT EXISTS schema_migrations (\n"
                                        "    version @int NOT NULL PRIMARY KEY,\n"
                                        "    name TEXT NOT NULL,\n"
                                        "    checksum TEXT NOT NULL,\n"
                                        "    applied_at @time NOT NULL\n"
                                        ") @strict;"),
                               &sql));
    return db->ops->script(ctx, db, nima_cstr(ctx, sql));
}

/* Two processes may start at once: the record is looked up again inside the transaction. */
static nima_rc apply(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct migration *item = arg;
    if (db->ops->line_up != NULL) {
        NIMA_TRY(db->ops->line_up(ctx, db));
    }
    NIMA_TRY(nima_store_migrations_table(ctx, db));
    struct nima_db_stmt *done;
    NIMA_TRY(nima_db_first(ctx, db, "SELECT 1 FROM schema_migrations WHERE version = $1",
                           NIMA_DB_ARGS(nima_db_int(item->version)), &done));
    if (done != NULL) {
        return nima_db_end(ctx, done);
    }
    NIMA_TRY(db->ops->script(ctx, db, nima_cstr(ctx, item->sql)));
    return nima_db_run(ctx, db,
                       "INSERT INTO schema_migrations (version, name, checksum, applied_at) "
                       "VALUES ($1, $2, $3, $4)",
                       NIMA_DB_ARGS(nima_db_int(item->version), nima_db_text(item->name),
                                    nima_db_text(item->checksum), nima_db_time(nima_now_ms())),
                       NULL);
}

nima_rc nima_store_migrate(struct nima_ctx *ctx, struct nima_db *db)
{
    struct migrations all;
    NIMA_TRY(load(ctx, db->ops, &all));
    NIMA_TRY(nima_db_within(ctx, db, false, compare, &all));
    for (size_t i = 0; i < all.count; i++) {
        if (all.items[i].applied_at == 0) {
            NIMA_TRY(nima_db_within(ctx, db, true, apply, &all.items[i]));
        }
    }
    return NIMA_OK;
}

nima_rc nima_store_migration_states(struct nima_ctx *ctx, const struct nima_db_ops *ops,
                                    struct nima_db *db, struct nima_migration_states *out)
{
    struct migrations all;
    NIMA_TRY(load(ctx, ops, &all));
    if (db != NULL) {
        NIMA_TRY(nima_db_within(ctx, db, false, compare, &all));
    }
    struct nima_migration_states states = {.count = all.count};
    states.items = NIMA_NEW(ctx->arena, struct nima_migration_state, all.count);
    for (size_t i = 0; i < all.count; i++) {
        const struct migration *item = &all.items[i];
        states.items[i] = (struct nima_migration_state){
            .version = item->version, .name = item->name, .applied = item->applied_at != 0};
        if (item->applied_at != 0) {
            char time[NIMA_TIME_CHARS + 1];
            nima_time_write(item->applied_at, time);
            states.items[i].applied_at = nima_str_copy(ctx->arena, nima_str_of(time));
        }
    }
    *out = states;
    return NIMA_OK;
}
