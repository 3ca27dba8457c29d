/* One turn of a conversation, from the person's message to the stored reply. */
#include "orchestrator/orchestrator.h"

#include <stdlib.h>

#include "orchestrator/acts.h"
#include "understand/claims.h"
#include "util/digest.h"
#include "util/log.h"

enum { RECALL_PRESET = 8, SYSTEM_HASH_CHARS = 16 };

struct nima_orchestrator *nima_orchestrator_new(const struct nima_orchestrator_options *options)
{
    struct nima_orchestrator *o = NIMA_XNEW(struct nima_orchestrator, 1);
    o->store = options->store;
    o->llm = options->llm;
    o->memory = options->memory;
    o->personality = options->personality;
    o->schedules = options->schedules;
    o->tasks = options->tasks;
    o->knowledge = options->knowledge;
    o->goals = options->goals;
    o->understand = options->understand;
    o->undo = nima_undo_table_new();
    o->goal_webhook = options->goal_webhook.len > 0 ? nima_xstrdup(options->goal_webhook) : NULL;
    o->recall_limit = options->recall_limit > 0 ? options->recall_limit : RECALL_PRESET;
    o->order = nima_order_new();
    o->pins = nima_pins_new();
    o->writes = options->writes;
    o->scribe = nima_scribe_new(o);
    o->keeper = options->keep_persona ? nima_keeper_new(o) : NULL;
    return o;
}

void nima_orchestrator_free(struct nima_orchestrator *orchestrator)
{
    if (orchestrator == NULL) {
        return;
    }
    nima_scribe_free(orchestrator->scribe);
    nima_keeper_free(orchestrator->keeper);
    nima_order_free(orchestrator->order);
    nima_undo_table_free(orchestrator->undo);
    nima_pins_free(orchestrator->pins);
    free(orchestrator->goal_webhook);
    free(orchestrator);
}

static nima_rc check_turn(struct nima_ctx *ctx, const struct nima_turn *turn)
{
    if (turn->again.ptr != NULL) {
        return NIMA_OK;
    }
    if (turn->count == 0 || !nima_str_eq(turn->messages[turn->count - 1].role, NIMA_STR("user"))) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "messages",
                               "the last of messages must be the user's");
    }
    for (size_t i = 0; i < turn->count; i++) {
        bool by_user = nima_str_eq(turn->messages[i].role, NIMA_STR("user"));
        if (by_user && nima_str_trim(turn->messages[i].content).len == 0) {
            const char *field = nima_fmt(ctx, "messages[%zu].content", i).ptr;
            return nima_fail_field(ctx, NIMA_E_INVALID, field, "%s must not be blank", field);
        }
    }
    return NIMA_OK;
}

static nima_rc create_conversation(struct nima_ctx *ctx, struct turn_state *s, nima_str metadata)
{
    const struct nima_turn *turn = s->turn;
    struct nima_message_row *rows = NIMA_NEW(ctx->arena, struct nima_message_row, turn->count);
    for (size_t i = 0; i < turn->count; i++) {
        rows[i].role = turn->messages[i].role;
        rows[i].content = turn->messages[i].content;
    }
    rows[turn->count - 1].metadata = metadata;
    const struct nima_scheduled *scheduled = turn->scheduled;
    struct nima_conversation wanted = {.title = scheduled != NULL ? scheduled->name
                                                                  : nima_title_of(s->message)};
    NIMA_TRY(nima_voice_keep(ctx, turn, wanted.metadata, &wanted.metadata));
    struct nima_conversation made;
    NIMA_TRY(nima_conversation_create(ctx, s->o->store, &wanted, rows, turn->count, &made));
    s->conversation_id = made.id;
    s->position = (int64_t)turn->count - 1;
    struct nima_message_rows last;
    NIMA_TRY(nima_messages_last(ctx, s->o->store, made.id, 1, &last));
    nima_assert(last.count == 1);
    s->message_id = last.items[0].id;
    return NIMA_OK;
}

