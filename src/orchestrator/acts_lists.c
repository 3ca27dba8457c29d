/* Lists in a conversation: what is asked is answered from the file, what is changed can be taken
 * back. */
#include "orchestrator/acts.h"
#include "tasks/lists.h"
#include "util/buf.h"

enum { SHOWN_MAX = 100, LINES_BYTES_MAX = 32 * 1024, ITEMS_MAX = 64 };

static nima_str joined(struct nima_ctx *ctx, const struct nima_act_call *call,
                       const struct nima_lists_texts *texts)
{
    nima_str all = NIMA_STR("");
    nima_str last = nima_phrase(ctx, call->language, "and", NULL, 0);
    for (size_t i = 0; i < texts->count && i < SHOWN_MAX; i++) {
        nima_str between = i == 0 ? NIMA_STR("") : i + 1 == texts->count ? last : NIMA_STR(", ");
        all = nima_fmt(ctx, NIMA_FMT NIMA_FMT NIMA_FMT, NIMA_ARG(all), NIMA_ARG(between),
                       NIMA_ARG(texts->items[i]));
    }
    return all;
}

/* Words that say that the to-do list is meant where none is named. */
static bool speaks_of_tasks(struct nima_ctx *ctx, nima_str text)
{
    static const char *const words[] = {"todo",  "todos", "to do",  "task",
                                        "tasks", "chore", "errand", NULL};
    nima_str folded = nima_language_fold(ctx, text);
    for (size_t i = 0; words[i] != NULL; i++) {
        if (nima_str_find(folded, nima_str_of(words[i]), 0) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

/* The list that is meant: named, the one spoken of last here, or the one that fits. */
static nima_str list_of(struct nima_ctx *ctx, const struct nima_act_call *call)
{
    nima_str named = nima_act_text(call->act, NIMA_SLOT_LIST);
    if (named.len > 0 && nima_lists_key(ctx, named).len > 0) {
        return named;
    }
    if (call->recent_list.len > 0) {
        return call->recent_list;
    }
    return speaks_of_tasks(ctx, call->act->text) ? NIMA_STR("to-do") : NIMA_STR("shopping");
}

static struct nima_lists_texts items_of(struct nima_ctx *ctx, const struct nima_act *act)
{
    struct nima_lists_texts items = {NIMA_NEW(ctx->arena, nima_str, act->slot_count), 0};
    for (size_t i = 0; i < act->slot_count && items.count < ITEMS_MAX; i++) {
        nima_str text = nima_str_trim(act->slots[i].text);
        if (act->slots[i].slot == NIMA_SLOT_ITEM && text.len > 0) {
            items.items[items.count++] = text;
        }
    }
    return items;
}

/* Answers */

static nima_str lines_of(struct nima_ctx *ctx, const struct nima_lists_view *view)
{
    struct nima_buf buf;
    nima_buf_init(&buf, LINES_BYTES_MAX);
    for (size_t i = 0; i < view->items.count && i < SHOWN_MAX; i++) {
        const struct nima_lists_item *item = &view->items.items[i];
        nima_buf_fmt(&buf, "\n- [%c] " NIMA_FMT, item->done ? 'x' : ' ', NIMA_ARG(item->text));
    }
    if (view->items.count > SHOWN_MAX) {
        nima_buf_fmt(&buf, "\n- … %zu", view->items.count - SHOWN_MAX);
    }
    nima_str lines = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return lines;
}

static nima_rc answer_all(struct nima_ctx *ctx, const struct nima_act_call *call,
                          struct nima_act_reply *out)
{
    struct nima_lists_views views;
    struct nima_buf buf;
    NIMA_TRY(nima_lists_all(ctx, call->turn->o->tasks, &views));
    if (views.count == 0) {
        out->text = nima_phrase(ctx, call->language, "list.none.all", NULL, 0);
        return NIMA_OK;
    }
    nima_buf_init(&buf, LINES_BYTES_MAX);
    for (size_t i = 0; i < views.count; i++) {
        nima_buf_fmt(&buf, "\n- " NIMA_FMT " (%lld)", NIMA_ARG(views.items[i].name),
                     (long long)views.items[i].open);
    }
    nima_str lines = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    out->text = NIMA_SAY(ctx, call, "list.all", {"lines", lines});
    return NIMA_OK;
}

static nima_str answer_item(struct nima_ctx *ctx, const struct nima_act_call *call,
                            const struct nima_lists_view *view, nima_str item)
{
    for (size_t i = 0; i < view->items.count; i++) {
        if (nima_lists_same_item(ctx, item, view->items.items[i].text)) {
            return NIMA_SAY(ctx, call, view->items.items[i].done ? "list.has.done" : "list.has",
                            {"items", view->items.items[i].text}, {"list", view->name});
        }
    }
    return NIMA_SAY(ctx, call, "list.has.not", {"items", item}, {"list", view->name});
}

/* "Which lists do I have?" names none and asks for all of them. */
static bool asks_for_all(struct nima_ctx *ctx, const struct nima_act_call *call)
{
    nima_str folded = nima_language_fold(ctx, call->act->text);
    return nima_act_text(call->act, NIMA_SLOT_LIST).len == 0 &&
           (nima_str_find(folded, NIMA_STR("lists"), 0) != SIZE_MAX ||
            nima_str_find(folded, NIMA_STR("listen"), 0) != SIZE_MAX ||
            nima_str_find(folded, NIMA_STR("listas"), 0) != SIZE_MAX ||
            nima_str_find(folded, NIMA_STR("listes"), 0) != SIZE_MAX);
}

/* Which list it was about, so that the next turn knows what "it" is. */
static nima_str list_member(struct nima_ctx *ctx, nima_str name)
{
    struct nima_buf buf;
    nima_buf_init(&buf, LINES_BYTES_MAX);
    nima_buf_add(&buf, NIMA_STR("\"type\":\"list\",\"list\":"));
    nima_json_write_str(&buf, name);
    nima_str member = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return member;
}

static nima_rc answer(struct nima_ctx *ctx, const struct nima_act_call *call, nima_str name,
                      struct nima_act_reply *out)
{
    struct nima_lists_view view;
    struct nima_lists_texts items = items_of(ctx, call->act);
    out->event = NIMA_ACT_ANSWERED;
    if (asks_for_all(ctx, call)) {
        return answer_all(ctx, call, out);
    }
    nima_rc rc = nima_lists_get(ctx, call->turn->o->tasks, name, &view);
    if (rc == NIMA_E_NOT_FOUND) {
        out->text = NIMA_SAY(ctx, call, "list.none", {"list", name});
        return NIMA_OK;
    }
    NIMA_TRY(rc);
    out->extra = list_member(ctx, view.name);
    out->text = NIMA_STR("");
    for (size_t i = 0; i < items.count; i++) {
        nima_str one = answer_item(ctx, call, &view, items.items[i]);
        out->text = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(out->text), i > 0 ? " " : "",
                             NIMA_ARG(one));
    }
    if (items.count == 0 && view.items.count == 0) {
        out->text = NIMA_SAY(ctx, call, "list.empty", {"list", view.name});
    } else if (items.count == 0) {
        out->text =
            NIMA_SAY(ctx, call, "list.shown", {"list", view.name}, {"lines", lines_of(ctx, &view)});
    }
    return NIMA_OK;
}

/* Changes */

enum { UNDO_NAME, UNDO_AFTER, UNDO_BEFORE_NAME, UNDO_BEFORE };

static nima_rc take_back(struct nima_ctx *ctx, struct nima_orchestrator *o,
                         const nima_str texts[NIMA_UNDO_TEXTS], nima_str *told)
{
    NIMA_TRY(nima_lists_restore(ctx, o->tasks, texts[UNDO_NAME], texts[UNDO_AFTER],
                                texts[UNDO_BEFORE_NAME], texts[UNDO_BEFORE]));
    *told = NIMA_STR("");
    return NIMA_OK;
}

static void keep_undo(struct nima_ctx *ctx, const struct nima_act_call *call,
                      const struct nima_lists_outcome *outcome, struct nima_act_reply *out)
{
    nima_str texts[NIMA_UNDO_TEXTS] = {{0}};
    struct nima_error before = ctx->error;
    texts[UNDO_NAME] = outcome->list.name;
    texts[UNDO_BEFORE_NAME] = outcome->before_name;
    texts[UNDO_BEFORE] = outcome->made ? (nima_str){NULL, 0} : outcome->before;
    if (nima_lists_text(ctx, call->turn->o->tasks, outcome->list.name, &texts[UNDO_AFTER]) !=
        NIMA_OK) {
        ctx->error = before; /* it stays done, and cannot be taken back */
        return;
    }
    nima_undo_table_keep(ctx, call->turn->o->undo, take_back, texts, &out->undo);
}

static const struct {
    enum nima_kind kind;
    enum nima_lists_do what;
    const char *said;
} changes[] = {{NIMA_KIND_LIST_CREATE, NIMA_LISTS_CREATE, "list.made.with"},
               {NIMA_KIND_LIST_ADD, NIMA_LISTS_ADD, "list.added"},
               {NIMA_KIND_LIST_REMOVE, NIMA_LISTS_REMOVE, "list.removed"},
               {NIMA_KIND_LIST_TICK, NIMA_LISTS_TICK, "list.ticked"},
               {NIMA_KIND_LIST_CLEAR, NIMA_LISTS_CLEAR, "list.cleared"},
               {NIMA_KIND_LIST_DELETE, NIMA_LISTS_DELETE, "list.deleted"},
               {NIMA_KIND_LIST_RENAME, NIMA_LISTS_RENAME, "list.renamed"}};

static nima_str told_of(struct nima_ctx *ctx, const struct nima_act_call *call, const char *said,
                        const struct nima_lists_outcome *outcome)
{
    nima_str text = NIMA_STR(""), name = outcome->list.name;
    bool plain = call->act->kind == NIMA_KIND_LIST_DELETE ||
                 call->act->kind == NIMA_KIND_LIST_RENAME ||
                 call->act->kind == NIMA_KIND_LIST_CLEAR;
    if (outcome->changed.count > 0 || plain) {
        text = NIMA_SAY(ctx, call, said, {"list", name},
                        {"items", joined(ctx, call, &outcome->changed)},
                        {"old", outcome->before_name});
    } else if (outcome->made) {
        text = NIMA_SAY(ctx, call, "list.made", {"list", name});
    }
    if (outcome->already.count > 0) {
        nima_str more = NIMA_SAY(ctx, call, "list.already", {"list", name},
                                 {"items", joined(ctx, call, &outcome->already)});
        text = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(text), text.len > 0 ? " " : "",
                        NIMA_ARG(more));
    }
    if (outcome->missing.count > 0) {
        nima_str more = NIMA_SAY(ctx, call, "list.missing", {"list", name},
                                 {"items", joined(ctx, call, &outcome->missing)});
        text = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(text), text.len > 0 ? " " : "",
                        NIMA_ARG(more));
    }
    return text;
}

