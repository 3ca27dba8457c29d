/* /v1/personality: contract section 6. */
#include "api/api_int.h"
#include "orchestrator/orchestrator.h"
#include "personality/personality.h"

struct personality_in {
    nima_str persona;
};
static const struct nima_field personality_in_fields[] = {
    NIMA_FIELD(STR, struct personality_in, persona, .place = NIMA_IN_QUERY,
               .max = NIMA_PERSONA_NAME_MAX, .doc = "Which one; the default one when not given."),
};
static const struct nima_shape personality_in_shape =
    NIMA_SHAPE("PersonalityQuery", struct personality_in, personality_in_fields);

static const struct nima_field value_fields[] = {
    NIMA_FIELD(STR, struct nima_persona_value, name, .required = true, .doc = "In a word or two."),
    NIMA_FIELD(STR, struct nima_persona_value, description, .nullable = true,
               .doc = "What it means."),
};
static const struct nima_shape value_shape =
    NIMA_SHAPE("PersonaValue", struct nima_persona_value, value_fields, .doc = "What it values.");
static const struct nima_field example_fields[] = {
    NIMA_FIELD(STR, struct nima_persona_example, user, .required = true, .doc = "What is said."),
    NIMA_FIELD(STR, struct nima_persona_example, reply, .required = true,
               .doc = "What it would answer."),
};
static const struct nima_shape example_shape = NIMA_SHAPE(
    "PersonaExample", struct nima_persona_example, example_fields, .doc = "How it sounds.");
static const struct nima_field persona_fields[] = {
    NIMA_FIELD(STR, struct nima_persona, id, .required = true,
               .doc = "The name that a request asks for."),
    NIMA_FIELD(STR, struct nima_persona, file, .required = true, .doc = "Where it is from."),
    NIMA_FIELD(STR, struct nima_persona, name, .nullable = true, .doc = "What it is called."),
    NIMA_FIELD(STR, struct nima_persona, voice, .nullable = true, .doc = "As in the file."),
    NIMA_FIELD(STR, struct nima_persona, tone, .nullable = true, .doc = "As in the file."),
    NIMA_FIELD(STR_LIST, struct nima_persona, style, .doc = "As in the file."),
    NIMA_FIELD(LIST, struct nima_persona, values, .shape = &value_shape, .doc = "What it values."),
    NIMA_FIELD(STR_LIST, struct nima_persona, rules, .doc = "How it replies."),
    NIMA_FIELD(STR_LIST, struct nima_persona, forbidden, .doc = "What it never says."),
    NIMA_FIELD(STR_LIST, struct nima_persona, format, .doc = "How replies look."),
    NIMA_FIELD(STR_LIST, struct nima_persona, memory, .doc = "What it cares to remember."),
    NIMA_FIELD(LIST, struct nima_persona, examples, .shape = &example_shape,
               .doc = "How it sounds."),
    NIMA_FIELD(STR, struct nima_persona, system_prompt, .required = true,
               .doc = "The file's own text; the prompt made of it all stands beside the persona."),
};
static const struct nima_shape persona_shape =
    NIMA_SHAPE("Persona", struct nima_persona, persona_fields, .doc = "Who Nima is.");

struct personality_out {
    struct nima_persona *persona;
    nima_str system_prompt, problem;
    int64_t tokens, tokens_max;
    bool tokens_counted;
    struct nima_texts dropped, personas;
};
static const struct nima_field personality_out_fields[] = {
    NIMA_FIELD(OBJECT, struct personality_out, persona, .required = true, .shape = &persona_shape,
               .doc = "As it was loaded."),
    NIMA_FIELD(STR, struct personality_out, system_prompt, .required = true,
               .doc = "What the model is told, before anything about the person."),
    NIMA_FIELD(INT, struct personality_out, tokens, .doc = "Of system_prompt."),
    NIMA_FIELD(INT, struct personality_out, tokens_max,
               .doc = "Its budget: personality.prompt_tokens, and half of the model's window."),
    NIMA_FIELD(BOOL, struct personality_out, tokens_counted,
               .doc = "Whether the model's own tokenizer counted them; else they are estimated."),
    NIMA_FIELD(STR_LIST, struct personality_out, dropped, .required = true,
               .doc = "What did not fit into the budget, least important first."),
    NIMA_FIELD(STR_LIST, struct personality_out, personas, .required = true,
               .doc = "All there are, the default one first."),
    NIMA_FIELD(STR, struct personality_out, problem, .nullable = true,
               .doc = "Which file cannot be used and why; its last good state stays."),
};
static const struct nima_shape personality_out_shape =
    NIMA_SHAPE("Personality", struct personality_out, personality_out_fields,
               .doc = "A persona and what the model is told of it.");

