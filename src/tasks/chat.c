/*
 * Tasks in a conversation: "/task file.read_file path=notes.txt", the plain forms of heard.c, and
 * the "yes" or "no" to a proposal. Only what the person says now is read here: nothing that was
 * remembered, retrieved or answered can start anything.
 */
#include <string.h>

#include "tasks/tasks_int.h"

enum { SHOWN_BYTES_MAX = 4000, WAIT_MS = 30000, MAX_ATTEMPTS = 3, TIMEOUT_S = 60, PAIRS_MAX = 32 };

static const nima_str awaiting = NIMA_STR_INIT("awaiting_approval");

/* "/task TYPE.ACTION key=value …" */

static bool next_pair(struct nima_ctx *ctx, nima_str *rest, nima_str *key, nima_str *value)
{
    *rest = nima_str_trim(*rest);
    size_t equals = nima_str_find(*rest, NIMA_STR("="), 0);
    if (equals == SIZE_MAX || equals == 0) {
        return false;
    }
    *key = nima_str_sub(*rest, 0, equals);
    nima_str after = nima_str_sub(*rest, equals + 1, rest->len);
    if (!nima_str_starts(after, NIMA_STR("\""))) {
        size_t end = nima_str_find(after, NIMA_STR(" "), 0);
        *value = nima_str_sub(after, 0, end);
        *rest = nima_str_sub(after, end, after.len);
        return true;
    }
    char *text = nima_alloc(ctx->arena, after.len + 1);
    size_t used = 0, at = 1;
    for (; at < after.len && after.ptr[at] != '"'; at++) {
        bool escape = after.ptr[at] == '\\' && at + 1 < after.len;
        at += escape;
        text[used++] = escape && after.ptr[at] == 'n' ? '\n' : after.ptr[at];
    }
    *value = (nima_str){text, used};
    *rest = nima_str_sub(after, at + 1, after.len);
    return at < after.len;
}

/* Numbers, truth and JSON as they are where the field takes them; all else is text. */
static void write_value(struct nima_buf *buf, const struct nima_shape *shape, nima_str key,
                        nima_str value)
{
    for (size_t i = 0; i < shape->count; i++) {
        const struct nima_field *field = &shape->fields[i];
        if (nima_str_eq(key, nima_str_of(field->name)) && field->kind != NIMA_KIND_STR &&
            field->kind != NIMA_KIND_UUID && field->kind != NIMA_KIND_TIME && value.len > 0) {
            nima_buf_add(buf, value);
            return;
        }
    }
    nima_json_write_str(buf, value);
}

static nima_rc params_of(struct nima_ctx *ctx, const struct nima_action *action, nima_str rest,
                         nima_str *out)
{
    nima_str key, value;
    rest = nima_str_trim(rest);
    if (nima_str_starts(rest, NIMA_STR("{"))) {
        *out = rest;
        return NIMA_OK;
    }
    struct nima_buf buf;
    nima_buf_init(&buf, NIMA_TASK_PARAMS_BYTES_MAX);
    nima_buf_add_char(&buf, '{');
    for (int i = 0; i < PAIRS_MAX && next_pair(ctx, &rest, &key, &value); i++) {
        nima_buf_add(&buf, i > 0 ? NIMA_STR(",") : NIMA_STR(""));
        nima_json_write_str(&buf, key);
        nima_buf_add_char(&buf, ':');
        write_value(&buf, action->params, key, value);
    }
    nima_buf_add_char(&buf, '}');
    nima_rc rc = nima_buf_take(ctx, &buf, out);
    nima_buf_done(&buf);
    if (rc == NIMA_OK && nima_str_trim(rest).len > 0) {
        return nima_fail(ctx, NIMA_E_INVALID,
                         "params are written key=value, or key=\"a value with blanks\"");
    }
    return rc;
}

