/* What a message would be read as: nothing is done. */
#include "api/api_int.h"
#include "understand/understand.h"
#include "util/buf.h"

struct slot_out {
    nima_str slot, text;
    int64_t from, end;
};
static const struct nima_field slot_fields[] = {
    NIMA_FIELD(STR, struct slot_out, slot, .required = true, .doc = "Which slot."),
    NIMA_FIELD(STR, struct slot_out, text, .required = true, .doc = "Its words."),
    NIMA_FIELD(INT, struct slot_out, from, .doc = "First byte in the message."),
    NIMA_FIELD(INT, struct slot_out, end, .doc = "Byte behind the last."),
};
static const struct nima_shape slot_shape = NIMA_SHAPE(
    "ActSlot", struct slot_out, slot_fields, .doc = "Words of a message that fill a slot.");

struct act_out {
    nima_str kind, sure, text;
    double share;
    struct {
        struct slot_out *items;
        size_t count;
    } slots;
    struct {
        nima_str *items;
        size_t count;
    } missing;
};
static const struct nima_field act_fields[] = {
    NIMA_FIELD(STR, struct act_out, kind, .required = true,
               .doc = "As GET /v1/understanding/kinds."),
    NIMA_FIELD(NUM, struct act_out, share, .required = true, .low = 0, .high = 1,
               .doc = "How sure it is."),
    NIMA_FIELD(STR, struct act_out, sure, .required = true,
               .choices = (const char *const[]){"talk", "ask", "do", NULL},
               .doc = "do: it is carried out; ask: a question comes first; talk: nothing is."),
    NIMA_FIELD(STR, struct act_out, text, .required = true, .doc = "The clause that says it."),
    NIMA_FIELD(LIST, struct act_out, slots, .required = true, .shape = &slot_shape,
               .doc = "What was said of it."),
    NIMA_FIELD(STR_LIST, struct act_out, missing,
               .doc = "Slots that are needed and were not said."),
};
static const struct nima_shape act_shape =
    NIMA_SHAPE("Act", struct act_out, act_fields, .doc = "Something that a message asks for.");

struct sentence_out {
    nima_str text;
    struct {
        struct act_out *items;
        size_t count;
    } acts;
};
static const struct nima_field sentence_fields[] = {
    NIMA_FIELD(STR, struct sentence_out, text, .required = true, .doc = "The sentence."),
    NIMA_FIELD(LIST, struct sentence_out, acts, .required = true, .shape = &act_shape,
               .doc = "What it asks for; empty: it is talk."),
};
static const struct nima_shape sentence_shape =
    NIMA_SHAPE("ReadSentence", struct sentence_out, sentence_fields, .doc = "A sentence as read.");

struct explain_out {
    nima_str language;
    struct {
        struct sentence_out *items;
        size_t count;
    } sentences;
};
static const struct nima_field explain_fields[] = {
    NIMA_FIELD(STR, struct explain_out, language, .required = true, .doc = "Its code: en, de …"),
    NIMA_FIELD(LIST, struct explain_out, sentences, .required = true, .shape = &sentence_shape,
               .doc = "In their order."),
};
static const struct nima_shape explain_shape =
    NIMA_SHAPE("Reading", struct explain_out, explain_fields, .doc = "How a message is read.");

enum { TEXT_CHARS_MAX = 64000 };
struct explain_in {
    nima_str text, conversation_id;
};
static const struct nima_field in_fields[] = {
    NIMA_FIELD(STR, struct explain_in, text, .required = true, .max = TEXT_CHARS_MAX,
               .doc = "What would be said."),
    NIMA_FIELD(UUID, struct explain_in, conversation_id, .doc = "Where; not looked at yet."),
};
static const struct nima_shape in_shape =
    NIMA_SHAPE("ExplainIn", struct explain_in, in_fields, .doc = "A message to read.");

static void show_act(struct nima_ctx *ctx, const struct nima_act *act, struct act_out *out)
{
    *out = (struct act_out){.kind = nima_kind_row(act->kind)->name,
                            .sure = nima_str_of(nima_sureness_name(act->sure)),
                            .text = act->text,
                            .share = act->share};
    out->slots.items = NIMA_NEW(ctx->arena, struct slot_out, act->slot_count);
    out->slots.count = act->slot_count;
    for (size_t i = 0; i < act->slot_count; i++) {
        const struct nima_slot_value *value = &act->slots[i];
        out->slots.items[i] = (struct slot_out){nima_slot_row(value->slot)->name, value->text,
                                                (int64_t)value->from, (int64_t)value->end};
    }
    out->missing.items = NIMA_NEW(ctx->arena, nima_str, act->missing_count);
    out->missing.count = act->missing_count;
    for (size_t i = 0; i < act->missing_count; i++) {
        out->missing.items[i] = nima_slot_row(act->missing[i])->name;
    }
}

