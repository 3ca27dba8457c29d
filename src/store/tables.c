#include "store/tables.h"

#include <math.h>
#include <string.h>

#include "util/base64.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/json.h"
#include "util/uuid.h"

#define KEY         NIMA_COLUMN_KEY
#define NUL         NIMA_COLUMN_NULLABLE
#define UUID        NIMA_COLUMN_UUID
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const struct nima_column users[] = {
    {"id", NIMA_DB_TEXT, KEY, NULL},          {"facts_change", NIMA_DB_INT, 0, "1"},
    {"messages_change", NIMA_DB_INT, 0, "0"}, {"messages_gone", NIMA_DB_INT, 0, "0"},
    {"created_at", NIMA_DB_TIME, 0, "now"},
};
static const struct nima_column human_profiles[] = {
    {"user_id", NIMA_DB_TEXT, KEY, "default"}, {"name", NIMA_DB_TEXT, NUL, NULL},
    {"preferences", NIMA_DB_JSON, 0, "{}"},    {"context", NIMA_DB_JSON, 0, "{}"},
    {"updated_at", NIMA_DB_TIME, 0, "now"},
};
static const struct nima_column facts[] = {
    {"id", NIMA_DB_TEXT, KEY | UUID, "id"},
    {"user_id", NIMA_DB_TEXT, 0, "default"},
    {"fact", NIMA_DB_TEXT, NIMA_COLUMN_TEXT_OF, NULL},
    {"fact_hash", NIMA_DB_BYTES, NIMA_COLUMN_HASH, NULL},
    {"category", NIMA_DB_TEXT, 0, "general"},
    {"source", NIMA_DB_TEXT, 0, "explicit"},
    {"confidence", NIMA_DB_REAL, 0, "0.8"},
    {"status", NIMA_DB_TEXT, 0, "active"},
    {"superseded_by", NIMA_DB_TEXT, NUL | UUID | NIMA_COLUMN_LATER, NULL},
    {"conversation_id", NIMA_DB_TEXT, NUL | UUID, NULL},
    {"message_id", NIMA_DB_TEXT, NUL | UUID, NULL},
    {"created_at", NIMA_DB_TIME, 0, "now"},
    {"updated_at", NIMA_DB_TIME, 0, "now"},
    {"metadata", NIMA_DB_JSON, 0, "{}"},
    {"embedding_model", NIMA_DB_TEXT, NUL | NIMA_COLUMN_MODEL, NULL},
    {"embedding", NIMA_DB_BYTES, NUL | NIMA_COLUMN_VECTOR, NULL},
};
static const struct nima_column fact_versions[] = {
    {"fact_id", NIMA_DB_TEXT, KEY | UUID, NULL},
    {"version", NIMA_DB_INT, KEY, NULL},
    {"user_id", NIMA_DB_TEXT, 0, "default"},
    {"fact", NIMA_DB_TEXT, 0, NULL},
    {"category", NIMA_DB_TEXT, 0, "general"},
    {"source", NIMA_DB_TEXT, 0, "explicit"},
    {"confidence", NIMA_DB_REAL, 0, "0.8"},
    {"conversation_id", NIMA_DB_TEXT, NUL | UUID, NULL},
    {"message_id", NIMA_DB_TEXT, NUL | UUID, NULL},
    {"created_at", NIMA_DB_TIME, 0, "now"},
    {"replaced_at", NIMA_DB_TIME, 0, "now"},
    {"metadata", NIMA_DB_JSON, 0, "{}"},
};
static const struct nima_column conversations[] = {
    {"id", NIMA_DB_TEXT, KEY | UUID, "id"},
    {"user_id", NIMA_DB_TEXT, 0, "default"},
    {"title", NIMA_DB_TEXT, NUL, NULL},
    {"context_summary", NIMA_DB_TEXT, NUL, NULL},
    {"message_count", NIMA_DB_INT, 0, "0"},
    {"created_at", NIMA_DB_TIME, 0, "now"},
    {"updated_at", NIMA_DB_TIME, 0, "now"},
    {"metadata", NIMA_DB_JSON, 0, "{}"},
    {"messages_change", NIMA_DB_INT, NIMA_COLUMN_CHANGE, "0"},
    {"summary_position", NIMA_DB_INT, 0, "0"},
    {"next_summary", NIMA_DB_TEXT, NUL, NULL},
    {"next_position", NIMA_DB_INT, 0, "0"},
};
static const struct nima_column messages[] = {
    {"id", NIMA_DB_TEXT, KEY | UUID, "id"},
    {"conversation_id", NIMA_DB_TEXT, UUID, NULL},
    {"position", NIMA_DB_INT, 0, NULL},
    {"role", NIMA_DB_TEXT, 0, NULL},
    {"name", NIMA_DB_TEXT, NUL, NULL},
    {"content", NIMA_DB_TEXT, NIMA_COLUMN_TEXT_OF, NULL},
    {"timestamp", NIMA_DB_TIME, 0, "now"},
    {"metadata", NIMA_DB_JSON, 0, "{}"},
    {"change", NIMA_DB_INT, NIMA_COLUMN_CHANGE, "0"},
    {"withheld", NIMA_DB_TEXT, NUL, NULL},
    {"embedding_model", NIMA_DB_TEXT, NUL | NIMA_COLUMN_MODEL, NULL},
    {"embedding", NIMA_DB_BYTES, NUL | NIMA_COLUMN_VECTOR, NULL},
    {"parent_id", NIMA_DB_TEXT, NUL | UUID, NULL},
    {"active", NIMA_DB_INT, 0, "1"},
};
static const struct nima_column prompts[] = {
    {"message_id", NIMA_DB_TEXT, KEY | UUID, NULL},
    {"record", NIMA_DB_JSON, 0, NULL},
};
static const struct nima_column prompt_texts[] = {
    {"conversation_id", NIMA_DB_TEXT, KEY | UUID, NULL},
    {"hash", NIMA_DB_TEXT, KEY, NULL},
    {"text", NIMA_DB_TEXT, 0, NULL},
};
static const struct nima_column tasks[] = {
    {"id", NIMA_DB_TEXT, KEY | UUID, "id"},
    {"user_id", NIMA_DB_TEXT, 0, "default"},
    {"type", NIMA_DB_TEXT, 0, NULL},
    {"action", NIMA_DB_TEXT, 0, NULL},
    {"params", NIMA_DB_JSON, 0, "{}"},
    {"params_hash", NIMA_DB_TEXT, 0, ""},
    {"status", NIMA_DB_TEXT, 0, NULL},
    {"result", NIMA_DB_JSON, NUL, NULL},
    {"error", NIMA_DB_TEXT, NUL, NULL},
    {"error_code", NIMA_DB_TEXT, NUL, NULL},
    {"attempts", NIMA_DB_INT, 0, "0"},
    {"max_attempts", NIMA_DB_INT, 0, "3"},
    {"timeout_s", NIMA_DB_INT, 0, "60"},
    {"priority", NIMA_DB_INT, 0, "0"},
    {"origin", NIMA_DB_TEXT, 0, "api"},
    {"approved_hash", NIMA_DB_TEXT, NUL, NULL},
    {"approved_by", NIMA_DB_TEXT, NUL, NULL},
    {"conversation_id", NIMA_DB_TEXT, NUL | UUID, NULL},
    {"goal_id", NIMA_DB_TEXT, NUL | UUID, NULL},
    {"lease_owner", NIMA_DB_TEXT, NUL, NULL},
    {"lease_until", NIMA_DB_TIME, NUL, NULL},
    {"cancel_requested", NIMA_DB_INT, 0, "0"},
    {"next_attempt_at", NIMA_DB_TIME, NUL, NULL},
    {"expires_at", NIMA_DB_TIME, NUL, NULL},
    {"created_at", NIMA_DB_TIME, 0, "now"},
    {"started_at", NIMA_DB_TIME, NUL, NULL},
    {"completed_at", NIMA_DB_TIME, NUL, NULL},
    {"changed_at", NIMA_DB_TIME, 0, "now"},
    {"plan_id", NIMA_DB_TEXT, NUL | UUID, NULL},
    {"step", NIMA_DB_INT, 0, "0"},
    {"two_person", NIMA_DB_INT, 0, "0"},
    {"first_hash", NIMA_DB_TEXT, NUL, NULL},
    {"first_by", NIMA_DB_TEXT, NUL, NULL},
};
_Static_assert(COUNT(tasks) <= NIMA_TABLE_COLUMNS_MAX, "the widest row has room");
static const struct nima_column task_audit[] = {
    {"user_id", NIMA_DB_TEXT, KEY, NULL},
    {"seq", NIMA_DB_INT, KEY, NULL},
    {"at", NIMA_DB_TIME, 0, NULL},
    {"task_id", NIMA_DB_TEXT, NUL | UUID, NULL},
    {"actor", NIMA_DB_TEXT, 0, NULL},
    {"event", NIMA_DB_TEXT, 0, NULL},
    {"type", NIMA_DB_TEXT, 0, NULL},
    {"action", NIMA_DB_TEXT, 0, NULL},
    {"policy", NIMA_DB_TEXT, 0, NULL},
    {"details", NIMA_DB_JSON, 0, NULL},
    {"previous_hash", NIMA_DB_TEXT, 0, NULL},
    {"hash", NIMA_DB_TEXT, 0, NULL},
};
static const struct nima_column task_audit_heads[] = {
    {"user_id", NIMA_DB_TEXT, KEY, NULL},
    {"seq", NIMA_DB_INT, 0, NULL},
    {"hash", NIMA_DB_TEXT, 0, NULL},
};
static const struct nima_column api_tokens[] = {
    {"id", NIMA_DB_TEXT, KEY | UUID, "id"},    {"user_id", NIMA_DB_TEXT, 0, NULL},
    {"hash", NIMA_DB_TEXT, 0, NULL},           {"scopes", NIMA_DB_TEXT, 0, NULL},
    {"created_at", NIMA_DB_TIME, 0, "now"},    {"revoked_at", NIMA_DB_TIME, NUL, NULL},
    {"last_used_at", NIMA_DB_TIME, NUL, NULL},
};
static const struct nima_column idempotency[] = {
    {"user_id", NIMA_DB_TEXT, KEY, NULL},  {"key", NIMA_DB_TEXT, KEY, NULL},
    {"route", NIMA_DB_TEXT, KEY, NULL},    {"body_hash", NIMA_DB_TEXT, 0, NULL},
    {"status", NIMA_DB_INT, 0, NULL},      {"reply", NIMA_DB_TEXT, 0, NULL},
    {"created_at", NIMA_DB_TIME, 0, NULL},
};
static const struct nima_column goals[] = {
    {"id", NIMA_DB_TEXT, KEY | UUID, "id"}, {"user_id", NIMA_DB_TEXT, 0, "default"},
    {"title", NIMA_DB_TEXT, 0, NULL},       {"description", NIMA_DB_TEXT, NUL, NULL},
    {"status", NIMA_DB_TEXT, 0, "active"},  {"deadline", NIMA_DB_TIME, NUL, NULL},
    {"progress", NIMA_DB_REAL, 0, "0"},     {"created_at", NIMA_DB_TIME, 0, "now"},
    {"updated_at", NIMA_DB_TIME, 0, "now"}, {"completed_at", NIMA_DB_TIME, NUL, NULL},
    {"alerted", NIMA_DB_TEXT, NUL, NULL},   {"metadata", NIMA_DB_JSON, 0, "{}"},
    {"target", NIMA_DB_REAL, NUL, NULL},    {"unit", NIMA_DB_TEXT, NUL, NULL},
    {"amount", NIMA_DB_REAL, NUL, NULL},    {"start_amount", NIMA_DB_REAL, NUL, NULL},
};
/* `completed` is made of completed_at by the database. */
static const struct nima_column milestones[] = {
    {"id", NIMA_DB_TEXT, KEY | UUID, "id"},    {"goal_id", NIMA_DB_TEXT, UUID, NULL},
    {"position", NIMA_DB_INT, 0, "0"},         {"title", NIMA_DB_TEXT, 0, NULL},
    {"completed_at", NIMA_DB_TIME, NUL, NULL}, {"created_at", NIMA_DB_TIME, 0, "now"},
};
static const struct nima_column goal_progress[] = {
    {"id", NIMA_DB_TEXT, KEY | UUID, "id"},
    {"goal_id", NIMA_DB_TEXT, UUID, NULL},
    {"recorded_at", NIMA_DB_TIME, 0, "now"},
    {"event", NIMA_DB_TEXT, 0, NULL},
    {"progress", NIMA_DB_REAL, 0, NULL},
    {"status", NIMA_DB_TEXT, 0, NULL},
    {"milestone_id", NIMA_DB_TEXT, NUL | UUID, NULL},
    {"note", NIMA_DB_TEXT, NUL, NULL},
    {"amount", NIMA_DB_REAL, NUL, NULL},
};
static const struct nima_column pack_activations[] = {
    {"user_id", NIMA_DB_TEXT, KEY, "default"},  {"pack_id", NIMA_DB_TEXT, KEY, NULL},
    {"conversation_id", NIMA_DB_TEXT, KEY, ""}, {"state", NIMA_DB_TEXT, 0, "on"},
    {"version", NIMA_DB_TEXT, NUL, NULL},       {"updated_at", NIMA_DB_TIME, 0, "now"},
};
static const struct nima_column schedules[] = {
    {"id", NIMA_DB_TEXT, KEY | UUID, "id"},
    {"user_id", NIMA_DB_TEXT, 0, "default"},
    {"name", NIMA_DB_TEXT, 0, NULL},
    {"mode", NIMA_DB_TEXT, 0, NULL},
    {"spec", NIMA_DB_TEXT, 0, NULL},
    {"timezone", NIMA_DB_TEXT, 0, "UTC"},
    {"action", NIMA_DB_TEXT, 0, "remind"},
    {"body", NIMA_DB_TEXT, 0, NULL},
    {"conversation_id", NIMA_DB_TEXT, NUL | UUID, NULL},
    {"enabled", NIMA_DB_INT, 0, "1"},
    {"next_at", NIMA_DB_TIME, NUL, NULL},
    {"last_at", NIMA_DB_TIME, NUL, NULL},
    {"created_at", NIMA_DB_TIME, 0, "now"},
    {"updated_at", NIMA_DB_TIME, 0, "now"},
    {"label", NIMA_DB_TEXT, 0, "reminder"},
};
static const struct nima_column schedule_runs[] = {
    {"id", NIMA_DB_TEXT, KEY | UUID, "id"},
    {"schedule_id", NIMA_DB_TEXT, UUID, NULL},
    {"user_id", NIMA_DB_TEXT, 0, "default"},
    {"due_at", NIMA_DB_TIME, 0, NULL},
    {"status", NIMA_DB_TEXT, 0, NULL},
    {"attempts", NIMA_DB_INT, 0, "0"},
    {"not_before", NIMA_DB_TIME, 0, "now"},
    {"started_at", NIMA_DB_TIME, NUL, NULL},
    {"finished_at", NIMA_DB_TIME, NUL, NULL},
    {"conversation_id", NIMA_DB_TEXT, NUL | UUID, NULL},
    {"message_id", NIMA_DB_TEXT, NUL | UUID, NULL},
    {"error", NIMA_DB_TEXT, NUL, NULL},
};

