/* What may stand in a manifest, and what is said of the rest. */
#include "tasks/program/program_int.h"

#include <string.h>

#include "support/test.h"

static struct nima_ctx ctx;

__attribute__((constructor)) static void prepare(void)
{
    nima_ctx_init(&ctx);
}

__attribute__((destructor)) static void clean(void)
{
    nima_ctx_done(&ctx);
}

#define HEAD      "name: lab\ndoc: A laboratory.\nactions:\n  - name: try\n    doc: Tries.\n"
#define ARGV      "    argv: [/bin/sh, -c, 'cat']\n"
#define PARAMS    "    params:\n      properties:\n"
#define PARAM(x)  HEAD ARGV PARAMS "        p: " x "\n"
#define ACTION(x) HEAD ARGV "    " x "\n"

static nima_rc manifest(const char *text, struct nima_program *out)
{
    *out = (struct nima_program){.folder = "/tmp/integrations"};
    return nima_program_read(&ctx, "lab.yaml", NIMA_STR("lab"), nima_str_of(text), out);
}

TEST(what_is_not_said_is_safe)
{
    struct nima_program program;
    ASSERT_OK_CTX(&ctx, manifest(HEAD ARGV, &program));
    const struct nima_action *action = program.integration.actions;
    assert_true(action->writes);
    assert_int_equal(program.integration.at_once, 1);
    assert_int_equal(action->params->count, 0);
    void *params;
    ASSERT_OK_CTX(&ctx, nima_action_params(&ctx, action, NIMA_STR("{}"), &params));
    ASSERT_RC(NIMA_E_INVALID, nima_action_params(&ctx, action, NIMA_STR("{\"x\":1}"), &params));
    assert_string_equal(ctx.error.field, "params.x");
}

