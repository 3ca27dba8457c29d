/* Who speaks in a turn, and the rules at work on what is said. */
#include "orchestrator/orchestrator_int.h"
#include "personality/filter.h"
#include "personality/personality.h"
#include "understand/claims.h"
#include "util/buf.h"
#include "util/clock.h"

enum { METADATA_BYTES_MAX = 1 << 20, REPLY_BYTES_MAX = 16 << 20 };

static nima_rc kept_persona(struct nima_ctx *ctx, nima_str metadata, nima_str *out)
{
    const struct nima_json *object;
    NIMA_TRY(nima_json_parse(ctx, metadata.len > 0 ? metadata : NIMA_STR("{}"), &object));
    *out = nima_json_str(nima_json_get(object, "persona"));
    return NIMA_OK;
}

nima_rc nima_voice_choose(struct nima_ctx *ctx, struct nima_orchestrator *o,
                          const struct nima_turn *turn, nima_str metadata, nima_str *out)
{
    if (turn->persona.ptr != NULL) {
        struct nima_persona asked; /* one that is none is told with the names there are */
        NIMA_TRY(nima_personality_get(ctx, o->personality, turn->persona, &asked));
        *out = asked.id;
        return NIMA_OK;
    }
    nima_str kept;
    NIMA_TRY(kept_persona(ctx, metadata, &kept));
    /* A persona whose file went away gives way to the default one. */
    bool there = kept.ptr != NULL && nima_personality_has(o->personality, kept);
    *out = there ? kept : (nima_str){NULL, 0};
    return NIMA_OK;
}

nima_rc nima_voice_keep(struct nima_ctx *ctx, const struct nima_turn *turn, nima_str metadata,
                        nima_str *out)
{
    nima_str kept;
    NIMA_TRY(kept_persona(ctx, metadata, &kept));
    if (turn->persona.ptr == NULL || nima_str_eq(kept, turn->persona)) {
        return NIMA_OK;
    }
    const struct nima_json *object;
    NIMA_TRY(nima_json_parse(ctx, metadata.len > 0 ? metadata : NIMA_STR("{}"), &object));
    struct nima_buf buf;
    nima_buf_init(&buf, METADATA_BYTES_MAX);
    nima_buf_add(&buf, NIMA_STR("{\"persona\":"));
    nima_json_write_str(&buf, turn->persona);
    for (size_t i = 0; i < nima_json_count(object); i++) {
        nima_str key;
        const struct nima_json *value = nima_json_at(object, i, &key);
        if (!nima_str_eq(key, NIMA_STR("persona"))) {
            nima_buf_add_char(&buf, ',');
            nima_json_write_str(&buf, key);
            nima_buf_add_char(&buf, ':');
            nima_buf_add(&buf, nima_json_text(ctx, value));
        }
    }
    nima_buf_add_char(&buf, '}');
    nima_rc rc = nima_buf_take(ctx, &buf, out);
    nima_buf_done(&buf);
    return rc;
}

/* A reply on its way through the filter. */
struct speech {
    const struct nima_turn *turn;
    struct nima_filter *filter; /* the persona's rules */
    struct nima_claims *claims; /* nothing is said to be done that was not */
    struct nima_buf text;       /* what came out so far */
    bool ended;
    int64_t began_ms, first_ms; /* first: when it began to come out; 0: not yet */
};

static nima_rc pass_on(struct nima_ctx *ctx, struct speech *speech, bool listening)
{
    nima_claims_add(speech->claims, nima_filter_take(speech->filter));
    if (speech->ended) {
        nima_claims_end(speech->claims);
    }
    nima_str ready = nima_claims_take(speech->claims);
    if (ready.len == 0) {
        return NIMA_OK;
    }
    speech->first_ms = speech->first_ms > 0 ? speech->first_ms : nima_mono_ms();
    nima_buf_add(&speech->text, ready);
    return listening && speech->turn->on_text != NULL
               ? speech->turn->on_text(ctx, speech->turn->user, ready)
               : NIMA_OK;
}

static nima_rc on_piece(struct nima_ctx *ctx, void *user, nima_str piece)
{
    struct speech *speech = user;
    nima_filter_add(speech->filter, piece);
    return pass_on(ctx, speech, true);
}

/* What the filter still held comes out, also of a reply that ended in an error. */
static nima_rc finish(struct nima_ctx *ctx, struct speech *speech, nima_rc rc,
                      struct nima_llm_reply *reply)
{
    if (speech->turn->on_text == NULL) {
        nima_filter_add(speech->filter, reply->text);
    }
    nima_filter_end(speech->filter);
    speech->ended = true;
    struct nima_error error = ctx->error;
    nima_rc sent = pass_on(ctx, speech, rc != NIMA_E_CANCELLED);
    if (rc != NIMA_OK) {
        ctx->error = error;
    }
    if (speech->first_ms > 0 && speech->turn->on_text != NULL) {
        reply->first_token_ms = speech->first_ms - speech->began_ms;
    }
    reply->text = nima_str_copy(ctx->arena, nima_buf_view(&speech->text));
    return rc != NIMA_OK ? rc : sent;
}

nima_rc nima_voice_cares(struct nima_ctx *ctx, struct nima_orchestrator *o, nima_str persona,
                         nima_str *out)
{
    struct nima_persona speaks;
    *out = (nima_str){NULL, 0};
    if (o->personality == NULL) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_personality_get(ctx, o->personality, persona, &speaks));
    for (size_t i = 0; i < speaks.memory.count; i++) {
        *out = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(*out), i > 0 ? "; " : "",
                        NIMA_ARG(speaks.memory.items[i]));
    }
    return NIMA_OK;
}

static void judge(struct nima_ctx *ctx, struct nima_orchestrator *o, nima_str persona,
                  const struct nima_filter *filter, struct nima_context_personality **out)
{
    struct nima_filter_report report;
    nima_filter_report(ctx, filter, &report);
    if (report.sentences == 0) {
        return; /* nothing was said */
    }
    *out = NIMA_NEW(ctx->arena, struct nima_context_personality, 1);
    **out = (struct nima_context_personality){persona, report.score, report.changes};
    nima_personality_count(o->personality, report.score, report.changes);
}

nima_rc nima_voice_generate(struct nima_ctx *ctx, struct nima_orchestrator *o,
                            const struct nima_turn *turn, nima_str persona,
                            const struct nima_llm_request *request,
                            const struct nima_claims_options *claims, struct nima_llm_reply *out,
                            struct nima_context_personality **personality)
{
    if (!nima_personality_rules(o->personality) || request->json_schema.ptr != NULL) {
        return nima_llm_generate(ctx, o->llm, request, turn->on_text, turn->user, out);
    }
    struct nima_persona_prompt speaks;
    NIMA_TRY(nima_personality_prompt(ctx, o->personality, persona, &speaks));
    struct speech speech = {.turn = turn, .began_ms = nima_mono_ms()};
    speech.filter = nima_filter_new(&speaks.forbidden);
    speech.claims = nima_claims_new(claims);
    nima_buf_init(&speech.text, REPLY_BYTES_MAX);
    nima_rc rc = nima_llm_generate(ctx, o->llm, request, turn->on_text != NULL ? on_piece : NULL,
                                   &speech, out);
    rc = finish(ctx, &speech, rc, out);
    judge(ctx, o, speaks.id, speech.filter, personality);
    nima_filter_free(speech.filter);
    nima_claims_free(speech.claims);
    nima_buf_done(&speech.text);
    return rc;
}
