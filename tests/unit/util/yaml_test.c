#include <string.h>

#include "support/test.h"
#include "util/yaml.h"

static struct nima_ctx ctx;

static const struct nima_yaml *parse(const char *text)
{
    nima_ctx_done(&ctx);
    nima_ctx_init(&ctx);
    const struct nima_yaml *root;
    ASSERT_OK_CTX(&ctx, nima_yaml_parse(&ctx, "test.yaml", nima_str_of(text), &root));
    return root;
}

static void refuse_bytes(nima_str text, const char *where, const char *says)
{
    nima_ctx_done(&ctx);
    nima_ctx_init(&ctx);
    const struct nima_yaml *root = NULL;
    nima_rc rc = nima_yaml_parse(&ctx, "test.yaml", text, &root);
    if (rc != NIMA_E_INVALID || strncmp(ctx.error.message, where, strlen(where)) != 0 ||
        strstr(ctx.error.message, says) == NULL) {
        fail_msg("%s: \"%s\" (expected %s … %s)", nima_rc_code(rc), ctx.error.message, where, says);
    }
    assert_null(root);
}

static void refuse(const char *text, const char *where, const char *says)
{
    refuse_bytes(nima_str_of(text), where, says);
}

TEST(maps_lists_and_scalars_keep_order_lines_and_columns)
{
    const struct nima_yaml *root = parse("# a comment\n"
                                         "server:\n"
                                         "  port: 8002\n"
                                         "  hosts: [a, 'b c', \"d\\n\"]\n"
                                         "list:\n"
                                         "  - x\n"
                                         "  - {k: v}\n");
    assert_int_equal(root->kind, NIMA_YAML_MAP);
    assert_int_equal(root->count, 2);
    const struct nima_yaml *server = nima_yaml_get(root, "server");
    const struct nima_yaml *port = nima_yaml_get(server, "port");
    assert_int_equal(port->line, 3);
    assert_int_equal(port->column, 3);
    ASSERT_STR_EQ(port->scalar, "8002");
    const struct nima_yaml *hosts = nima_yaml_get(server, "hosts");
    assert_int_equal(hosts->kind, NIMA_YAML_LIST);
    assert_int_equal(hosts->count, 3);
    ASSERT_STR_EQ(hosts->first->next->scalar, "b c");
    ASSERT_STR_EQ(hosts->first->next->next->scalar, "d\n");
    assert_true(hosts->first->next->quoted && !hosts->first->quoted);
    const struct nima_yaml *entry = nima_yaml_get(root, "list")->first->next;
    assert_int_equal(entry->line, 7);
    ASSERT_STR_EQ(nima_yaml_str(nima_yaml_get(entry, "k")), "v");
}

TEST(an_empty_document_is_an_empty_map)
{
    static const char *const texts[] = {"", "\n\n", "# only a comment\n", "---\n", "{}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const struct nima_yaml *root = parse(texts[i]);
        assert_int_equal(root->count, 0);
        assert_null(nima_yaml_get(root, "x"));
    }
}

TEST(a_block_text_keeps_its_lines)
{
    const struct nima_yaml *root = parse("a: |\n  one\n  two\nb: >\n  one\n  two\n");
    ASSERT_STR_EQ(nima_yaml_str(nima_yaml_get(root, "a")), "one\ntwo\n");
    ASSERT_STR_EQ(nima_yaml_str(nima_yaml_get(root, "b")), "one two\n");
    assert_true(nima_yaml_get(root, "a")->quoted);
}

TEST(only_true_and_false_are_booleans)
{
    const struct nima_yaml *root =
        parse("a: true\nb: false\nc: yes\nd: \"true\"\ne: True\nf: on\ng:\n");
    bool value = false;
    assert_true(nima_yaml_bool(nima_yaml_get(root, "a"), &value) && value);
    assert_true(nima_yaml_bool(nima_yaml_get(root, "b"), &value) && !value);
    static const char *const no[] = {"c", "d", "e", "f", "g", "none"};
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        assert_false(nima_yaml_bool(nima_yaml_get(root, no[i]), &value));
    }
}

TEST(numbers_are_unquoted_decimals)
{
    const struct nima_yaml *root =
        parse("a: 12\nb: -0.5\nc: '12'\nd: 0x10\ne: 1_000\nf: .nan\ng: [1]\n");
    int64_t whole = 7;
    double number = 7;
    assert_true(nima_yaml_int(nima_yaml_get(root, "a"), &whole) && whole == 12);
    assert_true(nima_yaml_num(nima_yaml_get(root, "a"), &number) && number == 12);
    assert_true(nima_yaml_num(nima_yaml_get(root, "b"), &number) && number == -0.5);
    assert_false(nima_yaml_int(nima_yaml_get(root, "b"), &whole));
    static const char *const no[] = {"c", "d", "e", "f", "g", "none"};
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        assert_false(nima_yaml_int(nima_yaml_get(root, no[i]), &whole));
        assert_false(nima_yaml_num(nima_yaml_get(root, no[i]), &number));
    }
}

