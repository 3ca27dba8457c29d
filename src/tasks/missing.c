/*
 * The one thing that was missing: what is known is kept with Nima's question, in the metadata of
 * its message, and the person's very next message completes it when it is nothing but the answer:
 * "shop", "in the shop namespace, please". Talk, questions and new requests are none. What is kept
 * was said by the person, and so is what is added; it then is as if it had been said at once.
 */
#include <ctype.h>
#include <string.h>

#include "tasks/tasks_int.h"
#include "tasks/words.h"

enum { KEPT_BYTES_MAX = 32 << 10, ANSWER_BYTES_MAX = 1000 };

static const struct nima_field step_fields[] = {
    NIMA_FIELD(STR, struct nima_tasks_step, type, .required = true),
    NIMA_FIELD(STR, struct nima_tasks_step, action, .required = true),
    NIMA_FIELD(JSON, struct nima_tasks_step, params, .required = true),
    NIMA_FIELD(STR, struct nima_tasks_step, missing),
};
static const struct nima_shape step_shape =
    NIMA_SHAPE("AskedStep", struct nima_tasks_step, step_fields);

/* Asking */

static const struct nima_task_ask *ask_of(const struct nima_integration *integration,
                                          nima_str param)
{
    const struct nima_task_ask *ask = integration->asks;
    for (; param.ptr != NULL && ask != NULL && ask->param != NULL; ask++) {
        if (nima_str_eq(param, nima_str_of(ask->param))) {
            return ask;
        }
    }
    return NULL;
}

/* What the first step that lacks something is to be asked for; NULL: none does. */
static const struct nima_task_ask *first_ask(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                                             const struct nima_tasks_step *steps, size_t count,
                                             nima_str *type)
{
    const struct nima_integration *integration;
    const struct nima_action *action;
    for (size_t i = 0; i < count; i++) {
        const struct nima_tasks_step *step = &steps[i];
        if (step->missing.ptr != NULL &&
            nima_action_find(ctx, &tasks->options, step->type, step->action, &integration,
                             &action) == NIMA_OK) {
            *type = step->type;
            return ask_of(integration, step->missing);
        }
    }
    return NULL;
}

/* Absent where that would be more than a message should carry: then it must be said in full. */
static nima_str kept(struct nima_ctx *ctx, const struct nima_tasks_step *steps, size_t count)
{
    struct nima_list list = {(void *)(uintptr_t)steps, count};
    struct nima_buf buf;
    nima_buf_init(&buf, KEPT_BYTES_MAX);
    nima_json_encode_list(&buf, &step_shape, &list);
    nima_str text =
        buf.overflowed ? (nima_str){NULL, 0} : nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return text;
}

void nima_task_ask_back(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                        const struct nima_tasks_step *steps, size_t count,
                        struct nima_tasks_spoken *out)
{
    nima_str type;
    for (size_t i = 0; i < count; i++) {
        if (steps[i].question.ptr != NULL) {
            out->question = steps[i].question;
            return;
        }
    }
    const struct nima_task_ask *ask = first_ask(ctx, tasks, steps, count, &type);
    if (ask != NULL) {
        out->question = nima_str_of(ask->question);
        out->asked = kept(ctx, steps, count);
    }
}

/* The answer */

/* What people also say after a question, and what is no name. */
static bool is_no_value(nima_str text)
{
    static const char others[] =
        " yes y yeah yep no n nope nah ok okay sure maybe please thanks thank ty hi hello hey bye "
        "sorry wait stop cancel never nevermind nothing none anything something everything all any "
        "both it this that these those them here there where which what why who how when huh hm "
        "hmm help later now again today tomorrow try done fine good great nice cool right wrong "
        "true false wow lol idk dunno undo skip quit exit ja nein danke bitte one a an the my our "
        "your in of on at to for with from and or not is be do i me you we he she they namespace "
        "ns cluster repo repository issue github kubernetes ";
    for (size_t at = 1; at < sizeof(others) - 1;) {
        size_t len = strcspn(others + at, " ");
        if (nima_str_eq_nocase(text, (nima_str){others + at, len})) {
            return true;
        }
        at += len + 1;
    }
    return text.len == 0;
}

static nima_str in_small(struct nima_ctx *ctx, nima_str text)
{
    char *copy = nima_alloc(ctx->arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        copy[i] = (char)tolower((unsigned char)text.ptr[i]);
    }
    return (nima_str){copy, text.len};
}

