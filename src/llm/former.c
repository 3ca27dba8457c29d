/*
 * The embedding model that was used before: what it embedded is found by meaning only by questions
 * that it embeds too. A backend of its own, opened when somebody has vectors of it and closed when
 * nobody has any more. Nothing of it is cached: the cache knows texts, not models.
 */
#include <stdlib.h>
#include <string.h>

#include "llm/llm_int.h"

struct nima_llm_former {
    pthread_rwlock_t lock; /* guards what follows; held for reading while it embeds */
    const struct nima_llm_ops *ops;
    void *self; /* NULL: not open */
    char *name; /* of the model */
};

struct nima_llm_former *nima_llm_former_new(void)
{
    struct nima_llm_former *former = NIMA_XNEW(struct nima_llm_former, 1);
    pthread_rwlock_init(&former->lock, NULL);
    return former;
}

static void drop(struct nima_llm_former *former)
{
    if (former->self != NULL) {
        former->ops->close(former->self);
    }
    former->self = NULL;
    free(former->name);
    former->name = NULL;
}

void nima_llm_former_free(struct nima_llm_former *former)
{
    if (former != NULL) {
        drop(former);
        pthread_rwlock_destroy(&former->lock);
        free(former);
    }
}

void nima_llm_former_close(struct nima_llm_former *former)
{
    pthread_rwlock_wrlock(&former->lock);
    drop(former);
    pthread_rwlock_unlock(&former->lock);
}

static bool is_open(const struct nima_llm_former *former, nima_str name)
{
    return former->self != NULL && nima_str_eq(nima_str_of(former->name), name);
}

nima_rc nima_llm_former_open(struct nima_ctx *ctx, struct nima_llm_former *former, nima_str name,
                             const struct nima_llm_ops *ops, const struct nima_llm_spec *spec)
{
    nima_rc rc = NIMA_OK;
    pthread_rwlock_wrlock(&former->lock);
    if (!is_open(former, name)) {
        drop(former);
        former->ops = ops;
        rc = ops->open(ctx, spec, &former->self);
        former->self = rc == NIMA_OK ? former->self : NULL;
        former->name = rc == NIMA_OK ? nima_xstrdup(name) : NULL;
    }
    pthread_rwlock_unlock(&former->lock);
    return rc;
}

bool nima_llm_former_state(struct nima_llm_former *former, nima_str name,
                           struct nima_llm_state *out)
{
    struct nima_llm_state state = {0};
    pthread_rwlock_rdlock(&former->lock);
    if (is_open(former, name)) {
        former->ops->state(former->self, &state);
    }
    pthread_rwlock_unlock(&former->lock);
    /* A model of another name may stand at the address that was given. */
    bool loaded = state.embeddings_loaded && !state.embeddings_failed &&
                  nima_str_eq(nima_str_of(state.embedding_model), name);
    *out = state;
    return loaded;
}

nima_rc nima_llm_former_embed(struct nima_ctx *ctx, struct nima_llm_former *former, nima_str name,
                              const nima_str *texts, size_t count, struct nima_vectors *out)
{
    nima_rc rc;
    pthread_rwlock_rdlock(&former->lock);
    if (is_open(former, name)) {
        rc = former->ops->embed(ctx, former->self, texts, count, out);
    } else {
        rc = nima_fail(ctx, NIMA_E_UNAVAILABLE, "the former embedding model is not loaded");
    }
    pthread_rwlock_unlock(&former->lock);
    return rc;
}