static nima_rc explain(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                       void *out)
{
    const struct explain_in *wanted = in;
    struct explain_out *shown = out;
    struct nima_reading reading;
    struct nima_understand *understand = nima_api_of(exchange)->understand;
    struct nima_read_query query = {.text = wanted->text};
    if (nima_understand_problem(understand)[0] != '\0') {
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, "%s", nima_understand_problem(understand));
    }
    NIMA_TRY(nima_understand_read(ctx, understand, &query, &reading));
    *shown = (struct explain_out){.language = reading.language};
    shown->sentences.count = reading.sentence_count;
    shown->sentences.items = NIMA_NEW(ctx->arena, struct sentence_out, reading.sentence_count);
    for (size_t i = 0; i < reading.sentence_count; i++) {
        const struct nima_sentence *sentence = &reading.sentences[i];
        struct sentence_out *row = &shown->sentences.items[i];
        row->text = sentence->text;
        row->acts.count = sentence->act_count;
        row->acts.items = NIMA_NEW(ctx->arena, struct act_out, sentence->act_count);
        for (size_t n = 0; n < sentence->act_count; n++) {
            show_act(ctx, &reading.acts[sentence->act_from + n], &row->acts.items[n]);
        }
    }
    return NIMA_OK;
}

struct kind_out {
    nima_str kind, owner, effect, doc;
    struct {
        nima_str *items;
        size_t count;
    } slots, required;
};
static const struct nima_field kind_fields[] = {
    NIMA_FIELD(STR, struct kind_out, kind, .required = true, .doc = "Its name."),
    NIMA_FIELD(STR, struct kind_out, owner, .required = true, .doc = "Who carries it out."),
    NIMA_FIELD(STR, struct kind_out, effect, .required = true,
               .choices = (const char *const[]){"talk", "ask", "own", "outside", NULL},
               .doc =
                   "What it changes: nothing, nothing (it asks), what is the person's own and can "
                   "be undone, or what lies outside."),
    NIMA_FIELD(STR, struct kind_out, doc, .required = true, .doc = "What it is for."),
    NIMA_FIELD(STR_LIST, struct kind_out, slots, .required = true,
               .doc = "What can be said of it."),
    NIMA_FIELD(STR_LIST, struct kind_out, required, .doc = "What must be."),
};
static const struct nima_shape kind_shape =
    NIMA_SHAPE("ActKind", struct kind_out, kind_fields, .doc = "Something a message can ask for.");

static nima_rc kinds(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                     void *out)
{
    (void)exchange;
    (void)in;
    struct kind_out *rows = NIMA_NEW(ctx->arena, struct kind_out, NIMA_KINDS);
    for (int kind = 0; kind < NIMA_KINDS; kind++) {
        const struct nima_kind_row *row = nima_kind_row((enum nima_kind)kind);
        rows[kind] = (struct kind_out){.kind = row->name, .owner = row->owner, .doc = row->doc};
        rows[kind].effect = nima_str_of(nima_effect_name(row->effect));
        rows[kind].slots.items = NIMA_NEW(ctx->arena, nima_str, NIMA_KIND_SLOTS_MAX);
        rows[kind].required.items = NIMA_NEW(ctx->arena, nima_str, NIMA_KIND_SLOTS_MAX);
        for (size_t i = 0; row->slots[i].slot != NIMA_SLOT_NONE; i++) {
            nima_str name = nima_slot_row(row->slots[i].slot)->name;
            rows[kind].slots.items[rows[kind].slots.count++] = name;
            if (row->slots[i].required) {
                rows[kind].required.items[rows[kind].required.count++] = name;
            }
        }
    }
    *(struct nima_list *)out = (struct nima_list){rows, NIMA_KINDS};
    return NIMA_OK;
}

const struct nima_route nima_api_understanding_routes[] = {
    {.method = "POST",
     .path = "/v1/understanding/explain",
     .call = explain,
     .in = &in_shape,
     .out = &explain_shape,
     .errors = NIMA_E_BIT(INVALID) | NIMA_E_BIT(UNAVAILABLE),
     .scope = "chat",
     .tag = "understanding",
     .summary = "What a message would be read as; nothing is done."},
    {.method = "GET",
     .path = "/v1/understanding/kinds",
     .call = kinds,
     .kind = NIMA_ROUTE_LIST,
     .out = &kind_shape,
     .scope = "chat",
     .tag = "understanding",
     .summary = "Everything that a message can ask for."},
    {0},
};