static nima_rc keep_settings(struct nima_ctx *ctx, struct turn_state *s)
{
    struct nima_conversation change = {.id = s->turn->conversation_id};
    NIMA_TRY(nima_voice_keep(ctx, s->turn, s->history.metadata, &change.metadata));
    if (s->history.title.ptr == NULL) { /* taken in without one */
        change.title = nima_title_of(s->message);
    }
    struct nima_conversation kept;
    bool changes = change.metadata.ptr != NULL || change.title.ptr != NULL;
    return changes ? nima_conversation_update(ctx, s->o->store, &change, &kept) : NIMA_OK;
}

static nima_rc keep_summary(struct nima_ctx *ctx, struct turn_state *s)
{
    const struct nima_history *history = &s->history;
    struct nima_conversation change = {.id = s->turn->conversation_id,
                                       .context_summary = history->summary,
                                       .summary_position = history->summary_position,
                                       .next_summary = history->next_summary,
                                       .next_position = history->next_position};
    return history->summary_moved ? nima_conversation_summarize(ctx, s->o->store, &change)
                                  : NIMA_OK;
}

/* Before the model works, so that a crash in mid-reply keeps what the person said. */
static nima_rc store_message(struct nima_ctx *ctx, struct turn_state *s)
{
    if (s->turn->stateless) {
        return NIMA_OK;
    }
    if (s->turn->again.ptr != NULL) {
        s->conversation_id = s->turn->conversation_id;
        s->message_id = s->branch.asked.id;
        s->position = s->branch.asked.position;
        return keep_summary(ctx, s);
    }
    nima_str metadata;
    struct nima_user_meta meta = {s->fit.notes, s->turn->scheduled, s->fit.cut};
    NIMA_TRY(nima_meta_encode(ctx, &nima_user_meta_shape, &meta, &metadata));
    if (!s->history.has_conversation) {
        return create_conversation(ctx, s, metadata);
    }
    NIMA_TRY(keep_settings(ctx, s));
    NIMA_TRY(keep_summary(ctx, s));
    struct nima_message_row row = {.role = s->turn->data ? NIMA_STR("system") : NIMA_STR("user"),
                                   .content = s->message,
                                   .metadata = metadata};
    row.leaves = s->branch.made;
    row.leave_from = s->branch.from;
    struct nima_message_row stored;
    NIMA_TRY(nima_messages_append(ctx, s->o->store, s->turn->conversation_id, &row, 1, &stored));
    s->conversation_id = s->turn->conversation_id;
    s->message_id = stored.id;
    s->position = stored.position;
    return NIMA_OK;
}

static const nima_str event_names[] = {
    [NIMA_LEARNED_ADDED] = NIMA_STR_INIT("added"),
    [NIMA_LEARNED_UPDATED] = NIMA_STR_INIT("updated"),
    [NIMA_LEARNED_SUPERSEDED] = NIMA_STR_INIT("superseded"),
    [NIMA_LEARNED_UNCHANGED] = NIMA_STR_INIT("unchanged"),
    [NIMA_LEARNED_FORGOTTEN] = NIMA_STR_INIT("forgotten"),
};

static nima_rc tell_learned(struct nima_ctx *ctx, struct turn_state *s,
                            const struct nima_learned_list *learned)
{
    bool fresh = false;
    s->out.remembered.items = NIMA_NEW(ctx->arena, struct nima_remembered, learned->count);
    s->out.remembered.count = learned->count;
    for (size_t i = 0; i < learned->count; i++) {
        const struct nima_fact *fact = &learned->items[i].fact;
        s->out.remembered.items[i] = (struct nima_remembered){fact->id, fact->fact, fact->category,
                                                              event_names[learned->items[i].event]};
        fresh = fresh || learned->items[i].event == NIMA_LEARNED_ADDED;
    }
    return fresh && s->o->schedules != NULL
               ? nima_schedules_event(ctx, s->o->schedules, NIMA_STR("fact.created"))
               : NIMA_OK;
}

