/*
 * Acts of a turn. Reading: what src/understand finds in the message, with what Nima asked last, so
 * that "at 5" answers "When shall I remind you?". Running: one handler for each act, in order; what
 * each did goes into `actions` of the reply, and from there the next turn knows what "it" is.
 */
#include "orchestrator/acts.h"

#include <string.h>

#include "util/buf.h"

enum { RECENT_MAX = 8, ACTS_MAX = 16, ACTIONS_BYTES_MAX = 1 << 20, ANSWER_BYTES_MAX = 300 };

struct nima_turn_acts {
    struct nima_reading reading;
    const struct nima_act *items[ACTS_MAX]; /* those that are carried out */
    size_t count;
    bool confirm;  /* the one act is asked about first */
    bool declined; /* the person said no to what was asked */
    nima_str rest; /* of the message: what no act says */
    nima_str recent_list, recent_schedule;
};

/* The table */

static const struct {
    const char *family; /* or a whole kind */
    nima_act_handler handler;
} handlers[] = {
    {"list", nima_act_list},           {"reminder", nima_act_schedule},
    {"timer", nima_act_schedule},      {"alarm", nima_act_schedule},
    {"event", nima_act_schedule},      {"goal", nima_act_goal},
    {"note.add", nima_act_memory},     {"fact.remember", nima_act_memory},
    {"fact.forget", nima_act_memory},  {"name.set", nima_act_memory},
    {"ainame.set", nima_act_memory},   {"instruction.add", nima_act_memory},
    {"pack.on", nima_act_control},     {"pack.off", nima_act_control},
    {"persona.set", nima_act_control}, {"conversation.rename", nima_act_control},
    {"file.read", nima_act_file},      {"file.list", nima_act_file},
    {"file.search", nima_act_file},    {"file.append", nima_act_file},
    {"file.delete", nima_act_file},    {"file.move", nima_act_file},
    {"file.copy", nima_act_file},      {"file.mkdir", nima_act_file},
    {"pack.ask", nima_act_control},    {"undo", nima_act_control},
    {"repeat", nima_act_control},      {"help", nima_act_control},
    {"cannot", nima_act_control},
};

nima_act_handler nima_act_handler_of(enum nima_kind kind)
{
    nima_str name = nima_kind_row(kind)->name;
    nima_str family = nima_str_sub(name, 0, nima_str_find(name, NIMA_STR("."), 0));
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        nima_str known = nima_str_of(handlers[i].family);
        if (nima_str_eq(known, name) || nima_str_eq(known, family)) {
            return handlers[i].handler;
        }
    }
    return NULL;
}

/* What the last reply did and asked */

struct pending {
    enum nima_kind kind; /* NONE: nothing is asked */
    enum nima_slot slot; /* NONE: a yes or no */
    const struct nima_json *slots;
    nima_str text; /* the clause that it was read in */
    enum nima_kind recent[RECENT_MAX];
    size_t recent_count;
};

static void read_last(struct nima_ctx *ctx, struct turn_state *s, struct nima_turn_acts *acts,
                      struct pending *out)
{
    const struct nima_json *tree;
    struct nima_error before = ctx->error;
    *out = (struct pending){.kind = NIMA_KIND_NONE};
    if (s->history.last_actions.ptr == NULL ||
        nima_json_parse(ctx, s->history.last_actions, &tree) != NIMA_OK) {
        ctx->error = before;
        return;
    }
    for (size_t i = nima_json_count(tree); i > 0; i--) {
        const struct nima_json *action = nima_json_at(tree, i - 1, NULL);
        nima_str list = nima_json_str(nima_json_get(action, "list"));
        nima_str id = nima_json_str(nima_json_get(nima_json_get(action, "schedule"), "id"));
        acts->recent_list = acts->recent_list.ptr == NULL ? list : acts->recent_list;
        acts->recent_schedule = acts->recent_schedule.ptr == NULL ? id : acts->recent_schedule;
        enum nima_kind kind;
        if (!nima_kind_by_name(nima_json_str(nima_json_get(action, "kind")), &kind)) {
            continue;
        }
        if (out->recent_count < RECENT_MAX) {
            out->recent[out->recent_count++] = kind;
        }
        bool asked = nima_str_eq(nima_json_str(nima_json_get(action, "event")), NIMA_STR("asked"));
        if (asked && out->kind == NIMA_KIND_NONE) {
            nima_str slot = nima_json_str(nima_json_get(action, "asks"));
            out->kind = kind;
            if (!nima_slot_by_name(slot, &out->slot)) {
                out->slot = NIMA_SLOT_NONE;
            }
            out->slots = nima_json_get(action, "slots");
            out->text = nima_json_str(nima_json_get(action, "text"));
        }
    }
}

