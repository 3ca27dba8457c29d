/* From what a person wrote to facts in the store: candidates by the rules (rules.h), compared with
 * what is known (decide.h), stored; the profile gets name, languages, time zone and pronouns. */
#include <string.h>

#include "language/zones.h"
#include "memory/commands.h"
#include "memory/dates.h"
#include "memory/decide.h"
#include "memory/learn_model.h"
#include "memory/learner.h"
#include "memory/profile.h"
#include "util/json.h"
#include "util/log.h"
#include "util/zone.h"

enum { MESSAGE_BYTES_MAX = 64 * 1024, DECIDE_TRIES = 64 };

struct learning {
    const struct nima_utterance *said;
    struct nima_candidates *candidates;
    struct nima_fact *facts; /* one for each candidate */
    struct nima_learned_list *out;
};

static struct nima_fact fact_of(struct nima_ctx *ctx, const struct nima_utterance *said,
                                const struct nima_candidate *candidate)
{
    return (struct nima_fact){
        .fact = candidate->text,
        .category = candidate->category,
        .source = candidate->explicit_wish ? NIMA_STR("explicit")
                  : candidate->inferred    ? NIMA_STR("inferred")
                                           : NIMA_STR("conversation"),
        .confidence = candidate->confidence,
        .metadata = nima_memory_candidate_metadata(ctx, candidate),
        .conversation_id = said->conversation_id,
        .message_id = said->message_id,
    };
}

static void note(struct learning *l, const struct nima_fact *fact, enum nima_learned_event event)
{
    l->out->items[l->out->count++] = (struct nima_learned){.fact = *fact, .event = event};
}

static nima_rc add(struct nima_ctx *ctx, struct nima_memory *memory, struct learning *l, size_t i,
                   int64_t seen)
{
    struct nima_fact stored;
    bool created = false;
    NIMA_TRY(
        nima_memory_put_seen(ctx, memory, seen, (nima_str){0}, &l->facts[i], &stored, &created));
    note(l, &stored, created ? NIMA_LEARNED_ADDED : NIMA_LEARNED_UNCHANGED);
    return NIMA_OK;
}

static void note_superseded(struct learning *l, const struct nima_fact *known, nima_str by)
{
    struct nima_fact old = *known;
    old.status = NIMA_STR("superseded");
    old.superseded_by = by;
    note(l, &old, NIMA_LEARNED_SUPERSEDED);
}

static nima_rc replace(struct nima_ctx *ctx, struct nima_memory *memory, struct learning *l,
                       size_t i, int64_t seen, const struct nima_decision *decision)
{
    struct nima_fact stored;
    bool created = false;
    NIMA_TRY(nima_memory_put_seen(ctx, memory, seen, decision->known.id, &l->facts[i], &stored,
                                  &created));
    note_superseded(l, &decision->known, stored.id);
    for (size_t k = 0; k < decision->also_count; k++) {
        nima_rc rc =
            nima_memory_supersede(ctx, memory, decision->also[k].id, &l->facts[i], &stored);
        if (rc == NIMA_E_NOT_FOUND || rc == NIMA_E_CONFLICT) { /* somebody was faster */
            ctx->error = (struct nima_error){0};
            continue;
        }
        NIMA_TRY(rc);
        note_superseded(l, &decision->also[k], stored.id);
    }
    note(l, &stored, NIMA_LEARNED_ADDED);
    return NIMA_OK;
}

static nima_rc take_once(struct nima_ctx *ctx, struct nima_memory *memory, struct learning *l,
                         size_t i)
{
    struct nima_decision decision;
    int64_t seen = 0;
    NIMA_TRY(nima_facts_change(ctx, memory->store, &seen));
    NIMA_TRY(nima_memory_decide(ctx, memory, &l->candidates->items[i], &l->facts[i], &decision));
    switch (decision.kind) {
    case NIMA_DECIDE_NOTHING:
        note(l, &decision.known, NIMA_LEARNED_UNCHANGED);
        return NIMA_OK;
    case NIMA_DECIDE_REPLACE:
        return replace(ctx, memory, l, i, seen, &decision);
    case NIMA_DECIDE_ADD:
        break;
    }
    return add(ctx, memory, l, i, seen);
}