static nima_rc utterance(struct nima_ctx *ctx, struct turn_state *s, struct nima_utterance *out)
{
    *out = (struct nima_utterance){.text = s->message,
                                   .conversation_id = s->conversation_id,
                                   .message_id = s->message_id,
                                   .wait = s->turn->learn == NIMA_LEARN_WAIT};
    return nima_voice_cares(ctx, s->o, s->persona, &out->cares);
}

static nima_rc learn(struct nima_ctx *ctx, struct turn_state *s)
{
    if (s->turn->learn == NIMA_LEARN_OFF || !s->turn->use_memory || s->turn->data ||
        s->turn->again.ptr != NULL) {
        return NIMA_OK;
    }
    struct nima_utterance said;
    NIMA_TRY(utterance(ctx, s, &said));
    struct nima_learned_list learned;
    NIMA_TRY(nima_memory_learn(ctx, s->o->memory, &said, &learned));
    NIMA_TRY(nima_turn_statements(ctx, s, &learned));
    return tell_learned(ctx, s, &learned);
}

/* The client is told what a rule has answered. */
static nima_rc tell(struct nima_ctx *ctx, struct turn_state *s)
{
    return s->turn->on_text != NULL ? s->turn->on_text(ctx, s->turn->user, s->reply.text) : NIMA_OK;
}

static nima_rc retract(struct nima_ctx *ctx, struct turn_state *s)
{
    struct nima_utterance said;
    NIMA_TRY(utterance(ctx, s, &said));
    struct nima_learned_list learned;
    NIMA_TRY(nima_retract_run(ctx, s->o, &s->retract, &said, &s->reply.text, &learned));
    NIMA_TRY(tell_learned(ctx, s, &learned));
    return tell(ctx, s);
}

/* "/remember …" and "/forget …" are carried out and confirmed without the model. */
static nima_rc run_command(struct nima_ctx *ctx, struct turn_state *s)
{
    struct nima_learned_list learned = {0};
    struct nima_utterance said;
    NIMA_TRY(utterance(ctx, s, &said));
    nima_rc rc = nima_memory_learn(ctx, s->o->memory, &said, &learned);
    struct nima_buf text;
    nima_buf_init(&text, NIMA_MESSAGE_CHARS_MAX * 4);
    if (rc == NIMA_OK) {
        rc = tell_learned(ctx, s, &learned);
    }
    if (rc == NIMA_E_INVALID) {
        nima_buf_fmt(&text, "I did not keep that: %s.", ctx->error.message);
        rc = NIMA_OK;
    }
    for (size_t i = 0; i < s->out.remembered.count; i++) {
        const struct nima_remembered *r = &s->out.remembered.items[i];
        bool gone = nima_str_eq(r->event, NIMA_STR("forgotten"));
        bool known = nima_str_eq(r->event, NIMA_STR("unchanged"));
        nima_buf_fmt(&text, "%s%s: " NIMA_FMT, i > 0 ? "\n" : "",
                     gone ? "Forgotten" : (known ? "I knew that already" : "I will remember"),
                     NIMA_ARG(r->fact));
    }
    if (learned.count > 0 && learned.items[0].event == NIMA_LEARNED_FORGOTTEN) {
        nima_buf_add(&text, NIMA_STR("\nSay \"undo that\" within ten minutes to bring it back."));
    }
    if (learned.everything) {
        nima_buf_add(&text,
                     NIMA_STR("I do not forget everything on a word in a chat. The page does "
                              "under Memory, \"Forget everything\"; so does the request "
                              "DELETE /v1/memory with {\"confirm\": \"your user name\"}."));
    } else if (learned.asked.count > 0) {
        nima_retract_ask(&learned.asked, &text);
    } else if (text.len == 0) {
        nima_buf_add(&text, NIMA_STR("I found nothing in memory that clearly matches. The list of "
                                     "what I know is on the page under Memory."));
    }
    s->reply.text = nima_str_copy(ctx->arena, nima_buf_view(&text));
    nima_buf_done(&text);
    return rc == NIMA_OK ? tell(ctx, s) : rc;
}

