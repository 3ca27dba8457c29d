/*
 * Texts to vectors on the model thread: tokenized by their callers, then as many texts in one step
 * as fit, each its own sequence, mean-pooled by llama.cpp and made unit length here.
 */
#include <stdlib.h>
#include <string.h>

#include "llm/local_int.h"
#include "util/clock.h"

static const char word_mark[] = "\xe2\x96\x81"; /* U+2581: in front of pieces that begin a word */

static void set_specials(struct nima_local_embedder *embedder)
{
    const struct llama_vocab *vocab = embedder->vocab;
    llama_token unk = LLAMA_TOKEN_NULL;
    for (llama_token id = 0; id < llama_vocab_n_tokens(vocab); id++) {
        if (((int)llama_vocab_get_attr(vocab, id) & LLAMA_TOKEN_ATTR_UNKNOWN) != 0) {
            unk = id;
            break;
        }
    }
    nima_wordpiece_set_special(embedder->wordpiece, NIMA_WP_UNK, unk);
    nima_wordpiece_set_special(embedder->wordpiece, NIMA_WP_CLS, llama_vocab_bos(vocab));
    nima_wordpiece_set_special(embedder->wordpiece, NIMA_WP_SEP, llama_vocab_sep(vocab));
    nima_wordpiece_set_special(embedder->wordpiece, NIMA_WP_PAD, llama_vocab_pad(vocab));
    nima_wordpiece_set_special(embedder->wordpiece, NIMA_WP_MASK, llama_vocab_mask(vocab));
}

bool nima_embed_fill_vocabulary(struct nima_local_embedder *embedder)
{
    const struct llama_vocab *vocab = embedder->vocab;
    if (llama_vocab_type(vocab) != LLAMA_VOCAB_TYPE_WPM) {
        return llama_vocab_type(vocab) != LLAMA_VOCAB_TYPE_NONE;
    }
    int count = llama_vocab_n_tokens(vocab);
    embedder->wordpiece = nima_wordpiece_new((size_t)count);
    for (llama_token id = 0; id < count; id++) {
        nima_str text = nima_str_of(llama_vocab_get_text(vocab, id));
        bool starts = nima_str_starts(text, nima_str_of(word_mark));
        nima_wordpiece_add(embedder->wordpiece,
                           nima_str_sub(text, starts ? sizeof(word_mark) - 1 : 0, text.len), starts,
                           id);
    }
    set_specials(embedder);
    return true;
}

/* Other models than BERT's: llama.cpp's own tokenizer, with the special tokens it wants. */
static nima_rc encode_other(struct nima_ctx *ctx, const struct nima_local_embedder *embedder,
                            nima_str text, int32_t *ids, int *count_out)
{
    const struct llama_vocab *vocab = embedder->vocab;
    int max = embedder->tokens_max, count, n = 0;
    llama_token *tokens;
    /* Nobody writes a text of more than 64 bytes a token. */
    NIMA_TRY(
        nima_local_tokenize(ctx, vocab, nima_utf8_prefix(text, (size_t)max * 64), &tokens, &count));
    bool ends = llama_vocab_get_add_eos(vocab) || llama_vocab_get_add_sep(vocab);
    if (llama_vocab_get_add_bos(vocab)) {
        ids[n++] = llama_vocab_bos(vocab);
    }
    for (int i = 0; i < count && n < max - (ends ? 1 : 0); i++) {
        ids[n++] = tokens[i];
    }
    if (ends || n == 0) {
        ids[n++] = llama_vocab_eos(vocab);
    }
    *count_out = n;
    return NIMA_OK;
}

/* As many texts as fit into the batch, oldest job first. With the engine's lock held. */
struct place {
    struct nima_embed_job *job;
    float *out;
};