/* The act that was asked about, with its slots as they were said; `answer` fills the one asked for.
 */
static struct nima_act *resume(struct nima_ctx *ctx, const struct pending *pending, nima_str answer)
{
    struct nima_act *act = NIMA_NEW(ctx->arena, struct nima_act, 1);
    size_t room = 1;
    for (size_t i = 0; i < nima_json_count(pending->slots); i++) {
        room += 1 + nima_json_count(nima_json_at(pending->slots, i, NULL));
    }
    *act = (struct nima_act){.kind = pending->kind, .share = 1, .sure = NIMA_SURE_DO};
    act->slots = NIMA_NEW(ctx->arena, struct nima_slot_value, room);
    act->text = pending->text.ptr != NULL ? pending->text : NIMA_STR("");
    for (size_t i = 0; i < nima_json_count(pending->slots); i++) {
        nima_str name;
        enum nima_slot slot;
        const struct nima_json *values = nima_json_at(pending->slots, i, &name);
        for (size_t n = 0; nima_slot_by_name(name, &slot) && n < nima_json_count(values); n++) {
            nima_str text = nima_json_str(nima_json_at(values, n, NULL));
            bool replaced = answer.ptr != NULL && slot == pending->slot;
            if (text.len > 0 && !replaced) {
                act->slots[act->slot_count++] =
                    (struct nima_slot_value){.slot = slot, .text = text};
            }
        }
    }
    if (answer.ptr != NULL) {
        act->slots[act->slot_count++] =
            (struct nima_slot_value){.slot = pending->slot, .text = answer};
        bool timed = pending->slot == NIMA_SLOT_WHEN || pending->slot == NIMA_SLOT_DURATION;
        act->text = timed ? answer : act->text;
    }
    return act;
}

/* Choosing what is carried out */

static bool is_carried_out(const struct nima_act *act)
{
    bool answered = act->kind == NIMA_KIND_CANNOT || act->kind == NIMA_KIND_HELP ||
                    act->kind == NIMA_KIND_REPEAT;
    return nima_act_handler_of(act->kind) != NULL &&
           (nima_act_counts(act) || (answered && act->sure == NIMA_SURE_DO));
}

/* What the message says beside its acts, for memory to learn from. */
static nima_str rest_of(struct nima_ctx *ctx, nima_str message, const struct nima_turn_acts *acts)
{
    struct nima_buf buf;
    size_t at = 0;
    nima_buf_init(&buf, message.len + 1);
    for (size_t i = 0; i < acts->count; i++) {
        const struct nima_act *act = acts->items[i];
        if (act->end > message.len || act->from < at) {
            continue;
        }
        nima_buf_add(&buf, nima_str_sub(message, at, act->from));
        at = act->end;
    }
    nima_buf_add(&buf, nima_str_sub(message, at, message.len));
    nima_str rest = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return rest;
}

static bool said(const struct nima_reading *reading, enum nima_kind kind)
{
    for (size_t i = 0; i < reading->act_count; i++) {
        if (reading->acts[i].kind == kind && reading->acts[i].sure != NIMA_SURE_TALK) {
            return true;
        }
    }
    return false;
}

/* The answer to what was asked: a yes or no, or the slot's value where the message asks for nothing
 * else. True: the turn is about that. */