static nima_rc read_command(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str rest,
                            struct nima_tasks_spoken *out)
{
    const struct nima_integration *integration;
    const struct nima_action *action;
    nima_str name;
    rest = nima_str_trim(rest);
    size_t end = nima_str_find(rest, NIMA_STR(" "), 0);
    name = nima_str_sub(rest, 0, end);
    size_t dot = nima_str_find(name, NIMA_STR("."), 0);
    out->type = nima_str_sub(name, 0, dot);
    out->action = dot == SIZE_MAX ? NIMA_STR("") : nima_str_sub(name, dot + 1, name.len);
    NIMA_TRY(nima_action_find(ctx, &tasks->options, out->type, out->action, &integration, &action));
    return params_of(ctx, action, nima_str_sub(rest, end, rest.len), &out->params);
}

/* Answers */

static bool is_one_of(nima_str text, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (nima_str_eq_nocase(text, nima_str_of(words[i]))) {
            return true;
        }
    }
    return false;
}

/* Which is the proposal that Nima's last message made? *out has no id when there is none. */
static nima_rc proposal_of(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str conversation_id,
                           nima_str last_actions, struct nima_task_row *out)
{
    const struct nima_json *tree;
    *out = (struct nima_task_row){0};
    if (last_actions.ptr == NULL || nima_json_parse(ctx, last_actions, &tree) != NIMA_OK) {
        return NIMA_OK;
    }
    for (size_t i = 0; i < nima_json_count(tree); i++) {
        const struct nima_json *action = nima_json_at(tree, i, NULL);
        nima_str id = nima_json_str(nima_json_get(action, "id"));
        nima_str status = nima_json_str(nima_json_get(action, "status"));
        struct nima_task_row row;
        if (id.ptr == NULL || !nima_str_eq(status, awaiting)) {
            continue;
        }
        nima_rc rc = nima_task_get(ctx, tasks->options.store, id, &row);
        if (rc == NIMA_OK && nima_str_eq(row.status, awaiting) &&
            nima_str_eq(row.conversation_id, conversation_id)) {
            *out = row;
            return NIMA_OK;
        }
        NIMA_TRY(rc == NIMA_E_NOT_FOUND || rc == NIMA_E_INVALID ? NIMA_OK : rc);
    }
    return NIMA_OK;
}

static const char *const no[] = {"no",     "n",      "no thanks", "no, thanks", "don't", "do not",
                                 "cancel", "reject", "stop",      "nein",       NULL};
/* The same to a question that asked for a name. */
static const char *const leave[] = {"never mind",      "nevermind", "leave it", "forget it",
                                    "forget about it", "nothing",   "none",     NULL};

/* The type of what Nima's last message did; absent: nothing, or several things. */
static nima_str last_type(struct nima_ctx *ctx, nima_str actions)
{
    const struct nima_json *tree;
    struct nima_error before = ctx->error;
    if (actions.ptr == NULL || nima_json_parse(ctx, actions, &tree) != NIMA_OK ||
        nima_json_count(tree) != 1) {
        ctx->error = before;
        return (nima_str){NULL, 0};
    }
    return nima_json_str(nima_json_get(nima_json_at(tree, 0, NULL), "type"));
}

/* "yes", "no", or what is to be changed first, which makes another proposal. */
static bool hear_answer(struct nima_ctx *ctx, nima_str text, const struct nima_task_row *proposal,
                        struct nima_tasks_spoken *out)
{
    static const char *const yes[] = {"yes",  "y",       "yes please", "yes, please",
                                      "ok",   "okay",    "do it",      "go ahead",
                                      "sure", "approve", "ja",         NULL};
    bool agreed = is_one_of(text, yes);
    if (agreed || is_one_of(text, no)) {
        out->said = agreed ? NIMA_SAID_YES : NIMA_SAID_NO;
        out->id = proposal->id;
        return true;
    }
    nima_str changed = {NULL, 0};
    if (proposal->plan_id.ptr == NULL) {
        changed = nima_task_changed(ctx, text, proposal);
    }
    if (changed.ptr == NULL) {
        return false;
    }
    *out = (struct nima_tasks_spoken){.said = NIMA_SAID_DO,
                                      .id = proposal->id,
                                      .type = proposal->type,
                                      .action = proposal->action,
                                      .params = changed,
                                      .propose = true};
    return true;
}

