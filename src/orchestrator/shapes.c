/* The tables of what a turn tells: in replies and in the metadata of stored messages. */
#include "orchestrator/orchestrator_int.h"

static const struct nima_field fact_fields[] = {
    NIMA_FIELD(UUID, struct nima_context_fact, id, .required = true, .doc = "The fact's id."),
    NIMA_FIELD(STR, struct nima_context_fact, fact, .required = true, .doc = "Its text."),
    NIMA_FIELD(NUM, struct nima_context_fact, score, .doc = "How well it fits the message, 0..1."),
};
static const struct nima_shape fact_shape =
    NIMA_SHAPE("ContextFact", struct nima_context_fact, fact_fields, .open = true,
               .doc = "A fact that was recalled for a reply.");

static const struct nima_field message_fields[] = {
    NIMA_FIELD(UUID, struct nima_context_message, message_id, .required = true,
               .doc = "The message's id."),
    NIMA_FIELD(UUID, struct nima_context_message, conversation_id, .required = true,
               .doc = "The conversation it stands in."),
    NIMA_FIELD(NUM, struct nima_context_message, score,
               .doc = "How well it fits the message, 0..1."),
};
static const struct nima_shape message_shape =
    NIMA_SHAPE("ContextMessage", struct nima_context_message, message_fields, .open = true,
               .doc = "A past message that was recalled for a reply.");
static const struct nima_field pack_fact_fields[] = {
    NIMA_FIELD(STR, struct nima_context_pack_fact, pack, .required = true, .doc = "The pack's id."),
    NIMA_FIELD(STR, struct nima_context_pack_fact, fact_id, .required = true,
               .doc = "The fact's id in the pack."),
    NIMA_FIELD(STR, struct nima_context_pack_fact, fact, .required = true, .doc = "Its text."),
    NIMA_FIELD(STR, struct nima_context_pack_fact, source, .doc = "Who says so, as of when."),
    NIMA_FIELD(NUM, struct nima_context_pack_fact, score,
               .doc = "How well it fits the message, 0..1."),
};
static const struct nima_shape pack_fact_shape =
    NIMA_SHAPE("ContextPackFact", struct nima_context_pack_fact, pack_fact_fields, .open = true,
               .doc = "A fact of a knowledge pack that a reply could use.");

static const struct nima_field tokens_fields[] = {
    NIMA_FIELD(INT, struct nima_context_tokens, prompt, .doc = "Tokens of the whole prompt."),
    NIMA_FIELD(INT, struct nima_context_tokens, cached,
               .doc = "Of those, taken from the model's cache instead of evaluated."),
    NIMA_FIELD(INT, struct nima_context_tokens, completion, .doc = "Tokens of the reply."),
};
static const struct nima_shape tokens_shape =
    NIMA_SHAPE("ContextTokens", struct nima_context_tokens, tokens_fields, .open = true,
               .doc = "Token counts.");

static const struct nima_field personality_fields[] = {
    NIMA_FIELD(STR, struct nima_context_personality, persona, .required = true,
               .doc = "Who spoke."),
    NIMA_FIELD(NUM, struct nima_context_personality, score, .low = 0, .high = 1,
               .doc = "How well what the model wrote fits the persona, by the rules."),
    NIMA_FIELD(INT, struct nima_context_personality, changes,
               .doc = "What the rules changed in it."),
};
static const struct nima_shape personality_shape =
    NIMA_SHAPE("ContextPersonality", struct nima_context_personality, personality_fields,
               .open = true, .doc = "The rules at work on a reply.");

static const struct nima_field context_fields[] = {
    NIMA_FIELD(LIST, struct nima_turn_context, facts, .shape = &fact_shape,
               .doc = "Facts about the person that the reply could use."),
    NIMA_FIELD(LIST, struct nima_turn_context, messages, .shape = &message_shape,
               .doc = "Past messages that the reply could use."),
    NIMA_FIELD(STR_LIST, struct nima_turn_context, packs, .doc = "Ids of active packs."),
    NIMA_FIELD(LIST, struct nima_turn_context, pack_facts, .shape = &pack_fact_shape,
               .doc = "Their facts that the reply could use."),
    NIMA_FIELD(STR_LIST, struct nima_turn_context, goals, .doc = "Ids of goals in the prompt."),
    NIMA_FIELD(OBJECT, struct nima_turn_context, tokens, .shape = &tokens_shape,
               .doc = "What the turn cost."),
    NIMA_FIELD(OBJECT, struct nima_turn_context, personality, .shape = &personality_shape,
               .doc = "Absent where the rules were not at work: JSON, commands, switched off."),
    NIMA_FIELD(INT, struct nima_turn_context, trimmed_messages,
               .doc = "Earlier messages that did not fit into the prompt."),
    NIMA_FIELD(INT, struct nima_turn_context, cut_characters,
               .doc = "Characters left out in the middle of a message longer than the window."),
    NIMA_FIELD(BOOL, struct nima_turn_context, summarized,
               .doc = "Whether a summary stands in for those."),
    NIMA_FIELD(STR, struct nima_turn_context, finish,
               .choices = (const char *const[]){"stop", "length", "cancelled", NULL},
               .doc = "Why the reply ended: by itself, at max_length, or interrupted."),
    NIMA_FIELD(STR, struct nima_turn_context, model, .doc = "The model that replied."),
    NIMA_FIELD(INT, struct nima_turn_context, first_token_ms,
               .doc = "From the request to the first piece of the reply."),
    NIMA_FIELD(INT, struct nima_turn_context, total_ms, .doc = "Of the whole reply."),
};
const struct nima_shape nima_turn_context_shape =
    NIMA_SHAPE("TurnContext", struct nima_turn_context, context_fields, .open = true,
               .doc = "What a reply was made from.");

