/*
 * What went wrong with PostgreSQL, in words that say what to do. By SQLSTATE where there is one;
 * a connection that was refused has but a text, which the server may well have translated: what
 * is not known is passed on. libpq never puts a password into its messages.
 */
#include "store/postgres_int.h"

#include <string.h>

enum { TOLD_CHARS_MAX = 240 };

/* The first line of a message, without "ERROR:" and the line that quotes SQL. */
static nima_str first_line(const char *text)
{
    nima_str line = nima_str_of(text != NULL ? text : "");
    size_t end = nima_str_find(line, NIMA_STR("\n"), 0);
    return nima_utf8_prefix(nima_str_trim(nima_str_sub(line, 0, end)), TOLD_CHARS_MAX);
}

static nima_rc later(struct nima_ctx *ctx, nima_rc rc)
{
    ctx->error.retry_after_s = 1;
    return rc;
}

/* Once a commit was sent, nobody knows whether it came to pass: running the work again might do it
 * twice. */
static nima_rc lost(struct nima_ctx *ctx, struct nima_db *db, const char *why)
{
    struct nima_pg *pg = nima_pg_of(db);
    db->broken = true;
    db->away = true;
    db->again = !pg->committing;
    if (pg->committing) {
        return later(ctx, nima_fail(ctx, NIMA_E_UNAVAILABLE,
                                    "the connection to %s was lost while this was being written: "
                                    "it may have been stored or not; look, or do it again",
                                    db->shown));
    }
    return later(ctx, nima_fail(ctx, NIMA_E_UNAVAILABLE,
                                "the connection to %s was lost (%s): it is tried again with each "
                                "request",
                                db->shown, why));
}

nima_rc nima_pg_silent(struct nima_ctx *ctx, struct nima_db *db)
{
    return lost(ctx, db, "no answer came");
}

static nima_rc constraint(struct nima_ctx *ctx, const char *state)
{
    if (strcmp(state, "23505") == 0) {
        return nima_fail(ctx, NIMA_E_CONFLICT, "this is already there");
    }
    if (strcmp(state, "23503") == 0) {
        return nima_fail(ctx, NIMA_E_NOT_FOUND, "what this belongs to is gone");
    }
    return nima_fail(ctx, NIMA_E_INVALID, "a value is not one that can be stored");
}

/* Two writers in each other's way: one of them has to begin again. */
static nima_rc in_the_way(struct nima_ctx *ctx, struct nima_db *db)
{
    db->again = true;
    return later(ctx, nima_fail(ctx, NIMA_E_BUSY,
                                "two writers were in each other's way; try "
                                "again"));
}

struct known {
    const char *state; /* the whole of it, or its first two characters */
    nima_rc rc;
    const char *text;
};

static const struct known states[] = {
    {"55P03", NIMA_E_BUSY, "%s: what this writes is locked by somebody else; try again"},
    {"57014", NIMA_E_BUSY, "%s: this took too long and was ended; try again"},
    {"53100", NIMA_E_STORE, "%s: the disk of the database server is full"},
    {"53300", NIMA_E_BUSY,
     "%s has no connection left: raise max_connections of the server, or end what uses them"},
    {"53", NIMA_E_BUSY, "%s: the database server is short of memory or room; try again"},
    {"25006", NIMA_E_STORE,
     "%s is read-only, as a standby is: name the primary server in the store's address"},
    {"42501", NIMA_E_STORE,
     "%s: this user may not do that; grant it the rights on the schema, or let it own the "
     "database"},
    {"42P07", NIMA_E_STORE,
     "%s holds tables of another program: name another database, or a schema with ?schema=NAME"},
    {"54", NIMA_E_TOO_LARGE, "%s: a value is larger than can be stored"},
};

static const struct known *find_state(const char *state)
{
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (strncmp(state, states[i].state, strlen(states[i].state)) == 0) {
            return &states[i];
        }
    }
    return NULL;
}

static nima_rc fail_known(struct nima_ctx *ctx, struct nima_db *db, const struct known *known)
{
    nima_rc rc = nima_fail(ctx, known->rc, known->text, db->shown);
    return known->rc == NIMA_E_BUSY ? later(ctx, rc) : rc;
}

