/*
 * Connecting to PostgreSQL. The address is libpq's own, so that all it knows works here as well
 * (several hosts, sslmode, ~/.pgpass, PGPASSWORD), and ?schema=NAME, which is ours.
 */
#include "store/postgres_int.h"

#include <stdlib.h>
#include <string.h>

#include "util/buf.h"

enum { SCHEMA_CHARS_MAX = 63, ADDRESS_BYTES_MAX = 4096 };

static nima_rc bad_address(struct nima_ctx *ctx)
{
    /* What libpq says may quote the address, and with it the password. */
    return nima_fail_field(ctx, NIMA_E_INVALID, "store",
                           "the store's address cannot be read: it is "
                           "postgres://USER:PASSWORD@HOST:PORT/DATABASE?schema=NAME, with signs "
                           "like @ : / %% in the password written as %%40 %%3A %%2F %%25");
}

static nima_rc check_schema(struct nima_ctx *ctx, nima_str name)
{
    bool fits = name.len >= 1 && name.len <= SCHEMA_CHARS_MAX;
    for (size_t i = 0; fits && i < name.len; i++) {
        char c = name.ptr[i];
        fits = (c >= 'a' && c <= 'z') || c == '_' || (i > 0 && c >= '0' && c <= '9');
    }
    return fits ? NIMA_OK
                : nima_fail_field(ctx, NIMA_E_INVALID, "store",
                                  "the schema in the store's address must be 1 to %d small "
                                  "letters, digits or _",
                                  SCHEMA_CHARS_MAX);
}

/* Takes schema=NAME out of the query, since libpq refuses what it does not know. */
static nima_rc split_address(struct nima_ctx *ctx, const char *where, nima_str *uri,
                             nima_str *schema)
{
    nima_str rest = nima_str_of(where), pair;
    struct nima_buf buf;
    nima_buf_init(&buf, ADDRESS_BYTES_MAX);
    size_t question = nima_str_find(rest, NIMA_STR("?"), 0);
    nima_buf_fmt(&buf, "postgres:" NIMA_FMT, NIMA_ARG(nima_str_sub(rest, 0, question)));
    rest = question != SIZE_MAX ? nima_str_sub(rest, question + 1, rest.len) : (nima_str){0};
    char sign = '?';
    while (nima_str_next(&rest, '&', &pair)) {
        if (nima_str_starts(pair, NIMA_STR("schema="))) {
            *schema = nima_str_sub(pair, 7, pair.len);
        } else if (pair.len > 0) {
            nima_buf_fmt(&buf, "%c" NIMA_FMT, sign, NIMA_ARG(pair));
            sign = '&';
        }
    }
    nima_rc rc = nima_buf_take(ctx, &buf, uri);
    nima_buf_done(&buf);
    NIMA_TRY(rc);
    return schema->ptr != NULL ? check_schema(ctx, *schema) : NIMA_OK;
}

static const char *option_of(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *option = options; option->keyword != NULL; option++) {
        if (strcmp(option->keyword, keyword) == 0) {
            return option->val;
        }
    }
    return NULL;
}

/* Host, port and database, for messages. */
static char *show(struct nima_ctx *ctx, const PQconninfoOption *options)
{
    const char *host = option_of(options, "host");
    const char *port = option_of(options, "port");
    const char *name = option_of(options, "dbname");
    host = host != NULL ? host : option_of(options, "hostaddr");
    return nima_xstrdup(nima_fmt(ctx, "postgres://%s%s%s/%s", host != NULL ? host : "",
                                 port != NULL ? ":" : "", port != NULL ? port : "",
                                 name != NULL ? name : ""));
}

static nima_rc connect_to(struct nima_ctx *ctx, struct nima_db *db, nima_str uri)
{
    struct nima_pg *pg = nima_pg_of(db);
    char *address = nima_cstr(ctx, uri);
    PQconninfoOption *options = PQconninfoParse(address, NULL);
    if (options == NULL) {
        return bad_address(ctx);
    }
    pg->shown = show(ctx, options);
    db->shown = pg->shown;
    bool own_timeout = option_of(options, "connect_timeout") != NULL;
    PQconninfoFree(options);
    /* A peer that is gone without a word is noticed by the kernel within half a minute. */
    const char *keys[] = {"dbname",
                          "fallback_application_name",
                          "keepalives_idle",
                          "keepalives_interval",
                          "keepalives_count",
                          "tcp_user_timeout",
                          "client_encoding",
                          own_timeout ? NULL : "connect_timeout",
                          NULL};
    const char *values[] = {address, "nima", "10", "5", "3", "20000", "UTF8", "5", NULL};
    pg->conn = PQconnectdbParams(keys, values, 1);
    if (pg->conn == NULL || PQstatus(pg->conn) != CONNECTION_OK) {
        return nima_pg_fail_connect(ctx, db);
    }
    return NIMA_OK;
}

