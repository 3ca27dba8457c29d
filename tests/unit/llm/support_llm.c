#include "llm/support_llm.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"

void world_open(struct world *w, struct nima_llm_options options)
{
    *w = (struct world){0};
    nima_ctx_init(&w->ctx);
    w->ctx.cancelled = &w->cancelled;
    ASSERT_OK_CTX(&w->ctx, nima_llm_open(&w->ctx, &options, &w->llm));
    struct nima_llm_state state;
    world_wait(w, &state);
}

void world_wait(struct world *w, struct nima_llm_state *out)
{
    int64_t until = nima_mono_ms() + 120000;
    do {
        struct timespec tick = {.tv_nsec = 5000000};
        nanosleep(&tick, NULL);
        nima_llm_state(w->llm, out);
    } while (
        nima_mono_ms() < until &&
        ((out->chat_model[0] != '\0' && !out->chat_loaded && !out->chat_failed) ||
         (out->embedding_model[0] != '\0' && !out->embeddings_loaded && !out->embeddings_failed)));
}

void world_close(struct world *w)
{
    nima_llm_close(w->llm);
    nima_ctx_done(&w->ctx);
}

nima_str models_needed(struct nima_ctx *ctx, const char *const *names)
{
    const char *cache = getenv("NIMA_CACHE"), *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME"), *require = getenv("NIMA_REQUIRE_MODELS");
    nima_str dir;
    if (cache != NULL && cache[0] != '\0') {
        dir = nima_fmt(ctx, "%s/models", cache);
    } else if (xdg != NULL && xdg[0] != '\0') {
        dir = nima_fmt(ctx, "%s/nima/models", xdg);
    } else {
        dir = nima_fmt(ctx, "%s/.cache/nima/models", home != NULL ? home : "");
    }
    for (; *names != NULL; names++) {
        nima_str path = nima_fmt(ctx, NIMA_FMT "/%s.gguf", NIMA_ARG(dir), *names);
        if (access(path.ptr, R_OK) == 0) {
            continue;
        }
        fprintf(stderr, "the model %s is not there: scripts/models.py pull %s\n", path.ptr, *names);
        /* The test ends here, by a jump: what it holds is given back first. */
        nima_ctx_done(ctx);
        if (require != NULL && strcmp(require, "1") == 0) {
            fail_msg("NIMA_REQUIRE_MODELS=1 and the model %s is missing", *names);
        }
        skip();
    }
    return dir;
}

struct nima_llm_request ask(struct nima_llm_message *message, const char *text, int max_tokens)
{
    *message = (struct nima_llm_message){NIMA_STR("user"), nima_str_of(text)};
    return (struct nima_llm_request){.messages = message, .count = 1, .max_tokens = max_tokens};
}

void gathered_init(struct gathered *g)
{
    *g = (struct gathered){0};
    nima_buf_init(&g->text, 10000000);
}

void gathered_done(struct gathered *g)
{
    nima_buf_done(&g->text);
}

nima_rc gather(struct nima_ctx *ctx, void *user, nima_str piece)
{
    struct gathered *g = user;
    nima_buf_add(&g->text, piece);
    g->broken = g->broken || piece.len == 0 || !nima_utf8_valid(piece);
    g->pieces++;
    if (g->pieces == g->stop_after) {
        if (g->cancel == NULL) {
            return nima_fail(ctx, NIMA_E_CANCELLED, "the test has enough");
        }
        atomic_store(g->cancel, true);
    }
    return NIMA_OK;
}