static bool take_answer(struct nima_ctx *ctx, struct turn_state *s, const struct pending *pending,
                        struct nima_turn_acts *acts)
{
    nima_str answer = nima_str_trim(s->message);
    if (pending->kind == NIMA_KIND_NONE || answer.len > ANSWER_BYTES_MAX) {
        return false;
    }
    if (said(&acts->reading, NIMA_KIND_NO) || said(&acts->reading, NIMA_KIND_LATER)) {
        acts->declined = true;
        return true;
    }
    bool agreed = said(&acts->reading, NIMA_KIND_YES);
    bool wants_value = pending->slot != NIMA_SLOT_NONE;
    if (acts->count > 0 || wants_value == agreed || nima_str_ends(answer, NIMA_STR("?"))) {
        return false;
    }
    acts->items[acts->count++] = resume(ctx, pending, wants_value ? answer : (nima_str){NULL, 0});
    return true;
}

static bool may_read(const struct turn_state *s)
{
    const struct nima_turn *turn = s->turn;
    /* By words alone too little is sure: without its model the older readers serve (goals,
     * schedules, packs, tasks). */
    return s->o->understand != NULL && nima_understand_has_vectors(s->o->understand) &&
           turn->use_memory && turn->may_act && !turn->stateless && turn->scheduled == NULL &&
           turn->again.ptr == NULL && s->message.len <= NIMA_READ_BYTES_MAX &&
           nima_utf8_valid(s->message);
}

nima_rc nima_turn_acts_read(struct nima_ctx *ctx, struct turn_state *s, bool *out)
{
    struct pending pending;
    *out = false;
    if (!may_read(s)) {
        return NIMA_OK;
    }
    struct nima_turn_acts *acts = NIMA_NEW(ctx->arena, struct nima_turn_acts, 1);
    s->acts = acts;
    read_last(ctx, s, acts, &pending);
    struct nima_read_query query = {.text = s->message,
                                    .asked = pending.kind,
                                    .asked_slot = pending.slot,
                                    .recent = pending.recent,
                                    .recent_count = pending.recent_count};
    NIMA_TRY(nima_understand_read(ctx, s->o->understand, &query, &acts->reading));
    const struct nima_act *doubted = NULL;
    for (size_t i = 0; i < acts->reading.act_count && acts->count < ACTS_MAX; i++) {
        const struct nima_act *act = &acts->reading.acts[i];
        bool mine = is_carried_out(act);
        if (mine && act->kind == NIMA_KIND_UNDO) { /* what goals and tasks did, they take back */
            nima_str id;
            NIMA_TRY(nima_act_newest_undo(ctx, s, &id));
            mine = id.ptr != NULL;
        }
        if (!mine) {
            continue;
        }
        if (act->sure == NIMA_SURE_ASK && nima_kind_row(act->kind)->effect != NIMA_EFFECT_ASK) {
            /* What may be a fact is learned from anyway: nobody wants to be asked about that. */
            bool told = nima_str_eq(nima_kind_row(act->kind)->owner, NIMA_STR("memory"));
            doubted = told ? doubted : act;
            continue;
        }
        acts->items[acts->count++] = act;
    }
    if (take_answer(ctx, s, &pending, acts)) {
        *out = true;
        return NIMA_OK;
    }
    if (acts->count == 0 && doubted != NULL) {
        acts->items[acts->count++] = doubted;
        acts->confirm = true;
    }
    acts->rest = acts->confirm ? NIMA_STR("") : rest_of(ctx, s->message, acts);
    *out = acts->count > 0;
    return NIMA_OK;
}

/* Carrying out */