#define OF_MY_GOALS "goal_id IN (SELECT id FROM goals WHERE user_id = $1)"
#define MINE        "user_id = $1"
const struct nima_table nima_tables[] = {
    {"users", "tables/users.json", NULL, "id = $1", users, COUNT(users)},
    {"human_profiles", "memory/profile.json", "profile", MINE, human_profiles,
     COUNT(human_profiles)},
    {"facts", "memory/facts.json", "fact", MINE, facts, COUNT(facts)},
    {"fact_versions", "tables/fact_versions.json", "fact_version", MINE, fact_versions,
     COUNT(fact_versions)},
    {"conversations", "tables/conversations.json", "conversation", MINE, conversations,
     COUNT(conversations)},
    {"messages", "tables/messages.json", "message",
     "conversation_id IN (SELECT id FROM conversations WHERE user_id = $1)", messages,
     COUNT(messages)},
    {"goals", "tables/goals.json", "goal", MINE, goals, COUNT(goals)},
    {"milestones", "tables/milestones.json", "milestone", OF_MY_GOALS, milestones,
     COUNT(milestones)},
    {"goal_progress", "tables/goal_progress.json", "goal_progress", OF_MY_GOALS, goal_progress,
     COUNT(goal_progress)},
    /* Not part of an export: what a model was given belongs to the store where it was. */
    {"prompts", "tables/prompts.json", NULL,
     "message_id IN (SELECT m.id FROM messages AS m JOIN conversations AS c "
     "ON c.id = m.conversation_id WHERE c.user_id = $1)",
     prompts, COUNT(prompts)},
    {"prompt_texts", "tables/prompt_texts.json", NULL,
     "conversation_id IN (SELECT id FROM conversations WHERE user_id = $1)", prompt_texts,
     COUNT(prompt_texts)},
    {"schedules", "tables/schedules.json", "schedule", MINE, schedules, COUNT(schedules)},
    {"schedule_runs", "tables/schedule_runs.json", "schedule_run", MINE, schedule_runs,
     COUNT(schedule_runs)},
    /* Not part of an export: what is taken in must not start anything, and a record of what was
     * done belongs to the store where it was. */
    {"tasks", "tables/tasks.json", NULL, MINE, tasks, COUNT(tasks)},
    {"task_audit", "tables/task_audit.json", NULL, MINE, task_audit, COUNT(task_audit)},
    {"task_audit_heads", "tables/task_audit_heads.json", NULL, MINE, task_audit_heads,
     COUNT(task_audit_heads)},
    {"api_tokens", "tables/api_tokens.json", NULL, MINE, api_tokens, COUNT(api_tokens)},
    {"pack_activations", "tables/pack_activations.json", "pack_activation", MINE, pack_activations,
     COUNT(pack_activations)},
    {"idempotency", "tables/idempotency.json", NULL, MINE, idempotency, COUNT(idempotency)},
    {0},
};