static const struct nima_field remembered_fields[] = {
    NIMA_FIELD(UUID, struct nima_remembered, id, .required = true, .doc = "The fact's id."),
    NIMA_FIELD(STR, struct nima_remembered, fact, .required = true, .doc = "Its text."),
    NIMA_FIELD(STR, struct nima_remembered, category, .required = true, .doc = "Its category."),
    NIMA_FIELD(STR, struct nima_remembered, event, .required = true,
               .choices = (const char *const[]){"added", "updated", "superseded", "unchanged",
                                                "forgotten", NULL},
               .doc = "What happened to it."),
};
const struct nima_shape nima_remembered_shape =
    NIMA_SHAPE("Remembered", struct nima_remembered, remembered_fields, .open = true,
               .doc = "A fact that was learned from the message.");

static const struct nima_field note_fields[] = {
    NIMA_FIELD(STR, struct nima_note, id, .required = true),
    NIMA_FIELD(STR, struct nima_note, fact, .required = true),
    NIMA_FIELD(STR, struct nima_note, kind),
    NIMA_FIELD(NUM, struct nima_note, score),
    NIMA_FIELD(NUM, struct nima_note, vector),
    NIMA_FIELD(NUM, struct nima_note, keyword),
    NIMA_FIELD(NUM, struct nima_note, recency),
    NIMA_FIELD(NUM, struct nima_note, confidence),
};
static const struct nima_shape note_shape =
    NIMA_SHAPE("Note", struct nima_note, note_fields, .open = true);

static const struct nima_field cut_fields[] = {
    NIMA_FIELD(INT, struct nima_cut, head, .required = true),
    NIMA_FIELD(INT, struct nima_cut, tail, .required = true),
};
static const struct nima_shape cut_shape =
    NIMA_SHAPE("Cut", struct nima_cut, cut_fields, .open = true);

static const struct nima_field scheduled_fields[] = {
    NIMA_FIELD(UUID, struct nima_scheduled, schedule_id, .required = true),
    NIMA_FIELD(UUID, struct nima_scheduled, run_id, .required = true),
    NIMA_FIELD(STR, struct nima_scheduled, name, .required = true),
};
static const struct nima_shape scheduled_shape =
    NIMA_SHAPE("Scheduled", struct nima_scheduled, scheduled_fields, .open = true);

static const struct nima_field user_meta_fields[] = {
    NIMA_FIELD(LIST, struct nima_user_meta, notes, .shape = &note_shape),
    NIMA_FIELD(OBJECT, struct nima_user_meta, scheduled, .shape = &scheduled_shape),
    NIMA_FIELD(OBJECT, struct nima_user_meta, cut, .shape = &cut_shape),
};
const struct nima_shape nima_user_meta_shape =
    NIMA_SHAPE("UserMeta", struct nima_user_meta, user_meta_fields, .open = true);

static const struct nima_field reply_meta_fields[] = {
    NIMA_FIELD(OBJECT, struct nima_reply_meta, context, .shape = &nima_turn_context_shape),
    NIMA_FIELD(LIST, struct nima_reply_meta, remembered, .shape = &nima_remembered_shape),
    NIMA_FIELD(ANY, struct nima_reply_meta, actions),
    NIMA_FIELD(ANY, struct nima_reply_meta, asked),
    NIMA_FIELD(BOOL, struct nima_reply_meta, interrupted,
               .has = NIMA_HAS(struct nima_reply_meta, has_interrupted)),
    NIMA_FIELD(STR, struct nima_reply_meta, system_hash),
    NIMA_FIELD(INT, struct nima_reply_meta, facts_change,
               .has = NIMA_HAS(struct nima_reply_meta, has_facts_change)),
};
const struct nima_shape nima_reply_meta_shape =
    NIMA_SHAPE("ReplyMeta", struct nima_reply_meta, reply_meta_fields, .open = true);

static const struct nima_field record_section_fields[] = {
    NIMA_FIELD(STR, struct nima_record_section, name, .required = true),
    NIMA_FIELD(INT, struct nima_record_section, bytes, .required = true),
};
static const struct nima_shape record_section_shape =
    NIMA_SHAPE("RecordSection", struct nima_record_section, record_section_fields, .open = true);
static const struct nima_field left_out_fields[] = {
    NIMA_FIELD(INT, struct nima_left_out, at, .required = true),
    NIMA_FIELD(STR, struct nima_left_out, id, .required = true),
};
static const struct nima_shape left_out_shape =
    NIMA_SHAPE("LeftOut", struct nima_left_out, left_out_fields, .open = true);
static const struct nima_field record_fields[] = {
    NIMA_FIELD(STR, struct nima_record, system, .required = true),
    NIMA_FIELD(LIST, struct nima_record, sections, .shape = &record_section_shape),
    NIMA_FIELD(INT, struct nima_record, from, .required = true),
    NIMA_FIELD(INT, struct nima_record, to, .required = true),
    NIMA_FIELD(LIST, struct nima_record, without, .shape = &left_out_shape),
    NIMA_FIELD(STR, struct nima_record, hash, .required = true),
};
const struct nima_shape nima_record_shape =
    NIMA_SHAPE("Record", struct nima_record, record_fields, .open = true);

enum { META_BYTES_MAX = 1 << 20 };

nima_rc nima_meta_encode(struct nima_ctx *ctx, const struct nima_shape *shape, const void *meta,
                         nima_str *out)
{
    return nima_json_encode_text(ctx, shape, meta, META_BYTES_MAX, out);
}