static nima_rc change(struct nima_ctx *ctx, const struct nima_act_call *call, size_t row,
                      nima_str name, struct nima_act_reply *out)
{
    struct nima_lists_texts items = items_of(ctx, call->act);
    struct nima_lists_outcome outcome;
    struct nima_lists_change job = {.what = changes[row].what,
                                    .name = name,
                                    .items = items.items,
                                    .count = items.count,
                                    .new_name = nima_act_text(call->act, NIMA_SLOT_NEW_NAME)};
    nima_rc rc = nima_lists_change(ctx, call->turn->o->tasks, &job, &outcome);
    if (rc == NIMA_E_NOT_FOUND) {
        out->event = NIMA_ACT_REFUSED;
        out->text = NIMA_SAY(ctx, call, "list.none", {"list", name});
        return NIMA_OK;
    }
    if (rc == NIMA_E_INVALID || rc == NIMA_E_FORBIDDEN || rc == NIMA_E_CONFLICT ||
        rc == NIMA_E_TOO_LARGE) {
        nima_str why = nima_fmt(ctx, "%s", ctx->error.message);
        out->event = NIMA_ACT_REFUSED;
        out->text = NIMA_SAY(ctx, call, "memory.refused", {"why", why});
        return NIMA_OK;
    }
    NIMA_TRY(rc);
    bool renamed = job.what == NIMA_LISTS_RENAME || job.what == NIMA_LISTS_DELETE;
    bool done = outcome.changed.count > 0 || outcome.made || renamed;
    out->event = done ? NIMA_ACT_DONE : NIMA_ACT_ANSWERED;
    out->extra = list_member(ctx, outcome.list.name);
    out->text = told_of(ctx, call, changes[row].said, &outcome);
    if (done) {
        keep_undo(ctx, call, &outcome, out);
    }
    return NIMA_OK;
}

