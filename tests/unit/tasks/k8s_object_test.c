/*
 * Objects of a cluster as lines: what the server draws anew each time stands in none of them, so
 * that a dry run and the result are the same.
 */
#include "support/test.h"
#include "tasks/k8s/k8s_int.h"

static nima_str lines_of(struct nima_ctx *ctx, const char *text, const char *before,
                         const char *sent)
{
    const struct nima_json *object, *other = NULL;
    ASSERT_OK_CTX(ctx, nima_json_parse(ctx, nima_str_of(text), &object));
    if (before != NULL) {
        ASSERT_OK_CTX(ctx, nima_json_parse(ctx, nima_str_of(before), &other));
    }
    return nima_k8s_lines(ctx, object, other, nima_str_of(sent));
}

#define SERVICE(port_)                                                                             \
    "{\"kind\":\"Service\",\"spec\":{\"ports\":[{\"nodePort\":" port_ ",\"port\":80}]}}"

TEST(a_port_is_shown_where_somebody_chose_it)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    const char *sent = "{\"kind\":\"Service\",\"spec\":{\"ports\":[{\"port\":80}]}}";
    const char *with = "kind: Service\nspec:\n  ports:\n  - nodePort: 30001\n    port: 80\n";
    const char *without = "kind: Service\nspec:\n  ports:\n  - port: 80\n";
    ASSERT_STR_EQ(lines_of(&ctx, SERVICE("30001"), NULL, sent), without);
    ASSERT_STR_EQ(lines_of(&ctx, SERVICE("30001"), SERVICE("30002"), sent), without);
    ASSERT_STR_EQ(lines_of(&ctx, SERVICE("30001"), SERVICE("30001"), sent), with);
    ASSERT_STR_EQ(lines_of(&ctx, SERVICE("30001"), NULL, SERVICE("30001")), with);
    ASSERT_STR_EQ(lines_of(&ctx, SERVICE("30001"), NULL, ""), with);
    nima_ctx_done(&ctx);
}

TEST(ids_and_names_that_are_drawn_are_not_shown)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str job =
        lines_of(&ctx,
                 "{\"kind\":\"Job\",\"metadata\":{\"name\":\"once\",\"uid\":\"12ab-34\"},"
                 "\"spec\":{\"template\":{\"labels\":{\"controller-uid\":\"12ab-34\"}}}}",
                 NULL, "");
    ASSERT_STR_EQ(job, "kind: Job\nmetadata:\n  name: once\nspec:\n  template:\n    labels:\n"
                       "      controller-uid: \"(its uid)\"\n");
    nima_str pod =
        lines_of(&ctx,
                 "{\"kind\":\"Pod\",\"spec\":{\"volumes\":[{\"name\":\"kube-api-access-x7k2p\"}],"
                 "\"mounts\":[{\"name\":\"kube-api-access-x7k2p\"},{\"name\":\"own\"}]}}",
                 NULL, "");
    ASSERT_STR_EQ(pod,
                  "kind: Pod\nspec:\n  volumes:\n  - name: \"kube-api-access-(drawn)\"\n  mounts:\n"
                  "  - name: \"kube-api-access-(drawn)\"\n  - name: own\n");
    nima_str other = lines_of(&ctx,
                              "{\"kind\":\"Pod\",\"metadata\":{\"labels\":{\"a\":\"kube-api-access-"
                              "v2\",\"b\":\"kube-api-access-longer\"}},\"image\":\"web:2\"}",
                              NULL, "");
    ASSERT_STR_EQ(other, "kind: Pod\nmetadata:\n  labels:\n    a: kube-api-access-v2\n"
                         "    b: kube-api-access-longer\nimage: web:2\n");
    nima_ctx_done(&ctx);
}

TEST_MAIN