const struct nima_table *nima_table_find(nima_str name)
{
    for (const struct nima_table *table = nima_tables; table->name != NULL; table++) {
        if (nima_str_eq(name, nima_str_of(table->name))) {
            return table;
        }
    }
    return NULL;
}

int nima_table_column(const struct nima_table *table, unsigned flag)
{
    for (size_t i = 0; i < table->count; i++) {
        if ((table->columns[i].flags & flag) != 0) {
            return (int)i;
        }
    }
    return -1;
}

/* Statements */

static nima_str names(struct nima_ctx *ctx, const struct nima_table *table, unsigned flag)
{
    nima_str text = NIMA_STR("");
    for (size_t i = 0; i < table->count; i++) {
        if (flag == 0 || (table->columns[i].flags & flag) != 0) {
            text = nima_fmt(ctx, NIMA_FMT "%s%s", NIMA_ARG(text), text.len > 0 ? ", " : "",
                            table->columns[i].name);
        }
    }
    return text;
}

nima_str nima_table_columns(struct nima_ctx *ctx, const struct nima_table *table)
{
    return names(ctx, table, 0);
}

nima_str nima_table_key(struct nima_ctx *ctx, const struct nima_table *table)
{
    return names(ctx, table, NIMA_COLUMN_KEY);
}

