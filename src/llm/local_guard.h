#pragma once
/*
 * local_guard: the calls into llama.cpp that may throw. An exception ends here, in the only C++ of
 * ours, and becomes a failure whose reason nima_llm_problem tells.
 */
#include <llama.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { NIMA_LLAMA_THREW = -1000 };

struct llama_model *nima_guard_model(const char *path, const struct llama_model_params *params);
struct llama_context *nima_guard_context(struct llama_model *model,
                                         const struct llama_context_params *params);
/* As llama_decode, or NIMA_LLAMA_THREW. */
int nima_guard_decode(struct llama_context *llama, const struct llama_batch *batch);
int nima_guard_encode(struct llama_context *llama, const struct llama_batch *batch);
/* As llama_tokenize without BOS and EOS; INT_MIN when it threw. */
int nima_guard_tokenize(const struct llama_vocab *vocab, const char *text, int len,
                        llama_token *tokens, int max, bool parse_special);
int nima_guard_template(const char *tmpl, const struct llama_chat_message *messages, size_t count,
                        bool open_reply, char *out, int room);
struct llama_sampler *nima_guard_grammar(const struct llama_vocab *vocab, const char *gbnf);
/* False: it threw. */
bool nima_guard_apply(struct llama_sampler *sampler, llama_token_data_array *candidates);
bool nima_guard_accept(struct llama_sampler *sampler, llama_token token);

/* The state of one sequence, as llama_state_seq_…; 0: it threw or failed. */
size_t nima_guard_state_size(struct llama_context *llama, llama_seq_id seq);
size_t nima_guard_state_get(struct llama_context *llama, unsigned char *out, size_t size,
                            llama_seq_id seq);
size_t nima_guard_state_set(struct llama_context *llama, const unsigned char *state, size_t size,
                            llama_seq_id seq);

/* What went wrong last on this thread: the text of an exception, or llama.cpp's own error line. */
void nima_llm_problem_set(const char *text);
const char *nima_llm_problem(void);

#ifdef __cplusplus
}
#endif
