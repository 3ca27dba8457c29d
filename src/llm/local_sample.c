/*
 * From logits to the next token. A grammar is checked on the one token that was sampled; only when
 * that is not allowed the whole vocabulary is put through it, which is slow.
 */
#include <math.h>
#include <stdlib.h>
#include <sys/random.h>

#include "llm/local_int.h"

#define MIN_P 0.1f

static uint32_t seed_of(const struct nima_llm_request *request)
{
    uint32_t seed = (uint32_t)request->seed;
    if (!request->has_seed &&
        getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed)) {
        seed = 1;
    }
    return seed == LLAMA_DEFAULT_SEED ? 0 : seed;
}

nima_rc nima_local_sampler(struct nima_ctx *ctx, const struct nima_local_chat *chat,
                           const struct nima_llm_request *request, struct nima_local_job *job)
{
    if (request->json_schema.ptr != NULL) {
        nima_str gbnf;
        NIMA_TRY(nima_llm_grammar(ctx, request->json_schema, &gbnf));
        nima_llm_problem_set("");
        job->grammar = nima_guard_grammar(chat->vocab, gbnf.ptr);
        if (job->grammar == NULL) {
            return nima_fail_field(ctx, NIMA_E_INVALID, "json_schema",
                                   "the schema makes no usable grammar: %s", nima_llm_problem());
        }
    }
    if (request->temperature <= 0) {
        return NIMA_OK;
    }
    struct llama_sampler_chain_params params = llama_sampler_chain_default_params();
    job->chain = llama_sampler_chain_init(params);
    if (request->top_k > 0) {
        llama_sampler_chain_add(job->chain, llama_sampler_init_top_k(request->top_k));
    }
    if (request->top_p > 0 && request->top_p < 1) {
        llama_sampler_chain_add(job->chain, llama_sampler_init_top_p((float)request->top_p, 1));
    }
    /* What is under a tenth as likely as the likeliest is noise of a small model, not variety.
     */
    llama_sampler_chain_add(job->chain, llama_sampler_init_min_p(MIN_P, 1));
    llama_sampler_chain_add(job->chain, llama_sampler_init_temp((float)request->temperature));
    llama_sampler_chain_add(job->chain, llama_sampler_init_dist(seed_of(request)));
    return NIMA_OK;
}

void nima_local_sampler_done(struct nima_local_job *job)
{
    if (job->chain != NULL) {
        llama_sampler_free(job->chain);
    }
    if (job->grammar != NULL) {
        llama_sampler_free(job->grammar);
    }
    job->chain = job->grammar = NULL;
}

static llama_token_data_array all_candidates(struct nima_local_chat *chat, const float *logits)
{
    for (int i = 0; i < chat->vocab_count; i++) {
        chat->candidates[i] = (llama_token_data){i, logits[i], 0};
    }
    return (llama_token_data_array){chat->candidates, (size_t)chat->vocab_count, -1, false};
}

static llama_token greatest(const llama_token_data_array *candidates)
{
    const llama_token_data *best = &candidates->data[0];
    for (size_t i = 1; i < candidates->size; i++) {
        best = candidates->data[i].logit > best->logit ? &candidates->data[i] : best;
    }
    return best->logit > -INFINITY ? best->id : LLAMA_TOKEN_NULL;
}

static llama_token pick(const struct nima_local_job *job, llama_token_data_array *candidates)
{
    if (job->chain == NULL) {
        return greatest(candidates);
    }
    if (!nima_guard_apply(job->chain, candidates) || candidates->selected < 0) {
        return LLAMA_TOKEN_NULL;
    }
    return candidates->data[candidates->selected].id;
}

static bool allowed(const struct nima_local_job *job, llama_token token)
{
    llama_token_data one = {token, 1, 0};
    llama_token_data_array array = {&one, 1, -1, false};
    return nima_guard_apply(job->grammar, &array) && one.logit > -INFINITY;
}

bool nima_local_sample(struct nima_local_chat *chat, struct nima_local_job *job,
                       llama_token *token_out)
{
    const float *logits = llama_get_logits_ith(chat->llama, job->output);
    if (logits == NULL) {
        nima_llm_problem_set("no logits");
        return false;
    }
    llama_token_data_array candidates = all_candidates(chat, logits);
    llama_token token = pick(job, &candidates);
    if (job->grammar != NULL && token != LLAMA_TOKEN_NULL && !allowed(job, token)) {
        candidates = all_candidates(chat, logits);
        if (!nima_guard_apply(job->grammar, &candidates)) {
            return false;
        }
        /* No token is left when the grammar came to an end that the model cannot say. */
        token = greatest(&candidates);
        token = token == LLAMA_TOKEN_NULL ? llama_vocab_eos(chat->vocab) : pick(job, &candidates);
    }
    if (token == LLAMA_TOKEN_NULL) {
        nima_llm_problem_set("no token could be chosen");
        return false;
    }
    if (job->grammar != NULL && !llama_vocab_is_eog(chat->vocab, token) &&
        !nima_guard_accept(job->grammar, token)) {
        return false;
    }
    *token_out = token;
    return true;
}