static void write_slots(const struct nima_act *act, struct nima_buf *buf)
{
    bool written[NIMA_SLOTS] = {false};
    bool first = true;
    nima_buf_add(buf, NIMA_STR("\"slots\":{"));
    for (size_t i = 0; i < act->slot_count; i++) {
        enum nima_slot slot = act->slots[i].slot;
        if (written[slot]) {
            continue;
        }
        written[slot] = true;
        nima_buf_add(buf, first ? NIMA_STR("") : NIMA_STR(","));
        nima_json_write_str(buf, nima_slot_row(slot)->name);
        nima_buf_add(buf, NIMA_STR(":["));
        for (size_t n = i; n < act->slot_count; n++) {
            if (act->slots[n].slot == slot) {
                nima_buf_add(buf, n > i ? NIMA_STR(",") : NIMA_STR(""));
                nima_json_write_str(buf, act->slots[n].text);
            }
        }
        nima_buf_add_char(buf, ']');
        first = false;
    }
    nima_buf_add_char(buf, '}');
}

static void write_action(const struct nima_act *act, const struct nima_act_reply *reply,
                         struct nima_buf *buf)
{
    static const char *const events[] = {[NIMA_ACT_DONE] = "done",
                                         [NIMA_ACT_ANSWERED] = "answered",
                                         [NIMA_ACT_ASKED] = "asked",
                                         [NIMA_ACT_REFUSED] = "refused",
                                         [NIMA_ACT_UNDONE] = "undone"};
    nima_buf_add(buf, buf->len > 1 ? NIMA_STR(",{\"kind\":") : NIMA_STR("{\"kind\":"));
    nima_json_write_str(buf, nima_kind_row(act->kind)->name);
    nima_buf_fmt(buf, ",\"event\":\"%s\",", events[reply->event]);
    write_slots(act, buf);
    if (reply->event == NIMA_ACT_ASKED) {
        nima_buf_add(buf, NIMA_STR(",\"text\":"));
        nima_json_write_str(buf, act->text);
        if (reply->asked_slot.ptr != NULL) {
            nima_buf_add(buf, NIMA_STR(",\"asks\":"));
            nima_json_write_str(buf, reply->asked_slot);
        }
    }
    if (reply->undo.ptr != NULL) {
        nima_buf_add(buf, NIMA_STR(",\"undo\":"));
        nima_json_write_str(buf, reply->undo);
    }
    if (reply->extra.ptr != NULL) {
        nima_buf_fmt(buf, "," NIMA_FMT, NIMA_ARG(reply->extra));
    }
    nima_buf_add_char(buf, '}');
}

/* Where it fails for what was asked, that is told; what is broken comes through. */
static nima_rc run_one(struct nima_ctx *ctx, const struct nima_act_call *call, bool confirm,
                       struct nima_act_reply *out)
{
    *out = (struct nima_act_reply){.event = NIMA_ACT_ANSWERED, .text = NIMA_STR("")};
    if (confirm) {
        out->event = NIMA_ACT_ASKED;
        out->text = NIMA_SAY(ctx, call, "confirm", {"text", nima_str_trim(call->act->text)});
        return NIMA_OK;
    }
    nima_rc rc = nima_act_handler_of(call->act->kind)(ctx, call, out);
    if (rc == NIMA_E_INVALID || rc == NIMA_E_NOT_FOUND || rc == NIMA_E_CONFLICT ||
        rc == NIMA_E_FORBIDDEN || rc == NIMA_E_TOO_LARGE) {
        nima_str why = nima_fmt(ctx, "%s", ctx->error.message);
        *out = (struct nima_act_reply){.event = NIMA_ACT_REFUSED};
        out->text = NIMA_SAY(ctx, call, "act.refused", {"why", why});
        ctx->error = (struct nima_error){0};
        return NIMA_OK;
    }
    return rc;
}

static nima_rc prepare(struct nima_ctx *ctx, struct turn_state *s, struct nima_act_call *call)
{
    *call = (struct nima_act_call){.turn = s,
                                   .recent_list = s->acts->recent_list,
                                   .recent_schedule = s->acts->recent_schedule};
    call->language = nima_language_or_english(s->acts->reading.language);
    call->when =
        (struct nima_when_setting){.language = call->language, .now_ms = nima_ctx_now(ctx)};
    return nima_turn_goals_zone(ctx, s->o, &call->when.zone);
}

