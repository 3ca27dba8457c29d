#include "llm/local_guard.h"

#include <climits>
#include <exception>

template <typename Call, typename Result> static Result guarded(Result otherwise, Call call)
{
    try {
        return call();
    } catch (const std::exception &e) {
        nima_llm_problem_set(e.what());
    } catch (...) {
        nima_llm_problem_set("an unknown exception");
    }
    return otherwise;
}

struct llama_model *nima_guard_model(const char *path, const struct llama_model_params *params)
{
    return guarded(static_cast<llama_model *>(nullptr),
                   [&] { return llama_model_load_from_file(path, *params); });
}

struct llama_context *nima_guard_context(struct llama_model *model,
                                         const struct llama_context_params *params)
{
    return guarded(static_cast<llama_context *>(nullptr),
                   [&] { return llama_init_from_model(model, *params); });
}

int nima_guard_decode(struct llama_context *llama, const struct llama_batch *batch)
{
    return guarded(static_cast<int>(NIMA_LLAMA_THREW),
                   [&] { return static_cast<int>(llama_decode(llama, *batch)); });
}

int nima_guard_encode(struct llama_context *llama, const struct llama_batch *batch)
{
    return guarded(static_cast<int>(NIMA_LLAMA_THREW),
                   [&] { return static_cast<int>(llama_encode(llama, *batch)); });
}

size_t nima_guard_state_size(struct llama_context *llama, llama_seq_id seq)
{
    return guarded(static_cast<size_t>(0), [&] { return llama_state_seq_get_size(llama, seq); });
}

size_t nima_guard_state_get(struct llama_context *llama, unsigned char *out, size_t size,
                            llama_seq_id seq)
{
    return guarded(static_cast<size_t>(0),
                   [&] { return llama_state_seq_get_data(llama, out, size, seq); });
}

size_t nima_guard_state_set(struct llama_context *llama, const unsigned char *state, size_t size,
                            llama_seq_id seq)
{
    return guarded(static_cast<size_t>(0),
                   [&] { return llama_state_seq_set_data(llama, state, size, seq); });
}

int nima_guard_tokenize(const struct llama_vocab *vocab, const char *text, int len,
                        llama_token *tokens, int max, bool parse_special)
{
    return guarded(INT_MIN, [&] {
        return static_cast<int>(
            llama_tokenize(vocab, text, len, tokens, max, false, parse_special));
    });
}

int nima_guard_template(const char *tmpl, const struct llama_chat_message *messages, size_t count,
                        bool open_reply, char *out, int room)
{
    return guarded(-1, [&] {
        return static_cast<int>(
            llama_chat_apply_template(tmpl, messages, count, open_reply, out, room));
    });
}

struct llama_sampler *nima_guard_grammar(const struct llama_vocab *vocab, const char *gbnf)
{
    return guarded(static_cast<llama_sampler *>(nullptr),
                   [&] { return llama_sampler_init_grammar(vocab, gbnf, "root"); });
}

bool nima_guard_apply(struct llama_sampler *sampler, llama_token_data_array *candidates)
{
    return guarded(false, [&] {
        llama_sampler_apply(sampler, candidates);
        return true;
    });
}

bool nima_guard_accept(struct llama_sampler *sampler, llama_token token)
{
    return guarded(false, [&] {
        llama_sampler_accept(sampler, token);
        return true;
    });
}
