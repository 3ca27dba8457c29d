/* Open and close: the weights are in the binary, and are looked at once. */
#include <stdio.h>
#include <stdlib.h>

#include "understand/understand_int.h"
#include "util/embed.h"

NIMA_EMBEDDED(understand);

static nima_str embedded_weights(void)
{
    const struct nima_embedded *file =
        nima_embedded_find(nima_embedded_understand, NIMA_STR("weights.bin"));
    return file != NULL ? nima_embedded_data(file) : NIMA_STR("");
}

nima_rc nima_understand_open(struct nima_ctx *ctx, struct nima_llm *llm,
                             struct nima_understand **out)
{
    (void)ctx;
    struct nima_understand *u = NIMA_XNEW(struct nima_understand, 1);
    u->llm = llm;
    u->ready = nima_weights_read(&u->weights, embedded_weights(), u->problem, sizeof(u->problem));
    *out = u;
    return NIMA_OK;
}

void nima_understand_close(struct nima_understand *understand)
{
    free(understand);
}

const char *nima_understand_problem(const struct nima_understand *understand)
{
    return understand->problem;
}

/* Whether vectors of the model that is loaded are those the weights were trained on. */
static bool has_vectors(const struct nima_understand *u)
{
    struct nima_llm_state state;
    if (u->llm == NULL) {
        return false;
    }
    nima_llm_state(u->llm, &state);
    return state.embeddings_loaded && state.embedding_dims == (int)u->weights.dims &&
           nima_str_eq(nima_str_of(state.embedding_model), NIMA_STR("all-MiniLM-L6-v2"));
}

nima_rc nima_understand_embed(struct nima_ctx *ctx, const struct nima_understand *u,
                              const nima_str *texts, size_t count, struct nima_vectors *out)
{
    *out = (struct nima_vectors){0};
    if (count == 0 || !u->ready || !has_vectors(u)) {
        return NIMA_OK;
    }
    struct nima_vectors vectors = {0};
    nima_rc rc = nima_llm_embed(ctx, u->llm, texts, count, &vectors);
    if (rc == NIMA_E_CANCELLED || rc == NIMA_E_TIMEOUT) {
        return rc;
    }
    if (rc == NIMA_OK && vectors.dims == u->weights.dims) {
        *out = vectors;
    }
    return NIMA_OK; /* a model that cannot answer leaves the words */
}

nima_rc nima_understand_vector(struct nima_ctx *ctx, struct nima_understand *understand,
                               nima_str text, const float **vector_out, size_t *dims_out)
{
    struct nima_vectors vectors;
    NIMA_TRY(nima_understand_embed(ctx, understand, &text, 1, &vectors));
    *vector_out = vectors.items;
    *dims_out = vectors.dims;
    return NIMA_OK;
}