static void add_learned(struct nima_ctx *ctx, struct nima_learned_list *all,
                        const struct nima_learned_list *more)
{
    struct nima_learned *items =
        NIMA_NEW(ctx->arena, struct nima_learned, all->count + more->count);
    for (size_t i = 0; i < all->count; i++) {
        items[i] = all->items[i];
    }
    for (size_t i = 0; i < more->count; i++) {
        items[all->count + i] = more->items[i];
    }
    all->items = items;
    all->count += more->count;
}

/* What stands beside the acts may tell something about the person. */
static nima_rc learn_rest(struct nima_ctx *ctx, struct turn_state *s,
                          struct nima_learned_list *learned)
{
    struct nima_learned_list more = {0};
    struct nima_utterance said_beside = {.text = s->acts->rest,
                                         .conversation_id = s->conversation_id,
                                         .message_id = s->message_id,
                                         .wait = s->turn->learn == NIMA_LEARN_WAIT};
    if (s->turn->learn == NIMA_LEARN_OFF || nima_str_trim(s->acts->rest).len == 0) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_memory_learn(ctx, s->o->memory, &said_beside, &more));
    add_learned(ctx, learned, &more);
    return NIMA_OK;
}

/* Rules of memory read English; what another language tells of the person is kept as it was said.
 */
nima_rc nima_turn_statements(struct nima_ctx *ctx, struct turn_state *s,
                             struct nima_learned_list *learned)
{
    const struct nima_reading *reading = s->acts != NULL ? &s->acts->reading : NULL;
    if (reading == NULL || nima_str_eq(reading->language, NIMA_STR("en"))) {
        return NIMA_OK;
    }
    for (size_t i = 0; i < reading->act_count; i++) {
        const struct nima_act *act = &reading->acts[i];
        struct nima_learned_list more = {0};
        if (act->kind != NIMA_KIND_STATEMENT || act->sure == NIMA_SURE_TALK) {
            continue;
        }
        struct nima_utterance said_so = {
            .text = nima_fmt(ctx, "/remember " NIMA_FMT, NIMA_ARG(nima_str_trim(act->text))),
            .conversation_id = s->conversation_id,
            .message_id = s->message_id};
        nima_rc rc = nima_memory_learn(ctx, s->o->memory, &said_so, &more);
        if (rc == NIMA_E_INVALID) { /* a secret: it is not kept */
            ctx->error = (struct nima_error){0};
            continue;
        }
        NIMA_TRY(rc);
        add_learned(ctx, learned, &more);
    }
    return NIMA_OK;
}

nima_rc nima_turn_acts_run(struct nima_ctx *ctx, struct turn_state *s,
                           struct nima_learned_list *learned)
{
    struct nima_act_call call;
    struct nima_turn_acts *acts = s->acts;
    struct nima_buf actions;
    nima_rc rc = NIMA_OK;
    *learned = (struct nima_learned_list){0};
    s->reply.text = NIMA_STR("");
    NIMA_TRY(prepare(ctx, s, &call));
    if (acts->declined) {
        s->reply.text = nima_phrase(ctx, call.language, "confirm.no", NULL, 0);
        return NIMA_OK;
    }
    nima_buf_init(&actions, ACTIONS_BYTES_MAX);
    nima_buf_add_char(&actions, '[');
    for (size_t i = 0; i < acts->count && rc == NIMA_OK; i++) {
        struct nima_act_reply reply;
        call.act = acts->items[i];
        rc = run_one(ctx, &call, acts->confirm, &reply);
        if (rc == NIMA_OK) {
            s->reply.text = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(s->reply.text),
                                     s->reply.text.len > 0 ? "\n" : "", NIMA_ARG(reply.text));
            add_learned(ctx, learned, &reply.learned);
            write_action(call.act, &reply, &actions);
        }
    }
    nima_buf_add_char(&actions, ']');
    s->out.actions =
        actions.overflowed ? NIMA_STR("[]") : nima_str_copy(ctx->arena, nima_buf_view(&actions));
    nima_buf_done(&actions);
    NIMA_TRY(rc);
    return acts->confirm ? NIMA_OK : learn_rest(ctx, s, learned);
}