static int fill(struct nima_local *engine, struct place places[NIMA_EMBED_SEQS])
{
    struct llama_batch *batch = &engine->embedder.batch;
    size_t dims = (size_t)engine->embedder.dims;
    int seqs = 0;
    batch->n_tokens = 0;
    for (struct nima_embed_job *job = engine->embed_line; job != NULL; job = job->next) {
        for (; job->given < job->count && seqs < NIMA_EMBED_SEQS; job->given++, seqs++) {
            int length = job->lengths[job->given];
            if (seqs > 0 && batch->n_tokens + length > NIMA_EMBED_STEP) {
                return seqs;
            }
            for (int i = 0; i < length; i++) {
                int n = batch->n_tokens++;
                batch->token[n] = job->ids[job->given_ids + (size_t)i];
                batch->pos[n] = i;
                batch->n_seq_id[n] = 1;
                batch->seq_id[n][0] = seqs;
                batch->logits[n] = 1;
            }
            job->given_ids += (size_t)length;
            places[seqs] = (struct place){job, job->out + job->given * dims};
        }
    }
    return seqs;
}

static void finish(struct nima_embed_job *job, nima_rc rc, const char *message)
{
    pthread_mutex_lock(&job->lock);
    job->rc = rc;
    snprintf(job->message, sizeof(job->message), "%s", message);
    job->done = true;
    pthread_cond_signal(&job->changed);
    pthread_mutex_unlock(&job->lock);
}

/* Takes finished and unwanted jobs out of line, and moves the first one that is not finished to the
 * back: a thousand facts do not keep a query waiting. */
static void settle(struct nima_local *engine, nima_rc rc)
{
    struct nima_embed_job *over = NULL;
    pthread_mutex_lock(&engine->lock);
    struct nima_embed_job **link = &engine->embed_line;
    while (*link != NULL) {
        struct nima_embed_job *job = *link;
        bool unwanted = job->cancelled != NULL && atomic_load(job->cancelled);
        bool touched = job->given > job->done_count;
        job->done_count = job->given;
        if (job->given == job->count || unwanted || (rc != NIMA_OK && touched)) {
            *link = job->next;
            job->next = over;
            job->rc = unwanted ? NIMA_E_CANCELLED : rc;
            job->waiting = false;
            engine->embed_waiting--;
            over = job;
        } else {
            link = &job->next;
        }
    }
    struct nima_embed_job *first = engine->embed_line;
    if (first != NULL && first->next != NULL && first->given > 0) {
        engine->embed_line = first->next;
        first->next = NULL;
        *link = first;
    }
    atomic_store(&engine->embed_pending, engine->embed_line != NULL);
    pthread_mutex_unlock(&engine->lock);
    while (over != NULL) {
        struct nima_embed_job *next = over->next;
        nima_rc result = over->rc;
        finish(over, result, result == NIMA_E_MODEL ? nima_llm_problem() : "the client has left");
        over = next;
    }
}

void nima_embed_step(struct nima_local *engine)
{
    struct nima_local_embedder *embedder = &engine->embedder;
    struct place places[NIMA_EMBED_SEQS];
    size_t dims = (size_t)embedder->dims;
    pthread_mutex_lock(&engine->lock);
    int seqs = fill(engine, places);
    pthread_mutex_unlock(&engine->lock);
    nima_rc rc = NIMA_OK;
    if (seqs > 0) {
        nima_llm_problem_set("");
        rc = nima_guard_encode(embedder->llama, &embedder->batch) == 0 ? NIMA_OK : NIMA_E_MODEL;
    }
    for (int i = 0; rc == NIMA_OK && i < seqs; i++) {
        const float *vector = llama_get_embeddings_seq(embedder->llama, i);
        if (vector == NULL) {
            nima_llm_problem_set("the embedding model gave no vector");
            rc = NIMA_E_MODEL;
            break;
        }
        memcpy(places[i].out, vector, dims * sizeof(float));
        nima_llm_normalize(places[i].out, dims);
    }
    settle(engine, rc);
}

