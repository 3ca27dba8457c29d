/*
 * Whether what is stored fits together. The engine's own check first, where it has one; then what
 * every engine must hold, each question one pass over a table.
 */
#include "store/store_int.h"

struct question {
    const char *sql; /* how many rows are not as they must be */
    const char *what;
};
static const struct question questions[] = {
    {"SELECT count(*) FROM facts WHERE (embedding IS NULL AND embedding_model IS NOT NULL) OR "
     "(embedding IS NOT NULL AND embedding_model IS NULL) OR length(embedding) % 4 <> 0",
     "facts with half a vector"},
    {"SELECT count(*) FROM facts a LEFT JOIN facts b ON b.id = a.superseded_by "
     "WHERE a.superseded_by IS NOT NULL AND b.id IS NULL",
     "facts superseded by one that is not there"},
    {"SELECT count(*) FROM fact_versions v LEFT JOIN facts f ON f.id = v.fact_id "
     "WHERE f.id IS NULL",
     "versions of no fact"},
    {"SELECT count(*) FROM messages m LEFT JOIN conversations c ON c.id = m.conversation_id "
     "WHERE c.id IS NULL",
     "messages of no conversation"},
    {"SELECT count(*) FROM facts f LEFT JOIN users u ON u.id = f.user_id WHERE u.id IS NULL",
     "facts of nobody"},
};

static nima_rc ask_engine(struct nima_ctx *ctx, struct nima_db *db, struct nima_store_check *out)
{
    struct nima_db_stmt *stmt;
    if (db->ops->check == NULL) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_db_first(ctx, db, db->ops->check, NULL, 0, &stmt));
    if (stmt == NULL) {
        return NIMA_OK;
    }
    nima_str said = nima_db_get_text(ctx, stmt, 0);
    if (!nima_str_eq(said, NIMA_STR("ok"))) {
        out->problem = said;
    }
    return nima_db_end(ctx, stmt);
}

static nima_rc count(struct nima_ctx *ctx, struct nima_db *db, const char *sql, int64_t *out)
{
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db, sql, NULL, 0, &stmt));
    *out = stmt != NULL ? nima_db_get_int(stmt, 0) : 0;
    return stmt != NULL ? nima_db_end(ctx, stmt) : NIMA_OK;
}

static nima_rc check(struct nima_ctx *ctx, struct nima_db *db, void *arg)
{
    struct nima_store_check *out = arg;
    *out = (struct nima_store_check){0};
    NIMA_TRY(ask_engine(ctx, db, out));
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        int64_t wrong = 0;
        NIMA_TRY(count(ctx, db, questions[i].sql, &wrong));
        if (wrong > 0 && out->problem.ptr == NULL) {
            out->problem = nima_fmt(ctx, "%lld %s", (long long)wrong, questions[i].what);
        }
    }
    NIMA_TRY(count(ctx, db, "SELECT count(*) FROM facts", &out->facts));
    return count(ctx, db, "SELECT count(*) FROM messages", &out->messages);
}

nima_rc nima_store_check(struct nima_ctx *ctx, struct nima_store *store,
                         struct nima_store_check *out)
{
    struct nima_store_check done;
    NIMA_TRY(nima_db_read(ctx, store, check, &done));
    *out = done;
    return NIMA_OK;
}
