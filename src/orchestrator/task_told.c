/*
 * What a task leaves in memory: one fact for each that was asked for in chat and has changed
 * something. It says what was done and with what, never the content, nor an address's parameters.
 */
#include "memory/rules.h"
#include "orchestrator/orchestrator_int.h"
#include "tasks/tasks.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/uuid.h"

enum { DATE_CHARS = 10, TAIL_CHARS = 12, NAME_CHARS_MAX = 300 };
#define TASK_CONFIDENCE 0.9

/* The task's own id with another end: it sorts where the task does. */
static nima_str fact_id_of(struct nima_ctx *ctx, nima_str task_id)
{
    nima_str hex = nima_sha256_hex(ctx, nima_fmt(ctx, "task " NIMA_FMT, NIMA_ARG(task_id)));
    return nima_fmt(ctx, NIMA_FMT "%.*s",
                    NIMA_ARG(nima_str_sub(task_id, 0, NIMA_UUID_CHARS - TAIL_CHARS)), TAIL_CHARS,
                    hex.ptr);
}

/* An address without what may be secret in it; "" when that cannot be told. */
static nima_str address_of(nima_str url)
{
    url = nima_str_sub(url, 0, nima_str_find(url, NIMA_STR("?"), 0));
    url = nima_str_sub(url, 0, nima_str_find(url, NIMA_STR("#"), 0));
    return nima_str_find(url, NIMA_STR("@"), 0) == SIZE_MAX ? url : NIMA_STR("");
}

static nima_str text_of(const struct nima_json *object, const char *name)
{
    nima_str text = nima_json_str(nima_json_get(object, name));
    bool usable = text.ptr != NULL && text.len <= NAME_CHARS_MAX &&
                  nima_str_find(text, NIMA_STR("${"), 0) == SIZE_MAX;
    return usable ? text : NIMA_STR("");
}

/* What it was done with, in the words of its params; "" when none of them is a name. */
static nima_str subject_of(struct nima_ctx *ctx, const struct nima_json *params)
{
    static const struct {
        const char *param, *first, *later; /* what stands before it */
    } names[] = {{"repo", "", " "},
                 {"kind", "", " "},
                 {"name", "", " "},
                 {"path", "", " at "},
                 {"namespace", "in namespace ", " in namespace "},
                 {"branch", "branch ", " on branch "},
                 {"to", "", " to "}};
    nima_str said = NIMA_STR("");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        nima_str text = text_of(params, names[i].param);
        if (text.len > 0) {
            said = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(said),
                            said.len > 0 ? names[i].later : names[i].first, NIMA_ARG(text));
        }
    }
    return said.len > 0 ? said : address_of(text_of(params, "url"));
}

static nima_rc forget(struct nima_ctx *ctx, struct nima_orchestrator *o, nima_str task_id)
{
    struct nima_error before = ctx->error;
    nima_rc rc = nima_memory_delete(ctx, o->memory, fact_id_of(ctx, task_id));
    if (rc == NIMA_E_NOT_FOUND) {
        ctx->error = before;
        rc = NIMA_OK;
    }
    return rc;
}

static nima_rc keep(struct nima_ctx *ctx, struct nima_orchestrator *o,
                    const struct nima_task_over *over, nima_str subject, nima_str page)
{
    const struct nima_task_row *task = over->task;
    char when[NIMA_TIME_CHARS + 1];
    nima_time_write(nima_ctx_now(ctx), when);
    struct nima_fact fact = {
        .id = fact_id_of(ctx, task->id),
        .fact = nima_fmt(ctx, "Nima %s " NIMA_FMT " on %.*s (" NIMA_FMT "." NIMA_FMT ")%s" NIMA_FMT,
                         over->did, NIMA_ARG(subject), DATE_CHARS, when, NIMA_ARG(task->type),
                         NIMA_ARG(task->action), page.len > 0 ? ", see " : "", NIMA_ARG(page)),
        .category = NIMA_STR("task"),
        .source = NIMA_STR("inferred"),
        .confidence = TASK_CONFIDENCE,
        .metadata = nima_fmt(ctx, "{\"task_id\": \"" NIMA_FMT "\"}", NIMA_ARG(task->id))};
    if (nima_memory_secret(fact.fact) != NULL) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_memory_keep(ctx, o->memory, &fact, true));
    struct nima_error before = ctx->error;
    struct nima_task_row row;
    nima_rc rc = nima_task_get(ctx, o->store, task->id, &row);
    if (rc == NIMA_E_NOT_FOUND) { /* the person was forgotten meanwhile */
        ctx->error = before;
        return forget(ctx, o, task->id);
    }
    return rc;
}

nima_rc nima_orchestrator_task_over(struct nima_ctx *ctx, struct nima_orchestrator *orchestrator,
                                    const struct nima_task_over *over)
{
    const struct nima_task_row *task = over->task;
    const struct nima_json *params, *result;
    if (over->did == NULL) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_json_parse(ctx, task->params, &params));
    NIMA_TRY(nima_json_parse(ctx, over->result, &result));
    if (nima_str_eq(task->type, NIMA_STR("file")) && nima_str_eq(task->action, NIMA_STR("undo"))) {
        return forget(ctx, orchestrator, text_of(params, "task_id"));
    }
    if (!nima_str_eq(task->origin, NIMA_STR("chat"))) {
        return NIMA_OK;
    }
    nima_str subject = subject_of(ctx, params), page = address_of(text_of(result, "html_url"));
    return subject.len > 0 ? keep(ctx, orchestrator, over, subject, page) : NIMA_OK;
}