/* What the message asks to be done, in a plain form. Only a conversation that is kept can hold a
 * proposal and its answer. */
static nima_rc hear_tasks(struct nima_ctx *ctx, struct turn_state *s)
{
    s->spoken.said = NIMA_SAID_NOTHING;
    if (s->o->tasks == NULL || s->turn->stateless || !s->turn->may_act ||
        s->turn->again.ptr != NULL) {
        return NIMA_OK;
    }
    struct nima_tasks_last last = {s->history.last_actions, s->history.last_asked};
    s->hears_tasks = true;
    return nima_tasks_hear(ctx, s->o->tasks, s->turn->conversation_id, &last, s->message,
                           &s->spoken);
}

static nima_rc act(struct nima_ctx *ctx, struct turn_state *s)
{
    NIMA_TRY(nima_tasks_answer(ctx, s->o->tasks, s->conversation_id, &s->spoken, &s->reply.text,
                               &s->out.actions));
    return tell(ctx, s);
}

/* A message that switches a pack and says nothing else is confirmed without the model, too. */
static nima_rc run_wish(struct nima_ctx *ctx, struct turn_state *s)
{
    NIMA_TRY(nima_packs_obey(ctx, s->o, &s->wish, s->conversation_id, &s->reply.text));
    return tell(ctx, s);
}

static nima_rc run_acts(struct nima_ctx *ctx, struct turn_state *s)
{
    struct nima_learned_list learned;
    NIMA_TRY(nima_turn_acts_run(ctx, s, &learned));
    NIMA_TRY(tell_learned(ctx, s, &learned));
    return tell(ctx, s);
}

static nima_rc answer_goals(struct nima_ctx *ctx, struct turn_state *s)
{
    NIMA_TRY(nima_turn_goals_act(ctx, s->o, s->goal_wish, &s->reply.text, &s->out.actions));
    return tell(ctx, s);
}

/* Where the client gave the end of a reply, or its form, nothing may be the answer. */
static bool said_nothing(const struct turn_state *s)
{
    return s->reply.finish == NIMA_FINISH_STOP && s->turn->model.stop_count == 0 &&
           s->turn->model.json_schema.ptr == NULL && nima_str_trim(s->reply.text).len == 0;
}

static nima_rc generate(struct nima_ctx *ctx, struct turn_state *s)
{
    struct nima_llm_request request = s->turn->model;
    request.messages = s->prompt.items;
    request.count = s->prompt.count;
    request.max_tokens = s->room.max_tokens;
    request.slot_key = s->conversation_id;
    struct nima_claims_options claims = {.language = nima_language_identify(ctx, s->message, NULL)};
    NIMA_TRY(nima_voice_generate(ctx, s->o, s->turn, s->persona, &request, &claims, &s->reply,
                                 &s->personality));
    if (said_nothing(s)) {
        s->reply.text = NIMA_STR("");
        return nima_fail(ctx, NIMA_E_MODEL,
                         "the model answered with nothing: ask again, or in other words");
    }
    return NIMA_OK;
}

static const nima_str finish_names[] = {
    [NIMA_FINISH_STOP] = NIMA_STR_INIT("stop"),
    [NIMA_FINISH_LENGTH] = NIMA_STR_INIT("length"),
    [NIMA_FINISH_CANCELLED] = NIMA_STR_INIT("cancelled"),
};