size_t nima_table_key_values(const struct nima_table *table, const struct nima_row *row,
                             struct nima_db_value *out)
{
    size_t used = 0;
    for (size_t i = 0; i < table->count; i++) {
        if ((table->columns[i].flags & NIMA_COLUMN_KEY) != 0) {
            out[used++] = row->values[i];
        }
    }
    return used;
}

nima_str nima_table_key_text(struct nima_ctx *ctx, const struct nima_table *table,
                             const struct nima_row *row)
{
    nima_str text = {0};
    struct nima_db_value key[NIMA_TABLE_COLUMNS_MAX];
    size_t count = nima_table_key_values(table, row, key);
    for (size_t i = 0; i < count; i++) {
        nima_str part = key[i].kind == NIMA_DB_INT
                            ? nima_fmt(ctx, "%lld", (long long)key[i].integer)
                            : key[i].text;
        text = i == 0 ? part : nima_fmt(ctx, NIMA_FMT "/" NIMA_FMT, NIMA_ARG(text), NIMA_ARG(part));
    }
    return text;
}

void nima_table_row(struct nima_ctx *ctx, const struct nima_table *table, struct nima_db_stmt *stmt,
                    struct nima_row *out)
{
    for (size_t i = 0; i < table->count; i++) {
        struct nima_db_value *value = &out->values[i];
        int at = (int)i;
        *value = (struct nima_db_value){0};
        if (nima_db_is_null(stmt, at)) {
            continue;
        }
        value->kind = table->columns[i].kind;
        if (value->kind == NIMA_DB_INT) {
            value->integer = nima_db_get_int(stmt, at);
        } else if (value->kind == NIMA_DB_REAL) {
            value->real = nima_db_get_real(stmt, at);
        } else if (value->kind == NIMA_DB_TIME) {
            value->integer = nima_db_get_time(stmt, at);
        } else if (value->kind == NIMA_DB_BYTES) {
            value->text = nima_str_copy(ctx->arena, nima_db_view_bytes(stmt, at));
        } else {
            value->text = nima_db_get_text(ctx, stmt, at);
        }
    }
}

