/*
 * The text that the model sees. Order is speed here: what stands in front of a change stays in the
 * model's cache, so the parts go from what changes least to what changes most.
 */
#include "orchestrator/orchestrator_int.h"
#include "personality/personality.h"
#include "store/people.h"
#include "util/buf.h"

enum { SYSTEM_BYTES_MAX = 128 * 1024, NOTES_BYTES_MAX = 256 * 1024, PROFILE_VALUE_CHARS_MAX = 200 };

/* A line of the profile; the first ones matter most where not all fit. */
static void add_line(struct nima_ctx *ctx, struct nima_notes *lines, nima_str key, nima_str value)
{
    lines->items[lines->count] = (struct nima_note){
        .fact = nima_fmt(ctx, NIMA_FMT ": " NIMA_FMT, NIMA_ARG(key), NIMA_ARG(value)),
        .score = -(double)lines->count};
    lines->count++;
}

/* "key: value" for each plain value of a profile object; deeper ones are for the API only. */
static void add_profile_object(struct nima_ctx *ctx, const struct nima_json *object,
                               struct nima_notes *lines)
{
    size_t count = nima_json_count(object);
    for (size_t i = 0; i < count && lines->count < NIMA_PROFILE_LINES_MAX; i++) {
        nima_str key;
        const struct nima_json *value = nima_json_at(object, i, &key);
        enum nima_json_kind kind = nima_json_kind(value);
        if (kind == NIMA_JSON_OBJECT || kind == NIMA_JSON_NULL) {
            continue;
        }
        nima_str shown = kind == NIMA_JSON_STR ? nima_json_str(value) : nima_json_text(ctx, value);
        if (nima_utf8_count(shown) <= PROFILE_VALUE_CHARS_MAX) {
            add_line(ctx, lines, key, shown);
        }
    }
}

static nima_rc profile_lines(struct nima_ctx *ctx, struct nima_orchestrator *o,
                             struct nima_notes *out)
{
    struct nima_profile profile;
    NIMA_TRY(nima_profile_get(ctx, o->store, &profile));
    if (profile.updated_at == 0) {
        return NIMA_OK;
    }
    out->items = NIMA_NEW(ctx->arena, struct nima_note, NIMA_PROFILE_LINES_MAX + 1);
    if (profile.name.len > 0) {
        add_line(ctx, out, NIMA_STR("name"), profile.name);
    }
    const nima_str objects[] = {profile.preferences, profile.context};
    for (size_t i = 0; i < 2; i++) {
        const struct nima_json *object;
        NIMA_TRY(
            nima_json_parse(ctx, objects[i].ptr != NULL ? objects[i] : NIMA_STR("{}"), &object));
        add_profile_object(ctx, object, out);
    }
    return NIMA_OK;
}

nima_str nima_prompt_list(struct nima_ctx *ctx, enum nima_section section,
                          const struct nima_notes *items)
{
    if (items->count == 0) {
        return (nima_str){NULL, 0};
    }
    struct nima_buf text;
    nima_buf_init(&text, NOTES_BYTES_MAX);
    nima_buf_add(&text, nima_str_of(nima_sections[section].heading));
    for (size_t i = 0; i < items->count && !text.overflowed; i++) {
        nima_buf_fmt(&text, "\n- " NIMA_FMT, NIMA_ARG(items->items[i].fact));
    }
    if (nima_sections[section].foot != NULL) {
        nima_buf_add(&text, nima_str_of(nima_sections[section].foot));
    }
    nima_str copy = nima_str_copy(ctx->arena, nima_buf_view(&text));
    nima_buf_done(&text);
    return copy;
}

static nima_rc add_profile(struct nima_ctx *ctx, struct nima_orchestrator *o, int64_t room,
                           struct nima_prompt_texts *out)
{
    struct nima_notes lines = {0};
    NIMA_TRY(profile_lines(ctx, o, &lines));
    int64_t left = nima_section_budget(NIMA_SECTION_PROFILE, room);
    size_t kept = 0;
    for (size_t i = 0; i < lines.count; i++) {
        int64_t tokens = NIMA_NOTE_TOKENS;
        NIMA_TRY(nima_count_tokens(ctx, o, lines.items[i].fact, &tokens));
        if (tokens <= left) {
            left -= tokens;
            lines.items[kept++] = lines.items[i];
        }
    }
    lines.count = kept;
    out->of[NIMA_SECTION_PROFILE] = nima_prompt_list(ctx, NIMA_SECTION_PROFILE, &lines);
    return NIMA_OK;
}

