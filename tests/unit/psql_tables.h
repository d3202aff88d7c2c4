/* SPDX-License-Identifier: PostgreSQL */
/* Events of single queries, and what psql 15 prints for the same queries (psql -X -P pager=off -c
 * SQL). */
#ifndef UNIT_PSQL_TABLES_H
#define UNIT_PSQL_TABLES_H

struct psql_table {
	const char *name;
	const char *events[4]; /* up to a NULL */
	const char *printed;
};

/* clang-format off */
static const struct psql_table psql_tables[] = {
	{"numbers to the right",
	 {"{\"id\":1,\"event\":\"columns\",\"item\":0,\"columns\":[{\"name\":\"a\",\"type\":\"int4\",\"oid\":23},{\"name\":\"b\",\"type\":\"text\",\"oid\":25},{\"name\":\"long name\",\"type\":\"numeric\",\"oid\":1700}]}",
	  "{\"id\":1,\"event\":\"rows\",\"item\":0,\"rows\":[[\"1\",\"x\",\"2.5\"]]}",
	  "{\"id\":1,\"event\":\"done\",\"item\":0,\"count\":1,\"command\":\"SELECT\"}"},
	 " a | b | long name \n"
	 "---+---+-----------\n"
	 " 1 | x |       2.5\n"
	 "(1 row)\n"
	 "\n"},
	{"no rows",
	 {"{\"id\":1,\"event\":\"columns\",\"item\":0,\"columns\":[{\"name\":\"a\",\"type\":\"int4\",\"oid\":23}]}",
	  "{\"id\":1,\"event\":\"done\",\"item\":0,\"count\":0,\"command\":\"SELECT\"}"},
	 " a \n"
	 "---\n"
	 "(0 rows)\n"
	 "\n"},
	{"no columns",
	 {"{\"id\":1,\"event\":\"columns\",\"item\":0,\"columns\":[]}",
	  "{\"id\":1,\"event\":\"rows\",\"item\":0,\"rows\":[[],[]]}",
	  "{\"id\":1,\"event\":\"done\",\"item\":0,\"count\":2,\"command\":\"SELECT\"}"},
	 "--\n"
	 "(2 rows)\n"
	 "\n"},
	{"lines in values",
	 {"{\"id\":1,\"event\":\"columns\",\"item\":0,\"columns\":[{\"name\":\"x\",\"type\":\"text\",\"oid\":25},{\"name\":\"n\",\"type\":\"int4\",\"oid\":23},{\"name\":\"y\",\"type\":\"text\",\"oid\":25}]}",
	  "{\"id\":1,\"event\":\"rows\",\"item\":0,\"rows\":[[\"a\\nbb\",\"5\",\"1\\n2\\n3\"]]}",
	  "{\"id\":1,\"event\":\"done\",\"item\":0,\"count\":1,\"command\":\"SELECT\"}"},
	 " x  | n | y \n"
	 "----+---+---\n"
	 " a +| 5 | 1+\n"
	 " bb |   | 2+\n"
	 "    |   | 3\n"
	 "(1 row)\n"
	 "\n"},
	{"empty lines",
	 {"{\"id\":1,\"event\":\"columns\",\"item\":0,\"columns\":[{\"name\":\"a\",\"type\":\"text\",\"oid\":25},{\"name\":\"b\",\"type\":\"text\",\"oid\":25},{\"name\":\"c\",\"type\":\"int4\",\"oid\":23},{\"name\":\"d\",\"type\":\"text\",\"oid\":25}]}",
	  "{\"id\":1,\"event\":\"rows\",\"item\":0,\"rows\":[[\"a\\n\\nb\",null,\"3\",\"x\\n\"]]}",
	  "{\"id\":1,\"event\":\"done\",\"item\":0,\"count\":1,\"command\":\"SELECT\"}"},
	 " a | b | c | d \n"
	 "---+---+---+---\n"
	 " a+|   | 3 | x+\n"
	 "  +|   |   | \n"
	 " b |   |   | \n"
	 "(1 row)\n"
	 "\n"},
	{"lines in a last number",
	 {"{\"id\":1,\"event\":\"columns\",\"item\":0,\"columns\":[{\"name\":\"a\",\"type\":\"int4\",\"oid\":23},{\"name\":\"b\",\"type\":\"int4\",\"oid\":23}]}",
	  "{\"id\":1,\"event\":\"rows\",\"item\":0,\"rows\":[[\"1\",\"20\"],[\"300\",null]]}",
	  "{\"id\":1,\"event\":\"done\",\"item\":0,\"count\":2,\"command\":\"SELECT\"}"},
	 "  a  | b  \n"
	 "-----+----\n"
	 "   1 | 20\n"
	 " 300 |   \n"
	 "(2 rows)\n"
	 "\n"},
	{"wide and combining characters",
	 {"{\"id\":1,\"event\":\"columns\",\"item\":0,\"columns\":[{\"name\":\"u\",\"type\":\"text\",\"oid\":25},{\"name\":\"w\",\"type\":\"text\",\"oid\":25},{\"name\":\"c\",\"type\":\"text\",\"oid\":25}]}",
	  "{\"id\":1,\"event\":\"rows\",\"item\":0,\"rows\":[[\"\303\244\",\"\346\227\245\346\234\254\350\252\236\",\"e\314\201x\"],[\"abc\",\"\355\225\234\",\"-\"]]}",
	  "{\"id\":1,\"event\":\"done\",\"item\":0,\"count\":2,\"command\":\"SELECT\"}"},
	 "  u  |   w    | c  \n"
	 "-----+--------+----\n"
	 " \303\244   | \346\227\245\346\234\254\350\252\236 | e\314\201x\n"
	 " abc | \355\225\234     | -\n"
	 "(2 rows)\n"
	 "\n"},
	{"control characters",
	 {"{\"id\":1,\"event\":\"columns\",\"item\":0,\"columns\":[{\"name\":\"t\",\"type\":\"text\",\"oid\":25},{\"name\":\"s\",\"type\":\"text\",\"oid\":25},{\"name\":\"cr\",\"type\":\"text\",\"oid\":25},{\"name\":\"ctl\",\"type\":\"text\",\"oid\":25},{\"name\":\"c1\",\"type\":\"text\",\"oid\":25}]}",
	  "{\"id\":1,\"event\":\"rows\",\"item\":0,\"rows\":[[\"tab\\tx\",\"\\ttab\",\"a\\rb\",\"\\u0001\\u001b[31m\",\"\302\205\"]]}",
	  "{\"id\":1,\"event\":\"done\",\"item\":0,\"count\":1,\"command\":\"SELECT\"}"},
	 "     t     |      s      |  cr  |     ctl      |   c1   \n"
	 "-----------+-------------+------+--------------+--------\n"
	 " tab     x |         tab | a\\rb | \\x01\\x1B[31m | \\u0085\n"
	 "(1 row)\n"
	 "\n"},
	{"lines in names",
	 {"{\"id\":1,\"event\":\"columns\",\"item\":0,\"columns\":[{\"name\":\"a\\nb\",\"type\":\"int4\",\"oid\":23},{\"name\":\"long name here\",\"type\":\"int4\",\"oid\":23},{\"name\":\"p\\nqqq\\nr\",\"type\":\"text\",\"oid\":25}]}",
	  "{\"id\":1,\"event\":\"rows\",\"item\":0,\"rows\":[[\"1\",\"2\",\"x\"]]}",
	  "{\"id\":1,\"event\":\"done\",\"item\":0,\"count\":1,\"command\":\"SELECT\"}"},
	 " a+| long name here |  p +\n"
	 " b |                | qqq+\n"
	 "   |                |  r  \n"
	 "---+----------------+-----\n"
	 " 1 |              2 | x\n"
	 "(1 row)\n"
	 "\n"},
	{"every aligned type",
	 {"{\"id\":1,\"event\":\"columns\",\"item\":0,\"columns\":[{\"name\":\"int2 \",\"type\":\"int2\",\"oid\":21},{\"name\":\"int4 \",\"type\":\"int4\",\"oid\":23},{\"name\":\"int8 \",\"type\":\"int8\",\"oid\":20},{\"name\":\"float4 \",\"type\":\"float4\",\"oid\":700},{\"name\":\"float8 \",\"type\":\"float8\",\"oid\":701},{\"name\":\"numeric \",\"type\":\"numeric\",\"oid\":1700},{\"name\":\"oid \",\"type\":\"oid\",\"oid\":26},{\"name\":\"xid \",\"type\":\"xid\",\"oid\":28},{\"name\":\"cid \",\"type\":\"cid\",\"oid\":29},{\"name\":\"a money column \",\"type\":\"money\",\"oid\":790},{\"name\":\"xid8 \",\"type\":\"xid8\",\"oid\":5069},{\"name\":\"bool \",\"type\":\"bool\",\"oid\":16},{\"name\":\"a long date column\",\"type\":\"date\",\"oid\":1082},{\"name\":\"interval \",\"type\":\"interval\",\"oid\":1186},{\"name\":\"int[] \",\"type\":\"int4[]\",\"oid\":1007}]}",
	  "{\"id\":1,\"event\":\"rows\",\"item\":0,\"rows\":[[\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"$1.00\",\"1\",\"t\",\"2020-01-01\",\"1 day\",\"{1}\"]]}",
	  "{\"id\":1,\"event\":\"done\",\"item\":0,\"count\":1,\"command\":\"SELECT\"}"},
	 " int2  | int4  | int8  | float4  | float8  | numeric  | oid  | xid  | cid  | a money column  | xid8  | bool  | a long date column | interval  | int[]  \n"
	 "-------+-------+-------+---------+---------+----------+------+------+------+-----------------+-------+-------+--------------------+-----------+--------\n"
	 "     1 |     1 |     1 |       1 |       1 |        1 |    1 |    1 |    1 |           $1.00 |     1 | t     | 2020-01-01         | 1 day     | {1}\n"
	 "(1 row)\n"
	 "\n"},
	{"an empty string and null",
	 {"{\"id\":1,\"event\":\"columns\",\"item\":0,\"columns\":[{\"name\":\"e\",\"type\":\"text\",\"oid\":25},{\"name\":\"sp\",\"type\":\"text\",\"oid\":25},{\"name\":\"nul\",\"type\":\"text\",\"oid\":25}]}",
	  "{\"id\":1,\"event\":\"rows\",\"item\":0,\"rows\":[[\"\",\" \",null]]}",
	  "{\"id\":1,\"event\":\"done\",\"item\":0,\"count\":1,\"command\":\"SELECT\"}"},
	 " e | sp | nul \n"
	 "---+----+-----\n"
	 "   |    | \n"
	 "(1 row)\n"
	 "\n"},
	{"names wider than values",
	 {"{\"id\":1,\"event\":\"columns\",\"item\":0,\"columns\":[{\"name\":\"averylongcolumnname\",\"type\":\"int4\",\"oid\":23},{\"name\":\"another_long_one\",\"type\":\"text\",\"oid\":25}]}",
	  "{\"id\":1,\"event\":\"rows\",\"item\":0,\"rows\":[[\"1\",\"q\"]]}",
	  "{\"id\":1,\"event\":\"done\",\"item\":0,\"count\":1,\"command\":\"SELECT\"}"},
	 " averylongcolumnname | another_long_one \n"
	 "---------------------+------------------\n"
	 "                   1 | q\n"
	 "(1 row)\n"
	 "\n"},
	{"insert returning",
	 {"{\"id\":1,\"event\":\"columns\",\"item\":0,\"columns\":[{\"name\":\"a\",\"type\":\"int4\",\"oid\":23},{\"name\":\"b\",\"type\":\"text\",\"oid\":25}]}",
	  "{\"id\":1,\"event\":\"rows\",\"item\":0,\"rows\":[[\"3\",\"z\"]]}",
	  "{\"id\":1,\"event\":\"done\",\"item\":0,\"count\":1,\"command\":\"INSERT\"}"},
	 " a | b \n"
	 "---+---\n"
	 " 3 | z\n"
	 "(1 row)\n"
	 "\n"
	 "INSERT 0 1\n"},
	{"update",
	 {"{\"id\":1,\"event\":\"done\",\"item\":0,\"count\":2,\"command\":\"UPDATE\"}"},
	 "UPDATE 2\n"},
	{"create",
	 {"{\"id\":1,\"event\":\"done\",\"item\":0,\"command\":\"CREATE TABLE\"}"},
	 "CREATE TABLE\n"},
	{"emoji",
	 {"{\"id\":1,\"event\":\"columns\",\"item\":0,\"columns\":[{\"name\":\"thumb\",\"type\":\"text\",\"oid\":25},{\"name\":\"n\",\"type\":\"int4\",\"oid\":23}]}",
	  "{\"id\":1,\"event\":\"rows\",\"item\":0,\"rows\":[[\"\360\237\221\215\",\"1\"]]}",
	  "{\"id\":1,\"event\":\"done\",\"item\":0,\"count\":1,\"command\":\"SELECT\"}"},
	 " thumb | n \n"
	 "-------+---\n"
	 " \360\237\221\215    | 1\n"
	 "(1 row)\n"
	 "\n"},
};
/* clang-format on */

#endif