nima_rc nima_table_insert(struct nima_ctx *ctx, struct nima_db *db, const struct nima_table *table,
                          const struct nima_row *row, bool skip, bool *inserted)
{
    enum { SQL_MAX = 2000 };
    struct nima_db_value values[NIMA_TABLE_COLUMNS_MAX];
    struct nima_buf sql;
    int64_t changes = 0;
    nima_buf_init(&sql, SQL_MAX);
    nima_str list = nima_table_columns(ctx, table);
    nima_buf_fmt(&sql, "INSERT INTO %s (" NIMA_FMT ") VALUES (", table->name, NIMA_ARG(list));
    for (size_t i = 0; i < table->count; i++) {
        bool later = (table->columns[i].flags & NIMA_COLUMN_LATER) != 0;
        values[i] = later ? (struct nima_db_value){0} : row->values[i];
        nima_buf_fmt(&sql, "%s$%zu", i > 0 ? ", " : "", i + 1);
    }
    nima_buf_fmt(&sql, ")%s", skip ? " ON CONFLICT DO NOTHING" : "");
    nima_assert(!sql.overflowed);
    nima_rc rc = nima_db_run(ctx, db, sql.ptr, values, table->count, &changes);
    nima_buf_done(&sql);
    *inserted = changes > 0;
    return rc;
}