/* The value that the message is, all of it; absent: it is something else. */
static nima_str value_of(struct nima_ctx *ctx, const struct nima_task_ask *ask, nima_str message)
{
    struct nima_task_words words;
    struct nima_task_match match;
    message = nima_str_trim(message);
    if (message.len > ANSWER_BYTES_MAX || nima_str_ends(message, NIMA_STR("?"))) {
        return (nima_str){NULL, 0};
    }
    message = ask->written == NIMA_WRITTEN_SMALL ? in_small(ctx, message) : message;
    if (!nima_task_words_read(message, &words)) {
        return (nima_str){NULL, 0};
    }
    size_t from = 0, end = words.count;
    nima_task_words_polite(&words, &from, &end);
    for (size_t i = 0; i < NIMA_TASK_ANSWERS && ask->answers[i] != NULL; i++) {
        if (nima_task_pattern(ask->answers[i], &words, from, end, &match)) {
            nima_str value = match.slots[0].value;
            return is_no_value(value)                         ? (nima_str){NULL, 0}
                   : ask->written == NIMA_WRITTEN_AS_SENTENCE ? nima_task_sentence(ctx, value)
                                                              : value;
        }
    }
    return (nima_str){NULL, 0};
}

/* What it still lacks is asked for next; false: with that value it is nothing that can be done. */
static bool look_further(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                         struct nima_tasks_step *step)
{
    const struct nima_integration *integration;
    const struct nima_action *action;
    const struct nima_json *params;
    void *read;
    if (nima_action_find(ctx, &tasks->options, step->type, step->action, &integration, &action) !=
            NIMA_OK ||
        nima_json_parse(ctx, step->params, &params) != NIMA_OK) {
        return false;
    }
    for (size_t i = 0; i < action->params->count; i++) {
        const struct nima_field *field = &action->params->fields[i];
        nima_str name = nima_str_of(field->name);
        if (field->required && nima_json_get(params, field->name) == NULL &&
            ask_of(integration, name) != NULL) {
            step->missing = name;
            return true;
        }
    }
    return nima_action_params(ctx, action, step->params, &read) == NIMA_OK;
}

static bool fill(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str value,
                 struct nima_tasks_step *step)
{
    struct nima_buf buf;
    nima_str rest = nima_str_sub(nima_str_trim(step->params), 1, SIZE_MAX);
    nima_buf_init(&buf, NIMA_TASK_PARAMS_BYTES_MAX);
    nima_buf_add_char(&buf, '{');
    nima_json_write_str(&buf, step->missing);
    nima_buf_add_char(&buf, ':');
    nima_json_write_str(&buf, value);
    nima_buf_fmt(&buf, "%s" NIMA_FMT,
                 nima_str_starts(nima_str_trim(rest), NIMA_STR("}")) ? "" : ",", NIMA_ARG(rest));
    step->params = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    step->missing = (nima_str){NULL, 0};
    bool whole = !buf.overflowed;
    nima_buf_done(&buf);
    return whole && look_further(ctx, tasks, step);
}

static size_t complete(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str asked,
                       nima_str message, struct nima_tasks_step *steps)
{
    struct nima_list list;
    nima_str type;
    if (asked.ptr == NULL ||
        nima_json_decode_list(ctx, &step_shape, asked, NIMA_TASKS_STEPS_MAX, &list) != NIMA_OK ||
        list.count == 0) {
        return 0;
    }
    memcpy(steps, list.items, list.count * sizeof(steps[0]));
    const struct nima_task_ask *ask = first_ask(ctx, tasks, steps, list.count, &type);
    nima_str value = ask != NULL ? value_of(ctx, ask, message) : (nima_str){NULL, 0};
    for (size_t i = 0; value.ptr != NULL && i < list.count; i++) {
        bool meant = nima_str_eq(steps[i].type, type) && steps[i].missing.ptr != NULL &&
                     nima_str_eq(steps[i].missing, nima_str_of(ask->param));
        if (meant && !fill(ctx, tasks, value, &steps[i])) {
            return 0;
        }
    }
    return value.ptr != NULL ? list.count : 0;
}

size_t nima_task_completed(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str asked,
                           nima_str message, struct nima_tasks_step *steps)
{
    struct nima_error before = ctx->error;
    size_t count = complete(ctx, tasks, asked, message, steps);
    ctx->error = before; /* what is no answer is no failure */
    return count;
}