TEST(params_are_checked_filled_in_and_written)
{
    struct nima_program program;
    void *params;
    nima_str text;
    ASSERT_OK_CTX(&ctx, manifest(HEAD ARGV PARAMS
                                 "        city: {type: string, maxLength: 5}\n"
                                 "        days: {type: integer, minimum: 1, maximum: 7}\n"
                                 "        unit: {type: string, enum: [C, F], default: C}\n"
                                 "        level: {type: number, maximum: 0.5}\n"
                                 "        loud: {type: boolean, default: true}\n"
                                 "        tags: {type: array, items: {type: string}}\n"
                                 "      required: [city]\n",
                                 &program));
    const struct nima_action *action = program.integration.actions;
    ASSERT_OK_CTX(&ctx, nima_action_params(&ctx, action, NIMA_STR("{\"city\":\"Rome\"}"), &params));
    ASSERT_OK_CTX(&ctx, nima_json_encode_text(&ctx, action->params, params, 1000, &text));
    ASSERT_STR_EQ(text, "{\"city\":\"Rome\",\"unit\":\"C\",\"loud\":true}");
    ASSERT_OK_CTX(&ctx, nima_action_params(&ctx, action,
                                           NIMA_STR("{\"city\":\"\",\"days\":7,\"level\":-1.5,"
                                                    "\"loud\":false,\"tags\":[\"a\"]}"),
                                           &params));
    ASSERT_OK_CTX(&ctx, nima_json_encode_text(&ctx, action->params, params, 1000, &text));
    ASSERT_STR_EQ(text, "{\"city\":\"\",\"days\":7,\"unit\":\"C\",\"level\":-1.5,\"loud\":false,"
                        "\"tags\":[\"a\"]}");
    const char *const wrong[][2] = {
        {"{}", "params.city"},
        {"{\"city\":\"Athens\"}", "params.city"},
        {"{\"city\":\"x\",\"days\":0}", "params.days"},
        {"{\"city\":\"x\",\"days\":1.5}", "params.days"},
        {"{\"city\":\"x\",\"unit\":\"K\"}", "params.unit"},
        {"{\"city\":\"x\",\"level\":0.6}", "params.level"},
        {"{\"city\":\"x\",\"loud\":1}", "params.loud"},
        {"{\"city\":\"x\",\"tags\":[\"a\",1]}", "params.tags[1]"},
        {"{\"city\":\"x\",\"more\":1}", "params.more"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ASSERT_RC(NIMA_E_INVALID,
                  nima_action_params(&ctx, action, nima_str_of(wrong[i][0]), &params));
        assert_string_equal(ctx.error.field, wrong[i][1]);
    }
}

TEST(what_is_wrong_is_told_with_line_and_path)
{
    const struct {
        const char *text, *told;
    } cases[] = {
        {"", "lab.yaml:1:1: name is needed"},
        {"[]", "lab.yaml:1:1: the manifest must be a map"},
        {"name: [", "lab.yaml:"},
        {"name: other\ndoc: x\nactions: []\n", "lab.yaml:1:1: name must be that of the file, lab"},
        {"name: lab\ndoc: x\nactions: []\n", "lab.yaml:3:1: actions must be a list of 1 to 32"},
        {"name: lab\ndoc: x\nactons: []\n", "lab.yaml:3:1: actons is not known here"},
        {"name: lab\ndoc: x\nactions: [5]\n", "actions[0] must be a map"},
        {HEAD, "lab.yaml:4:5: actions[0].argv must begin with the whole path of a program"},
        {HEAD "    argv: [sh]\n", "actions[0].argv must begin with the whole path"},
        {HEAD "    argv: []\n", "actions[0].argv must begin with the whole path"},
        {HEAD "    argv: /bin/sh -c\n", "actions[0].argv must be a list"},
        {HEAD "    argv: [/bin/no-such]\n", "begins with /bin/no-such, which cannot be run"},
        {ACTION("shell: true"), "lab.yaml:7:5: actions[0].shell is not known here"},
        {ACTION("network: true"), "actions[0].network is not known here"},
        {ACTION("writes: maybe"), "actions[0].writes must be true or false"},
        {ACTION("timeout_s: 0"), "actions[0].timeout_s must be a whole number, 1 to 3600"},
        {ACTION("output_kib: 1000000"), "actions[0].output_kib must be a whole number"},
        {ACTION("memory_mib: 1.5"), "actions[0].memory_mib must be a whole number"},
        {ACTION("read: [etc]"), "actions[0].read names etc"},
        {ACTION("read: [/no/such/folder]"), "actions[0].read names /no/such/folder"},
        {ACTION("write: [/etc/passwd]"), "actions[0].write names /etc/passwd"},
        {ACTION("write: [/tmp]"), "actions[0].write names /tmp, where manifests are"},
        {ACTION("write: [/]"), "actions[0].write names /, where manifests are"},
        {ACTION("resources: ['city/{city}']"), "actions[0].resources has city/{city}"},
        {ACTION("params: {type: array}"), "actions[0].params.type must be object"},
        {ACTION("params: {additionalProperties: true}"), "additionalProperties must be false"},
        {ACTION("params: {oneOf: []}"), "actions[0].params.oneOf is not known here"},
        {ACTION("params: {required: [x]}"), "required names x, which is no property"},
        {PARAM("{type: object}"), "actions[0].params.properties.p.type must be one of: string"},
        {PARAM("{type: string, pattern: x}"), "lab.yaml:9:"},
        {PARAM("{type: string, pattern: x}"), "properties.p.pattern is not known here"},
        {PARAM("{type: string, minimum: 1}"), "properties.p.minimum is not known here"},
        {PARAM("{type: string, maxLength: 0}"), "p.maxLength must be a whole number, 1 to"},
        {PARAM("{type: string, enum: [a], default: b}"), "p.default does not fit"},
        {PARAM("{type: string, maxLength: 2, default: abc}"), "p.default does not fit"},
        {PARAM("{type: integer, minimum: 3, maximum: 2}"), "p.maximum must be a whole number, 4"},
        {PARAM("{type: integer, maximum: 5, default: 6}"), "p.default must be a whole number"},
        {PARAM("{type: number, minimum: 3, maximum: 2}"), "p.maximum must be over minimum"},
        {PARAM("{type: number, minimum: 3, default: 2}"), "p.default does not fit"},
        {PARAM("{type: boolean, default: 1}"), "p.default must be true or false"},
        {PARAM("{type: array, items: {type: integer}}"), "p.items.type must be string"},
        {PARAM("{type: array}"), "p.items must be a map"},
        {HEAD ARGV PARAMS "        'a b': {type: string}\n", "is no name"},
        {HEAD ARGV "  - name: try\n    doc: Again.\n" ARGV, "actions[1] is called as one before"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nima_program program;
        nima_rc rc = manifest(cases[i].text, &program);
        if (rc != NIMA_E_INVALID || strstr(ctx.error.message, cases[i].told) == NULL) {
            fail_msg("%s\n%s: not \"%s\"", cases[i].text, rc == NIMA_OK ? "taken" : "told",
                     rc == NIMA_OK ? cases[i].told : ctx.error.message);
        }
    }
}

TEST_MAIN