static nima_rc show(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in, void *out)
{
    const struct personality_in *wanted = in;
    struct nima_personality *personality = nima_api_of(exchange)->personality;
    struct nima_persona *persona = NIMA_NEW(ctx->arena, struct nima_persona, 1);
    NIMA_TRY(nima_personality_get(ctx, personality, wanted->persona, persona));
    struct nima_persona_prompt prompt;
    NIMA_TRY(nima_personality_prompt(ctx, personality, persona->id, &prompt));
    struct personality_out *reply = out;
    *reply = (struct personality_out){.persona = persona,
                                      .system_prompt = prompt.text,
                                      .problem = nima_personality_problem(ctx, personality),
                                      .tokens = prompt.tokens,
                                      .tokens_max = prompt.tokens_max,
                                      .tokens_counted = prompt.counted,
                                      .dropped = prompt.dropped};
    nima_personality_names(ctx, personality, &reply->personas);
    return NIMA_OK;
}

/* POST /v1/personality/check */
struct check_in {
    nima_str text, persona;
};
static const struct nima_field check_in_fields[] = {
    NIMA_FIELD(STR, struct check_in, text, .required = true, .blank_ok = true,
               .max = NIMA_MESSAGE_CHARS_MAX, .doc = "A reply, or what could be one."),
    NIMA_FIELD(STR, struct check_in, persona, .max = NIMA_PERSONA_NAME_MAX,
               .doc = "Which one; the default one when not given."),
};
static const struct nima_shape check_in_shape =
    NIMA_SHAPE("PersonalityCheckRequest", struct check_in, check_in_fields,
               .doc = "A text to hold against a persona.");
static const struct nima_field change_fields[] = {
    NIMA_FIELD(STR, struct nima_change, rule, .required = true, .doc = "Which rule."),
    NIMA_FIELD(STR, struct nima_change, before, .required = true, .doc = "What stood there."),
    NIMA_FIELD(STR, struct nima_change, after, .required = true,
               .doc = "What stands there now; empty: nothing."),
};
static const struct nima_shape change_shape =
    NIMA_SHAPE("PersonalityChange", struct nima_change, change_fields, .doc = "A rule at work.");
static const struct nima_field check_fields[] = {
    NIMA_FIELD(STR, struct nima_persona_check, persona, .required = true, .doc = "Which one."),
    NIMA_FIELD(STR, struct nima_persona_check, text, .required = true,
               .doc = "The text after the rules."),
    NIMA_FIELD(LIST, struct nima_persona_check, changes, .shape = &change_shape,
               .doc = "What the rules changed, at most 64 of it."),
    NIMA_FIELD(NUM, struct nima_persona_check, score, .required = true, .low = 0, .high = 1,
               .doc = "How well the text, as it was sent, fits the persona."),
    NIMA_FIELD(NUM, struct nima_persona_check, rules, .low = 0, .high = 1,
               .doc = "Its part by the rules: 1 less what they found by sentence."),
    NIMA_FIELD(NUM, struct nima_persona_check, closeness, .low = 0, .high = 1,
               .has = NIMA_HAS(struct nima_persona_check, has_closeness),
               .doc = "Its part by meaning: to the nearest of the persona's examples."),
};
static const struct nima_shape check_shape =
    NIMA_SHAPE("PersonalityCheck", struct nima_persona_check, check_fields,
               .doc = "A text held against a persona.");

static nima_rc check(struct nima_ctx *ctx, struct nima_exchange *exchange, const void *in,
                     void *out)
{
    const struct check_in *wanted = in;
    return nima_personality_check(ctx, nima_api_of(exchange)->personality, wanted->persona,
                                  wanted->text, out);
}

const struct nima_route nima_api_personality_routes[] = {
    {.method = "GET",
     .path = "/v1/personality",
     .call = show,
     .in = &personality_in_shape,
     .out = &personality_out_shape,
     .errors = NIMA_E_BIT(INVALID),
     .scope = "chat",
     .tag = "personality",
     .summary = "Who Nima is, and what the model is told of it."},
    {.method = "POST",
     .path = "/v1/personality/check",
     .call = check,
     .slow = true,
     .in = &check_in_shape,
     .out = &check_shape,
     .errors = NIMA_E_BIT(INVALID) | NIMA_E_BIT(TIMEOUT),
     .scope = "chat",
     .tag = "personality",
     .summary = "What the rules make of a text, and how well it fits the persona."},
    {0},
};