static void hear_steps(struct nima_tasks_step *steps, size_t count, struct nima_tasks_spoken *out)
{
    if (count == 0) {
        return;
    }
    out->said = NIMA_SAID_DO;
    out->type = steps[0].type;
    out->action = steps[0].action;
    out->params = steps[0].params;
    out->steps.items = steps;
    out->steps.count = count;
}

nima_rc nima_tasks_hear(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str conversation_id,
                        const struct nima_tasks_last *last, nima_str message,
                        struct nima_tasks_spoken *out)
{
    nima_str text = nima_str_trim(message);
    *out = (struct nima_tasks_spoken){.said = NIMA_SAID_NOTHING, .type = NIMA_STR("file")};
    if (nima_str_starts_nocase(text, NIMA_STR("/task "))) {
        out->said = NIMA_SAID_DO;
        if (read_command(ctx, tasks, nima_str_sub(text, 6, text.len), out) != NIMA_OK) {
            out->problem = nima_fmt(ctx, "%s", ctx->error.message);
        }
        return NIMA_OK;
    }
    while (text.len > 0 && strchr(".!?", text.ptr[text.len - 1]) != NULL) {
        text.len--;
    }
    if (conversation_id.ptr != NULL) {
        struct nima_task_row proposal;
        NIMA_TRY(proposal_of(ctx, tasks, conversation_id, last->actions, &proposal));
        if (proposal.id.ptr != NULL && hear_answer(ctx, text, &proposal, out)) {
            return NIMA_OK;
        }
    }
    struct nima_tasks_step *steps =
        NIMA_NEW(ctx->arena, struct nima_tasks_step, NIMA_TASKS_STEPS_MAX);
    size_t count = nima_task_heard_after(ctx, text, last_type(ctx, last->actions), steps);
    if (count == 0 && nima_file_undo_heard(ctx, tasks, text, last->actions, steps)) {
        count = 1;
    }
    count = nima_github_place(tasks, steps, count);
    count = nima_k8s_place(ctx, tasks, steps, count);
    if (count == 0 && last->asked.ptr != NULL) {
        if (is_one_of(text, no) || is_one_of(text, leave)) {
            out->said = NIMA_SAID_DO;
            out->question = NIMA_STR("All right, I will not do it.");
            return NIMA_OK;
        }
        count = nima_task_completed(ctx, tasks, last->asked, message, steps);
    }
    nima_task_ask_back(ctx, tasks, steps, count, out);
    hear_steps(steps, count, out);
    return NIMA_OK;
}

/* What is said of it */

static void say_block(struct nima_buf *buf, const char *kind, nima_str text)
{
    nima_str shown = nima_utf8_prefix(text, SHOWN_BYTES_MAX);
    nima_buf_fmt(buf, "\n\n```%s\n" NIMA_FMT "%s```", kind, NIMA_ARG(shown),
                 nima_str_ends(shown, NIMA_STR("\n")) ? "" : "\n");
    nima_buf_add(buf, shown.len < text.len ? NIMA_STR("\n\n(and more)") : NIMA_STR(""));
}