nima_rc nima_table_set_later(struct nima_ctx *ctx, struct nima_db *db,
                             const struct nima_table *table, const struct nima_row *row)
{
    int column = nima_table_column(table, NIMA_COLUMN_LATER);
    if (column < 0 || row->values[column].kind == NIMA_DB_NULL) {
        return NIMA_OK;
    }
    const char *name = table->columns[column].name;
    nima_assert(nima_str_eq(nima_table_key(ctx, table), NIMA_STR("id")));
    return nima_db_run(ctx, db,
                       nima_fmt(ctx,
                                "UPDATE %s SET %s = $2 WHERE id = $1 AND %s IS NULL "
                                "AND EXISTS (SELECT 1 FROM %s AS other WHERE other.id = $2)",
                                table->name, name, name, table->name)
                           .ptr,
                       NIMA_DB_ARGS(row->values[0], row->values[column]), NULL);
}

nima_rc nima_table_get(struct nima_ctx *ctx, struct nima_db *db, const struct nima_table *table,
                       const struct nima_row *key, struct nima_row *out, bool *found)
{
    struct nima_db_value values[NIMA_TABLE_COLUMNS_MAX];
    size_t count = nima_table_key_values(table, key, values);
    nima_str list = nima_table_columns(ctx, table), keys = nima_table_key(ctx, table);
    const char *slots[] = {"", "$1", "$1, $2", "$1, $2, $3"};
    nima_assert(count >= 1 && count <= 3);
    struct nima_db_stmt *stmt;
    NIMA_TRY(nima_db_first(ctx, db,
                           nima_fmt(ctx, "SELECT " NIMA_FMT " FROM %s WHERE (" NIMA_FMT ") = (%s)",
                                    NIMA_ARG(list), table->name, NIMA_ARG(keys), slots[count])
                               .ptr,
                           values, count, &stmt));
    *found = stmt != NULL;
    if (stmt == NULL) {
        return NIMA_OK;
    }
    nima_table_row(ctx, table, stmt, out);
    return nima_db_end(ctx, stmt);
}