nima_rc nima_act_list(struct nima_ctx *ctx, const struct nima_act_call *call,
                      struct nima_act_reply *out)
{
    const struct nima_act *act = call->act;
    nima_str name = list_of(ctx, call);
    if (act->kind == NIMA_KIND_LIST_ASK) {
        return answer(ctx, call, name, out);
    }
    bool needs = act->kind == NIMA_KIND_LIST_ADD || act->kind == NIMA_KIND_LIST_REMOVE ||
                 act->kind == NIMA_KIND_LIST_TICK;
    if (needs && nima_act_slot(act, NIMA_SLOT_ITEM) == NULL) {
        out->event = NIMA_ACT_ASKED;
        out->asked_slot = NIMA_STR("item");
        out->text = nima_phrase(ctx, call->language, "list.which.items", NULL, 0);
        return NIMA_OK;
    }
    if (act->kind == NIMA_KIND_LIST_CREATE && nima_act_slot(act, NIMA_SLOT_LIST) == NULL &&
        nima_act_slot(act, NIMA_SLOT_ITEM) == NULL) {
        out->event = NIMA_ACT_ASKED;
        out->asked_slot = NIMA_STR("list");
        out->text = nima_phrase(ctx, call->language, "list.which.name", NULL, 0);
        return NIMA_OK;
    }
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        if (changes[i].kind == act->kind) {
            return change(ctx, call, i, name, out);
        }
    }
    return nima_fail(ctx, NIMA_E_INTERNAL, "no list does that");
}
