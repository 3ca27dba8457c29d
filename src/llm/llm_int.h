#pragma once
/*
 * llm_int: what the files of this room share.
 *
 * A backend serves one kind of address. When chat and embeddings have the same kind, one backend
 * is opened for both, so that all of llama.cpp is on one model thread.
 */
#include <pthread.h>

#include "llm/llm.h"
#include "util/buf.h"

/* What a backend is opened for; an absent name means that it does not serve this part. */
struct nima_llm_spec {
    nima_str chat, embeddings; /* the address behind its scheme */
    const struct nima_llm_options *options;
};

struct nima_llm_call {
    const struct nima_llm_request *request;
    nima_llm_on_text on_text; /* may be NULL */
    void *user;
    int64_t started_ms;
};

struct nima_llm_ops {
    const char *scheme; /* with the colon */
    nima_rc (*open)(struct nima_ctx *ctx, const struct nima_llm_spec *spec, void **out);
    void (*close)(void *backend);
    /* Fills in what it serves; the fields come zeroed. */
    void (*state)(void *backend, struct nima_llm_state *out);
    nima_rc (*generate)(struct nima_ctx *ctx, void *backend, const struct nima_llm_call *call,
                        struct nima_llm_reply *out);
    /* NULL: nothing is kept by this backend. */
    nima_rc (*keep)(struct nima_ctx *ctx, void *backend, const struct nima_llm_request *request,
                    int *evaluated_out);
    nima_rc (*count_tokens)(struct nima_ctx *ctx, void *backend, nima_str text, int *out);
    nima_rc (*count_prompt)(struct nima_ctx *ctx, void *backend,
                            const struct nima_llm_request *request, int *out);
    /* out->items has room for count x dims once dims is known: the backend allocates it. */
    nima_rc (*embed)(struct nima_ctx *ctx, void *backend, const nima_str *texts, size_t count,
                     struct nima_vectors *out);
};
extern const struct nima_llm_ops nima_llm_local;
extern const struct nima_llm_ops nima_llm_openai;
extern const struct nima_llm_ops nima_llm_scripted;

enum {
    NIMA_LLM_STOPS_MAX = 8,
    NIMA_LLM_STOP_BYTES_MAX = 256,
    NIMA_LLM_REPLY_BYTES_MAX = 4 * 1024 * 1024,
    NIMA_LLM_PROMPT_BYTES_MAX = 16 * 1024 * 1024,
    NIMA_LLM_TEXT_BYTES_MAX = 1024 * 1024, /* of one text to embed */
    NIMA_LLM_EMBED_MAX = 4096,             /* texts in one call */
};

/* stream.c: raw bytes of tokens in; whole characters out, nothing behind a stop string, and no
 * byte that may turn out to be the beginning of one. */
struct nima_llm_stream {
    struct nima_buf text; /* valid UTF-8, cut at a stop string once there was one */
    char tail[4];         /* a character not complete yet */
    size_t tail_len;
    nima_str stops[NIMA_LLM_STOPS_MAX];
    size_t stop_count;
    bool stopped;
};
void nima_llm_stream_init(struct nima_llm_stream *stream, const nima_str *stops, size_t count);
void nima_llm_stream_done(struct nima_llm_stream *stream);
void nima_llm_stream_add(struct nima_llm_stream *stream, nima_str bytes);
/* No more bytes come: what was held back is free, half a character is dropped. */
void nima_llm_stream_end(struct nima_llm_stream *stream);
/* How many bytes of text may be shown already. */
size_t nima_llm_stream_ready(const struct nima_llm_stream *stream);

/* embed_cache.c: vectors of texts seen before; any thread. */
struct nima_embed_cache;
struct nima_embed_cache *nima_embed_cache_new(size_t entries_max);
void nima_embed_cache_free(struct nima_embed_cache *cache);
/* Copies the vector out; false when the text is not there or dims differ. */
bool nima_embed_cache_get(struct nima_embed_cache *cache, nima_str text, size_t dims, float *out);
void nima_embed_cache_put(struct nima_embed_cache *cache, nima_str text, size_t dims,
                          const float *vector);

/* former.c: the embedding model used before, any thread. */
struct nima_llm_former;
struct nima_llm_former *nima_llm_former_new(void);
void nima_llm_former_free(struct nima_llm_former *former);
/* Opens it in the place of another one; nothing happens when it is open. */
NIMA_MUST_USE nima_rc nima_llm_former_open(struct nima_ctx *ctx, struct nima_llm_former *former,
                                           nima_str name, const struct nima_llm_ops *ops,
                                           const struct nima_llm_spec *spec);
void nima_llm_former_close(struct nima_llm_former *former);
/* True when the model of that name is loaded. */
bool nima_llm_former_state(struct nima_llm_former *former, nima_str name,
                           struct nima_llm_state *out);
NIMA_MUST_USE nima_rc nima_llm_former_embed(struct nima_ctx *ctx, struct nima_llm_former *former,
                                            nima_str name, const nima_str *texts, size_t count,
                                            struct nima_vectors *out);

/* grammar.c: a JSON Schema as a grammar in llama.cpp's notation (GBNF), NUL-terminated, root rule
 * "root". INVALID (field "json_schema") for what is no schema or refers to nothing. */
NIMA_MUST_USE nima_rc nima_llm_grammar(struct nima_ctx *ctx, nima_str json_schema, nima_str *out);
/* A small instance of the schema, for the scripted backend. */
NIMA_MUST_USE nima_rc nima_llm_schema_sample(struct nima_ctx *ctx, nima_str json_schema,
                                             nima_str text, nima_str *out);

/* wordpiece.c: the tokenizer that BERT models were published with. Read-only once filled. */
struct nima_wordpiece;
enum nima_wordpiece_special {
    NIMA_WP_UNK,
    NIMA_WP_CLS,
    NIMA_WP_SEP,
    NIMA_WP_PAD,
    NIMA_WP_MASK,
    NIMA_WP_SPECIALS
};
struct nima_wordpiece *nima_wordpiece_new(size_t tokens_max);
void nima_wordpiece_free(struct nima_wordpiece *vocabulary);
/* `starts`: the piece begins a word; the others are those written ## in vocab.txt. */
void nima_wordpiece_add(struct nima_wordpiece *vocabulary, nima_str piece, bool starts, int32_t id);
void nima_wordpiece_set_special(struct nima_wordpiece *vocabulary,
                                enum nima_wordpiece_special special, int32_t id);
/* Ids with [CLS] and [SEP] around them, at most `max` (>= 2) in all; returns how many. */
size_t nima_wordpiece_encode(const struct nima_wordpiece *vocabulary, nima_str text, int32_t *ids,
                             size_t max);

/* Makes the vector's length 1; a zero vector becomes the first axis. */
void nima_llm_normalize(float *vector, size_t dims);
/* Valid options of a request that all backends need; INVALID with the field's name. */
NIMA_MUST_USE nima_rc nima_llm_check_request(struct nima_ctx *ctx,
                                             const struct nima_llm_request *request);