static void fill_context(struct nima_ctx *ctx, struct turn_state *s)
{
    struct nima_turn_context *context = NIMA_NEW(ctx->arena, struct nima_turn_context, 1);
    context->facts.items = NIMA_NEW(ctx->arena, struct nima_context_fact, s->hits.count);
    context->facts.count = s->hits.count;
    for (size_t i = 0; i < s->hits.count; i++) {
        const struct nima_memory_hit *hit = &s->hits.items[i];
        context->facts.items[i] =
            (struct nima_context_fact){hit->fact.id, hit->fact.fact, hit->score};
    }
    context->messages = s->said;
    nima_packs_context(ctx, &s->packs, context);
    context->goals.items = s->goals.items;
    context->goals.count = s->goals.count;
    context->tokens = NIMA_NEW(ctx->arena, struct nima_context_tokens, 1);
    *context->tokens = (struct nima_context_tokens){s->reply.prompt_tokens, s->reply.cached_tokens,
                                                    s->reply.completion_tokens};
    context->personality = s->personality;
    context->trimmed_messages = s->history.trimmed;
    context->summarized = s->texts.of[NIMA_SECTION_SUMMARY].len > 0;
    context->cut_characters = s->fit.cut_characters;
    context->finish = finish_names[s->reply.finish];
    struct nima_llm_state state;
    nima_llm_state(s->o->llm, &state);
    context->model = nima_str_copy(ctx->arena, nima_str_of(state.chat_model));
    context->first_token_ms = s->reply.first_token_ms;
    context->total_ms = s->reply.total_ms;
    s->out.context = context;
}

/* Who asks to forget something says it once more, and so does the reply. */
static bool forgets(const struct turn_state *s)
{
    bool asked = s->turn->use_memory && s->turn->learn != NIMA_LEARN_OFF &&
                 nima_str_starts_nocase(nima_str_trim(s->message), NIMA_STR("/forget "));
    for (size_t i = 0; i < s->out.remembered.count; i++) {
        asked = asked ||
                nima_str_eq(s->out.remembered.items[i].event, event_names[NIMA_LEARNED_FORGOTTEN]);
    }
    return asked;
}

static nima_rc store_reply(struct nima_ctx *ctx, struct turn_state *s, bool interrupted)
{
    if (s->turn->stateless || (interrupted && s->reply.text.len == 0)) {
        return NIMA_OK;
    }
    struct nima_reply_meta meta = {.context = s->out.context,
                                   .actions = s->out.actions,
                                   .asked = s->spoken.asked,
                                   .interrupted = interrupted,
                                   .has_interrupted = interrupted,
                                   .system_hash = s->fit.system_hash,
                                   .facts_change = s->history.facts_change,
                                   .has_facts_change = s->history.notes_true};
    meta.remembered.items = s->out.remembered.items;
    meta.remembered.count = s->out.remembered.count;
    struct nima_message_row row = {.role = NIMA_STR("assistant"), .content = s->reply.text};
    row.leaves = s->turn->again.ptr != NULL;
    row.leave_from = s->position + 1;
    struct nima_prompt_keep keep;
    NIMA_TRY(nima_meta_encode(ctx, &nima_reply_meta_shape, &meta, &row.metadata));
    if (s->prompt.count > 0) {
        NIMA_TRY(
            nima_record_make(ctx, &s->texts, &s->fit, &s->history, &s->prompt, s->position, &keep));
        row.prompt = &keep;
    }
    struct nima_message_row stored;
    if (forgets(s)) {
        row.withheld = NIMA_STR("forgotten");
        NIMA_TRY(nima_message_withhold(ctx, s->o->store, s->conversation_id, s->message_id));
    }
    NIMA_TRY(nima_messages_append(ctx, s->o->store, s->conversation_id, &row, 1, &stored));
    s->out.message_id = stored.id;
    return NIMA_OK;
}

/* What the model may put into better words once nobody waits for it. */
static void write_later(struct nima_ctx *ctx, struct turn_state *s)
{
    const struct nima_turn *turn = s->turn;
    if (turn->stateless || turn->scheduled != NULL || turn->again.ptr != NULL || s->branch.made ||
        !nima_llm_may(s->o->llm, s->o->writes)) {
        return;
    }
    const struct nima_history *history = &s->history;
    nima_str asked = history->count > 0 ? history->items[0].content : s->message;
    nima_str answered = history->count > 1 ? history->items[1].content : s->reply.text;
    nima_str title = history->has_conversation ? history->title : nima_title_of(s->message);
    bool early = history->trimmed == 0 && history->count < (size_t)(2 * NIMA_TITLE_TURNS);
    if (early && nima_str_eq(title, nima_title_of(asked))) {
        nima_scribe_title(s->o->scribe, ctx->user_id, s->conversation_id, title, asked, answered);
    }
    int64_t to = nima_history_leaves(history, s->reply.prompt_tokens, s->room.tokens);
    if (to > history->summary_position && to > history->next_position) {
        nima_scribe_sum_up(s->o->scribe, ctx->user_id, s->conversation_id, to);
    }
}