/* Values */

static nima_str in_order(struct nima_ctx *ctx, nima_str json)
{
    const struct nima_json *tree = NULL;
    if (json.len <= 2 || nima_json_parse(ctx, json, &tree) != NIMA_OK) {
        return json;
    }
    return nima_json_ordered(ctx, tree);
}

static bool same_value(struct nima_ctx *ctx, const struct nima_db_value *a,
                       const struct nima_db_value *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case NIMA_DB_NULL:
        return true;
    case NIMA_DB_INT:
    case NIMA_DB_TIME:
        return a->integer == b->integer;
    case NIMA_DB_REAL:
        return memcmp(&a->real, &b->real, sizeof(a->real)) == 0;
    case NIMA_DB_JSON:
        return nima_str_eq(a->text, b->text) ||
               nima_str_eq(in_order(ctx, a->text), in_order(ctx, b->text));
    default:
        return nima_str_eq(a->text, b->text);
    }
}

int nima_table_compare(struct nima_ctx *ctx, const struct nima_table *table,
                       const struct nima_row *a, const struct nima_row *b)
{
    for (size_t i = 0; i < table->count; i++) {
        if (!same_value(ctx, &a->values[i], &b->values[i])) {
            return (int)i;
        }
    }
    return -1;
}

void nima_value_write(struct nima_ctx *ctx, struct nima_buf *buf, const struct nima_db_value *value)
{
    char time[NIMA_TIME_CHARS + 1];
    struct nima_arena_mark mark = nima_scratch(ctx);
    switch (value->kind) {
    case NIMA_DB_NULL:
        nima_buf_add(buf, NIMA_STR("null"));
        break;
    case NIMA_DB_INT:
        nima_buf_fmt(buf, "%lld", (long long)value->integer);
        break;
    case NIMA_DB_REAL:
        nima_json_write_num(buf, value->real);
        break;
    case NIMA_DB_TIME:
        nima_time_write(value->integer, time);
        nima_buf_fmt(buf, "\"%s\"", time);
        break;
    case NIMA_DB_BYTES:
        nima_json_write_str(buf, nima_base64_write(ctx, value->text));
        break;
    case NIMA_DB_JSON:
        nima_buf_add(buf, in_order(ctx, value->text));
        break;
    case NIMA_DB_TEXT:
        nima_json_write_str(buf, value->text);
        break;
    }
    nima_scratch_end(ctx, mark);
}