/* What was decided by facts that have changed since, by another process perhaps, is decided
 * again: two homes that are said at once leave one. */
static nima_rc take(struct nima_ctx *ctx, struct nima_memory *memory, struct learning *l, size_t i)
{
    nima_rc rc = NIMA_E_BUSY;
    struct nima_person *person = nima_memory_person_take(ctx, memory);
    pthread_mutex_lock(&person->deciding);
    for (int n = 0; n < DECIDE_TRIES && rc == NIMA_E_BUSY; n++) {
        ctx->error = (struct nima_error){0};
        rc = take_once(ctx, memory, l, i);
    }
    pthread_mutex_unlock(&person->deciding);
    nima_memory_person_give(memory, person);
    return rc;
}

/* The wall's clock where the person is when they say it; the machine's own zone unless they told.
 */
static int64_t local_time(struct nima_ctx *ctx, struct nima_memory *memory,
                          const struct nima_utterance *said)
{
    int64_t now_s = (said->said_at_ms != 0 ? said->said_at_ms : nima_ctx_now(ctx)) / 1000;
    struct nima_profile profile;
    const struct nima_json *preferences;
    nima_str name = {0};
    if (nima_profile_get(ctx, memory->store, &profile) == NIMA_OK &&
        nima_json_parse(ctx, profile.preferences.len > 0 ? profile.preferences : NIMA_STR("{}"),
                        &preferences) == NIMA_OK) {
        name = nima_json_str(nima_json_get(preferences, "time_zone"));
    }
    const struct nima_zone *zone;
    nima_str other = name.len > 0 ? nima_when_zone_name(ctx, name) : name;
    bool known = name.len > 0 && nima_zone_load(ctx, name, &zone) == NIMA_OK;
    known = known || (other.len > 0 && nima_zone_load(ctx, other, &zone) == NIMA_OK);
    known = known || nima_zone_load(ctx, nima_zone_server(ctx), &zone) == NIMA_OK;
    ctx->error = (struct nima_error){0};
    return known ? now_s + nima_zone_offset_s(zone, now_s) : now_s;
}

static bool repeated(const struct nima_candidates *candidates, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (nima_str_eq_nocase(candidates->items[k].text, candidates->items[i].text)) {
            return true;
        }
    }
    return false;
}

static nima_rc take_all(struct nima_ctx *ctx, struct nima_memory *memory,
                        const struct nima_utterance *said, struct nima_candidates *candidates,
                        struct nima_learned_list *out)
{
    struct learning l = {.said = said, .candidates = candidates, .out = out};
    l.facts = NIMA_NEW(ctx->arena, struct nima_fact, candidates->count);
    int64_t local_s = candidates->count > 0 ? local_time(ctx, memory, said) : 0;
    for (size_t i = 0; i < candidates->count; i++) {
        candidates->items[i].text =
            nima_memory_dates_absolute(ctx, candidates->items[i].text, local_s);
        l.facts[i] = fact_of(ctx, said, &candidates->items[i]);
        NIMA_TRY(nima_memory_check_fact(ctx, "", &l.facts[i]));
    }
    NIMA_TRY(nima_memory_embed_facts(ctx, memory, l.facts, candidates->count));
    out->items = NIMA_NEW(ctx->arena, struct nima_learned, candidates->count * (NIMA_ALSO_MAX + 2));
    for (size_t i = 0; i < candidates->count; i++) {
        if (!repeated(candidates, i)) {
            NIMA_TRY(take(ctx, memory, &l, i));
        }
    }
    return nima_memory_profile_learn(ctx, memory, out);
}