/* What ended while the turn was at work, and could not be said before the reply. */
static void say_tasks(struct nima_ctx *ctx, const struct turn_state *s)
{
    struct nima_error before = ctx->error;
    const atomic_bool *cancelled = ctx->cancelled;
    int64_t deadline_ms = ctx->deadline_ms;
    if (s->turn->stateless || s->conversation_id.ptr == NULL) {
        return;
    }
    ctx->cancelled = NULL;
    ctx->deadline_ms = 0;
    if (nima_orchestrator_tasks_said(ctx, s->o, s->conversation_id, true) != NIMA_OK) {
        nima_log_warn("how a task ended is not said yet: %s", ctx->error.message);
    }
    ctx->cancelled = cancelled;
    ctx->deadline_ms = deadline_ms;
    ctx->error = before;
}

/* Learns and stores whatever came of the turn. The client may have left by now; what was said and
 * generated is kept all the same, so neither its leaving nor the deadline counts here. */
static nima_rc finish(struct nima_ctx *ctx, struct turn_state *s, nima_rc generated)
{
    struct nima_error error = ctx->error;
    const atomic_bool *cancelled = ctx->cancelled;
    int64_t deadline_ms = ctx->deadline_ms;
    ctx->cancelled = NULL;
    ctx->deadline_ms = 0;
    nima_rc rc = s->speaker == BY_MODEL ? learn(ctx, s) : NIMA_OK;
    s->out.response = s->reply.text;
    s->out.conversation_id = s->conversation_id;
    s->out.finish = s->reply.finish;
    fill_context(ctx, s);
    nima_rc stored = store_reply(ctx, s, generated != NIMA_OK);
    ctx->cancelled = cancelled;
    ctx->deadline_ms = deadline_ms;
    if (generated != NIMA_OK) {
        ctx->error = error;
        return generated;
    }
    if (stored == NIMA_OK && s->speaker == BY_MODEL) {
        write_later(ctx, s);
    }
    return stored != NIMA_OK ? stored : rc;
}

static nima_rc join_system(struct nima_ctx *ctx, struct turn_state *s)
{
    nima_str summary = s->history.summary;
    s->texts.of[NIMA_SECTION_SUMMARY] = (nima_str){NULL, 0};
    if (summary.len > 0) {
        s->texts.of[NIMA_SECTION_SUMMARY] = nima_fmt(
            ctx, "%s" NIMA_FMT, nima_sections[NIMA_SECTION_SUMMARY].heading, NIMA_ARG(summary));
    }
    NIMA_TRY(nima_prompt_join(ctx, &s->texts, &s->fit.system));
    s->fit.system_hash = nima_str_sub(nima_sha256_hex(ctx, s->fit.system), 0, SYSTEM_HASH_CHARS);
    return NIMA_OK;
}

/* When the window has moved, the summary moves with it; the cache is lost then anyway. */
static nima_rc move_summary(struct nima_ctx *ctx, struct turn_state *s)
{
    struct nima_history *history = &s->history;
    if (!history->has_conversation || history->trimmed <= history->summary_position) {
        return NIMA_OK;
    }
    int64_t tokens;
    NIMA_TRY(nima_summary_move(ctx, s->o, s->turn->conversation_id,
                               nima_section_budget(NIMA_SECTION_SUMMARY, s->room.tokens), history));
    NIMA_TRY(join_system(ctx, s));
    NIMA_TRY(nima_fit_count(ctx, s->o, &s->fit, history, &tokens));
    if (tokens > s->room.tokens) {
        history->summary = (nima_str){NULL, 0};
        NIMA_TRY(join_system(ctx, s));
    }
    return NIMA_OK;
}

