/* The room's life: weights out of the binary, and the vector of a text. */
#include "understand/understand.h"

#include <stdio.h>
#include <stdlib.h>

#include "understand/understand_int.h"
#include "util/embed.h"

NIMA_EMBEDDED(understand);

nima_rc nima_understand_open(struct nima_ctx *ctx, struct nima_llm *llm,
                             struct nima_understand **out)
{
    (void)ctx;
    struct nima_understand *u = NIMA_XNEW(struct nima_understand, 1);
    const struct nima_embedded *file =
        nima_embedded_find(nima_embedded_understand, NIMA_STR("weights.bin"));
    u->llm = llm;
    if (file == NULL) {
        snprintf(u->problem, sizeof(u->problem), "this build has no weights for understanding");
    } else {
        u->ready = nima_weights_read(&u->weights, nima_embedded_data(file), u->problem,
                                     sizeof(u->problem));
    }
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

bool nima_understand_has_vectors(const struct nima_understand *understand)
{
    struct nima_llm_state state;
    nima_llm_state(understand->llm, &state);
    return state.embeddings_loaded &&
           nima_str_eq(nima_str_of(state.embedding_model), NIMA_STR("all-MiniLM-L6-v2"));
}

nima_rc nima_understand_vector(struct nima_ctx *ctx, struct nima_understand *understand,
                               nima_str text, const float **vector_out, size_t *dims_out)
{
    struct nima_vectors vectors;
    struct nima_error before = ctx->error;
    nima_rc rc = nima_llm_embed(ctx, understand->llm, &text, 1, &vectors);
    if (rc == NIMA_E_CANCELLED || rc == NIMA_E_TIMEOUT) {
        return rc;
    }
    *vector_out = rc == NIMA_OK ? vectors.items : NULL;
    *dims_out = rc == NIMA_OK ? vectors.dims : 0;
    ctx->error = rc == NIMA_OK ? ctx->error : before; /* by words alone, then */
    return NIMA_OK;
}