static bool read_text(struct nima_ctx *ctx, const struct nima_column *column, nima_str text,
                      struct nima_db_value *out)
{
    out->text = text;
    if ((column->flags & NIMA_COLUMN_UUID) == 0) {
        return text.ptr != NULL;
    }
    struct nima_error before = ctx->error;
    bool ok = text.ptr != NULL && nima_uuid_read(ctx, text, column->name, &out->text) == NIMA_OK;
    ctx->error = before;
    return ok;
}

nima_rc nima_value_read(struct nima_ctx *ctx, const char *where, const struct nima_column *column,
                        const struct nima_json *node, struct nima_db_value *out)
{
    static const char *const wanted[] = {
        [NIMA_DB_TEXT] = "a text",         [NIMA_DB_JSON] = "an object",
        [NIMA_DB_BYTES] = "a base64 text", [NIMA_DB_INT] = "a whole number",
        [NIMA_DB_REAL] = "a number",       [NIMA_DB_TIME] = "a time like 2026-11-22T13:08:59.120Z",
    };
    bool ok = false;
    enum nima_json_kind kind = nima_json_kind(node);
    struct nima_db_value value = {.kind = column->kind};
    if (kind == NIMA_JSON_NULL && (column->flags & NIMA_COLUMN_NULLABLE) != 0) {
        *out = (struct nima_db_value){0};
        return NIMA_OK;
    }
    switch (column->kind) {
    case NIMA_DB_TEXT:
        ok = read_text(ctx, column, nima_json_str(node), &value);
        break;
    case NIMA_DB_JSON:
        ok = kind == NIMA_JSON_OBJECT;
        value.text = ok ? nima_json_text(ctx, node) : value.text;
        break;
    case NIMA_DB_BYTES:
        ok = kind == NIMA_JSON_STR && nima_base64_read(ctx, nima_json_str(node), &value.text);
        break;
    case NIMA_DB_INT:
        ok = kind == NIMA_JSON_NUM && nima_json_int(node, &value.integer);
        break;
    case NIMA_DB_REAL:
        value.real = nima_json_num(node, 0);
        ok = kind == NIMA_JSON_NUM && isfinite(value.real);
        break;
    case NIMA_DB_TIME:
        ok = kind == NIMA_JSON_STR && nima_time_read(nima_json_str(node), &value.integer);
        break;
    case NIMA_DB_NULL:
        break;
    }
    if (!ok) {
        bool uuid = (column->flags & NIMA_COLUMN_UUID) != 0;
        return nima_fail_field(ctx, NIMA_E_INVALID, column->name, "%s: %s must be %s", where,
                               column->name, uuid ? "a UUID" : wanted[column->kind]);
    }
    *out = value;
    return NIMA_OK;
}

void nima_row_derive(struct nima_ctx *ctx, const struct nima_table *table, struct nima_row *row)
{
    int hash = nima_table_column(table, NIMA_COLUMN_HASH);
    if (hash > 0) {
        unsigned char *bytes = nima_alloc(ctx->arena, NIMA_SHA256_BYTES);
        nima_sha256(row->values[hash - 1].text, bytes);
        row->values[hash] = nima_db_bytes((nima_str){(const char *)bytes, NIMA_SHA256_BYTES});
    }
}