nima_rc nima_prompt_persona(struct nima_ctx *ctx, struct nima_orchestrator *o, nima_str persona,
                            bool use_memory, struct nima_prompt_texts *out)
{
    struct nima_persona_prompt speaks;
    NIMA_TRY(nima_personality_prompt(ctx, o->personality, persona, &speaks));
    out->of[NIMA_SECTION_PERSONA] = speaks.text;
    if (use_memory) {
        out->of[NIMA_SECTION_MEMORY] =
            NIMA_STR("\nYou remember what the user tells you. When the user only tells you "
                     "something, acknowledge it in one sentence.");
    }
    return NIMA_OK;
}

nima_rc nima_prompt_system(struct nima_ctx *ctx, struct nima_orchestrator *o, nima_str persona,
                           nima_str client_system, bool use_memory, int64_t room,
                           struct nima_prompt_texts *out)
{
    NIMA_TRY(nima_prompt_persona(ctx, o, persona, use_memory, out));
    if (use_memory) {
        NIMA_TRY(add_profile(ctx, o, room, out));
    }
    if (client_system.ptr != NULL) {
        out->of[NIMA_SECTION_CLIENT] =
            nima_fmt(ctx, "%s" NIMA_FMT, nima_sections[NIMA_SECTION_CLIENT].heading,
                     NIMA_ARG(client_system));
    }
    return NIMA_OK;
}

nima_rc nima_prompt_join(struct nima_ctx *ctx, const struct nima_prompt_texts *texts, nima_str *out)
{
    struct nima_buf text;
    nima_buf_init(&text, SYSTEM_BYTES_MAX + 4 * NIMA_MESSAGE_CHARS_MAX * NIMA_MESSAGES_MAX);
    for (int i = 0; i < NIMA_SECTIONS; i++) {
        if (nima_sections[i].place == NIMA_PLACE_SYSTEM) {
            nima_buf_add(&text, texts->of[i].ptr != NULL ? texts->of[i] : NIMA_STR(""));
        }
    }
    nima_rc rc = nima_buf_take(ctx, &text, out);
    nima_buf_done(&text);
    return rc;
}

/* The notes of each kind under their heading, in the order of the sections. */
nima_str nima_prompt_notes(struct nima_ctx *ctx, const struct nima_notes *notes)
{
    nima_str text = {NULL, 0};
    for (int section = 0; section < NIMA_SECTIONS; section++) {
        struct nima_notes own = {NIMA_NEW(ctx->arena, struct nima_note, notes->count), 0};
        for (size_t i = 0; i < notes->count; i++) {
            if (nima_note_is(&notes->items[i], (enum nima_section)section)) {
                own.items[own.count++] = notes->items[i];
            }
        }
        nima_str list = nima_prompt_list(ctx, (enum nima_section)section, &own);
        if (text.ptr == NULL) {
            text = list;
        } else if (list.ptr != NULL) {
            text = nima_fmt(ctx, NIMA_FMT "\n" NIMA_FMT, NIMA_ARG(text), NIMA_ARG(list));
        }
    }
    return text;
}

nima_str nima_prompt_cut(struct nima_ctx *ctx, nima_str content, const struct nima_cut *cut)
{
    if (cut == NULL) {
        return content;
    }
    size_t head = nima_utf8_prefix(content, (size_t)cut->head).len;
    size_t from = content.len - (size_t)cut->tail;
    nima_str left_out = nima_str_sub(content, head, from);
    return nima_fmt(ctx, NIMA_FMT "\n[… %zu characters left out …]\n" NIMA_FMT,
                    NIMA_ARG(nima_str_sub(content, 0, head)), nima_utf8_count(left_out),
                    NIMA_ARG(nima_str_sub(content, from, content.len)));
}

static void add(struct nima_prompt *prompt, nima_str role, nima_str content)
{
    prompt->items[prompt->count++] = (struct nima_llm_message){role, content};
}

static void add_notes(struct nima_ctx *ctx, struct nima_prompt *prompt,
                      const struct nima_notes *notes)
{
    nima_str text = notes->count > 0 ? nima_prompt_notes(ctx, notes) : (nima_str){NULL, 0};
    if (text.ptr != NULL) {
        add(prompt, NIMA_STR("system"), text);
    }
}

void nima_prompt_render(struct nima_ctx *ctx, nima_str system, const struct nima_history *history,
                        const struct nima_notes *notes, nima_str message, struct nima_prompt *out)
{
    struct nima_prompt prompt = {0};
    prompt.items = NIMA_NEW(ctx->arena, struct nima_llm_message, 2 * history->count + 3);
    add(&prompt, NIMA_STR("system"), system);
    for (size_t i = 0; i < history->count; i++) {
        add_notes(ctx, &prompt, &history->items[i].notes);
        add(&prompt, history->items[i].role, history->items[i].content);
    }
    add_notes(ctx, &prompt, notes);
    add(&prompt, NIMA_STR("user"), message);
    *out = prompt;
}