static nima_rc check_server(struct nima_ctx *ctx, struct nima_db *db)
{
    PGconn *conn = nima_pg_of(db)->conn;
    const char *encoding = PQparameterStatus(conn, "server_encoding");
    if (encoding == NULL || strcmp(encoding, "UTF8") != 0) {
        return nima_fail(ctx, NIMA_E_STORE,
                         "%s keeps texts as %s: make another database with createdb "
                         "--encoding=UTF8 --template=template0",
                         db->shown, encoding != NULL ? encoding : "something else");
    }
    if (PQserverVersion(conn) < 120000) {
        return nima_fail(ctx, NIMA_E_STORE, "%s runs PostgreSQL %d: 12 or later is needed",
                         db->shown, PQserverVersion(conn) / 10000);
    }
    return NIMA_OK;
}

/* A server that is told to answer before the log is synced is told otherwise; one that waits for
 * its standbys goes on doing so. */
static nima_rc settle(struct nima_ctx *ctx, struct nima_db *db, nima_str schema)
{
    nima_str sql =
        nima_fmt(ctx,
                 "SET TimeZone = 'UTC'; SET statement_timeout = %d; SET lock_timeout = 10000; "
                 "SET idle_in_transaction_session_timeout = 300000; SET jit = off; "
                 "SET client_min_messages = warning; SET bytea_output = 'hex'; "
                 "SET extra_float_digits = 3; SELECT set_config('synchronous_commit', 'on', false) "
                 "WHERE current_setting('synchronous_commit') IN ('off', 'local')",
                 NIMA_PG_STATEMENT_MS);
    NIMA_TRY(nima_pg_exec(ctx, db, sql.ptr));
    if (schema.ptr == NULL) {
        return NIMA_OK;
    }
    return nima_pg_exec(ctx, db,
                        nima_fmt(ctx, "SET search_path = \"" NIMA_FMT "\"", NIMA_ARG(schema)).ptr);
}

/* Looked for first: who may not make a schema may well use one. Two processes that make it at
 * once: for one of them it is there already. */
static nima_rc make_schema(struct nima_ctx *ctx, struct nima_db *db, nima_str schema)
{
    PGresult *result = NULL;
    NIMA_TRY(nima_pg_ask(
        ctx, db,
        nima_fmt(ctx, "SELECT 1 FROM pg_namespace WHERE nspname = '" NIMA_FMT "'", NIMA_ARG(schema))
            .ptr,
        &result));
    bool there = PQntuples(result) > 0;
    PQclear(result);
    if (there) {
        return NIMA_OK;
    }
    nima_rc rc = nima_pg_exec(
        ctx, db,
        nima_fmt(ctx, "CREATE SCHEMA IF NOT EXISTS \"" NIMA_FMT "\"", NIMA_ARG(schema)).ptr);
    return rc == NIMA_E_CONFLICT ? NIMA_OK : rc;
}

nima_rc nima_pg_open(struct nima_ctx *ctx, struct nima_db *db, enum nima_db_mode mode)
{
    nima_str uri, schema = {0};
    db->engine = NIMA_XNEW(struct nima_pg, 1);
    db->shown = "the PostgreSQL server";
    if (!nima_str_starts(nima_str_of(db->where), NIMA_STR("//"))) {
        return bad_address(ctx);
    }
    NIMA_TRY(split_address(ctx, db->where, &uri, &schema));
    NIMA_TRY(connect_to(ctx, db, uri));
    NIMA_TRY(check_server(ctx, db));
    NIMA_TRY(settle(ctx, db, schema));
    return schema.ptr != NULL && mode == NIMA_DB_WRITER ? make_schema(ctx, db, schema) : NIMA_OK;
}
