/*
 * Messages to tokens.
 *
 * What a person writes must never be read as one of the model's special tokens: somebody who types
 * <|im_end|> does not end their turn. So the template is rendered with a mark in place of every
 * content; special tokens are looked for in what the template itself wrote, and everything between
 * two of them, contents included, is tokenized as plain text. The pieces between special tokens are
 * tokenized whole, as the model was trained, so a conversation's tokens only grow at the end.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "llm/local_int.h"

enum { RENDERED_BYTES_MAX = 4 * 1024 * 1024, MESSAGES_MAX = 10000 };

bool nima_local_template_known(const char *chat_template)
{
    struct llama_chat_message message = {"user", "x"};
    char out[512];
    return nima_guard_template(chat_template, &message, 1, true, out, sizeof(out)) > 0;
}

void nima_local_find_specials(struct nima_local_chat *chat)
{
    int attrs = LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_USER_DEFINED | LLAMA_TOKEN_ATTR_UNKNOWN;
    chat->specials = NIMA_XNEW(struct nima_local_special, (size_t)chat->vocab_count);
    for (llama_token id = 0; id < chat->vocab_count; id++) {
        nima_str text = nima_str_of(llama_vocab_get_text(chat->vocab, id));
        if (((int)llama_vocab_get_attr(chat->vocab, id) & attrs) != 0 && text.len > 0) {
            chat->specials[chat->special_count++] =
                (struct nima_local_special){{nima_xstrdup(text), text.len}, id};
        }
    }
    chat->specials =
        nima_xrealloc(chat->specials, (chat->special_count + 1) * sizeof(*chat->specials));
}

static const struct nima_local_special *special_at(const struct nima_local_chat *chat,
                                                   nima_str rest)
{
    const struct nima_local_special *longest = NULL;
    for (size_t i = 0; i < chat->special_count; i++) {
        if (nima_str_starts(rest, chat->specials[i].text) &&
            (longest == NULL || chat->specials[i].text.len > longest->text.len)) {
            longest = &chat->specials[i];
        }
    }
    return longest;
}

nima_rc nima_local_tokenize(struct nima_ctx *ctx, const struct llama_vocab *vocab, nima_str text,
                            llama_token **tokens_out, int *count_out)
{
    /* A token has at least one byte, and SPM puts a blank in front. */
    int room = (int)text.len + 8;
    llama_token *tokens = NIMA_NEW(ctx->arena, llama_token, (size_t)room);
    int count = text.len == 0
                    ? 0
                    : nima_guard_tokenize(vocab, text.ptr, (int)text.len, tokens, room, false);
    if (count < 0) {
        return nima_fail(ctx, NIMA_E_MODEL, "the text could not be tokenized: %s",
                         count == INT_MIN ? nima_llm_problem() : "too many tokens");
    }
    *tokens_out = tokens;
    *count_out = count;
    return NIMA_OK;
}

struct writer {
    const struct nima_local_chat *chat;
    struct nima_buf plain; /* not tokenized yet */
    llama_token *tokens;
    size_t count, room;
};

static void push(struct nima_ctx *ctx, struct writer *writer, const llama_token *tokens, int count)
{
    size_t need = writer->count + (size_t)count;
    if (need > writer->room) {
        size_t room = need * 2 + 256;
        llama_token *grown = NIMA_NEW(ctx->arena, llama_token, room);
        if (writer->count > 0) {
            memcpy(grown, writer->tokens, writer->count * sizeof(*grown));
        }
        writer->tokens = grown;
        writer->room = room;
    }
    if (count > 0) {
        memcpy(writer->tokens + writer->count, tokens, (size_t)count * sizeof(*tokens));
    }
    writer->count = need;
}

static nima_rc flush_plain(struct nima_ctx *ctx, struct writer *writer)
{
    llama_token *tokens = NULL;
    int count = 0;
    if (writer->plain.overflowed) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "messages", "the prompt is too long");
    }
    NIMA_TRY(nima_local_tokenize(ctx, writer->chat->vocab, nima_buf_view(&writer->plain), &tokens,
                                 &count));
    push(ctx, writer, tokens, count);
    nima_buf_clear(&writer->plain);
    return NIMA_OK;
}