/* Everything that the model will see, chosen and put together. */
static nima_rc make_prompt(struct nima_ctx *ctx, struct turn_state *s)
{
    const struct nima_turn *turn = s->turn;
    NIMA_TRY(nima_llm_wait(ctx, s->o->llm));
    s->fit.message = s->message;
    NIMA_TRY(nima_turn_recall(ctx, s));
    nima_fit_room(s->o, turn->model.max_tokens, &s->room);
    NIMA_TRY(nima_prompt_system(ctx, s->o, s->persona, s->history.system, turn->use_memory,
                                s->room.tokens, &s->texts));
    NIMA_TRY(join_system(ctx, s));
    NIMA_TRY(nima_fit(ctx, s->o, &s->room, &s->fit, &s->history));
    NIMA_TRY(move_summary(ctx, s));
    nima_turn_record_dropped(ctx, s);
    nima_prompt_render(ctx, s->fit.system, &s->history, &s->fit.notes, s->fit.message, &s->prompt);
    return NIMA_OK;
}

/* "remind me every Monday at 9 to …": a schedule's own words are no wish. */
static bool is_for_schedules(struct nima_ctx *ctx, const struct turn_state *s)
{
    return s->turn->use_memory && s->turn->scheduled == NULL && s->turn->again.ptr == NULL &&
           s->o->schedules != NULL && nima_schedules_asked(ctx, s->message);
}

static nima_rc answer_schedules(struct nima_ctx *ctx, struct turn_state *s)
{
    struct nima_schedules_reply reply;
    NIMA_TRY(nima_schedules_answer(ctx, s->o->schedules, s->message, s->conversation_id, &reply));
    s->reply.text = reply.text;
    s->out.actions = reply.actions;
    return tell(ctx, s);
}

/* What is asked of memory outright, said for the first time. */
static bool is_for_memory(const struct turn_state *s)
{
    return s->turn->use_memory && s->turn->learn != NIMA_LEARN_OFF && s->turn->again.ptr == NULL &&
           nima_memory_is_command(s->message);
}

/* A pack to switch. "Use the travel pack and …" switches it, and somebody else answers the rest. */
static nima_rc hear_packs(struct nima_ctx *ctx, struct turn_state *s)
{
    const struct nima_turn *turn = s->turn;
    if (turn->scheduled != NULL || turn->again.ptr != NULL) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_packs_wish(ctx, s->o, turn, s->message, &s->wish));
    if (s->wish.pack.ptr == NULL) {
        return NIMA_OK;
    }
    if (s->wish.only) {
        s->speaker = BY_PACKS;
        return NIMA_OK;
    }
    nima_str reply;
    s->wish.here = s->wish.here && turn->conversation_id.ptr != NULL;
    return nima_packs_obey(ctx, s->o, &s->wish, turn->conversation_id, &reply);
}

static nima_rc find_speaker(struct nima_ctx *ctx, struct turn_state *s)
{
    if (s->turn->data) {
        return NIMA_OK; /* nobody is speaking: what a tool returned starts nothing */
    }
    if (s->retract.kind == NIMA_RETRACT_UNDO && s->retract.answered) {
        s->speaker = BY_RETRACTION; /* before the tasks, which know an "undo that" of their own */
        return NIMA_OK;
    }
    NIMA_TRY(hear_tasks(ctx, s));
    if (s->spoken.said != NIMA_SAID_NOTHING) {
        s->speaker = BY_TASKS;
        return NIMA_OK;
    }
    if (is_for_memory(s)) {
        s->speaker = BY_COMMAND;
        return NIMA_OK;
    }
    NIMA_TRY(hear_packs(ctx, s));
    if (s->speaker == BY_MODEL && s->retract.answered) {
        s->speaker = BY_RETRACTION;
    }
    if (s->speaker != BY_MODEL) {
        return NIMA_OK;
    }
    bool acts;
    NIMA_TRY(nima_turn_acts_read(ctx, s, &acts));
    if (acts) {
        s->speaker = BY_ACTS;
        return NIMA_OK;
    }
    if (is_for_schedules(ctx, s)) {
        s->speaker = BY_SCHEDULES;
        return NIMA_OK;
    }
    NIMA_TRY(nima_turn_goals_hear(ctx, s->o, s->turn, s->message, &s->goal_wish));
    if (s->goal_wish != NULL) {
        s->speaker = BY_GOALS;
        return NIMA_OK;
    }
    if (s->hears_tasks) {
        NIMA_TRY(nima_tasks_wonder(ctx, s->o->tasks, s->message, &s->spoken));
        s->speaker = s->spoken.said == NIMA_SAID_DO ? BY_TASKS : BY_MODEL;
    }
    return NIMA_OK;
}