static void say_result(struct nima_ctx *ctx, const struct nima_task_row *row, struct nima_buf *buf)
{
    const struct nima_json *tree = NULL;
    bool parsed = nima_json_parse(ctx, row->result, &tree) == NIMA_OK;
    nima_str content = parsed ? nima_json_str(nima_json_get(tree, "content")) : (nima_str){0};
    nima_str diff = parsed ? nima_json_str(nima_json_get(tree, "diff")) : (nima_str){0};
    if (parsed && content.ptr == NULL && nima_str_eq(row->type, NIMA_STR("k8s"))) {
        content = nima_k8s_told(ctx, tree);
    }
    const struct nima_json *entries = parsed ? nima_json_get(tree, "entries") : NULL;
    nima_buf_fmt(buf, "Done: " NIMA_FMT "." NIMA_FMT, NIMA_ARG(row->type), NIMA_ARG(row->action));
    if (nima_str_eq(row->type, NIMA_STR("github")) && nima_github_say(tree, buf)) {
        return;
    }
    if (content.ptr != NULL) {
        say_block(buf, "", content);
    } else if (entries != NULL) {
        for (size_t i = 0; i < nima_json_count(entries); i++) {
            nima_str name = nima_json_str(nima_json_get(nima_json_at(entries, i, NULL), "name"));
            nima_buf_fmt(buf, "\n- " NIMA_FMT, NIMA_ARG(name));
        }
    } else {
        say_block(buf, diff.len > 0 ? "diff" : "json", diff.len > 0 ? diff : row->result);
    }
}

/* What one step would do. */
static nima_rc say_step(struct nima_ctx *ctx, struct nima_tasks *tasks,
                        const struct nima_task_row *row, struct nima_buf *buf)
{
    struct nima_tasks_request request = {
        .type = row->type, .action = row->action, .params = row->params};
    const struct nima_json *tree;
    nima_str preview;
    nima_rc rc = nima_tasks_preview(ctx, tasks, &request, &preview);
    nima_buf_fmt(buf, NIMA_FMT "." NIMA_FMT, NIMA_ARG(row->type), NIMA_ARG(row->action));
    say_block(buf, "json", row->params);
    if (rc != NIMA_OK) {
        nima_buf_fmt(buf, "\n\nAs things are now it would fail: %s", ctx->error.message);
        return NIMA_OK;
    }
    NIMA_TRY(nima_json_parse(ctx, preview, &tree));
    nima_str requests = nima_github_requests(ctx, nima_json_get(tree, "would"));
    if (requests.len > 0) {
        say_block(buf, "http", requests);
    }
    nima_str diff = nima_json_str(nima_json_get(nima_json_get(tree, "would"), "diff"));
    if (diff.len > 0) {
        say_block(buf, "diff", diff);
    }
    return NIMA_OK;
}

static nima_rc say_proposal(struct nima_ctx *ctx, struct nima_tasks *tasks,
                            const struct nima_task_rows *rows, struct nima_buf *buf)
{
    bool plan = rows->count > 1;
    if (nima_str_eq(rows->items[0].first_by, ctx->user_id)) {
        nima_buf_fmt(buf,
                     "Your yes is on record. A second person, one of the approvers, must agree "
                     "before it is done. (task " NIMA_FMT ")",
                     NIMA_ARG(rows->items[0].id));
        return NIMA_OK;
    }
    nima_buf_add(buf, rows->items[0].two_person != 0
                          ? NIMA_STR("This needs your yes and that of a second person: ")
                          : NIMA_STR("This needs your yes: "));
    if (plan) {
        nima_buf_fmt(buf, "%zu steps, one after the other, up to the first that fails.",
                     rows->count);
    }
    for (size_t i = 0; i < rows->count; i++) {
        if (plan) {
            nima_buf_fmt(buf, "\n\n%zu. ", i + 1);
        }
        NIMA_TRY(say_step(ctx, tasks, &rows->items[i], buf));
    }
    nima_buf_fmt(buf, "\n\nShall I? Say \"yes\" or \"no\". (task " NIMA_FMT ")",
                 NIMA_ARG(rows->items[0].id));
    return NIMA_OK;
}

static void say_one(struct nima_ctx *ctx, const struct nima_task_row *row, struct nima_buf *buf)
{
    if (nima_str_eq(row->status, NIMA_STR("completed"))) {
        say_result(ctx, row, buf);
    } else if (nima_str_eq(row->error, NIMA_STR("rejected"))) {
        nima_buf_add(buf, NIMA_STR("All right, I will not do it."));
    } else if (nima_task_is_over(row)) {
        nima_buf_fmt(buf, "That did not work: " NIMA_FMT, NIMA_ARG(row->error));
    } else {
        nima_buf_fmt(buf, "I am at it; task " NIMA_FMT " tells how it went.", NIMA_ARG(row->id));
    }
}