/* "\x02 12 \x03" (without blanks) stands for the content of message 12. */
static nima_rc render(struct nima_ctx *ctx, const struct nima_local_chat *chat,
                      const struct nima_llm_request *request, nima_str *out)
{
    if (request->count > MESSAGES_MAX) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "messages", "at most %d messages are allowed",
                               MESSAGES_MAX);
    }
    struct llama_chat_message *messages =
        NIMA_NEW(ctx->arena, struct llama_chat_message, request->count);
    for (size_t i = 0; i < request->count; i++) {
        messages[i].role = nima_cstr(ctx, request->messages[i].role);
        messages[i].content = nima_fmt(ctx, "\x02%zu\x03", i).ptr;
    }
    int room = (int)request->count * 128 + 4096;
    char *text = nima_alloc(ctx->arena, (size_t)room);
    int len = nima_guard_template(chat->chat_template, messages, request->count, true, text, room);
    if (len > room && len <= RENDERED_BYTES_MAX) {
        room = len + 1;
        text = nima_alloc(ctx->arena, (size_t)room);
        len = nima_guard_template(chat->chat_template, messages, request->count, true, text, room);
    }
    if (len < 0 || len > room) {
        return nima_fail(ctx, NIMA_E_MODEL, "the model's chat template could not be applied");
    }
    *out = (nima_str){text, (size_t)len};
    return NIMA_OK;
}

/* Walks what the template wrote and puts the contents in their places. */
static nima_rc write_messages(struct nima_ctx *ctx, const struct nima_llm_request *request,
                              struct writer *writer)
{
    nima_str rendered;
    NIMA_TRY(render(ctx, writer->chat, request, &rendered));
    size_t at = 0;
    while (at < rendered.len) {
        nima_str rest = nima_str_sub(rendered, at, rendered.len);
        size_t end;
        int64_t index;
        if (rest.ptr[0] == '\x02' && (end = nima_str_find(rest, NIMA_STR("\x03"), 0)) != SIZE_MAX &&
            nima_str_to_i64(nima_str_sub(rest, 1, end), &index) && index >= 0 &&
            (size_t)index < request->count) {
            nima_buf_add(&writer->plain, request->messages[index].content);
            at += end + 1;
            continue;
        }
        const struct nima_local_special *special = special_at(writer->chat, rest);
        if (special != NULL) {
            NIMA_TRY(flush_plain(ctx, writer));
            push(ctx, writer, &special->id, 1);
            at += special->text.len;
            continue;
        }
        nima_buf_add_char(&writer->plain, rest.ptr[0]);
        at++;
    }
    return flush_plain(ctx, writer);
}

static nima_rc write_all(struct nima_ctx *ctx, const struct nima_llm_request *request,
                         struct writer *writer)
{
    const struct llama_vocab *vocab = writer->chat->vocab;
    llama_token bos = llama_vocab_bos(vocab);
    bool wants_bos = llama_vocab_get_add_bos(vocab) && bos != LLAMA_TOKEN_NULL;
    if (wants_bos) {
        push(ctx, writer, &bos, 1);
    }
    if (request->count > 0) {
        NIMA_TRY(write_messages(ctx, request, writer));
    } else {
        nima_buf_add(&writer->plain, request->raw_prompt);
        NIMA_TRY(flush_plain(ctx, writer));
    }
    /* Some templates write it themselves; two of them spoil the reply. */
    if (wants_bos && writer->count > 1 && writer->tokens[1] == bos) {
        memmove(writer->tokens, writer->tokens + 1, --writer->count * sizeof(*writer->tokens));
    }
    if (writer->count == 0) {
        llama_token any = bos != LLAMA_TOKEN_NULL ? bos : llama_vocab_nl(vocab);
        any = any != LLAMA_TOKEN_NULL ? any : 0;
        push(ctx, writer, &any, 1);
    }
    return NIMA_OK;
}

nima_rc nima_local_prompt(struct nima_ctx *ctx, const struct nima_local_chat *chat,
                          const struct nima_llm_request *request, llama_token **tokens_out,
                          int *count_out)
{
    struct writer writer = {.chat = chat};
    nima_buf_init(&writer.plain, (size_t)NIMA_LLM_PROMPT_BYTES_MAX + RENDERED_BYTES_MAX);
    nima_rc rc = write_all(ctx, request, &writer);
    nima_buf_done(&writer.plain);
    if (rc == NIMA_OK) {
        *tokens_out = writer.tokens;
        *count_out = (int)writer.count;
    }
    return rc;
}