static nima_rc answer(struct nima_ctx *ctx, struct turn_state *s)
{
    static nima_rc (*const answers[])(struct nima_ctx *, struct turn_state *) = {
        [BY_MODEL] = generate,      [BY_TASKS] = act,          [BY_PACKS] = run_wish,
        [BY_COMMAND] = run_command, [BY_GOALS] = answer_goals, [BY_SCHEDULES] = answer_schedules,
        [BY_RETRACTION] = retract,  [BY_ACTS] = run_acts,
    };
    return answers[s->speaker](ctx, s);
}

static nima_rc run_turn(struct nima_ctx *ctx, struct turn_state *s)
{
    const struct nima_turn *turn = s->turn;
    NIMA_TRY(nima_branch_find(ctx, s->o, turn, &s->branch));
    s->message =
        turn->again.ptr != NULL ? s->branch.asked.content : turn->messages[turn->count - 1].content;
    if (!turn->data) {
        NIMA_TRY(nima_retract_find(ctx, s->o, turn, s->message, s->branch.from, &s->retract));
    }
    NIMA_TRY(nima_history_load(ctx, s->o, turn, s->branch.from, &s->history));
    NIMA_TRY(nima_voice_choose(ctx, s->o, turn, s->history.metadata, &s->persona));
    NIMA_TRY(find_speaker(ctx, s));
    if (s->speaker == BY_MODEL) {
        NIMA_TRY(make_prompt(ctx, s));
    }
    NIMA_TRY(store_message(ctx, s));
    nima_rc rc = NIMA_OK;
    if (turn->on_ready != NULL) {
        rc = turn->on_ready(ctx, turn->user, s->conversation_id);
    }
    if (rc == NIMA_OK) {
        rc = answer(ctx, s);
    }
    return finish(ctx, s, rc);
}

nima_rc nima_orchestrator_turn(struct nima_ctx *ctx, struct nima_orchestrator *orchestrator,
                               const struct nima_turn *turn, struct nima_turn_out *out)
{
    NIMA_TRY(check_turn(ctx, turn));
    struct turn_state s = {.o = orchestrator, .turn = turn};
    NIMA_TRY(nima_order_enter(ctx, orchestrator->order, turn->conversation_id));
    nima_rc rc = run_turn(ctx, &s);
    nima_order_leave(orchestrator->order, turn->conversation_id);
    say_tasks(ctx, &s);
    if (rc == NIMA_OK || s.out.context != NULL) {
        *out = s.out;
    }
    return rc;
}

nima_rc nima_orchestrator_import(struct nima_ctx *ctx, struct nima_orchestrator *orchestrator,
                                 const struct nima_conversation *conversation,
                                 const struct nima_message_row *messages, size_t count,
                                 struct nima_conversation *out)
{
    return nima_conversation_create(ctx, orchestrator->store, conversation, messages, count, out);
}

nima_rc nima_orchestrator_activate(struct nima_ctx *ctx, struct nima_orchestrator *orchestrator,
                                   nima_str conversation_id, nima_str message_id)
{
    NIMA_TRY(nima_order_enter(ctx, orchestrator->order, conversation_id));
    nima_rc rc = nima_message_activate(ctx, orchestrator->store, conversation_id, message_id);
    nima_order_leave(orchestrator->order, conversation_id);
    return rc;
}