static nima_rc say(struct nima_ctx *ctx, struct nima_tasks *tasks,
                   const struct nima_task_rows *rows, struct nima_buf *buf)
{
    if (nima_str_eq(rows->items[0].status, awaiting)) {
        return say_proposal(ctx, tasks, rows, buf);
    }
    bool rejected = nima_str_eq(rows->items[0].error, NIMA_STR("rejected"));
    for (size_t i = 0; i < (rejected ? 1 : rows->count); i++) {
        if (rows->count > 1 && !rejected) {
            nima_buf_fmt(buf, "%s%zu. ", i > 0 ? "\n\n" : "", i + 1);
        }
        say_one(ctx, &rows->items[i], buf);
    }
    return NIMA_OK;
}

static nima_rc submit(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str conversation_id,
                      const struct nima_tasks_spoken *spoken, struct nima_task_rows *rows)
{
    struct nima_tasks_request requests[NIMA_TASKS_STEPS_MAX];
    bool own = spoken->origin.ptr == NULL, plan = spoken->steps.count > 1;
    size_t count = plan ? spoken->steps.count : 1;
    for (size_t i = 0; i < count; i++) {
        requests[i] = (struct nima_tasks_request){
            .id = i == 0 ? spoken->as : (nima_str){NULL, 0},
            .type = plan ? spoken->steps.items[i].type : spoken->type,
            .action = plan ? spoken->steps.items[i].action : spoken->action,
            .params = plan ? spoken->steps.items[i].params : spoken->params,
            .origin = own ? NIMA_STR("chat") : spoken->origin,
            .conversation_id = conversation_id,
            .max_attempts = MAX_ATTEMPTS,
            .timeout_s = TIMEOUT_S,
            .propose = spoken->propose};
    }
    if (plan) {
        return nima_tasks_submit_plan(ctx, tasks, requests, count, rows);
    }
    return nima_tasks_submit(ctx, tasks, &requests[0], &rows->items[0]);
}

/* Waits for the last one's end, which comes when the plan's does. */
static nima_rc wait_for(struct nima_ctx *ctx, struct nima_tasks *tasks, struct nima_task_rows *rows)
{
    struct nima_task_row seen = {.id = rows->items[rows->count - 1].id}, row;
    NIMA_TRY(nima_tasks_wait(ctx, tasks, &seen, WAIT_MS, &row));
    rows->items[rows->count - 1] = row;
    return row.plan_id.ptr == NULL ? NIMA_OK
                                   : nima_task_plan(ctx, tasks->options.store, row.plan_id, rows);
}

static nima_rc act(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str conversation_id,
                   const struct nima_tasks_spoken *spoken, struct nima_task_rows *rows)
{
    struct nima_task_row *row = NIMA_NEW(ctx->arena, struct nima_task_row, 1);
    rows->items = row;
    if (spoken->problem.ptr != NULL) {
        return nima_fail(ctx, NIMA_E_INVALID, NIMA_FMT, NIMA_ARG(spoken->problem));
    }
    if (spoken->said == NIMA_SAID_NO) {
        NIMA_TRY(nima_tasks_reject(ctx, tasks, spoken->id, row));
    } else if (spoken->said == NIMA_SAID_YES) {
        NIMA_TRY(nima_tasks_approve(ctx, tasks, spoken->id, row));
    } else {
        nima_rc rc = submit(ctx, tasks, conversation_id, spoken, rows);
        NIMA_TRY(rc == NIMA_E_CONFLICT && spoken->as.ptr != NULL
                     ? nima_task_get(ctx, tasks->options.store, spoken->as, row)
                     : rc);
        if (spoken->id.ptr != NULL) { /* only now: what cannot be proposed replaces nothing */
            struct nima_task_row old;
            NIMA_TRY(nima_tasks_reject(ctx, tasks, spoken->id, &old));
        }
    }
    rows->count = rows->count > 0 ? rows->count : 1;
    if (rows->count == 1 && row->plan_id.ptr != NULL) {
        NIMA_TRY(nima_task_plan(ctx, tasks->options.store, row->plan_id, rows));
    }
    bool at_work = !nima_str_eq(rows->items[0].status, awaiting) &&
                   !nima_task_is_over(&rows->items[rows->count - 1]); /* or begun already */
    return at_work ? wait_for(ctx, tasks, rows) : NIMA_OK;
}