nima_rc nima_pg_fail(struct nima_ctx *ctx, struct nima_db *db, const PGresult *result)
{
    struct nima_pg *pg = nima_pg_of(db);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (state == NULL || strncmp(state, "57P", 3) == 0 || strncmp(state, "08", 2) == 0 ||
        PQstatus(pg->conn) == CONNECTION_BAD) {
        nima_str line = first_line(text != NULL ? text : PQerrorMessage(pg->conn));
        return lost(ctx, db, nima_cstr(ctx, line));
    }
    if (strncmp(state, "23", 2) == 0) {
        return constraint(ctx, state);
    }
    if (strncmp(state, "40", 2) == 0) {
        return in_the_way(ctx, db);
    }
    if (strncmp(state, "22", 2) == 0) {
        return nima_fail(ctx, NIMA_E_INVALID, "a value is not one that can be stored");
    }
    const struct known *known = find_state(state);
    if (known != NULL) {
        return fail_known(ctx, db, known);
    }
    if (strcmp(state, "0A000") == 0) { /* a migration changed what a statement was made for */
        db->broken = true;
        db->again = !pg->committing;
    }
    nima_str line = first_line(text);
    return nima_fail(ctx, NIMA_E_STORE, "%s: " NIMA_FMT " (%s)", db->shown, NIMA_ARG(line), state);
}

/* Connecting. UNAVAILABLE is what may pass by itself; STORE needs somebody to do something. */
static const struct known refusals[] = {
    {"password authentication failed", NIMA_E_STORE,
     "%s: the user or its password is wrong; see the store's address, or PGPASSWORD and ~/.pgpass"},
    {"no password supplied", NIMA_E_STORE,
     "%s wants a password: put it into the store's address, PGPASSWORD or ~/.pgpass"},
    {"no pg_hba.conf entry", NIMA_E_STORE,
     "%s does not let this user in from here: add a line to its pg_hba.conf"},
    {"too many", NIMA_E_BUSY,
     "%s has no connection left: raise max_connections of the server, or end what uses them"},
    {"connection slots", NIMA_E_BUSY,
     "%s has no connection left: raise max_connections of the server, or end what uses them"},
    {"starting up", NIMA_E_UNAVAILABLE, "%s is starting; it is tried again with each request"},
    {"shutting down", NIMA_E_UNAVAILABLE, "%s is stopping; it is tried again with each request"},
    {"recovery mode", NIMA_E_UNAVAILABLE, "%s is recovering; it is tried again with each request"},
    {"could not translate host name", NIMA_E_UNAVAILABLE,
     "%s: there is no server of this name; see the store's address"},
    {"refused", NIMA_E_UNAVAILABLE,
     "nothing listens at %s: start PostgreSQL there, or correct the store's address"},
    {"No such file", NIMA_E_UNAVAILABLE,
     "nothing listens at %s: start PostgreSQL there, or correct the store's address"},
    {"timeout expired", NIMA_E_UNAVAILABLE,
     "%s does not answer: see whether the server runs and a firewall lets this one through"},
    {"does not support SSL", NIMA_E_STORE,
     "%s does not speak TLS, which the store's address asks for"},
};

static nima_rc no_such(struct nima_ctx *ctx, struct nima_db *db, nima_str told)
{
    bool role = nima_str_find(told, NIMA_STR("role "), 0) != SIZE_MAX;
    return nima_fail(ctx, NIMA_E_STORE,
                     role ? "%s has no such user: make it with createuser, or correct the store's "
                            "address"
                          : "%s does not exist: make the database with createdb --encoding=UTF8",
                     db->shown);
}

nima_rc nima_pg_fail_connect(struct nima_ctx *ctx, struct nima_db *db)
{
    const char *text = PQerrorMessage(nima_pg_of(db)->conn);
    nima_str told = nima_str_of(text != NULL ? text : "");
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (nima_str_find(told, nima_str_of(refusals[i].state), 0) != SIZE_MAX) {
            nima_rc rc = fail_known(ctx, db, &refusals[i]);
            return rc == NIMA_E_STORE ? rc : later(ctx, rc);
        }
    }
    if (nima_str_find(told, NIMA_STR("does not exist"), 0) != SIZE_MAX) {
        return no_such(ctx, db, told);
    }
    nima_str line = first_line(text);
    return later(ctx, nima_fail(ctx, NIMA_E_UNAVAILABLE, "%s cannot be reached: " NIMA_FMT,
                                db->shown, NIMA_ARG(line)));
}
