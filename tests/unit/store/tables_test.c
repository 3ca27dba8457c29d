/* The tables in C are those that the migrations make, column by column. */
#include "store/support_store.h"

#include <stdio.h>
#include <string.h>

#include "store/tables.h"
#include "util/json.h"

TEST(every_table_and_column_is_known)
{
    struct world w = world_open();
    int64_t tables = 0, columns = 0;
    for (const struct nima_table *table = nima_tables; table->name != NULL; table++) {
        tables++;
        for (size_t i = 0; i < table->count; i++) {
            const struct nima_column *column = &table->columns[i];
            static const char *const types[] = {
                [NIMA_DB_TEXT] = "TEXT",   [NIMA_DB_JSON] = "TEXT", [NIMA_DB_BYTES] = "BLOB",
                [NIMA_DB_INT] = "INTEGER", [NIMA_DB_REAL] = "REAL", [NIMA_DB_TIME] = "TEXT"};
            int64_t found = world_number(
                &w, nima_fmt(&w.ctx,
                             "SELECT count(*) FROM pragma_table_info('%s') WHERE name = '%s' AND "
                             "type = '%s' AND (pk > 0) = %d AND (\"notnull\" = 0) = %d",
                             table->name, column->name, types[column->kind],
                             (column->flags & NIMA_COLUMN_KEY) != 0,
                             (column->flags & NIMA_COLUMN_NULLABLE) != 0)
                        .ptr);
            if (found != 1) {
                fail_msg("%s.%s in src/store/tables.c is not what the migrations make", table->name,
                         column->name);
            }
        }
        columns = world_number(
            &w, nima_fmt(&w.ctx, "SELECT count(*) FROM pragma_table_info('%s')", table->name).ptr);
        if (columns != (int64_t)table->count) {
            fail_msg("src/store/tables.c does not have all columns of %s", table->name);
        }
    }
    int64_t made = world_number(&w, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND "
                                    "name NOT LIKE 'sqlite%' AND name <> 'schema_migrations'");
    if (made != tables) {
        fail_msg("src/store/tables.c has %d tables, the migrations make %d", (int)tables,
                 (int)made);
    }
    world_close(&w);
}

TEST(json_of_one_meaning_is_written_one_way)
{
    struct world w = world_folder();
    const struct nima_json *tree;
    struct {
        const char *text, *ordered;
    } cases[] = {
        {"{\"b\": 1, \"a\": {\"d\": [], \"c\": null}}", "{\"a\":{\"c\":null,\"d\":[]},\"b\":1}"},
        {"[1.0, 1e2, -0.0, 1E+19, 18446744073709551615, -3]",
         "[1,100,0,10000000000000000000,18446744073709551615,-3]"},
        {"[0.1, 1e300, 5e-324, 1.50]", "[0.1,1e+300,4.94065645841247e-324,1.5]"},
        {"\"a\\u00e9\\/\\n\"", "\"aé/\\n\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ASSERT_OK_CTX(&w.ctx, nima_json_parse(&w.ctx, nima_str_of(cases[i].text), &tree));
        ASSERT_STR_EQ(nima_json_ordered(&w.ctx, tree), cases[i].ordered);
    }
    world_close(&w);
}

TEST_MAIN