static nima_str actions_of(struct nima_ctx *ctx, const struct nima_task_rows *rows)
{
    nima_str list = NIMA_STR("[");
    for (size_t i = 0; i < rows->count; i++) {
        const struct nima_task_row *row = &rows->items[i];
        list = nima_fmt(ctx,
                        NIMA_FMT "%s{\"id\":\"" NIMA_FMT "\",\"type\":\"" NIMA_FMT
                                 "\",\"action\":\"" NIMA_FMT "\",\"status\":\"" NIMA_FMT "\"}",
                        NIMA_ARG(list), i > 0 ? "," : "", NIMA_ARG(row->id), NIMA_ARG(row->type),
                        NIMA_ARG(row->action), NIMA_ARG(row->status));
    }
    return nima_fmt(ctx, NIMA_FMT "]", NIMA_ARG(list));
}

nima_rc nima_tasks_say(struct nima_ctx *ctx, struct nima_tasks *tasks,
                       const struct nima_task_rows *rows, nima_str *text, nima_str *actions)
{
    struct nima_buf buf;
    nima_buf_init(&buf, NIMA_TASK_RESULT_BYTES_MAX);
    nima_rc rc = say(ctx, tasks, rows, &buf);
    rc = rc == NIMA_OK ? nima_buf_take(ctx, &buf, text) : rc;
    nima_buf_done(&buf);
    NIMA_TRY(rc);
    *actions = actions_of(ctx, rows);
    return NIMA_OK;
}

/* The model saw a request whose values the person did not say. */
static nima_rc ask_back(struct nima_ctx *ctx, const struct nima_tasks_spoken *spoken,
                        nima_str *text, nima_str *actions)
{
    *text = nima_fmt(ctx,
                     "Do you want me to do something (" NIMA_FMT "." NIMA_FMT
                     ")? I could not tell with what. Please say it with the names and texts in "
                     "full, such as: rename a.txt to b.txt, or add \"eggs\" to list.txt.",
                     NIMA_ARG(spoken->type), NIMA_ARG(spoken->action));
    *actions = NIMA_STR("[]");
    return NIMA_OK;
}

nima_rc nima_tasks_answer(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str conversation_id,
                          const struct nima_tasks_spoken *spoken, nima_str *text, nima_str *actions)
{
    struct nima_task_rows rows = {0};
    struct nima_buf buf;
    if (spoken->question.ptr != NULL) {
        *text = spoken->question;
        *actions = NIMA_STR("[]");
        return NIMA_OK;
    }
    if (spoken->unclear) {
        return ask_back(ctx, spoken, text, actions);
    }
    nima_rc rc = act(ctx, tasks, conversation_id, spoken, &rows);
    nima_buf_init(&buf, NIMA_TASK_RESULT_BYTES_MAX);
    if (rc == NIMA_E_INVALID || rc == NIMA_E_FORBIDDEN || rc == NIMA_E_CONFLICT ||
        rc == NIMA_E_NOT_FOUND || rc == NIMA_E_RATE) {
        nima_buf_fmt(&buf, "I did not do that: %s.", ctx->error.message);
        rows.count = 0;
        rc = NIMA_OK;
    } else if (rc == NIMA_OK) {
        rc = say(ctx, tasks, &rows, &buf);
    }
    if (rc == NIMA_OK) {
        *text = nima_str_copy(ctx->arena, nima_buf_view(&buf));
        *actions = actions_of(ctx, &rows);
    }
    nima_buf_done(&buf);
    return rc;
}