void nima_embed_fail_all(struct nima_local *engine, nima_rc rc, const char *message)
{
    pthread_mutex_lock(&engine->lock);
    struct nima_embed_job *job = engine->embed_line;
    engine->embed_line = NULL;
    engine->embed_waiting = 0;
    for (struct nima_embed_job *at = job; at != NULL; at = at->next) {
        at->waiting = false;
    }
    atomic_store(&engine->embed_pending, false);
    pthread_mutex_unlock(&engine->lock);
    while (job != NULL) {
        struct nima_embed_job *next = job->next;
        finish(job, rc, message);
        job = next;
    }
}

static nima_rc encode_texts(struct nima_ctx *ctx, const struct nima_local_embedder *embedder,
                            const nima_str *texts, struct nima_embed_job *job)
{
    size_t room = job->count * (size_t)embedder->tokens_max;
    int32_t *ids = NIMA_NEW(ctx->arena, int32_t, room);
    int *lengths = NIMA_NEW(ctx->arena, int, job->count);
    size_t used = 0;
    for (size_t i = 0; i < job->count; i++) {
        if (embedder->wordpiece != NULL) {
            lengths[i] = (int)nima_wordpiece_encode(embedder->wordpiece, texts[i], ids + used,
                                                    (size_t)embedder->tokens_max);
        } else {
            NIMA_TRY(encode_other(ctx, embedder, texts[i], ids + used, &lengths[i]));
        }
        used += (size_t)lengths[i];
    }
    job->ids = ids;
    job->lengths = lengths;
    return NIMA_OK;
}

static nima_rc stand_in_line(struct nima_ctx *ctx, struct nima_local *engine,
                             struct nima_embed_job *job)
{
    pthread_mutex_lock(&engine->lock);
    bool closing = atomic_load(&engine->closing);
    bool full = engine->embed_waiting >= NIMA_EMBED_WAITING_MAX;
    if (!closing && !full) {
        struct nima_embed_job **link = &engine->embed_line;
        while (*link != NULL) {
            link = &(*link)->next;
        }
        *link = job;
        job->waiting = true;
        engine->embed_waiting++;
        atomic_store(&engine->embed_pending, true);
        pthread_cond_broadcast(&engine->changed);
    }
    pthread_mutex_unlock(&engine->lock);
    if (closing) {
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, "the server is stopping");
    }
    if (full) {
        nima_rc rc = nima_fail(ctx, NIMA_E_BUSY, "%d texts wait for the embedding model already",
                               NIMA_EMBED_WAITING_MAX);
        ctx->error.retry_after_s = 1;
        return rc;
    }
    return NIMA_OK;
}

nima_rc nima_local_embed(struct nima_ctx *ctx, struct nima_local *engine, const nima_str *texts,
                         size_t count, struct nima_vectors *out)
{
    struct nima_local_embedder *embedder = &engine->embedder;
    struct nima_embed_job job = {.count = count, .cancelled = ctx->cancelled};
    struct nima_vectors got = {.count = count, .dims = (size_t)embedder->dims};
    got.items = NIMA_NEW(ctx->arena, float, count *got.dims);
    job.out = got.items;
    NIMA_TRY(encode_texts(ctx, embedder, texts, &job));
    pthread_mutex_init(&job.lock, NULL);
    pthread_cond_init(&job.changed, NULL);
    nima_rc rc = stand_in_line(ctx, engine, &job);
    if (rc == NIMA_OK) {
        pthread_mutex_lock(&job.lock);
        while (!job.done) {
            pthread_cond_wait(&job.changed, &job.lock);
        }
        pthread_mutex_unlock(&job.lock);
        if (job.rc != NIMA_OK) {
            rc = nima_fail(ctx, job.rc, "%s", job.message);
        }
    }
    pthread_cond_destroy(&job.changed);
    pthread_mutex_destroy(&job.lock);
    if (rc == NIMA_OK) {
        *out = got;
    }
    return rc;
}