/* The message as far as it is read; "" when there is nothing to read. */
static nima_str readable(const struct nima_utterance *said)
{
    bool usable = said->text.ptr != NULL && nima_utf8_valid(said->text);
    return usable ? nima_utf8_prefix(said->text, MESSAGE_BYTES_MAX) : NIMA_STR("");
}

nima_rc nima_memory_learn_by_model(struct nima_ctx *ctx, struct nima_memory *memory,
                                   const struct nima_utterance *said, struct nima_learned_list *out)
{
    struct nima_candidates *candidates = NIMA_NEW(ctx->arena, struct nima_candidates, 1);
    struct nima_candidates *fresh = NIMA_NEW(ctx->arena, struct nima_candidates, 1);
    struct nima_learned_list learned = {0};
    nima_str left;
    NIMA_TRY(nima_memory_extract_left(ctx, readable(said), candidates, &left));
    size_t by_rules = candidates->count;
    NIMA_TRY(nima_memory_ask_model(ctx, memory, left, said->cares, candidates));
    for (size_t i = by_rules; i < candidates->count; i++) {
        fresh->items[fresh->count++] = candidates->items[i];
    }
    NIMA_TRY(take_all(ctx, memory, said, fresh, &learned));
    *out = learned;
    return NIMA_OK;
}

static void append(struct nima_ctx *ctx, struct nima_learned_list *list,
                   const struct nima_learned_list *more)
{
    struct nima_learned *items =
        NIMA_NEW(ctx->arena, struct nima_learned, list->count + more->count);
    for (size_t i = 0; i < list->count; i++) {
        items[i] = list->items[i];
    }
    for (size_t i = 0; i < more->count; i++) {
        items[list->count + i] = more->items[i];
    }
    list->items = items;
    list->count += more->count;
}

/* Now or later, as the person wished. */
static nima_rc ask_further(struct nima_ctx *ctx, struct nima_memory *memory,
                           const struct nima_utterance *said, nima_str left,
                           struct nima_learned_list *learned)
{
    if (left.len == 0 || !nima_memory_may_ask_model(memory)) {
        return NIMA_OK;
    }
    struct nima_utterance dated = *said;
    dated.said_at_ms = said->said_at_ms != 0 ? said->said_at_ms : nima_ctx_now(ctx);
    if (!said->wait) {
        if (!nima_memory_learner_push(memory->learner, ctx->user_id, &dated)) {
            nima_log_debug("a message is not read by the model: too many wait");
        }
        return NIMA_OK;
    }
    struct nima_learned_list more;
    NIMA_TRY(nima_memory_learn_by_model(ctx, memory, &dated, &more));
    append(ctx, learned, &more);
    return NIMA_OK;
}

nima_rc nima_memory_learn(struct nima_ctx *ctx, struct nima_memory *memory,
                          const struct nima_utterance *said, struct nima_learned_list *out)
{
    struct nima_learned_list learned = {0};
    nima_str about;
    nima_str left = NIMA_STR("");
    nima_str text = nima_memory_said_normal(ctx, readable(said));
    enum nima_command command = nima_memory_command(text, &about);
    if (command == NIMA_COMMAND_FORGET) {
        NIMA_TRY(nima_memory_forget_about(ctx, memory, about, &learned));
        *out = learned;
        return NIMA_OK;
    }
    struct nima_candidates *candidates = NIMA_NEW(ctx->arena, struct nima_candidates, 1);
    NIMA_TRY(command == NIMA_COMMAND_REMEMBER
                 ? nima_memory_remember(ctx, about, candidates)
                 : nima_memory_extract_left(ctx, text, candidates, &left));
    NIMA_TRY(take_all(ctx, memory, said, candidates, &learned));
    NIMA_TRY(ask_further(ctx, memory, said, left, &learned));
    *out = learned;
    return NIMA_OK;
}