TEST(null_is_empty_null_or_a_tilde_unquoted)
{
    const struct nima_yaml *root = parse("a:\nb: null\nc: ~\nd: ''\ne: 'null'\nf: []\n");
    assert_true(nima_yaml_is_null(nima_yaml_get(root, "a")));
    assert_true(nima_yaml_is_null(nima_yaml_get(root, "b")));
    assert_true(nima_yaml_is_null(nima_yaml_get(root, "c")));
    assert_true(nima_yaml_is_null(NULL));
    assert_false(nima_yaml_is_null(nima_yaml_get(root, "d")));
    assert_false(nima_yaml_is_null(nima_yaml_get(root, "e")));
    assert_false(nima_yaml_is_null(nima_yaml_get(root, "f")));
    assert_null(nima_yaml_str(nima_yaml_get(root, "f")).ptr);
}

TEST(anchors_aliases_and_tags_are_refused_where_they_stand)
{
    refuse("a: 1\nb: &x 2\n", "test.yaml:2:4: ", "anchors and tags");
    refuse("a: 1\nb: *x\n", "test.yaml:2:4: ", "aliases");
    refuse("a: &x {b: 1}\n", "test.yaml:1:4: ", "anchors and tags");
    refuse("a: &x [1]\n", "test.yaml:1:4: ", "anchors and tags");
    refuse("a: !!str 1\n", "test.yaml:1:4: ", "anchors and tags");
    refuse("a: !ruby/object {}\n", "test.yaml:1:4: ", "anchors and tags");
    refuse("- !x [1]\n", "test.yaml:1:3: ", "anchors and tags");
}

TEST(a_key_that_stands_twice_is_refused)
{
    refuse("a: 1\nb: 2\n'a': 3\n", "test.yaml:3:1: ", "this key stands twice");
    refuse("x:\n  - {k: 1, k: 2}\n", "test.yaml:2:12: ", "this key stands twice");
}

TEST(a_key_that_is_no_text_is_refused)
{
    refuse("? [a]\n: 1\n", "test.yaml:1:3: ", "a key must be a plain text");
    refuse("{a: 1}: 2\n", "test.yaml:1:1: ", "a key must be a plain text");
}

TEST(a_second_document_is_refused)
{
    refuse("a: 1\n---\nb: 2\n", "test.yaml:3:1: ", "a second document");
    parse("---\na: 1\n...\n");
}

TEST(nesting_is_capped)
{
    char text[200] = "";
    memset(text, '[', 32);
    memset(text + 32, ']', 32);
    parse(text);
    memset(text, '[', 33);
    memset(text + 33, ']', 33);
    refuse(text, "test.yaml:1:33: ", "nested too deep");
}

TEST(bad_syntax_names_its_line)
{
    refuse("a: 1\n b: 2\n", "test.yaml:2:", "");
    refuse("a: [1\nb: 2\n", "test.yaml:2:", "");
    refuse("a: 'x\n", "test.yaml:2:", "");
    refuse("a:\n\t- x\n", "test.yaml:2:", "");
    refuse("%YAML 9.9\n---\na: 1\n", "test.yaml:1:", "");
}

TEST(broken_bytes_name_their_line)
{
    refuse_bytes(NIMA_STR("a: 1\nb: \xFF\n"), "test.yaml:2:4: ", "UTF-8");
    refuse_bytes(NIMA_STR("a: 1\nb: x\0y\n"), "test.yaml:2:", "");
    refuse_bytes(NIMA_STR("a: 1\nb: \"x\\0y\"\n"), "test.yaml:2:4: ", "NUL");
    refuse_bytes(NIMA_STR("a: \x01\n"), "test.yaml:1:", "");
}

TEST(a_missing_file_is_not_found)
{
    nima_ctx_done(&ctx);
    nima_ctx_init(&ctx);
    const struct nima_yaml *root = NULL;
    ASSERT_RC(NIMA_E_NOT_FOUND, nima_yaml_load(&ctx, "/nonexistent/x.yaml", &root));
    assert_null(root);
}

TEST(a_map_of_many_keys_is_read_and_its_double_found)
{
    enum { KEYS = 200000 }; /* by the square of them it would take minutes */
    static char text[KEYS * 12 + 16];
    size_t used = 0;
    for (int i = 0; i < KEYS; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "k%06d: 1\n", i);
    }
    const struct nima_yaml *root = parse(text);
    assert_int_equal(root->count, KEYS);
    ASSERT_STR_EQ(root->first->key, "k000000");
    snprintf(text + used, sizeof(text) - used, "k000777: 2\n");
    refuse(text, "test.yaml:200001:1:", "this key stands twice");
}

TEST(the_persona_that_is_shipped_loads)
{
    nima_ctx_done(&ctx);
    nima_ctx_init(&ctx);
    const struct nima_yaml *root;
    ASSERT_OK_CTX(&ctx, nima_yaml_load(&ctx, NIMA_SOURCE_DIR "/configs/personality.yaml", &root));
    const struct nima_yaml *persona = nima_yaml_get(root, "personality");
    assert_true(nima_yaml_str(nima_yaml_get(persona, "system_prompt")).len > 10);
}

TEST_MAIN
